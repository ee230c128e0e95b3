/// \file sharded_store.hpp
/// ShardedStore: the shards of an in-memory cache, its time and its listener, and how an operation gets at them.
///
/// An operation that changes a shard makes an `Access` to it and works with that while it lives. Its end releases the
/// mutex; then what left the shard meanwhile is reported to the listener and freed, also if something was thrown. So
/// no user code runs under a lock but hash and equality, and what the operation itself calls.
///
/// An operation that only reads makes a `Reading`, and any number of those may be under way in one shard. A reading
/// may come to no certain result (the index grows, or the entry has expired and should go): then the operation is
/// repeated with an `Access`.
#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <larder/cache_entry.hpp>
#include <larder/detail/entry_node.hpp>
#include <larder/detail/equal_texts.hpp>
#include <larder/detail/key_hash.hpp>
#include <larder/detail/shard.hpp>
#include <larder/detail/timeline.hpp>
#include <larder/in_memory_options.hpp>
#include <larder/key_view.hpp>
#include <larder/ttl.hpp>
#include <larder/value_size.hpp>

namespace larder::detail {

template <class Key, class Value, class Traits>
class ShardedStore {
 public:
  using Node = EntryNode<Key, Value, !std::same_as<typename Traits::Weigher, ValueSize>>;
  using Shard = detail::Shard<Node, typename Traits::Eviction, typename Traits::Mutex>;
  using Stripe = typename Shard::Stripe;
  using Options = InMemoryOptions<Key, Value, Traits>;
  using KeyHash = detail::KeyHash<Key, typename Traits::Hash>;
  /// When an entry expires; empty if never.
  using Deadline = std::optional<Tick>;

  /// \throws InvalidArgumentError if the options make no sense; std::bad_alloc.
  explicit ShardedStore(Options options)
      : options_((options.validate(), std::move(options))),
        timeline_(options_.clock),
        shards_(std::make_unique<Shard[]>(options_.shards)) {
    const auto share = [this](std::size_t limit) { return limit == 0 ? SIZE_MAX : limit / options_.shards; };
    limits_ = {share(options_.max_size_bytes), share(options_.max_entries)};
    for (Shard& shard : shards()) {
      shard.set_limits(limits_);
      shard.set_promotion_interval(options_.promotion_interval);
    }
  }

  const Options& options() const noexcept { return options_; }
  const Timeline<typename Traits::Clock>& timeline() const noexcept { return timeline_; }
  /// Of each shard.
  const EvictionLimits& limits() const noexcept { return limits_; }

  std::span<Shard> shards() const noexcept { return {shards_.get(), options_.shards}; }

  Shard& shard_of(KeyHash hash) const noexcept {
    if (options_.shards == 1) return shards_[0];
    return shards_[hash.for_shard(options_.shards)];
  }

  /// The same, for who will look the key up at once. A lock makes the processor wait for all that it has begun: what
  /// the look-up reads first is asked for before that.
  [[gnu::always_inline]] Shard& shard_for(KeyHash hash) const noexcept {
    Shard& shard = shard_of(hash);
    if constexpr (Shard::Stripes::concurrent) shard.prefetch_early(hash.for_index());
    return shard;
  }

  /// The node of a new entry, or null if it weighs more than a shard may hold. To be called with nothing locked.
  /// Throws as Node::create does.
  typename Node::Owner make_node(KeyView<Key> key, KeyHash hash, Value&& value, Deadline deadline,
                                 Metadata&& metadata) const {
    const std::size_t weight = weight_of(key, value, metadata, deadline.has_value());
    if (weight > limits_.weight) return nullptr;
    const NodeRecipe<Key> recipe{key, hash.for_index(), value_size(value), weight, deadline.has_value()};
    auto node = Node::create(recipe, std::move(value), std::move(metadata));
    if (deadline) node->timer().deadline.store(*deadline, std::memory_order_relaxed);
    return node;
  }

  /// Every live entry of a shard. The room for them is found without the lock, so it may be too small at first.
  std::vector<typename Node::Pin> pin_all(Shard& each) const {
    std::vector<typename Node::Pin> pins;
    for (std::size_t room = 0;;) {
      pins.reserve(room);
      Access shard(*this, each);
      shard.expire_all();
      if (shard->entries() <= pins.capacity()) {
        shard->for_each([&pins](Node& node) { pins.push_back(node.pin()); });
        return pins;
      }
      room = shard->entries() + shard->entries() / 8;
    }
  }

  /// The end of a TTL that begins now, and is about to be given to an entry.
  Deadline deadline_of(Ttl ttl) {
    if (!ttl) ttl = options_.default_ttl;
    if (!ttl) return std::nullopt;
    // relaxed: who needs to see it for certain looks at the shard, under its lock.
    if (!can_expire_.load(std::memory_order_relaxed)) can_expire_.store(true, std::memory_order_relaxed);
    return timeline_.deadline_after(*ttl);
  }

  /// Calls no listener any more.
  void silence() noexcept { options_.on_removal = nullptr; }

  std::uint64_t listener_errors() const noexcept { return listener_errors_.load(std::memory_order_relaxed); }
  void reset_listener_errors() noexcept { listener_errors_.store(0, std::memory_order_relaxed); }

 private:
  /// What left during one operation, to be declared before the lock is taken.
  struct Departures {
    explicit Departures(const ShardedStore& owner) noexcept : store(owner) {}
    Departures(const Departures&) = delete;
    Departures& operator=(const Departures&) = delete;
    ~Departures() {
      if (!entries.empty()) [[unlikely]] {
        store.depart(entries);
      }
    }

    const ShardedStore& store;
    RemovedEntries entries;
  };

 public:
  /// One reader's access to one shard. All of it is inlined into the operations: called, it would cost as much again.
  class Reading {
   public:
    [[gnu::always_inline]] Reading(const ShardedStore& store, Shard& shard)
        : store_(store),
          knows_time_(store.can_expire()),
          elapsed_(knows_time_ ? store.timeline_.elapsed() : std::chrono::nanoseconds::zero()),
          now_(store.timeline_.tick_of(elapsed_)),
          shard_(shard),
          stripe_(shard.own_stripe()) {
      stripe_.lock();
    }
    Reading(const Reading&) = delete;
    Reading& operator=(const Reading&) = delete;
    [[gnu::always_inline]] ~Reading() {
      const bool full = Stripe::most_pending != 0 && stripe_.pending_count() == Stripe::most_pending;
      stripe_.unlock();
      if (full) [[unlikely]] {
        store_.work_off(shard_, stripe_);
      }
      if (now_ >= shard_.next_due()) [[unlikely]] {
        store_.reclaim(shard_, now_);
      }
    }

    /// The live entry of a key, or null; it stays readable until the reading ends. Throws what equality throws.
    [[gnu::always_inline]] Node* find(KeyHash hash, KeyView<Key> key) {
      const auto found = shard_.find_shared(hash.for_index(), IsKey{key});
      certain_ = found.certain;
      if (found.node != nullptr && found.node->expires() && found.node->timer().due() <= now_) [[unlikely]] {
        certain_ = false;
        return nullptr;
      }
      return found.node;
    }

    /// Whether this very entry is still in the cache.
    bool holds(KeyHash hash, const Node& entry) const {
      const auto is_this = [&entry](const Node& node) { return &node == &entry; };
      return shard_.find_shared(hash.for_index(), is_this).node != nullptr;
    }

    /// The time of this reading, as the timeline counts it.
    std::chrono::nanoseconds elapsed() const {
      return knows_time_ ? elapsed_ : store_.timeline_.elapsed();  // the first entry with a TTL may have come since
    }

    /// Whether the last find, if it found nothing, can be believed.
    bool is_certain() const noexcept { return certain_; }

    void count_hit(Node& node) noexcept { Shard::count_shared_hit(node, stripe_); }
    void count_late_hit() noexcept { stripe_.count_hit(); }
    void count_miss() noexcept { stripe_.count_miss(); }

    void prefetch_bucket(KeyHash hash) const noexcept { shard_.prefetch_bucket(hash.for_index()); }
    void prefetch_node(KeyHash hash) const noexcept { shard_.prefetch_node(hash.for_index()); }

   private:
    const ShardedStore& store_;
    // Reading a clock costs as much as half a look-up: it is left out where nothing can expire, and at time 0 nothing
    // has.
    const bool knows_time_;
    const std::chrono::nanoseconds elapsed_;
    const Tick now_;
    Shard& shard_;
    Stripe& stripe_;
    bool certain_ = true;
  };

  /// Exclusive access to one shard, for who changes it.
  class Access {
   public:
    Access(const ShardedStore& store, Shard& shard)
        : departures_(store),
          knows_time_(store.can_expire()),
          now_(knows_time_ ? store.timeline_.now() : 0),
          shard_(shard),
          stripe_(shard.own_stripe()) {
      shard_.lock();
    }
    /// At a time that is known already, since nothing may be thrown.
    Access(const ShardedStore& store, Shard& shard, Tick now)
        : departures_(store), knows_time_(true), now_(now), shard_(shard), stripe_(shard.own_stripe()) {
      shard_.lock();
    }
    Access(const Access&) = delete;
    Access& operator=(const Access&) = delete;
    [[gnu::noinline]] ~Access() {
      if (!has_waited_) shard_.let_go(departures_.entries, departures_.store.has_listener());
      shard_.unlock();
    }

    Shard* operator->() const noexcept { return &shard_; }

    /// The time, as the timeline counts it.
    std::chrono::nanoseconds elapsed() const { return departures_.store.timeline_.elapsed(); }

    /// The live entry of a key, or null. A few expired ones are let go on the way. What was found stays: it is one
    /// and the same time until the access ends. Throws what equality throws.
    [[gnu::noinline]] Node* find(KeyHash hash, KeyView<Key> key) {
      if (shard_.next_due() != TimerWheel::no_deadline) [[unlikely]] {
        if (!knows_time_) {  // the first entry with a TTL came since
          now_ = departures_.store.timeline_.now();
          knows_time_ = true;
        }
        if (now_ >= shard_.next_due()) shard_.expire_some(now_, departures_.entries);
      }
      return shard_.find(hash.for_index(), now_, departures_.entries, IsKey{key});
    }

    void expire_some() noexcept { shard_.expire_some(now_, departures_.entries); }

    void count_hit(Node& node) noexcept { shard_.count_hit(node, stripe_); }
    void count_miss() noexcept { shard_.count_miss(); }

    /// Stores an entry in place of the one that is there. Without a node, that one is removed: no older value survives.
    /// Result: whether it was stored: the policy may turn a new one away. What is thrown or turned away leaves the node
    /// to its owner, who frees it without a lock.
    bool put(KeyHash hash, KeyView<Key> key, typename Node::Owner& fresh) {
      Node* old = find(hash, key);
      if (fresh == nullptr) {
        if (old != nullptr) remove(*old, RemovalCause::evicted);
        return false;
      }
      if (old == nullptr) return put_new(fresh);
      shard_.store(*fresh.release(), old, now_, departures_.entries, stripe_);
      return true;
    }

    /// Stores an entry only if there is none. Result: whether it was stored. Throws as `put` does.
    bool put_if_absent(KeyHash hash, KeyView<Key> key, typename Node::Owner& fresh) {
      return find(hash, key) == nullptr && put_new(fresh);
    }

    /// Puts `fresh` in the place of a node that holds the same entry.
    void supersede(Node& old, typename Node::Owner& fresh) noexcept {
      shard_.store(*fresh.release(), &old, now_, departures_.entries, stripe_, true);
    }
    void touch(Node& node, Tick deadline) noexcept { shard_.touch(node, deadline, stripe_); }
    void remove(Node& node, RemovalCause cause) noexcept { shard_.remove(node, cause, departures_.entries); }

    /// Lets all entries go that have expired.
    void expire_all() {
      if (shard_.next_due() != TimerWheel::no_deadline) {
        shard_.expire_all(departures_.store.timeline_.now(), departures_.entries);
      }
    }

    /// Empties the shard: `index` holds what was in it.
    void release_all(typename Shard::Index& index) noexcept {
      shard_.release_all(index, departures_.entries);
      has_waited_ = true;
    }

   private:
    bool put_new(typename Node::Owner& fresh) {
      shard_.make_room();
      if (!shard_.admits(*fresh, now_, departures_.entries, stripe_)) return false;
      shard_.store(*fresh.release(), nullptr, now_, departures_.entries, stripe_);
      return true;
    }

    Departures departures_;    // first, so that it ends last, with the mutex released
    bool knows_time_;          // see Reading::now_
    bool has_waited_ = false;  // for the readers, already
    Tick now_;
    Shard& shard_;
    Stripe& stripe_;
  };

  /// Sees to it that a reading may count so many hits without losing their order.
  void expect_hits(Shard& shard, std::uint32_t hits) const {
    if (Stripe::most_pending == 0) return;
    Stripe& stripe = shard.own_stripe();
    if (stripe.pending_count() > Stripe::most_pending - hits) work_off(shard, stripe);
  }

  /// Empties a shard. Result: how many live entries there were.
  std::size_t clear(Shard& shard) {
    Departures departures(*this);
    typename Shard::Index index;
    {
      Access access(*this, shard);
      access.expire_all();
      access.release_all(index);
    }
    index.for_each([&departures](Node& node) { departures.entries.push(node, RemovalCause::cleared); });
    return index.size();
  }

 private:
  /// Whether a node is the one of a key.
  struct IsKey {
    KeyView<Key> key;

    [[gnu::always_inline]] bool operator()(const Node& node) const {
      using KeyEqual = typename Traits::KeyEqual;
      if constexpr (Node::key_inline && std::same_as<KeyEqual, std::equal_to<>>) {
        return equal_texts(node.key(), key);
      } else {
        return static_cast<bool>(KeyEqual()(node.key(), key));
      }
    }
  };

  static std::size_t weight_of(KeyView<Key> key, const Value& value, const Metadata& metadata, bool expires) {
    const typename Traits::Weigher weigher{};
    if constexpr (requires { weigher(key, value, metadata, expires); }) {
      return weigher(key, value, metadata, expires);
    } else {
      return weigher(key, value);
    }
  }

  /// Works off what a stripe has noted. If somebody else changes the shard just now, the notes are thrown away: a
  /// reader never waits for writers.
  [[gnu::noinline]] void work_off(Shard& shard, Stripe& stripe) const {
    if (shard.try_lock()) {
      shard.settle(stripe);
      shard.unlock();
    } else {
      const std::lock_guard lock(stripe);
      stripe.forget_pending();
    }
  }

  /// Lets a few of the entries go that have expired by now.
  [[gnu::noinline]] void reclaim(Shard& shard, Tick now) const { Access(*this, shard, now).expire_some(); }

  bool has_listener() const noexcept { return options_.on_removal != nullptr; }
  bool can_expire() const noexcept { return can_expire_.load(std::memory_order_relaxed); }

  /// Reports what has left, and drops the cache's references to it.
  [[gnu::noinline]] void depart(RemovedEntries& entries) const noexcept {
    while (NodeHead* head = entries.pop()) {
      Node& node = static_cast<Node&>(*head);
      if (options_.on_removal && !node.is_superseded()) report(node);
      Node::retire(&node);
    }
  }

  void report(Node& node) const noexcept {
    const RemovalCause cause = node.removal_cause();
    try {
      node.with_value([&](const Value& value) { options_.on_removal(node.key(), value, cause); });
    } catch (...) {
      listener_errors_.fetch_add(1, std::memory_order_relaxed);
    }
  }

  Options options_;
  Timeline<typename Traits::Clock> timeline_;
  std::unique_ptr<Shard[]> shards_;
  EvictionLimits limits_{};
  std::atomic<bool> can_expire_{false};  // whether any entry was ever stored with a TTL
  mutable std::atomic<std::uint64_t> listener_errors_{0};
};

}  // namespace larder::detail
