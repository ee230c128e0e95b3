/// \file shard.hpp
/// Shard: the entries of an in-memory cache that share one mutex, one order of use and one share of the limits.
///
/// Every function is called with the mutex held, but for those of the mutex and those that say that they are for
/// readers: these are called with a read stripe locked (read_stripes.hpp). None of them runs user code, except that
/// the look-ups call the predicate that they are given: so entries that leave go to a `RemovedEntries`, whose owner
/// reports and frees them once the mutex is released. None allocates or throws but the look-ups (what the predicate
/// throws) and `make_room` (std::bad_alloc), and those change nothing then but to let expired entries go.
///
/// Invariants, whenever the mutex is free:
/// - Index, eviction policy and `ids_` hold the same entries; the wheel holds the timers of those that expire.
/// - An entry's number is its own while it is in the cache, and passes to the entry that replaces it.
/// - `size_` and `weight_` are the sums over these entries, and neither limit is exceeded.
/// - No reader can be looking at an entry that `let_go` has handed out.
#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>

#include <larder/cache_stats.hpp>
#include <larder/detail/entry_ids.hpp>
#include <larder/detail/hash_index.hpp>
#include <larder/detail/lingering_entries.hpp>
#include <larder/detail/prefetch.hpp>
#include <larder/detail/read_stripes.hpp>
#include <larder/detail/removed_entries.hpp>
#include <larder/detail/shard_eviction.hpp>
#include <larder/detail/timer_wheel.hpp>
#include <larder/eviction/eviction_policy.hpp>
#include <larder/removal_cause.hpp>

namespace larder::detail {

/// Aligned so that no two shards' locks share a cache line.
template <class Node, EvictionPolicy Policy, class Mutex>
class alignas(64) Shard {
  using Eviction = ShardEviction<Node, Policy, Mutex>;

 public:
  using Index = HashIndex<Node>;
  using Stripes = typename Eviction::Stripes;
  using Stripe = typename Stripes::Stripe;

  /// To be called once, first of all.
  void set_limits(EvictionLimits limits) {
    limits_ = limits;
    eviction_.set_limits(limits);
  }

  /// For std::lock_guard.
  void lock() { mutex_.lock(); }
  void unlock() { mutex_.unlock(); }
  bool try_lock() {
    if constexpr (requires { mutex_.try_lock(); }) {
      return mutex_.try_lock();
    } else {
      mutex_.lock();
      return true;
    }
  }

  /// The calling thread's read stripe. To be called with nothing locked.
  [[gnu::always_inline]] Stripe& own_stripe() {
    Stripe* own = stripes_.own();
    return own != nullptr ? *own : find_own_stripe();
  }

  void set_promotion_interval(std::uint32_t interval) noexcept { stripes_.set_promotion_interval(interval); }

  std::size_t entries() const noexcept { return index_.size(); }

  /// Before this time nothing is due to expire. Also for readers, who need it as a hint only: so relaxed will do.
  Tick next_due() const noexcept { return next_due_.load(std::memory_order_relaxed); }

  /// Lets a few of the entries go that have expired. Called by every operation that finds some due, this reclaims
  /// them in step with the work done, so that nobody has to pay for many at once. O(1).
  [[gnu::noinline]] void expire_some(Tick now, RemovedEntries& removed) noexcept {
    std::size_t steps = steps_an_operation;
    while (Timer* timer = wheel_.pop_due(now, steps)) expire(*timer, removed);
    publish_due();
  }

  /// Lets all entries go that have expired. O(those entries), amortized.
  void expire_all(Tick now, RemovedEntries& removed) noexcept {
    while (expire_one(now, removed)) continue;
  }

  /// For readers: the entry with this hash for which `matches(node)` holds, expired or not.
  template <class Predicate>
  [[gnu::always_inline]] auto find_shared(std::uint32_t hash, const Predicate& matches) const {
    return index_.find_shared(hash, matches);
  }

  /// The live entry with this hash for which `matches(node)` holds, or null. One that has expired is let go.
  template <class Predicate>
  Node* find(std::uint32_t hash, Tick now, RemovedEntries& removed, const Predicate& matches) {
    Node* node = index_.find(hash, matches);
    if (node != nullptr && node->expires() && node->timer().due() <= now) [[unlikely]] {
      wheel_.erase(node->timer());
      expire(*node, removed);
      return nullptr;
    }
    return node;
  }

  /// For anybody, with or without a lock.
  [[gnu::always_inline]] void prefetch_early(std::uint32_t hash) const noexcept { index_.prefetch_early(hash); }

  /// For readers, too.
  void prefetch_bucket(std::uint32_t hash) const noexcept { index_.prefetch_bucket(hash); }
  void prefetch_node(std::uint32_t hash) const noexcept { index_.prefetch_node(hash); }

  void count_hit(Node& node, Stripe& own) noexcept {
    ++counters_.hits;
    settle(own);
    eviction_.use(node, own);
  }
  /// The same for a reader, by its stripe.
  [[gnu::always_inline]] static void count_shared_hit(Node& node, Stripe& own) noexcept {
    Eviction::count_shared_hit(node, own);
  }
  void count_miss() noexcept { ++counters_.misses; }

  /// Works off the uses that a stripe has noted.
  void settle(Stripe& stripe) noexcept {
    if (stripe.pending_count() == 0) return;
    index_.advance(buckets_a_note);
    eviction_.settle(stripe);
  }

  /// Makes sure that one more entry finds room in index, numbers and order of use. \throws std::bad_alloc.
  void make_room() {
    // Where an entry must leave for the new one, there is room already.
    if (index_.size() >= limits_.entries) return;
    index_.reserve_one();
    ids_.reserve_one();
    eviction_.reserve(ids_.bound() + 1);
  }

  /// Whether the policy lets a new entry in; to be asked of each, when `make_room` was called. Expired entries make
  /// room first.
  bool admits(const Node& fresh, Tick now, RemovedEntries& removed, Stripe& own) noexcept {
    if constexpr (Eviction::may_turn_away) {
      while (has_no_room_for(fresh, 1) && expire_one(now, removed)) continue;
      return eviction_.admits(fresh, Entries{*this}, own);
    } else {
      return true;
    }
  }

  /// Puts `fresh` in the place of `old`, or adds it where there is no old one: then `make_room` and `admits` were
  /// called. Expired entries make room first, then those that the policy chooses. `fresh` is within the limits by
  /// itself. `own` is the calling thread's stripe. `is_same`: `fresh` is the entry of `old` in another node, so that
  /// this is a mere use, which counts nothing and of which nobody is told.
  [[gnu::noinline]] void store(Node& fresh, Node* old, Tick now, RemovedEntries& removed, Stripe& own,
                               bool is_same = false) noexcept {
    if (old != nullptr) {
      fresh.id = old->id;
      eviction_.replace(*old, fresh);
      index_.replace(*old, fresh);
      index_.advance(1);
      forget(*old);
      is_same ? removed.push_superseded(*old) : removed.push(*old, RemovalCause::replaced);
    }
    make_room_for(fresh, old == nullptr, now, removed, own);
    if (old == nullptr) {
      fresh.id = ids_.take(fresh.hash);
      // Before a reader finds it: one that shares the stripe may note its use at once, and notes are worked off here.
      eviction_.insert(fresh, own);
      index_.insert(fresh);
    } else {
      eviction_.use(fresh, own);
    }
    size_ += fresh.size();
    weight_ += fresh.weight();
    if (fresh.expires()) start_timer(fresh.timer());
    counters_.sets += is_same ? 0 : 1;
    if (index_.has_retired()) [[unlikely]] {
      wait_for_readers();
    }
  }

  /// A use that is no hit. An entry that has a timer gets another deadline.
  void touch(Node& node, Tick deadline, Stripe& own) noexcept {
    if (node.expires()) {
      wheel_.erase(node.timer());
      node.timer().deadline.store(deadline, std::memory_order_relaxed);
      start_timer(node.timer());
    }
    eviction_.use(node, own);
  }

  /// Removes an entry for a reason other than its TTL.
  [[gnu::noinline]] void remove(Node& node, RemovalCause cause, RemovedEntries& removed) noexcept {
    if (cause == RemovalCause::erased) ++counters_.deletes;
    if (cause == RemovalCause::evicted) ++counters_.evictions;
    forget(node);
    take_out(node);
    removed.push(node, cause);
  }

  /// To be called at the end of an operation. What it has removed may still be looked at by readers: result, in
  /// `removed`, is what nobody can be looking at any more. `told`: whether a listener wants to know of them, and so
  /// now.
  void let_go(RemovedEntries& removed, bool told) noexcept {
    if (removed.empty()) return;
    if constexpr (Stripes::concurrent) {
      if (!told && lingering_.take_over(removed)) return;
    }
    wait_for_readers();
  }

  /// Empties the shard. `index` and the entries in it are the caller's, and no reader's.
  void release_all(Index& index, RemovedEntries& removed) noexcept {
    index_.swap(index);
    ids_.clear();
    eviction_.clear();
    wheel_.clear();
    publish_due();
    size_ = weight_ = 0;
    // This waits for the readers, too. What they have noted is not marked as removed, and must not be promoted.
    stripes_.for_each_locked([](Stripe& stripe) { stripe.forget_pending(); });
    lingering_.release(removed);
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
    stripes_.for_each_locked([&stats](const Stripe& stripe) {
      stats.hits += stripe.hits();
      stats.misses += stripe.misses();
    });
    stats.sets += counters_.sets;
    stats.deletes += counters_.deletes;
    stats.evictions += counters_.evictions;
    stats.expirations += counters_.expirations;
    *stats.current_entries += index_.size();
    *stats.current_size_bytes += size_;
  }

  void reset_counters() noexcept {
    counters_ = {};
    stripes_.for_each_locked([](Stripe& stripe) { stripe.reset_counters(); });
  }

 private:
  /// An entry costs at most eight steps in its life: seven moves to a finer wheel, and its end. So even where each
  /// operation adds an entry, this many keep up with what expires.
  static constexpr std::size_t steps_an_operation = 8;

  /// How many buckets of a growing index move when notes are worked off, so that growth ends also where there are
  /// reads alone.
  static constexpr std::size_t buckets_a_note = 8;

  /// What the policy looks entries up in.
  struct Entries {
    Shard& shard;

    MarkedEntry operator[](EntryId id) const noexcept {
      Node& node = shard.node_of(id);
      return {Eviction::facts_of(node), node.state};
    }
    std::uint32_t hash_of(EntryId id) const noexcept { return shard.ids_.hash_of(id); }
  };

  struct Counters {
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;
    std::uint64_t sets = 0;
    std::uint64_t deletes = 0;
    std::uint64_t evictions = 0;
    std::uint64_t expirations = 0;
  };

  [[gnu::noinline]] Stripe& find_own_stripe() {
    const std::uint32_t index = stripes_.own_index();
    if (!stripes_.is_used(index)) {
      const std::lock_guard lock(mutex_);
      stripes_.mark_used(index);
    }
    return stripes_[index];
  }

  Node& node_of(EntryId id) noexcept {
    return *index_.find(ids_.hash_of(id), [id](const Node& node) { return node.id == id; });
  }

  /// From the order of use to a victim it is four steps, each of which waits for memory. So while one leaves, each of
  /// those that are likely to follow is brought one step nearer.
  void prefetch_victims_after(EntryId victim) const noexcept {
    eviction_.for_each_after(victim, [this](int step, EntryId id) {
      switch (step) {
        case 1: index_.prefetch_node(ids_.hash_of(id)); break;
        case 2: index_.prefetch_bucket(ids_.hash_of(id)); break;
        default: ids_.prefetch(id);
      }
    });
  }

  /// Lets entries go until there is room for one that is not counted yet.
  void make_room_for(const Node& fresh, bool is_further, Tick now, RemovedEntries& removed, Stripe& own) noexcept {
    const std::size_t further = is_further ? 1 : 0;
    while (has_no_room_for(fresh, further)) {
      if (expire_one(now, removed)) continue;
      settle(own);
      const bool by_weight = weight_ > limits_.weight - fresh.weight();
      const EvictionNeed need{.spared = is_further ? no_entry : fresh.id,
                              .by_weight = by_weight,
                              .capacity = by_weight ? limits_.weight : limits_.entries,
                              .incoming = is_further ? (by_weight ? fresh.weight() : 1) : 0};
      // There is another entry to evict: `fresh` alone exceeds no limit.
      const EntryId victim = eviction_.victim(need, Entries{*this});
      prefetch_victims_after(victim);
      remove(node_of(victim), RemovalCause::evicted, removed);
    }
  }

  bool has_no_room_for(const Node& fresh, std::size_t further) const noexcept {
    return weight_ > limits_.weight - fresh.weight() || index_.size() > limits_.entries - further;
  }

  /// Afterwards no reader looks at anything that is out of the index now, nor has a note of it.
  [[gnu::noinline]] void wait_for_readers() noexcept {
    // The index must not change meanwhile: a table that retires now may be entered by readers who were waited for.
    stripes_.for_each_locked([this](Stripe& stripe) { eviction_.tell_pending(stripe); });
    lingering_.forget_readers();
    index_.free_retired();
  }

  /// Result: whether there was one.
  bool expire_one(Tick now, RemovedEntries& removed) noexcept {
    if (wheel_.empty()) return false;
    std::size_t unlimited = static_cast<std::size_t>(-1);
    Timer* timer = wheel_.pop_due(now, unlimited);
    if (timer != nullptr) expire(*timer, removed);
    publish_due();
    return timer != nullptr;
  }

  void start_timer(Timer& timer) noexcept {
    wheel_.insert(timer);
    if (timer.due() < next_due()) next_due_.store(timer.due(), std::memory_order_relaxed);
  }

  void publish_due() noexcept { next_due_.store(wheel_.next_due(), std::memory_order_relaxed); }

  void expire(Timer& timer, RemovedEntries& removed) noexcept { expire(Node::of(timer), removed); }

  /// Removes an entry whose timer is out of the wheel already.
  [[gnu::noinline]] void expire(Node& node, RemovedEntries& removed) noexcept {
    ++counters_.evictions;
    ++counters_.expirations;
    size_ -= node.size();
    weight_ -= node.weight();
    take_out(node);
    removed.push(node, RemovalCause::expired);
  }

  void forget(Node& node) noexcept {
    if (node.expires()) wheel_.erase(node.timer());
    size_ -= node.size();
    weight_ -= node.weight();
  }

  /// Out of the index and the order of use, and its number is free.
  void take_out(Node& node) noexcept {
    index_.erase(node);
    eviction_.erase(node);
    ids_.give_back(node.id);
  }

  // What every reader reads, and what every writer writes, on cache lines of their own.
  Index index_;
  alignas(cache_line) mutable Stripes stripes_;
  std::atomic<Tick> next_due_{TimerWheel::no_deadline};

  alignas(cache_line) Mutex mutex_;
  EntryIds ids_;
  Eviction eviction_;
  Counters counters_;
  std::size_t size_ = 0;
  std::size_t weight_ = 0;
  EvictionLimits limits_{};
  LingeringEntries<Node> lingering_;
  TimerWheel wheel_;
};

}  // namespace larder::detail
