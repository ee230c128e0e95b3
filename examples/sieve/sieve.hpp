/// \file sieve.hpp
/// Sieve: an eviction policy of our own.
#pragma once

#include <cstddef>

#include <larder/eviction/entry_lists.hpp>
#include <larder/eviction/eviction_policy.hpp>

/// SIEVE (Zhang, Yang, Yue, Vigfusson and Rashmi, "SIEVE is Simpler than LRU", NSDI 2024). Entries stay in the order in
/// which they came. A hand goes from the oldest to the newest and over again: who was used since it came by last stays,
/// and who was not leaves. So what is used once leaves soon, and what is used again sinks to the old end and stays.
class Sieve {
 public:
  /// A hit marks the entry, and does no more: larder calls nobody for it.
  static constexpr unsigned most_uses = 1;

  void reserve(std::size_t ids) { queue_.reserve(ids); }

  void insert(const larder::EvictionEntry& entry) noexcept { queue_.push(entry.id); }

  void erase(const larder::EvictionEntry& entry) noexcept {
    if (entry.id == hand_) hand_ = queue_.newer(entry.id);
    queue_.erase(entry.id);
  }

  template <class Entries>
  larder::EvictionId victim(const larder::EvictionNeed& need, const Entries& entries) noexcept {
    bool has_spared = false;
    for (;;) {
      if (hand_ == larder::no_entry) hand_ = queue_.oldest();
      if (hand_ == larder::no_entry) return hand_;  // there is none
      if (hand_ == need.spared) {
        if (has_spared && queue_.oldest() == queue_.newest()) return larder::no_entry;
        has_spared = true;
      } else {
        const larder::MarkedEntry entry = entries[hand_];
        if (entry.uses() == 0) return hand_;
        entry.set_uses(0);
      }
      hand_ = queue_.newer(hand_);
    }
  }

  void clear() noexcept {
    queue_.clear();
    hand_ = larder::no_entry;
  }

 private:
  larder::EntryLists<> queue_;
  larder::EvictionId hand_ = larder::no_entry;
};

static_assert(larder::MarkingEvictionPolicy<Sieve>);
