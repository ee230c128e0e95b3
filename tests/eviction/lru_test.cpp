/// \file lru_test.cpp
#include <larder/eviction/lru.hpp>

#include <string_view>
#include <type_traits>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/policy_entries.hpp"

using larder::EvictionId;
using larder::Lru;

static_assert(larder::EvictionPolicy<Lru> && !larder::MarkingEvictionPolicy<Lru>);
static_assert(!std::is_copy_constructible_v<Lru> && !std::is_copy_assignable_v<Lru>);

namespace {

/// Of these names, the first came first.
struct Entries : larder_tests::PolicyEntries<Lru> {
  explicit Entries(std::string_view names = "") { insert_all(names); }

  void touch_all(std::string_view names) {
    std::vector<EvictionId> ids;
    for (const char name : names) ids.push_back(id_of(name));
    policy.touch_all(ids);
  }
  char after(char victim) const { return name_of(policy.after(id_of(victim))); }
};

}  // namespace

TEST_CASE("an Lru that no room was made in has no victim", "[lru]") {
  Lru lru;
  const larder::detail::AnyEntries* none = nullptr;
  CHECK(lru.victim({larder::no_entry, false, 1, 1}, none) == larder::no_entry);
  CHECK(lru.victim({1, false, 1, 1}, none) == larder::no_entry);
}

TEST_CASE("an empty Lru has no victim", "[lru]") {
  Entries e;
  CHECK(e.victim() == '-');
  CHECK(e.victim(1, 'a') == '-');
}

TEST_CASE("the entry that came first is the first victim, whatever its number", "[lru]") {
  Entries e("cab");
  CHECK(e.victim() == 'c');
  CHECK(e.victim() == 'c');  // asking removes nothing
  CHECK(e.evict_all() == "cab");
}

TEST_CASE("a used entry becomes the newest, wherever it was", "[lru]") {
  Entries e("abc");
  SECTION("the oldest") {
    e.use('a');
    CHECK(e.evict_all() == "bca");
  }
  SECTION("one in between") {
    e.use('b');
    CHECK(e.evict_all() == "acb");
  }
  SECTION("the newest") {
    e.use('c');
    CHECK(e.evict_all() == "abc");
  }
  SECTION("each in turn") {
    e.use_all("bab");
    CHECK(e.evict_all() == "cab");
  }
}

TEST_CASE("using many at once is using one after the other", "[lru]") {
  for (const std::string_view used : {"", "a", "c", "e", "abcde", "edcba", "aa", "aea", "bdbdb", "eaeae", "ccabacc"}) {
    CAPTURE(used);
    Entries at_once("abcde");
    Entries one_by_one("abcde");
    at_once.touch_all(used);
    one_by_one.use_all(used);
    CHECK(at_once.evict_all() == one_by_one.evict_all());
  }
}

TEST_CASE("the spared entry is never the victim of an Lru", "[lru]") {
  Entries e("abc");
  CHECK(e.victim(1, 'a') == 'b');
  CHECK(e.victim(1, 'b') == 'a');
  CHECK(e.victim(1, 'd') == 'a');
  Entries alone("a");
  CHECK(alone.victim(1, 'a') == '-');
  CHECK(alone.victim() == 'a');
}

TEST_CASE("after each victim comes the next one, and none after the newest", "[lru]") {
  Entries e("abc");
  e.use('b');
  CHECK(e.after('a') == 'c');
  CHECK(e.after('c') == 'b');
  CHECK(e.after('b') == '-');
  e.policy.prefetch(e.id_of('a'));
  CHECK(e.evict_all() == "acb");
}

TEST_CASE("a cleared Lru has forgotten its entries, and can be filled again", "[lru]") {
  Entries e("abc");
  e.policy.clear();
  CHECK(e.victim() == '-');
  e.policy.reserve(30);
  CHECK(e.victim() == '-');
  e.insert_all("eb");
  CHECK(e.evict_all() == "eb");
}
