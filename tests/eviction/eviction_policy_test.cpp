/// \file eviction_policy_test.cpp
#include <larder/eviction/eviction_policy.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "tests/support/catch.hpp"

namespace {

using larder::EvictionEntry;
using larder::EvictionId;

/// What every policy must have.
struct Told {
  void reserve(std::size_t) {}
  void insert(const EvictionEntry&) noexcept {}
  void touch(const EvictionEntry&) noexcept {}
  void erase(const EvictionEntry&) noexcept {}
  template <class Entries>
  EvictionId victim(const larder::EvictionNeed&, const Entries&) noexcept {
    return larder::no_entry;
  }
  void clear() noexcept {}
};
static_assert(larder::EvictionPolicy<Told> && !larder::MarkingEvictionPolicy<Told>);

struct Marking : Told {
  static constexpr unsigned most_uses = 1;
  void touch(const EvictionEntry&) = delete;
};
static_assert(larder::EvictionPolicy<Marking> && larder::MarkingEvictionPolicy<Marking>);

struct NeverTold : Told {
  void touch(const EvictionEntry&) = delete;
};
static_assert(!larder::EvictionPolicy<NeverTold>);

struct TooMany : NeverTold {
  static constexpr unsigned most_uses = larder::most_marked_uses + 1;
};
static_assert(!larder::EvictionPolicy<TooMany>);

struct NeedsAnArgument : Told {
  explicit NeedsAnArgument(int) {}
};
static_assert(!larder::EvictionPolicy<NeedsAnArgument>);

static_assert(!larder::EvictionPolicy<int>);

}  // namespace

TEST_CASE("a marked entry's uses are set without a change of the bits below", "[eviction_policy]") {
  std::atomic<std::uint8_t> mark{5};
  const larder::MarkedEntry entry({.id = 1, .hash = 2, .weight = 3}, mark);
  CHECK(entry.uses() == 0);
  entry.set_uses(larder::most_marked_uses);
  CHECK(entry.uses() == larder::most_marked_uses);
  entry.set_uses(2);
  CHECK(entry.uses() == 2);
  CHECK(mark == (2u << larder::MarkedEntry::shift | 5u));
}

TEST_CASE("an eviction load counts entries and weights", "[eviction_policy]") {
  larder::EvictionLoad load;
  load.add({1, 0, 3});
  load.add({2, 0, 4});
  load.drop({1, 0, 3});
  CHECK(load.in(false) == 1);
  CHECK(load.in(true) == 4);
}
