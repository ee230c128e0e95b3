/// \file lru_test.cpp
/// The random run prints its seed when it fails: LARDER_SEED=<seed> runs that sequence alone.
#include <larder/eviction/lru.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <list>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/environment.hpp"
#include "tests/support/random.hpp"

using larder::Lru;
using larder::detail::EntryId;
using larder_tests::Random;

static_assert(!std::is_copy_constructible_v<Lru> && !std::is_copy_assignable_v<Lru>);

namespace {

constexpr EntryId none = 0;

EntryId id_of(char name) { return static_cast<EntryId>(name - 'a' + 1); }
char name_of(EntryId id) { return id == none ? '-' : static_cast<char>('a' + id - 1); }

/// Entries with names: a is number 1.
struct Entries {
  Lru lru;

  explicit Entries(std::string_view names = "") {
    lru.reserve(id_of('z') + 1);
    for (const char name : names) lru.insert(id_of(name));
  }

  void insert(char name) { lru.insert(id_of(name)); }
  void touch(char name) { lru.touch(id_of(name)); }
  void erase(char name) { lru.erase(id_of(name)); }
  void touch_all(std::string_view names) {
    std::vector<EntryId> ids;
    for (const char name : names) ids.push_back(id_of(name));
    lru.touch_all(ids);
  }

  char victim() { return name_of(lru.victim(none)); }
  char after(char victim) { return name_of(lru.after(id_of(victim))); }
  char victim_but(char spared) { return name_of(lru.victim(id_of(spared))); }

  /// The names in the order in which they would be evicted. All of them leave.
  std::string evict_all() {
    std::string order;
    while (const EntryId id = lru.victim(none)) {
      order.push_back(name_of(id));
      lru.erase(id);
    }
    return order;
  }
};

/// An Lru and a std::list, the oldest first, that get the same calls.
class ModelRun {
 public:
  explicit ModelRun(std::uint64_t seed) : seed_(seed), random_(seed) {}

  void run(std::size_t operations) {
    for (std::size_t step = 0; step < operations; ++step) {
      switch (random_.below(8)) {
        case 0:
        case 1: insert(); break;
        case 2: erase(); break;
        case 3:
        case 4:
        case 5: touch(); break;
        case 6: touch_all(); break;
        case 7: evict_sparing_one(); break;
      }
      expect(lru_.victim(none) == (order_.empty() ? none : order_.front()), "the victim");
      if (random_.one_in(3000)) clear();
    }
    while (!order_.empty()) evict(none);
    expect(lru_.victim(none) == none, "nothing is left");
  }

 private:
  using Position = std::list<EntryId>::iterator;

  /// An entry that is there: a recent one as often as any.
  Position any() {
    if (random_.one_in(2))
      return std::prev(order_.end(), 1 + static_cast<std::ptrdiff_t>(random_.below(order_.size()) / 8));
    return std::next(order_.begin(), static_cast<std::ptrdiff_t>(random_.below(order_.size())));
  }

  void insert() {
    EntryId id = none;
    if (!free_.empty()) {
      id = free_.back();
      free_.pop_back();
    } else {
      id = ++last_;
      lru_.reserve(std::size_t{id} + 1);
    }
    lru_.insert(id);
    order_.push_back(id);
  }

  void erase() {
    if (order_.empty()) return;
    const Position position = any();
    lru_.erase(*position);
    forget(position);
  }

  void touch() {
    if (order_.empty()) return;
    const Position position = any();
    lru_.prefetch(*position);
    lru_.touch(*position);
    order_.splice(order_.end(), order_, position);
  }

  void touch_all() {
    if (order_.empty()) return;
    std::vector<EntryId> ids(random_.below(33));
    for (EntryId& id : ids) id = *any();
    lru_.touch_all(ids);
    for (const EntryId id : ids) order_.splice(order_.end(), order_, std::find(order_.begin(), order_.end(), id));
  }

  void evict_sparing_one() {
    if (!order_.empty()) evict(random_.one_in(2) ? order_.front() : *any());
  }

  void evict(EntryId spared) {
    Position oldest = order_.begin();
    if (*oldest == spared) ++oldest;
    const EntryId victim = lru_.victim(spared);
    expect(victim == (oldest == order_.end() ? none : *oldest), "the victim that is not spared");
    if (victim == none) return;
    lru_.erase(victim);
    forget(oldest);
  }

  void clear() {
    lru_.clear();
    order_.clear();
    free_.clear();
    last_ = none;
  }

  void forget(Position position) {
    free_.push_back(*position);
    order_.erase(position);
  }

  void expect(bool as_it_should_be, const char* what) const {
    if (!as_it_should_be) FAIL("LARDER_SEED=" << seed_ << ", " << order_.size() << " entries: " << what);
  }

  std::uint64_t seed_;
  Random random_;
  Lru lru_;
  std::list<EntryId> order_;
  std::vector<EntryId> free_;
  EntryId last_ = none;
};

}  // namespace

TEST_CASE("an Lru that no room was made in has no victim", "[lru]") {
  Lru lru;
  CHECK(lru.victim(none) == none);
  CHECK(lru.victim(1) == none);
}

TEST_CASE("an empty Lru has no victim", "[lru]") {
  Entries e;
  CHECK(e.victim() == '-');
  CHECK(e.victim_but('a') == '-');
}

TEST_CASE("the entry that came first is the first victim, whatever its number", "[lru]") {
  Entries e("cab");
  CHECK(e.victim() == 'c');
  CHECK(e.evict_all() == "cab");
}

TEST_CASE("asking for the victim removes nothing", "[lru]") {
  Entries e("abc");
  CHECK(e.victim() == 'a');
  CHECK(e.victim() == 'a');
  CHECK(e.evict_all() == "abc");
}

TEST_CASE("a touched entry becomes the newest, wherever it was", "[lru]") {
  Entries e("abc");
  SECTION("the oldest") {
    e.touch('a');
    CHECK(e.evict_all() == "bca");
  }
  SECTION("one in between") {
    e.touch('b');
    CHECK(e.evict_all() == "acb");
  }
  SECTION("the newest") {
    e.touch('c');
    CHECK(e.evict_all() == "abc");
  }
  SECTION("each in turn") {
    e.touch('b');
    e.touch('a');
    e.touch('b');
    CHECK(e.evict_all() == "cab");
  }
}

TEST_CASE("touching the only entry leaves it there", "[lru]") {
  Entries e("a");
  e.touch('a');
  CHECK(e.evict_all() == "a");
}

TEST_CASE("touching many at once is touching one after the other", "[lru]") {
  for (const std::string_view touched :
       {"", "a", "c", "e", "abcde", "edcba", "aa", "aea", "bdbdb", "eaeae", "ccabacc"}) {
    CAPTURE(touched);
    Entries at_once("abcde");
    Entries one_by_one("abcde");
    at_once.touch_all(touched);
    for (const char name : touched) one_by_one.touch(name);
    CHECK(at_once.evict_all() == one_by_one.evict_all());
  }
}

TEST_CASE("touching many at once leaves the last of them the newest", "[lru]") {
  Entries e("abcde");
  e.touch_all("dab");
  CHECK(e.evict_all() == "cedab");
}

TEST_CASE("an erased entry is gone, and the others keep their order", "[lru]") {
  Entries e("abc");
  SECTION("the oldest") {
    e.erase('a');
    CHECK(e.evict_all() == "bc");
  }
  SECTION("one in between") {
    e.erase('b');
    CHECK(e.evict_all() == "ac");
  }
  SECTION("the newest") {
    e.erase('c');
    CHECK(e.evict_all() == "ab");
  }
}

TEST_CASE("an erased entry's number can come again", "[lru]") {
  Entries e("abc");
  e.erase('a');
  e.insert('a');
  CHECK(e.evict_all() == "bca");
}

TEST_CASE("the spared entry is never the victim", "[lru]") {
  Entries e("abc");
  CHECK(e.victim_but('a') == 'b');
  CHECK(e.victim_but('b') == 'a');
  CHECK(e.victim_but('d') == 'a');
}

TEST_CASE("there is no victim where the spared entry is the only one", "[lru]") {
  Entries e("a");
  CHECK(e.victim_but('a') == '-');
  CHECK(e.victim() == 'a');
}

TEST_CASE("after each victim comes the next one, and none after the newest", "[lru]") {
  Entries e("abc");
  e.touch('b');
  CHECK(e.after('a') == 'c');
  CHECK(e.after('c') == 'b');
  CHECK(e.after('b') == '-');
}

TEST_CASE("prefetching changes nothing", "[lru]") {
  Entries e("abc");
  for (const char name : {'a', 'b', 'c'}) e.lru.prefetch(id_of(name));
  CHECK(e.evict_all() == "abc");
}

TEST_CASE("making room changes no order", "[lru]") {
  Entries e("abc");
  e.touch('a');
  e.lru.reserve(0);
  e.lru.reserve(100000);
  e.lru.insert(99999);
  CHECK(e.lru.victim(none) == id_of('b'));
  e.lru.erase(99999);
  CHECK(e.evict_all() == "bca");
}

TEST_CASE("a cleared Lru has forgotten its entries, and can be filled again", "[lru]") {
  Entries e("abc");
  e.lru.clear();
  CHECK(e.victim() == '-');
  e.lru.reserve(id_of('e') + 1);
  CHECK(e.victim() == '-');
  e.insert('e');
  e.insert('b');
  CHECK(e.evict_all() == "eb");
}

TEST_CASE("swap exchanges all entries and their order", "[lru]") {
  Entries left("abc");
  Entries right("de");
  Lru none_yet;
  left.touch('a');
  left.lru.swap(right.lru);
  CHECK(left.evict_all() == "de");
  right.lru.swap(none_yet);
  CHECK(right.victim() == '-');
  right.lru.swap(none_yet);
  CHECK(right.evict_all() == "bca");
}

TEST_CASE("random entries are evicted as from a list", "[lru]") {
  const std::uint64_t given = larder_tests::environment_number("LARDER_SEED", 0);
  const std::size_t seeds = given == 0 ? 5 : 1;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    ModelRun run(given == 0 ? seed : given);
    run.run(larder_tests::scaled(8000));
  }
}
