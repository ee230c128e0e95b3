/// \file w_tiny_lfu_test.cpp
#include <larder/eviction/w_tiny_lfu.hpp>

#include <algorithm>
#include <string>

#include <larder/in_memory_backend.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/policy_entries.hpp"
#include "tests/support/random.hpp"

using larder::WTinyLfu;

static_assert(larder::EvictionPolicy<WTinyLfu> && !larder::MarkingEvictionPolicy<WTinyLfu>);

namespace {

using Entries = larder_tests::PolicyEntries<WTinyLfu>;

/// Room for ten entries, one of them in the window; full, and each asked for once: j is in the window.
struct Full : Entries {
  Full() : Entries(entries_at_most(10)) { insert_all("abcdefghij"); }
};

struct Traits : larder::InMemoryTraits<int, int> {
  using Eviction = WTinyLfu;
  using Mutex = larder::NullMutex;
};

/// Asks for a key, and stores it where it is not there. Result: whether it was.
bool ask(larder::InMemoryBackend<int, int, Traits>& cache, int key) {
  if (cache.get(key)) return true;
  cache.set(key, key);
  return false;
}

}  // namespace

TEST_CASE("an entry that was asked for no more often than one in the main part leaves first", "[w_tiny_lfu]") {
  Full e;
  CHECK(e.victim() == 'j');
  CHECK(e.evict() == 'j');
  e.insert('k');
  CHECK(e.evict() == 'k');
}

TEST_CASE("an entry that was asked for more often goes over to the main part", "[w_tiny_lfu]") {
  Full e;
  e.use('j');
  CHECK(e.evict() == 'a');
  e.insert('k');
  CHECK(e.evict() == 'k');
}

TEST_CASE("an entry that comes back is known to the sketch", "[w_tiny_lfu]") {
  Full e;
  CHECK(e.evict() == 'j');
  e.insert('k');
  CHECK(e.evict() == 'k');
  e.insert('j');
  CHECK(e.evict() == 'a');  // j was asked for twice
}

TEST_CASE("who is used on probation is protected", "[w_tiny_lfu]") {
  Full e;
  e.use_all("ab");
  e.use_all("jj");
  CHECK(e.evict() == 'c');
}

TEST_CASE("who was protected longest goes back on probation when others are", "[w_tiny_lfu]") {
  Full e;
  e.use_all("abcdefghi");  // of the nine in the main part seven can be protected
  e.use_all("jjj");
  // a and b are on probation again, and used as often as each other.
  CHECK(e.evict() == 'a');
}

TEST_CASE("due is the one that was asked for least among the oldest on probation", "[w_tiny_lfu]") {
  Entries e(Entries::entries_at_most(10));
  e.insert_all("ab");
  e.erase('a');
  e.erase('b');
  e.insert_all("abcdefghij");  // a and b were asked for twice; three of nine are compared
  e.use_all("jj");
  CHECK(e.evict() == 'c');
}

TEST_CASE("a cache that is not full turns nobody away", "[w_tiny_lfu]") {
  Entries e(Entries::weight_at_most(100));
  CHECK(e.insert('a', 90));
  CHECK(e.insert('b', 10));
}

TEST_CASE("a heavy entry that does not fit is turned away until it is asked for more often than those it displaces",
          "[w_tiny_lfu]") {
  Entries e(Entries::weight_at_most(100));
  for (const char name : std::string("abcdefghij")) CHECK(e.insert(name, 10));
  e.use('a');
  CHECK_FALSE(e.insert('x', 50));  // asked for once, as the others
  CHECK(e.insert('x', 50));        // would displace five of those: a is protected
  e.erase('x');
  CHECK_FALSE(e.insert('y', 100));
  CHECK_FALSE(e.insert('y', 100));  // would displace a, too, which was asked for as often
  CHECK(e.insert('y', 100));
}

TEST_CASE("an entry of up to an eighth of the limit is never turned away", "[w_tiny_lfu]") {
  Entries e(Entries::weight_at_most(104));
  for (const char name : std::string("abcdefghijklm")) e.insert(name, 8);
  e.use_all("abcdefghijklm");
  CHECK(e.insert('x', 13));
  CHECK_FALSE(e.insert('y', 14));
}

TEST_CASE("where entries have weights, the parts' sizes are sums of weights", "[w_tiny_lfu]") {
  Entries e(Entries::weight_at_most(100));  // three in the window
  e.insert('a', 40);
  e.insert('b', 50);
  e.insert('c', 5);
  e.insert('d', 1);
  e.insert('e', 1);
  e.use_all("ddee");
  CHECK(e.victim(1) == 'a');  // d and e both fit the window
  e.replace('e', 4);          // and now they do not: d, which is asked for more often than a, goes over
  CHECK(e.evict(1) == 'a');
  CHECK(e.evict(50) == 'b');
}

TEST_CASE("the spared entry is never the victim of a WTinyLfu", "[w_tiny_lfu]") {
  Entries e(Entries::entries_at_most(10));
  e.insert('a');
  CHECK(e.victim(0, 'a') == '-');
  e.insert('b');
  CHECK(e.victim(0, 'a') == 'b');
  CHECK(e.victim(0, 'b') == 'a');
  e.insert('c');
  CHECK(e.victim(0, 'a') != 'a');
}

TEST_CASE("a cleared WTinyLfu has forgotten its entries and what it has counted, and can be filled again",
          "[w_tiny_lfu]") {
  Full e;
  e.use_all("jj");
  e.policy.clear();
  CHECK(e.victim() == '-');
  e.policy.reserve(30);
  e.insert_all("abcdefghij");
  CHECK(e.evict() == 'j');
}

TEST_CASE("all entries of a WTinyLfu leave in the end", "[w_tiny_lfu]") {
  Full e;
  e.use_all("acegi");
  std::string order = e.evict_all();
  std::sort(order.begin(), order.end());
  CHECK(order == "abcdefghij");
}

TEST_CASE("keys that are asked for often survive a scan", "[w_tiny_lfu]") {
  larder::InMemoryBackend<int, int, Traits> cache{{.max_size_bytes = 0, .max_entries = 1000}};
  for (int round = 0; round < 5; ++round) {
    for (int key = 0; key < 800; ++key) ask(cache, key);
  }
  for (int key = 0; key < 2000; ++key) ask(cache, 1000000 + key);
  int found = 0;
  for (int key = 0; key < 800; ++key) found += ask(cache, key) ? 1 : 0;
  CHECK(found > 700);  // of an LRU cache none would be
}

TEST_CASE("the window grows where keys are asked for again soon, and seldom later", "[w_tiny_lfu]") {
  // Of two requests one is for a key that came lately: the more of the newest are kept, the more are found.
  larder::InMemoryBackend<int, int, Traits> cache{{.max_size_bytes = 0, .max_entries = 1000}};
  larder_tests::Random random(1);
  const int requests = 400000;
  int early = 0;
  int late = 0;
  for (int i = 0; i < requests; ++i) {
    ask(cache, i);
    const bool found = ask(cache, i - 1 - static_cast<int>(random.below(900)));
    if (i < requests / 20) early += found ? 1 : 0;
    if (i >= requests / 2) late += found ? 1 : 0;
  }
  CHECK(early < requests / 20 * 55 / 100);
  CHECK(late > requests / 2 * 75 / 100);
}
