/// \file container_peers.hpp
/// Peers made of containers: the bare hash map, Boost.MultiIndex, and std::list + std::unordered_map.
#pragma once

#if LARDER_BENCHMARK_BOOST
#include <boost/multi_index/hashed_index.hpp>
#include <boost/multi_index/member.hpp>
#include <boost/multi_index/sequenced_index.hpp>
#include <boost/multi_index_container.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#endif
#include <cstddef>
#include <functional>
#include <larder/hash.hpp>
#include <larder/mutex.hpp>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "workload.hpp"

namespace larder::bench {

#if LARDER_BENCHMARK_BOOST

/// The limit for everybody: a hash map alone, with no order of use, no expiry, no eviction and no lock.
class FlatMap {
 public:
  explicit FlatMap(std::size_t) {}

  Sum read(std::string_view key) const {
    const auto found = map_.find(key);
    return found == map_.end() ? 0 : touch(found->second);
  }

  void write(std::string_view key, std::string_view value) {
    map_.insert_or_assign(std::string(key), std::string(value));
  }

  std::size_t size() const noexcept { return map_.size(); }

 private:
  boost::unordered_flat_map<std::string, std::string, Hash<std::string>, std::equal_to<>> map_;
};

/// The strongest way to build an LRU cache from parts: one node an entry in two intrusive indices. It reads
/// values in place, which a cache that gives values out from under its lock could not.
template <class Mutex>
class MultiIndex {
 public:
  explicit MultiIndex(std::size_t max_entries) : max_entries_(max_entries) {}

  Sum read(std::string_view key) {
    const std::lock_guard lock(mutex_);
    const auto& by_key = entries_.template get<1>();
    const auto found = by_key.find(key);
    if (found == by_key.end()) return 0;
    promote(found);
    return touch(found->value);
  }

  void write(std::string_view key, std::string_view value) {
    Entry entry{std::string(key), std::string(value)};
    const std::lock_guard lock(mutex_);
    auto& by_key = entries_.template get<1>();
    const auto found = by_key.find(key);
    if (found != by_key.end()) {
      by_key.modify(found, [&entry](Entry& old) { old.value.swap(entry.value); });
      promote(found);
      return;
    }
    entries_.push_front(std::move(entry));
    if (entries_.size() > max_entries_) entries_.pop_back();
  }

  std::size_t size() const noexcept { return entries_.size(); }

 private:
  struct Entry {
    std::string key;
    std::string value;
  };
  using Entries = boost::multi_index_container<
      Entry, boost::multi_index::indexed_by<
                 boost::multi_index::sequenced<>,
                 boost::multi_index::hashed_unique<boost::multi_index::member<Entry, std::string, &Entry::key>,
                                                   Hash<std::string>, std::equal_to<>>>>;

  template <class Found>
  void promote(Found found) {
    entries_.relocate(entries_.begin(), entries_.template project<0>(found));
  }

  std::size_t max_entries_;
  Entries entries_;
  Mutex mutex_;
};

#endif

/// What most people write: a list in order of use, a map from keys to its iterators, and a copy on return.
template <class Mutex>
class ListAndMap {
 public:
  explicit ListAndMap(std::size_t max_entries) : max_entries_(max_entries) {}

  std::optional<std::string> get(const std::string& key) {
    const std::lock_guard lock(mutex_);
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return std::nullopt;
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->second;
  }

  void set(const std::string& key, std::string value) {
    const std::lock_guard lock(mutex_);
    const auto found = by_key_.find(key);
    if (found != by_key_.end()) {
      found->second->second = std::move(value);
      entries_.splice(entries_.begin(), entries_, found->second);
      return;
    }
    entries_.emplace_front(key, std::move(value));
    by_key_.emplace(key, entries_.begin());
    if (entries_.size() > max_entries_) {
      by_key_.erase(entries_.back().first);
      entries_.pop_back();
    }
  }

  Sum read(std::string_view key) {
    key_.assign(key);  // callers of such a class hold a std::string already, so making one is not charged
    const auto value = get(key_);
    return value ? touch(*value) : 0;
  }

  void write(std::string_view key, std::string_view value) {
    key_.assign(key);
    set(key_, std::string(value));
  }

  std::size_t size() const noexcept { return entries_.size(); }

 private:
  using Entries = std::list<std::pair<std::string, std::string>>;

  std::size_t max_entries_;
  Entries entries_;
  std::unordered_map<std::string, Entries::iterator> by_key_;
  std::string key_;
  Mutex mutex_;
};

}  // namespace larder::bench
