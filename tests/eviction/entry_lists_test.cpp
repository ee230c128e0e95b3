/// \file entry_lists_test.cpp
/// The random run prints its seed when it fails: LARDER_SEED=<seed> runs that sequence alone.
#include <larder/eviction/entry_lists.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <list>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/environment.hpp"
#include "tests/support/random.hpp"

using larder::EntryLists;
using larder::EvictionId;
using larder::no_entry;

namespace {

constexpr std::uint32_t list_count = 3;

/// EntryLists and std::lists, the oldest first, that get the same calls.
class ModelRun {
 public:
  explicit ModelRun(std::uint64_t seed) : seed_(seed), random_(seed) {}

  void run(std::size_t operations) {
    for (std::size_t step = 0; step < operations; ++step) {
      switch (random_.below(6)) {
        case 0:
        case 1: push(); break;
        case 2: erase(); break;
        case 3: move(); break;
        case 4: move_all(); break;
        case 5: compare_neighbours(); break;
      }
      for (std::uint32_t list = 0; list < list_count; ++list) {
        const auto& order = orders_[list];
        expect(lists_.oldest(list) == (order.empty() ? no_entry : order.front()), "the oldest");
        expect(lists_.newest(list) == (order.empty() ? no_entry : order.back()), "the newest");
      }
      if (random_.one_in(3000)) clear();
    }
    for (std::uint32_t list = 0; list < list_count; ++list) {
      for (; !orders_[list].empty(); orders_[list].pop_front()) {
        expect(lists_.oldest(list) == orders_[list].front(), "the order at the end");
        lists_.erase(orders_[list].front());
      }
      expect(lists_.oldest(list) == no_entry, "nothing is left");
    }
  }

 private:
  using Order = std::list<EvictionId>;

  std::uint32_t any_list() { return static_cast<std::uint32_t>(random_.below(list_count)); }

  /// A list that is not empty; `list_count` if there is none.
  std::uint32_t filled_list() {
    const std::uint32_t first = any_list();
    for (std::uint32_t i = 0; i < list_count; ++i) {
      if (!orders_[(first + i) % list_count].empty()) return (first + i) % list_count;
    }
    return list_count;
  }

  /// An entry of a list that is not empty: a recent one as often as any.
  Order::iterator any(std::uint32_t list) {
    Order& order = orders_[list];
    if (random_.one_in(2)) {
      return std::prev(order.end(), 1 + static_cast<std::ptrdiff_t>(random_.below(order.size()) / 8));
    }
    return std::next(order.begin(), static_cast<std::ptrdiff_t>(random_.below(order.size())));
  }

  void push() {
    EvictionId id = no_entry;
    if (!free_.empty()) {
      id = free_.back();
      free_.pop_back();
    } else {
      id = ++last_;
      lists_.reserve(std::size_t{id} + 1);
    }
    const std::uint32_t list = any_list();
    lists_.push(id, list);
    orders_[list].push_back(id);
  }

  void erase() {
    const std::uint32_t list = filled_list();
    if (list == list_count) return;
    const auto position = any(list);
    lists_.erase(*position);
    free_.push_back(*position);
    orders_[list].erase(position);
  }

  void move() {
    const std::uint32_t from = filled_list();
    if (from == list_count) return;
    const std::uint32_t to = any_list();
    const auto position = any(from);
    lists_.prefetch(*position);
    lists_.move(*position, to);
    orders_[to].splice(orders_[to].end(), orders_[from], position);
  }

  void move_all() {
    const std::uint32_t list = filled_list();
    if (list == list_count) return;
    std::vector<EvictionId> ids(random_.below(150));
    for (EvictionId& id : ids) id = *any(list);
    lists_.move_all(ids, list);
    Order& order = orders_[list];
    for (const EvictionId id : ids) order.splice(order.end(), order, std::find(order.begin(), order.end(), id));
  }

  void compare_neighbours() {
    const std::uint32_t list = filled_list();
    if (list == list_count) return;
    const auto position = any(list);
    const auto next = std::next(position);
    expect(lists_.newer(*position) == (next == orders_[list].end() ? no_entry : *next), "the newer one");
    const bool is_oldest = position == orders_[list].begin();
    expect(lists_.older(*position) == (is_oldest ? no_entry : *std::prev(position)), "the older one");
  }

  void clear() {
    lists_.clear();
    for (Order& order : orders_) order.clear();
    free_.clear();
    last_ = no_entry;
  }

  void expect(bool as_it_should_be, const char* what) const {
    if (!as_it_should_be) FAIL("LARDER_SEED=" << seed_ << ": " << what);
  }

  std::uint64_t seed_;
  larder_tests::Random random_;
  EntryLists<list_count> lists_;
  std::array<Order, list_count> orders_;
  std::vector<EvictionId> free_;
  EvictionId last_ = no_entry;
};

}  // namespace

TEST_CASE("lists that no room was made in are empty", "[entry_lists]") {
  const EntryLists<2> lists;
  CHECK(lists.oldest(0) == no_entry);
  CHECK(lists.newest(1) == no_entry);
}

TEST_CASE("an entry moves from one list to another", "[entry_lists]") {
  EntryLists<2> lists;
  lists.reserve(10);
  lists.push(1, 0);
  lists.push(2, 0);
  lists.move(1, 1);
  CHECK(lists.oldest(0) == 2);
  CHECK(lists.oldest(1) == 1);
  CHECK(lists.newer(1) == no_entry);
}

TEST_CASE("an erased entry's number can come again", "[entry_lists]") {
  EntryLists<> lists;
  lists.reserve(10);
  for (const EvictionId id : {1u, 2u, 3u}) lists.push(id);
  lists.erase(1);
  lists.push(1);
  CHECK(lists.oldest() == 2);
  CHECK(lists.newest() == 1);
}

TEST_CASE("making room changes no order", "[entry_lists]") {
  EntryLists<2> lists;
  lists.reserve(4);
  for (const EvictionId id : {1u, 2u, 3u}) lists.push(id, 1);
  lists.move(1, 1);
  lists.reserve(0);
  lists.reserve(100000);
  lists.push(99999, 0);
  CHECK(lists.oldest(0) == 99999);
  CHECK(lists.oldest(1) == 2);
  CHECK(lists.newest(1) == 1);
}

TEST_CASE("random entries are listed as in std::lists", "[entry_lists]") {
  const std::uint64_t given = larder_tests::environment_number("LARDER_SEED", 0);
  const std::size_t seeds = given == 0 ? 5 : 1;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    ModelRun run(given == 0 ? seed : given);
    run.run(larder_tests::scaled(8000));
  }
}
