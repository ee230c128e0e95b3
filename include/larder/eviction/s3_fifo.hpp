/// \file s3_fifo.hpp
/// S3Fifo: three FIFO queues that keep entries which are used once from pushing out the others.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include <larder/detail/chunked_array.hpp>
#include <larder/eviction/detail/ghost_entries.hpp>
#include <larder/eviction/entry_lists.hpp>
#include <larder/eviction/eviction_policy.hpp>

namespace larder {

/// S3-FIFO (Yang, Zhang, Qiu, Yue and Rashmi, "FIFO Queues are All You Need for Cache Eviction", SOSP 2023). A new
/// entry enters the small queue, which has a tenth of the capacity. At its end an entry that was used twice goes over
/// to the main queue, and the others leave; but their keys are remembered until entries of nine tenths of the capacity
/// have followed them. Who comes back meanwhile enters the main queue. There an entry whose turn it is loses one of its
/// uses and goes to the end of the queue, or leaves if it has none. Hits are counted up to 3, and so write two bits of
/// the entry at most, and none once it has three.
///
/// Where it wins: many entries that are used once (object caches, CDNs), and many threads. Where it loses: to Lru where
/// what is new is what will be used again, and caches are small; to WTinyLfu where frequency matters beyond what a
/// queue of nine tenths can remember.
///
/// Where entries have weights, the queues' sizes are sums of weights. An entry that weighs more than the small queue
/// may hold enters it all the same, and is the next that leaves if nobody uses it.
///
/// The functions are those of an EvictionPolicy. `victim` is amortized O(1) in the number of hits, and O(1) at worst:
/// when 1,000 entries in turn were used, the next one leaves whatever its uses. 16 bytes an entry, and 17 KiB a shard.
class S3Fifo {
 public:
  static constexpr unsigned most_uses = 3;

  void set_limits(EvictionLimits limits) noexcept {
    unit_ = limits.weight != SIZE_MAX ? Unit{true, limits.weight} : Unit{false, limits.entries};
  }

  void reserve(std::size_t ids) {
    queues_.reserve(ids);
    queue_of_.reserve(ids);
    ghosts_.reserve(ids);
  }

  /// Ghosts are looked up before another entry leaves, which would leave one, too.
  template <class Entries>
  bool admit(const EvictionEntry& entry, const Entries&) noexcept {
    comes_back_ = ghosts_.take(entry.hash, share_of(entry));
    return true;
  }

  void insert(const EvictionEntry& entry) noexcept {
    const Queue queue = comes_back_ ? main : small;
    comes_back_ = false;
    queues_.push(entry.id, queue);
    queue_of_[entry.id] = queue;
    loads_[queue].add(entry);
  }

  void replace(const EvictionEntry& old, const EvictionEntry& fresh) noexcept {
    EvictionLoad& load = loads_[queue_of_[old.id]];
    load.drop(old);
    load.add(fresh);
  }

  void erase(const EvictionEntry& entry) noexcept {
    queues_.erase(entry.id);
    loads_[queue_of_[entry.id]].drop(entry);
  }

  template <class Entries>
  EvictionId victim(const EvictionNeed& need, const Entries& entries) noexcept {
    unit_ = {need.by_weight, need.capacity};
    const std::size_t small_size = std::max<std::size_t>(need.capacity / 10, 1);
    for (std::size_t turns = 0;; ++turns) {
      const bool main_is_full = loads_[main].in(need.by_weight) > need.capacity - small_size;
      Queue queue = main_is_full || loads_[small].entries == 0 ? main : small;
      EvictionId id = oldest(queue, need.spared);
      if (id == no_entry) {  // but the spared one
        queue = queue == main ? small : main;
        id = oldest(queue, need.spared);
        if (id == no_entry) return id;
      }
      const MarkedEntry entry = entries[id];
      const unsigned uses = entry.uses();
      if (uses < (queue == small ? 2 : 1) || turns == most_turns) {
        if (queue == small) ghosts_.insert(entry.hash, share_of(entry));
        return id;
      }
      if (queue == small) {
        entry.set_uses(0);
        loads_[small].drop(entry);
        loads_[main].add(entry);
        queue_of_[id] = main;
      } else {
        entry.set_uses(uses - 1);
      }
      queues_.move(id, main);
    }
  }

  void prefetch(EvictionId id) const noexcept { queues_.prefetch(id); }

  void clear() noexcept {
    queues_.clear();
    queue_of_.clear();
    ghosts_.clear();
    loads_[small] = loads_[main] = {};
  }

 private:
  enum Queue : std::uint8_t { small, main };

  struct Unit {
    bool by_weight = false;
    std::size_t capacity = 1;
  };

  /// So that no operation pays for all that was used since the last one.
  static constexpr std::size_t most_turns = 1000;

  EvictionId oldest(Queue queue, EvictionId spared) const noexcept {
    const EvictionId id = queues_.oldest(queue);
    return id == spared && id != no_entry ? queues_.newer(id) : id;
  }

  std::uint64_t share_of(const EvictionEntry& entry) const noexcept {
    const std::size_t size = unit_.by_weight ? entry.weight : 1;
    return static_cast<std::uint64_t>(static_cast<double>(size) / static_cast<double>(unit_.capacity) *
                                      static_cast<double>(detail::GhostEntries::whole));
  }

  EntryLists<2> queues_;
  detail::ChunkedArray<Queue> queue_of_;
  EvictionLoad loads_[2];
  detail::GhostEntries ghosts_{detail::GhostEntries::whole / 10 * 9};
  Unit unit_;  // the limit that was in the way the last time
  bool comes_back_ = false;
};

}  // namespace larder
