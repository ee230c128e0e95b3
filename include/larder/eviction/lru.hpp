/// \file lru.hpp
/// Lru: evicts the least recently used entry, exactly. The default.
#pragma once

#include <cstddef>
#include <span>

#include <larder/eviction/entry_lists.hpp>
#include <larder/eviction/eviction_policy.hpp>

namespace larder {

/// The functions are those of an EvictionPolicy, each O(1). 8 bytes an entry.
class Lru {
 public:
  void reserve(std::size_t ids) { order_.reserve(ids); }
  void insert(const EvictionEntry& entry) noexcept { order_.push(entry.id); }
  void touch(const EvictionEntry& entry) noexcept { order_.move(entry.id); }
  void touch_all(std::span<const EvictionId> ids) noexcept { order_.move_all(ids); }
  void erase(const EvictionEntry& entry) noexcept { order_.erase(entry.id); }

  template <class Entries>
  EvictionId victim(const EvictionNeed& need, const Entries&) const noexcept {
    const EvictionId oldest = order_.oldest();
    return oldest == need.spared && oldest != no_entry ? order_.newer(oldest) : oldest;
  }

  EvictionId after(EvictionId id) const noexcept { return order_.newer(id); }
  void prefetch(EvictionId id) const noexcept { order_.prefetch(id); }
  void clear() noexcept { order_.clear(); }

 private:
  EntryLists<> order_;
};

}  // namespace larder
