/// \file gdsf.hpp
/// Gdsf: evicts the entry of which the fewest uses are to be expected for the room that it takes.
///
/// Invariants:
/// - `heap_[0 .. size_)` is a heap of four children each, the least priority first; `facts_[id]` tells where an entry
///   stands in it.
/// - No priority is below `age_`, but for those of entries that were spared.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

#include <larder/detail/chunked_array.hpp>
#include <larder/eviction/eviction_policy.hpp>

namespace larder {

/// GreedyDual-Size-Frequency (Cherkasova, "Improving WWW Proxies Performance with Greedy-Dual-Size-Frequency Caching
/// Policy", HP Laboratories, HPL-98-69, 1998). An entry's priority is the cache's age when it was last used, plus the
/// number of its uses divided by its weight. The least priority leaves, and is the cache's age from then on: so what is
/// used no more grows old.
///
/// Where it wins: the share of requests that are hits, where entries differ much in weight, since it keeps many small
/// entries rather than few large ones. Where it loses: the share of bytes that are hits, for the same reason; and where
/// all weigh the same there are better ones. Where there is no limit of weights, each entry weighs 1.
///
/// The functions are those of an EvictionPolicy. `insert`, `touch`, `replace` and `erase` are O(log entries). 15 bytes
/// an entry.
class Gdsf {
 public:
  void set_limits(EvictionLimits limits) noexcept { weighs_ = limits.weight != SIZE_MAX; }

  void reserve(std::size_t ids) {
    heap_.reserve(ids);
    facts_.reserve(ids);
  }

  void insert(const EvictionEntry& entry) noexcept {
    facts_[entry.id].uses = 1;
    rise(size_++, ranked(entry));
  }

  void touch(const EvictionEntry& entry) noexcept {
    std::uint8_t& uses = facts_[entry.id].uses;
    if (uses != std::numeric_limits<std::uint8_t>::max()) ++uses;
    settle(facts_[entry.id].place(), ranked(entry));
  }

  void replace(const EvictionEntry&, const EvictionEntry& fresh) noexcept {
    settle(facts_[fresh.id].place(), ranked(fresh));
  }

  void erase(const EvictionEntry& entry) noexcept {
    const Ranked last = heap_[--size_];
    if (last.id() != entry.id) settle(facts_[entry.id].place(), last);
  }

  template <class Entries>
  EvictionId victim(const EvictionNeed& need, const Entries&) noexcept {
    if (size_ == 0) return no_entry;
    std::uint32_t place = 0;
    if (heap_[0].id() == need.spared) {
      place = least_child(0);
      if (place == 0) return no_entry;
    }
    age_ = std::max(age_, heap_[place].priority());
    if (age_ >= most_age) [[unlikely]] {
      rejuvenate();
    }
    return heap_[place].id();
  }

  void clear() noexcept {
    heap_.clear();
    facts_.clear();
    size_ = 0;
    age_ = 0;
  }

 private:
  /// What one use of an entry of weight 1 is worth. So priorities have 32 bits behind the binary point.
  static constexpr std::uint64_t one_use = std::uint64_t{1} << 32;
  /// Ages and worths are below it, so that a priority has 48 bits.
  static constexpr std::uint64_t most_age = std::uint64_t{1} << 47;

  /// An entry in the heap: 10 bytes, and not 16.
  class Ranked {
   public:
    Ranked() = default;
    Ranked(std::uint64_t priority, EvictionId id) noexcept
        : parts_{part(priority), part(priority >> 16), part(priority >> 32), part(id), part(id >> 16)} {}

    std::uint64_t priority() const noexcept {
      return std::uint64_t{parts_[2]} << 32 | std::uint64_t{parts_[1]} << 16 | parts_[0];
    }
    EvictionId id() const noexcept { return EvictionId{parts_[4]} << 16 | parts_[3]; }

   private:
    static constexpr std::uint16_t part(std::uint64_t value) noexcept { return static_cast<std::uint16_t>(value); }

    std::array<std::uint16_t, 5> parts_;
  };
  static_assert(sizeof(Ranked) == 10);

  /// What is known of an entry by its number: 5 bytes, and not 8.
  struct Facts {
    std::uint8_t uses;  // up to 255, after which one more tells little
    std::array<std::uint8_t, 4> place_in_heap;

    std::uint32_t place() const noexcept { return std::bit_cast<std::uint32_t>(place_in_heap); }
    void set_place(std::uint32_t place) noexcept { place_in_heap = std::bit_cast<std::array<std::uint8_t, 4>>(place); }
  };
  static_assert(sizeof(Facts) == 5);

  Ranked ranked(const EvictionEntry& entry) const noexcept {
    const std::uint64_t weight = weighs_ ? std::max<std::size_t>(entry.weight, 1) : 1;
    const std::uint64_t worth = std::clamp<std::uint64_t>(facts_[entry.id].uses * one_use / weight, 1, most_age - 1);
    return {age_ + worth, entry.id};
  }

  void put(std::uint32_t place, const Ranked& entry) noexcept {
    heap_[place] = entry;
    facts_[entry.id()].set_place(place);
  }

  /// Puts an entry at a place that is free, or nearer to the top or the bottom.
  void settle(std::uint32_t place, const Ranked& entry) noexcept {
    if (place > 0 && entry.priority() < heap_[parent(place)].priority()) {
      rise(place, entry);
    } else {
      sink(place, entry);
    }
  }

  void rise(std::uint32_t place, const Ranked& entry) noexcept {
    for (; place > 0 && entry.priority() < heap_[parent(place)].priority(); place = parent(place)) {
      put(place, heap_[parent(place)]);
    }
    put(place, entry);
  }

  void sink(std::uint32_t place, const Ranked& entry) noexcept {
    for (std::uint32_t child = least_child(place); child != 0; child = least_child(place)) {
      if (entry.priority() <= heap_[child].priority()) break;
      put(place, heap_[child]);
      place = child;
    }
    put(place, entry);
  }

  static std::uint32_t parent(std::uint32_t place) noexcept { return (place - 1) / 4; }

  /// 0 if there is none.
  std::uint32_t least_child(std::uint32_t place) const noexcept {
    const std::size_t first = std::size_t{place} * 4 + 1;
    if (first >= size_) return 0;
    std::size_t least = first;
    for (std::size_t child = first + 1; child < std::min<std::size_t>(first + 4, size_); ++child) {
      if (heap_[child].priority() < heap_[least].priority()) least = child;
    }
    return static_cast<std::uint32_t>(least);
  }

  /// Lets the cache's age begin at 0 again; the order stays. O(entries), once in 32,768 times that all of a cache's
  /// entries have made way for others that weigh 1 and are used once, or in more where they weigh more.
  [[gnu::noinline]] void rejuvenate() noexcept {
    for (std::uint32_t place = 0; place < size_; ++place) {
      const std::uint64_t priority = heap_[place].priority();
      heap_[place] = {priority - std::min(age_, priority), heap_[place].id()};
    }
    age_ = 0;
  }

  detail::ChunkedArray<Ranked> heap_;
  detail::ChunkedArray<Facts> facts_;
  std::uint32_t size_ = 0;
  std::uint64_t age_ = 0;
  bool weighs_ = true;
};

}  // namespace larder
