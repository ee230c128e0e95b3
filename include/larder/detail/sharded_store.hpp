/// \file sharded_store.hpp
/// ShardedStore: the shards of an in-memory cache, its time and its listener, and how an operation gets at them.
///
/// An operation makes an `Access` to a shard and works with that while it lives. Its end releases the lock; then what
/// left the shard meanwhile is reported to the listener and freed, also if something was thrown. So no user code runs
/// under a lock but hash and equality, and what the operation itself calls.
#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <type_traits>
#include <utility>

#include <larder/detail/entry_node.hpp>
#include <larder/detail/equal_texts.hpp>
#include <larder/detail/shard.hpp>
#include <larder/detail/timeline.hpp>
#include <larder/in_memory_options.hpp>
#include <larder/key_view.hpp>

namespace larder::detail {

template <class Key, class Value, class Traits>
class ShardedStore {
 public:
  using Node = EntryNode<Key, Value, !std::same_as<typename Traits::Weigher, ValueSize>>;
  using Shard = detail::Shard<Node, typename Traits::Eviction, typename Traits::Mutex>;
  using Options = InMemoryOptions<Key, Value, Traits>;

  /// A key's hash, all 64 bits mixed: the upper half chooses the shard, the lower one the place in its index.
  struct KeyHash {
    std::uint64_t bits;

    explicit KeyHash(KeyView<Key> key) : bits(static_cast<std::uint64_t>(Hash()(key))) {
      if constexpr (!is_mixed) bits = mix_hash(bits);
    }
    KeyHash() = default;

    std::uint32_t for_index() const noexcept { return static_cast<std::uint32_t>(bits); }

   private:
    using Hash = typename Traits::Hash;
    static constexpr bool is_mixed = sizeof(std::size_t) == sizeof(std::uint64_t) && requires {
      typename Hash::is_avalanching;
    };
  };

  /// \throws InvalidArgumentError if the options make no sense; std::bad_alloc.
  explicit ShardedStore(Options options)
      : options_((options.validate(), std::move(options))),
        timeline_(options_.clock),
        shards_(std::make_unique<Shard[]>(options_.shards)) {
    const auto share = [this](std::size_t limit) { return limit == 0 ? SIZE_MAX : limit / options_.shards; };
    limits_ = {share(options_.max_size_bytes), share(options_.max_entries)};
    for (Shard& shard : shards()) shard.set_limits(limits_);
  }

  const Options& options() const noexcept { return options_; }
  const Timeline<typename Traits::Clock>& timeline() const noexcept { return timeline_; }
  /// Of each shard.
  const ShardLimits& limits() const noexcept { return limits_; }

  std::span<Shard> shards() const noexcept { return {shards_.get(), options_.shards}; }

  Shard& shard_of(KeyHash hash) const noexcept {
    if (options_.shards == 1) return shards_[0];
    return shards_[static_cast<std::size_t>(((hash.bits >> 32) * options_.shards) >> 32)];
  }

  /// To be called before the first entry with a TTL is stored.
  void expect_expiry() noexcept {
    // relaxed: who needs to see it for certain looks at the shard, under its lock.
    if (!can_expire_.load(std::memory_order_relaxed)) can_expire_.store(true, std::memory_order_relaxed);
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
  /// Exclusive access to one shard.
  class Access {
   public:
    Access(const ShardedStore& store, Shard& shard)
        : departures_(store),
          knows_time_(store.can_expire()),
          now_(knows_time_ ? store.timeline_.now() : 0),
          shard_(shard),
          lock_(shard) {}

    Shard* operator->() const noexcept { return &shard_; }

    /// The live entry of a key, or null. A few expired ones are let go on the way. What was found stays: it is one
    /// and the same time until the access ends. Throws what equality throws.
    Node* find(KeyHash hash, KeyView<Key> key) {
      if (shard_.can_expire()) [[unlikely]] {
        if (!knows_time_) {  // the first entry with a TTL came since
          now_ = departures_.store.timeline_.now();
          knows_time_ = true;
        }
        shard_.expire_some(now_, departures_.entries);
      }
      return shard_.find(hash.for_index(), now_, departures_.entries, [&key](const Node& node) {
        using KeyEqual = typename Traits::KeyEqual;
        if constexpr (Node::key_inline && std::same_as<KeyEqual, std::equal_to<>>) {
          return equal_texts(node.key(), key);
        } else {
          return static_cast<bool>(KeyEqual()(node.key(), key));
        }
      });
    }

    /// Shard::store at the present time. `old` is what `find` found.
    void store(Node& fresh, Node* old) noexcept { shard_.store(fresh, old, now_, departures_.entries); }
    void remove(Node& node, RemovalCause cause) noexcept { shard_.remove(node, cause, departures_.entries); }

    /// Lets all entries go that have expired.
    void expire_all() {
      if (shard_.can_expire()) shard_.expire_all(departures_.store.timeline_.now(), departures_.entries);
    }

   private:
    Departures departures_;
    // Reading a clock costs as much as half a look-up: it is left out where nothing can expire, and at time 0 nothing
    // has.
    bool knows_time_;
    Tick now_;
    Shard& shard_;
    std::lock_guard<Shard> lock_;  // last, so that it is released first
  };

  /// Empties a shard. Result: how many live entries there were.
  std::size_t clear(Shard& shard) {
    Departures departures(*this);
    typename Shard::Contents contents;
    {
      Access access(*this, shard);
      access.expire_all();
      shard.release_all(contents);
    }
    departures.entries.push_all(contents.chain, RemovalCause::cleared);
    return contents.index.size();
  }

 private:
  bool can_expire() const noexcept { return can_expire_.load(std::memory_order_relaxed); }

  /// Reports what has left, and drops the cache's references to it.
  [[gnu::noinline]] void depart(RemovedEntries& entries) const noexcept {
    while (NodeHead* head = entries.pop()) {
      Node& node = static_cast<Node&>(*head);
      if (options_.on_removal) report(node);
      Node::retire(&node);
    }
  }

  void report(Node& node) const noexcept {
    const RemovalCause cause = RemovedEntries::cause_of(node);
    try {
      node.with_value([&](const Value& value) { options_.on_removal(node.key(), value, cause); });
    } catch (...) {
      listener_errors_.fetch_add(1, std::memory_order_relaxed);
    }
  }

  Options options_;
  Timeline<typename Traits::Clock> timeline_;
  std::unique_ptr<Shard[]> shards_;
  ShardLimits limits_{};
  std::atomic<bool> can_expire_{false};  // whether any entry was ever stored with a TTL
  mutable std::atomic<std::uint64_t> listener_errors_{0};
};

}  // namespace larder::detail
