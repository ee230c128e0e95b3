/// \file reference_cache.hpp
/// What an in-memory cache of one shard should do, written to be obviously right and not to be fast: a std::list
/// of entries from the least recently used one on, and a std::map that finds them.
///
/// Invariants: `order_` and `found_` hold the same entries; none of them is expired at `now_`.
#pragma once

#include <chrono>
#include <cstddef>
#include <iterator>
#include <list>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <larder/cache_entry.hpp>
#include <larder/cache_stats.hpp>
#include <larder/removal_cause.hpp>
#include <larder/ttl.hpp>
#include <larder/value_size.hpp>

#include "tests/support/removal_log.hpp"

namespace larder_tests {

template <class Key, class Value>
class ReferenceCache {
 public:
  using Milliseconds = std::chrono::milliseconds;
  using Nanoseconds = std::chrono::nanoseconds;

  struct Entry {
    Key key;
    Value value;
    larder::Metadata metadata;
    std::optional<Milliseconds> deadline;  // since the cache was made
    std::size_t weight;
  };

  /// 0 means no limit.
  ReferenceCache(std::size_t max_weight, std::size_t max_entries, larder::Ttl default_ttl)
      : max_weight_(max_weight), max_entries_(max_entries), default_ttl_(default_ttl) {}

  /// What left since the test last emptied these: by its TTL, and by anything else.
  std::vector<Removal<Key, Value>> expired;
  std::vector<Removal<Key, Value>> removed;
  /// The counters only; `stats` adds the gauges.
  larder::CacheStats counters;

  void advance(Nanoseconds by) {
    now_ += by;
    for (auto entry = order_.begin(); entry != order_.end();) {
      const auto next = std::next(entry);
      if (entry->deadline && Nanoseconds(*entry->deadline) <= now_) {
        expired.push_back({entry->key, entry->value, larder::RemovalCause::expired});
        ++counters.evictions;
        ++counters.expirations;
        forget(entry);
      }
      entry = next;
    }
  }

  std::optional<Value> get(const Key& key) {
    const auto found = found_.find(key);
    if (found == found_.end()) {
      ++counters.misses;
      return std::nullopt;
    }
    ++counters.hits;
    order_.splice(order_.end(), order_, found->second);
    return found->second->value;
  }

  const Entry* peek(const Key& key) const {
    const auto found = found_.find(key);
    return found == found_.end() ? nullptr : &*found->second;
  }

  bool set(const Key& key, const Value& value, larder::Ttl ttl, const larder::Metadata& metadata, std::size_t weight) {
    if (!ttl) ttl = default_ttl_;
    if (ttl && ttl->count() <= 0) {
      erase(key);
      return false;
    }
    if (max_weight_ != 0 && weight > max_weight_) {
      if (remove(key, larder::RemovalCause::evicted)) ++counters.evictions;
      return false;
    }
    remove(key, larder::RemovalCause::replaced);
    const std::size_t room = max_weight_ == 0 ? 0 : max_weight_ - weight;
    while (!order_.empty() && ((max_entries_ != 0 && order_.size() >= max_entries_) ||
                               (max_weight_ != 0 && weight_ > room))) {
      remove(Key(order_.front().key), larder::RemovalCause::evicted);
      ++counters.evictions;
    }
    order_.push_back({key, value, metadata, deadline_of(ttl), weight});
    found_[key] = std::prev(order_.end());
    weight_ += weight;
    ++counters.sets;
    return true;
  }

  bool erase(const Key& key) {
    const bool erased = remove(key, larder::RemovalCause::erased);
    counters.deletes += erased ? 1 : 0;
    return erased;
  }

  std::size_t clear() {
    const std::size_t count = order_.size();
    while (!order_.empty()) remove(Key(order_.front().key), larder::RemovalCause::cleared);
    return count;
  }

  /// In the order of the keys.
  std::vector<Key> keys() const {
    std::vector<Key> keys;
    for (const auto& [key, entry] : found_) keys.push_back(key);
    return keys;
  }

  larder::CacheStats stats() const {
    larder::CacheStats stats = counters;
    stats.current_entries = order_.size();
    std::size_t bytes = 0;
    for (const Entry& entry : order_) bytes += larder::value_size(entry.value);
    stats.current_size_bytes = bytes;
    if (max_weight_ != 0) stats.max_size_bytes = max_weight_;
    return stats;
  }

 private:
  using Position = typename std::list<Entry>::iterator;

  /// The next whole millisecond at or after now + ttl; empty if that is centuries away.
  std::optional<Milliseconds> deadline_of(larder::Ttl ttl) const {
    if (!ttl || *ttl > std::chrono::hours(24 * 365 * 200)) return std::nullopt;
    return std::chrono::ceil<Milliseconds>(now_ + Nanoseconds(*ttl));
  }

  bool remove(const Key& key, larder::RemovalCause cause) {
    const auto found = found_.find(key);
    if (found == found_.end()) return false;
    removed.push_back({found->second->key, found->second->value, cause});
    forget(found->second);
    return true;
  }

  void forget(Position entry) {
    weight_ -= entry->weight;
    found_.erase(entry->key);
    order_.erase(entry);
  }

  std::size_t max_weight_;
  std::size_t max_entries_;
  larder::Ttl default_ttl_;
  Nanoseconds now_{0};
  std::size_t weight_ = 0;
  std::list<Entry> order_;
  std::map<Key, Position> found_;
};

}  // namespace larder_tests
