/// \file shard.hpp
/// Shard: the entries of an in-memory cache that share one lock, one order of use and one share of the limits.
///
/// Every function but those of its mutex is called with the mutex held. None of them runs user code, except that
/// `find` calls the predicate that it is given: so entries that leave go to a `RemovedEntries`, whose owner reports
/// and frees them once the lock is released. None allocates or throws but `find` (what the predicate throws) and
/// `make_room_in_index` (std::bad_alloc), and those two change nothing then but to let expired entries go.
///
/// Invariants, whenever the mutex is free:
/// - Index and eviction policy hold the same entries; the wheel holds the timers of those that expire.
/// - `size_` and `weight_` are the sums over these entries, and neither limit is exceeded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include <larder/cache_stats.hpp>
#include <larder/detail/hash_index.hpp>
#include <larder/detail/node_head.hpp>
#include <larder/detail/timer_wheel.hpp>
#include <larder/removal_cause.hpp>

namespace larder::detail {

/// Entries that have left a shard, in that order, each with its cause. Its owner must take all of them out.
class RemovedEntries {
 public:
  RemovedEntries() noexcept {}  // NOLINT(cppcoreguidelines-pro-type-member-init): see last_
  RemovedEntries(const RemovedEntries&) = delete;
  RemovedEntries& operator=(const RemovedEntries&) = delete;

  void push(NodeHead& node, RemovalCause cause) noexcept {
    node.mark = static_cast<std::uint8_t>(cause);
    node.newer = nullptr;
    (first_ == nullptr ? first_ : last_->newer) = &node;
    last_ = &node;
  }

  /// Takes over a chain that is linked by `newer`.
  void push_all(NodeHead* chain, RemovalCause cause) noexcept {
    while (chain != nullptr) push(*std::exchange(chain, chain->newer), cause);
  }

  /// The entry that left first, or null.
  NodeHead* pop() noexcept {
    NodeHead* first = first_;
    if (first != nullptr) first_ = first->newer;
    return first;
  }

  bool empty() const noexcept { return first_ == nullptr; }

  static RemovalCause cause_of(const NodeHead& node) noexcept { return static_cast<RemovalCause>(node.mark); }

 private:
  NodeHead* first_ = nullptr;
  NodeHead* last_;  // only where there is a first; most operations remove nothing, and should not pay for it
};

struct ShardLimits {
  std::size_t weight;
  std::size_t entries;
};

/// Aligned so that no two shards' locks share a cache line.
template <class Node, class Eviction, class Mutex>
class alignas(64) Shard {
 public:
  /// All that a cleared shard held, to be freed without the lock.
  struct Contents {
    HashIndex<Node> index;
    NodeHead* chain = nullptr;
  };

  void set_limits(ShardLimits limits) noexcept { limits_ = limits; }

  /// For std::lock_guard.
  void lock() { mutex_.lock(); }
  void unlock() { mutex_.unlock(); }

  std::size_t entries() const noexcept { return index_.size(); }

  /// Whether any entry here has a TTL, so that it matters what time it is.
  bool can_expire() const noexcept { return !wheel_.empty(); }

  /// Lets a few of the entries go that have expired. Called by every operation, this reclaims them in step with
  /// the work done, so that nobody has to pay for many at once. O(1).
  [[gnu::noinline]] void expire_some(Tick now, RemovedEntries& removed) noexcept {
    std::size_t steps = steps_an_operation;
    while (Timer* timer = wheel_.pop_due(now, steps)) expire(*timer, removed);
  }

  /// Lets all entries go that have expired. O(those entries), amortized.
  void expire_all(Tick now, RemovedEntries& removed) noexcept {
    while (expire_one(now, removed)) continue;
  }

  /// The live entry with this hash for which `matches(node)` holds, or null. One that has expired is let go.
  template <class Predicate>
  Node* find(std::uint32_t hash, Tick now, RemovedEntries& removed, Predicate&& matches) {
    Node* node = index_.find(hash, matches);
    if (node != nullptr && node->expires() && node->timer().deadline <= now) [[unlikely]] {
      wheel_.erase(node->timer());
      expire(node->timer(), removed);
      return nullptr;
    }
    return node;
  }

  void prefetch_bucket(std::uint32_t hash) const noexcept { index_.prefetch_bucket(hash); }
  void prefetch_node(std::uint32_t hash) const noexcept { index_.prefetch_node(hash); }

  /// Whether this very entry is still here.
  bool holds(const Node& node) const noexcept {
    return index_.find(node.hash, [&node](const Node& other) { return &other == &node; }) != nullptr;
  }

  void count_hit(Node& node) noexcept {
    ++counters_.hits;
    eviction_.touch(node);
  }
  void count_late_hit() noexcept { ++counters_.hits; }
  void count_miss() noexcept { ++counters_.misses; }

  /// Makes sure that one more entry finds room in the index. \throws std::bad_alloc.
  void make_room_in_index() {
    // Where an entry must leave for the new one, there is room already.
    if (index_.size() < limits_.entries) index_.reserve_one();
  }

  /// Puts `fresh` in the place of `old`, or adds it where there is no old one: then `make_room_in_index` was called.
  /// Expired entries make room first, then those that the policy chooses. `fresh` is within the limits by itself.
  void store(Node& fresh, Node* old, Tick now, RemovedEntries& removed) noexcept {
    if (old != nullptr) {
      index_.replace(*old, fresh);
      eviction_.replace(*old, fresh);
      forget(*old);
      removed.push(*old, RemovalCause::replaced);
    }
    const std::size_t further_entries = old == nullptr ? 1 : 0;
    while (weight_ > limits_.weight - fresh.weight() || index_.size() > limits_.entries - further_entries) {
      if (expire_one(now, removed)) continue;
      // There is another entry to evict: `fresh` alone exceeds no limit.
      remove(static_cast<Node&>(*eviction_.victim(&fresh)), RemovalCause::evicted, removed);
    }
    if (old == nullptr) {
      index_.insert(fresh);
      eviction_.insert(fresh);
    }
    size_ += fresh.size();
    weight_ += fresh.weight();
    if (fresh.expires()) wheel_.insert(fresh.timer());
    ++counters_.sets;
  }

  /// Removes an entry for a reason other than its TTL.
  void remove(Node& node, RemovalCause cause, RemovedEntries& removed) noexcept {
    if (cause == RemovalCause::erased) ++counters_.deletes;
    if (cause == RemovalCause::evicted) ++counters_.evictions;
    index_.erase(node);
    eviction_.erase(node);
    forget(node);
    removed.push(node, cause);
  }

  /// Empties the shard.
  void release_all(Contents& contents) noexcept {
    index_.swap(contents.index);
    contents.chain = eviction_.release_all();
    wheel_.clear();
    size_ = weight_ = 0;
  }

  /// Calls f(node) for each entry, also for those that have expired and were not let go yet.
  template <class Function>
  void for_each(Function&& f) const {
    index_.for_each(f);
  }

  /// Adds this shard's counters and gauges, which must have values, to `stats`.
  void add_to(CacheStats& stats) const noexcept {
    stats.hits += counters_.hits;
    stats.misses += counters_.misses;
    stats.sets += counters_.sets;
    stats.deletes += counters_.deletes;
    stats.evictions += counters_.evictions;
    stats.expirations += counters_.expirations;
    *stats.current_entries += index_.size();
    *stats.current_size_bytes += size_;
  }

  void reset_counters() noexcept { counters_ = {}; }

 private:
  /// An entry costs at most eight steps in its life: seven moves to a finer wheel, and its end. So even where each
  /// operation adds an entry, this many keep up with what expires.
  static constexpr std::size_t steps_an_operation = 8;

  struct Counters {
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;
    std::uint64_t sets = 0;
    std::uint64_t deletes = 0;
    std::uint64_t evictions = 0;
    std::uint64_t expirations = 0;
  };

  /// Result: whether there was one.
  bool expire_one(Tick now, RemovedEntries& removed) noexcept {
    if (!can_expire()) return false;
    std::size_t unlimited = static_cast<std::size_t>(-1);
    Timer* timer = wheel_.pop_due(now, unlimited);
    if (timer != nullptr) expire(*timer, removed);
    return timer != nullptr;
  }

  /// Removes the entry of a timer that is out of the wheel already.
  [[gnu::noinline]] void expire(Timer& timer, RemovedEntries& removed) noexcept {
    Node& node = Node::of(timer);
    ++counters_.evictions;
    ++counters_.expirations;
    index_.erase(node);
    eviction_.erase(node);
    size_ -= node.size();
    weight_ -= node.weight();
    removed.push(node, RemovalCause::expired);
  }

  void forget(Node& node) noexcept {
    if (node.expires()) wheel_.erase(node.timer());
    size_ -= node.size();
    weight_ -= node.weight();
  }

  Mutex mutex_;
  HashIndex<Node> index_;
  Eviction eviction_;
  Counters counters_;
  std::size_t size_ = 0;
  std::size_t weight_ = 0;
  ShardLimits limits_{};
  TimerWheel wheel_;
};

}  // namespace larder::detail
