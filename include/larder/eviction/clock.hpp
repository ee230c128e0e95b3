/// \file clock.hpp
/// Clock: first in, first out, but that an entry which was used meanwhile gets another turn.
#pragma once

#include <cstddef>

#include <larder/eviction/entry_lists.hpp>
#include <larder/eviction/eviction_policy.hpp>

namespace larder {

/// FIFO with reinsertion, also called generalized CLOCK (Smith, "Sequentiality and Prefetching in Database Systems",
/// ACM TODS 1978): hits are counted up to 3, and an entry whose turn it is loses one of them and goes to the end of the
/// queue, or leaves if it has none. So it is nearly as good as LRU and often better, and a hit writes two bits of the
/// entry at most: none once it has three, which is the rule for those that are asked for often. What to take for caches
/// that many threads read.
///
/// Where it loses: to LRU where the newest are the most likely to be used again and caches are small, and to S3Fifo
/// where many entries are used once.
///
/// The functions are those of an EvictionPolicy. `victim` is amortized O(1) in the number of hits, and O(1) at worst:
/// when 1,000 entries in turn were used, the next one leaves whatever its uses. 8 bytes an entry.
class Clock {
 public:
  static constexpr unsigned most_uses = 3;

  void reserve(std::size_t ids) { queue_.reserve(ids); }
  void insert(const EvictionEntry& entry) noexcept { queue_.push(entry.id); }
  void erase(const EvictionEntry& entry) noexcept { queue_.erase(entry.id); }

  template <class Entries>
  EvictionId victim(const EvictionNeed& need, const Entries& entries) noexcept {
    for (std::size_t turns = 0;; ++turns) {
      EvictionId id = queue_.oldest();
      if (id == need.spared && id != no_entry) id = queue_.newer(id);
      if (id == no_entry) return id;
      const MarkedEntry entry = entries[id];
      const unsigned uses = entry.uses();
      if (uses == 0 || turns == most_turns) return id;
      entry.set_uses(uses - 1);
      queue_.move(id);
    }
  }

  EvictionId after(EvictionId id) const noexcept { return queue_.newer(id); }
  void prefetch(EvictionId id) const noexcept { queue_.prefetch(id); }
  void clear() noexcept { queue_.clear(); }

 private:
  /// So that no operation pays for all that was used since the last one.
  static constexpr std::size_t most_turns = 1000;

  EntryLists<> queue_;
};

}  // namespace larder
