/// \file in_memory_backend.hpp
/// InMemoryBackend: the cache in process memory.
///
/// A key's hash chooses one of the shards, which are caches of their own (detail/shard.hpp), each with its lock.
///
/// Invariants:
/// - No user code runs under a lock but hash, equality, and the function given to `visit`. So values are made,
///   weighed, copied and destroyed before a lock is taken or after it is released; the entries of a shard are
///   therefore reference-counted blocks (detail/entry_node.hpp), which may outlive their removal.
/// - What leaves is collected in `Departures`, declared before the lock is taken, and so reported to the listener
///   and freed after it is released, also when something throws.
/// - Whatever may throw comes before the first change.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <larder/cache_backend.hpp>
#include <larder/detail/entry_node.hpp>
#include <larder/detail/equal_texts.hpp>
#include <larder/detail/shard.hpp>
#include <larder/detail/timeline.hpp>
#include <larder/glob.hpp>
#include <larder/in_memory_options.hpp>

namespace larder {

namespace detail {

template <class Type>
inline constexpr bool is_shared_ptr = false;
template <class Type>
inline constexpr bool is_shared_ptr<std::shared_ptr<Type>> = true;

}  // namespace detail

/// A cache in process memory: a hash map and an intrusive list in order of use.
///
/// - Limits: `max_size_bytes` (100 MiB unless told otherwise) and `max_entries`. When a limit is reached, entries
///   that have expired leave first, then the least recently used; with more than one shard, those of the shard in
///   question. A value larger than a shard's share of `max_size_bytes` is declined.
/// - Expiry: measured on a steady clock, in whole milliseconds rounded up. An entry that has expired is seen by no
///   operation, and each operation reclaims a few of them, whether or not somebody asks for them again.
/// - Complexity: every operation on one key is O(1) on average (amortized where entries expire), and never rehashes
///   the whole table at once. `keys`, `clear` and `stats` say theirs.
/// - Threads: any number may use one cache. Operations on one key happen one after the other; `keys`, `clear` and
///   `stats` see the shards one after the other. (With `NullMutex` as the traits' mutex: one thread at a time.)
/// - Exceptions: what throws (a copy, an allocation, hash or equality) leaves the cache as it was, except that
///   expired entries may have left; a batch, as after some of its elements.
/// - A value that `get` returned stays valid whatever becomes of its entry.
///
/// It can be neither copied nor moved.
template <class Key, class Value, class Traits>
class InMemoryBackend final : public CacheBackend<Key, Value> {
  using Base = CacheBackend<Key, Value>;
  using Weigher = typename Traits::Weigher;
  using Node = detail::EntryNode<Key, Value, !std::same_as<Weigher, ValueSize>>;
  using Shard = detail::Shard<Node, typename Traits::Eviction, typename Traits::Mutex>;
  using Lock = std::lock_guard<Shard>;
  using Tick = detail::Tick;

 public:
  using typename Base::entry_type;
  using typename Base::item;
  using typename Base::key_item;
  using typename Base::key_view;
  using Options = InMemoryOptions<Key, Value, Traits>;

  /// A cache of 100 MiB. \throws std::bad_alloc.
  InMemoryBackend() : InMemoryBackend(Options()) {}

  /// A cache with another limit in bytes. \throws InvalidArgumentError if it is zero; std::bad_alloc.
  explicit InMemoryBackend(std::size_t max_size_bytes) : InMemoryBackend(with_size(max_size_bytes)) {}

  /// \throws InvalidArgumentError if the options make no sense; std::bad_alloc.
  InMemoryBackend(Options options)
      : options_(validated(std::move(options))),
        timeline_(options_.clock),
        shards_(std::make_unique<Shard[]>(options_.shards)) {
    const auto share = [this](std::size_t limit) { return limit == 0 ? SIZE_MAX : limit / options_.shards; };
    share_ = {share(options_.max_size_bytes), share(options_.max_entries)};
    for (Shard& shard : shards()) shard.set_limits(share_);
  }

  /// Tells the listener of every entry that is left, as `cleared`. What the listener stores now, it hears no more of.
  ~InMemoryBackend() override {
    do_clear();
    options_.on_removal = nullptr;
    do_clear();
  }

  // The interface's own functions would come here by a virtual call, which no compiler takes out.
  std::optional<Value> get(key_view key) { return do_get(key); }
  bool exists(key_view key) { return do_exists(key); }
  bool erase(key_view key) { return do_erase(key); }

  /// Calls `f(const Value&)` with the value in place, where a copy would be dear. Counts and promotes as `get` does,
  /// unless f throws. Result: whether there was one.
  ///
  /// f runs under the lock of the key's shard: it must not use this cache, and should be quick.
  /// \throws what f, hash and equality throw.
  template <std::invocable<const Value&> Function>
  bool visit(key_view key, Function&& f) {
    const std::uint64_t hash = hash_of(key);
    Shard& shard = shard_of(hash);
    Departures departures(*this);
    Tick now = now_if_needed();
    const Lock lock(shard);
    Node* node = find(shard, hash, key, now, departures.entries);
    if (node == nullptr) {
      shard.count_miss();
      return false;
    }
    node->with_value(std::forward<Function>(f));
    shard.count_hit(*node);
    return true;
  }

 private:
  /// Copying such a value is no user code and cannot throw: it may happen under the lock.
  static constexpr bool copied_under_lock =
      std::same_as<Value, Bytes> || std::is_trivially_copyable_v<Value> || detail::is_shared_ptr<Value>;

  /// What left during one operation. Its end, which must come after the lock's, reports it and frees it.
  struct Departures {
    explicit Departures(InMemoryBackend& owner) noexcept : cache(owner) {}
    Departures(const Departures&) = delete;
    Departures& operator=(const Departures&) = delete;
    ~Departures() {
      if (!entries.empty()) [[unlikely]] cache.depart(entries);
    }

    InMemoryBackend& cache;
    detail::RemovedEntries entries;
  };

  struct Unpin {
    void operator()(Node* node) const noexcept { Node::unpin(node); }
  };
  /// A reference to an entry that keeps it readable without the lock.
  using Pin = std::unique_ptr<Node, Unpin>;

  static Pin pin(Node& node) noexcept {
    node.pin();
    return Pin(&node);
  }

  std::optional<Value> do_get(key_view key) override {
    const std::uint64_t hash = hash_of(key);
    Shard& shard = shard_of(hash);
    Pin entry;
    {
      Departures departures(*this);
      Tick now = now_if_needed();
      const Lock lock(shard);
      Node* node = find(shard, hash, key, now, departures.entries);
      if (node == nullptr) {
        shard.count_miss();
        return std::nullopt;
      }
      if constexpr (copied_under_lock) {
        shard.count_hit(*node);
        return node->copy_value();
      }
      entry = pin(*node);
    }
    return copy_and_count_hit(shard, *entry);
  }

  /// For values whose copy may throw: only then is the hit counted, and the entry promoted if it is still here.
  static std::optional<Value> copy_and_count_hit(Shard& shard, Node& entry) {
    std::optional<Value> value(entry.copy_value());
    const Lock lock(shard);
    if (shard.holds(entry)) {
      shard.count_hit(entry);
    } else {
      shard.count_late_hit();
    }
    return value;
  }

  bool do_set(key_view key, Value value, Ttl ttl, Metadata metadata) override {
    if (!ttl) ttl = options_.default_ttl;
    const std::uint64_t hash = hash_of(key);
    const std::size_t weight = weight_of(key, value, metadata, ttl.has_value());
    if (weight > share_.weight) {
      remove(key, hash, RemovalCause::evicted);
      return false;
    }
    const detail::NodeRecipe<Key> recipe{key, index_hash(hash), value_size(value), weight, ttl.has_value()};
    auto fresh = Node::create(recipe, std::move(value), std::move(metadata));
    if (ttl) {
      fresh->timer().deadline = timeline_.deadline_after(*ttl);
      // relaxed: who needs to see it for certain looks at the shard, under its lock.
      if (!can_expire_.load(std::memory_order_relaxed)) can_expire_.store(true, std::memory_order_relaxed);
    }
    Shard& shard = shard_of(hash);
    Departures departures(*this);
    Tick now = now_if_needed();
    const Lock lock(shard);
    Node* old = find(shard, hash, key, now, departures.entries);
    if (old == nullptr) shard.make_room_in_index();
    shard.store(*fresh.release(), old, now, departures.entries);
    return true;
  }

  bool do_erase(key_view key) override { return remove(key, hash_of(key), RemovalCause::erased); }

  bool do_exists(key_view key) override {
    const std::uint64_t hash = hash_of(key);
    Shard& shard = shard_of(hash);
    Departures departures(*this);
    Tick now = now_if_needed();
    const Lock lock(shard);
    return find(shard, hash, key, now, departures.entries) != nullptr;
  }

  /// O(entries), with the locks held for as long as it takes to let go what had expired before.
  std::size_t do_clear() override {
    std::size_t count = 0;
    for (Shard& shard : shards()) {
      Departures departures(*this);
      typename Shard::Contents contents;
      {
        const Tick now = timeline_.now();
        const Lock lock(shard);
        shard.expire_all(now, departures.entries);
        shard.release_all(contents);
      }
      count += contents.index.size();
      departures.entries.push_all(contents.chain, RemovalCause::cleared);
    }
    return count;
  }

  /// O(shards), amortized over the entries that it lets go because they have expired.
  CacheStats do_stats() const override {
    CacheStats stats;
    stats.current_entries = stats.current_size_bytes = 0;
    if (options_.max_size_bytes != 0) stats.max_size_bytes = options_.max_size_bytes;
    for (Shard& shard : shards()) {
      // Letting go what nobody can see any more changes nothing that a const function may not.
      Departures departures(const_cast<InMemoryBackend&>(*this));
      const Tick now = timeline_.now();
      const Lock lock(shard);
      shard.expire_all(now, departures.entries);
      shard.add_to(stats);
    }
    stats.errors = listener_errors_.load(std::memory_order_relaxed);
    return stats;
  }

  void do_reset_stats() override {
    for (Shard& shard : shards()) {
      const Lock lock(shard);
      shard.reset_counters();
    }
    listener_errors_.store(0, std::memory_order_relaxed);
  }

  std::optional<entry_type> do_get_entry(key_view key) override {
    const std::uint64_t hash = hash_of(key);
    Shard& shard = shard_of(hash);
    Pin pinned;
    {
      Departures departures(*this);
      Tick now = now_if_needed();
      const Lock lock(shard);
      Node* node = find(shard, hash, key, now, departures.entries);
      if (node == nullptr) return std::nullopt;
      // Such a node's metadata go with its entry, pinned or not; copying them is no user code.
      if constexpr (Node::bytes_inline) return entry_of(*node);
      pinned = pin(*node);
    }
    return entry_of(*pinned);
  }

  std::optional<entry_type> entry_of(Node& node) const {
    std::optional<entry_type> entry(entry_type{.key = Key(node.key()),
                                               .value = node.copy_value(),
                                               .created_at = node.created_at,
                                               .expires_at = {},
                                               .size_bytes = node.size(),
                                               .metadata = {}});
    if (node.expires()) entry->expires_at = timeline_.wall_time_of(node.timer().deadline);
    if (node.metadata() != nullptr) entry->metadata = *node.metadata();
    return entry;
  }

  /// Matches without a lock. A key that is no string is listed by `*` alone.
  std::vector<Key> do_keys(std::string_view pattern) override {
    constexpr bool has_text = std::convertible_to<const Key&, std::string_view>;
    if (!has_text && pattern != "*") {
      throw NotSupportedError("keys that are not strings cannot be listed by a pattern other than '*'");
    }
    std::vector<Key> keys;
    for (Shard& shard : shards()) {
      for (const Pin& entry : pin_all(shard)) {
        if constexpr (has_text) {
          if (!glob_match(pattern, entry->key())) continue;
        }
        keys.emplace_back(entry->key());
      }
    }
    return keys;
  }

  /// Every live entry of a shard. The room for them is found without the lock, so it may be too small at first.
  std::vector<Pin> pin_all(Shard& shard) {
    std::vector<Pin> pins;
    for (std::size_t room = 0;;) {
      pins.reserve(room);
      Departures departures(*this);
      const Tick now = timeline_.now();
      const Lock lock(shard);
      shard.expire_all(now, departures.entries);
      if (shard.entries() <= pins.capacity()) {
        shard.for_each([&pins](Node& node) { pins.push_back(pin(node)); });
        return pins;
      }
      room = shard.entries() + shard.entries() / 8;
    }
  }

  void do_get_many(std::span<const key_item> keys, std::span<std::optional<Value>> values) override {
    if constexpr (copied_under_lock) {
      for (; keys.size() > Batch::most; keys = keys.subspan(Batch::most), values = values.subspan(Batch::most)) {
        get_batch(keys.first(Batch::most), values.first(Batch::most));
      }
      get_batch(keys, values);
    } else {
      for (std::size_t i = 0; i < keys.size(); ++i) values[i] = do_get(keys[i]);
    }
  }

  /// So many keys that the cache misses of one hide behind those of the others, and so few that nothing that was
  /// read ahead is pushed out again.
  struct Batch {
    static constexpr std::size_t most = 32;

    std::uint64_t hashes[most];
    Node* found[most];
  };

  void get_batch(std::span<const key_item> keys, std::span<std::optional<Value>> values) {
    Batch batch;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      batch.hashes[i] = hash_of(keys[i]);
      values[i].reset();  // now, because the end of a value may be user code
    }
    std::uint64_t left = (std::uint64_t{1} << keys.size()) - 1;
    while (left != 0) {
      Shard& shard = shard_of(batch.hashes[std::countr_zero(left)]);
      std::uint64_t here = 0;
      for_each_bit(left, [&](std::size_t i) {
        if (&shard_of(batch.hashes[i]) == &shard) here |= std::uint64_t{1} << i;
      });
      get_batch_of(shard, here, batch, keys, values);
      left &= ~here;
    }
  }

  /// Those of the batch's keys that are in `here` live in this shard. One pass reads ahead what the next one needs.
  void get_batch_of(Shard& shard, std::uint64_t here, Batch& batch, std::span<const key_item> keys,
                    std::span<std::optional<Value>> values) {
    Departures departures(*this);
    Tick now = now_if_needed();
    const Lock lock(shard);
    for_each_bit(here, [&](std::size_t i) { shard.prefetch_bucket(index_hash(batch.hashes[i])); });
    for_each_bit(here, [&](std::size_t i) { shard.prefetch_node(index_hash(batch.hashes[i])); });
    for_each_bit(here, [&](std::size_t i) {
      Node* node = batch.found[i] = find(shard, batch.hashes[i], keys[i], now, departures.entries);
      if (node != nullptr) Traits::Eviction::prefetch_touch(*node);
    });
    for_each_bit(here, [&](std::size_t i) {
      Node* node = batch.found[i];
      if (node == nullptr) return shard.count_miss();
      shard.count_hit(*node);
      values[i].emplace(node->copy_value());
    });
  }

  template <class Function>
  static void for_each_bit(std::uint64_t bits, Function&& f) {
    for (; bits != 0; bits &= bits - 1) f(static_cast<std::size_t>(std::countr_zero(bits)));
  }

  /// Result: whether there was a live entry, which is gone.
  bool remove(key_view key, std::uint64_t hash, RemovalCause cause) {
    Shard& shard = shard_of(hash);
    Departures departures(*this);
    Tick now = now_if_needed();
    const Lock lock(shard);
    Node* node = find(shard, hash, key, now, departures.entries);
    if (node != nullptr) shard.remove(*node, cause, departures.entries);
    return node != nullptr;
  }

  /// The live entry of a key, or null. A few expired ones are let go on the way. `now` comes from `now_if_needed`.
  Node* find(Shard& shard, std::uint64_t hash, key_view key, Tick& now, detail::RemovedEntries& removed) const {
    if (shard.can_expire()) [[unlikely]] {
      if (now == 0) now = timeline_.now();  // the shard's first entry with a TTL came since
      shard.expire_some(now, removed);
    }
    return shard.find(index_hash(hash), now, removed, [&key](const Node& node) {
      if constexpr (Node::key_inline && std::same_as<KeyEqual, std::equal_to<>>) {
        return detail::equal_texts(node.key(), key);
      } else {
        return static_cast<bool>(KeyEqual()(node.key(), key));
      }
    });
  }

  /// What time it is, or 0 where nothing can expire: reading a clock costs as much as half a look-up.
  Tick now_if_needed() const { return can_expire_.load(std::memory_order_relaxed) ? timeline_.now() : 0; }

  /// Reports what has left, and drops the cache's reference to it.
  [[gnu::noinline]] void depart(detail::RemovedEntries& entries) noexcept {
    while (detail::NodeHead* head = entries.pop()) {
      Node& node = static_cast<Node&>(*head);
      if (options_.on_removal) report(node);
      Node::retire(&node);
    }
  }

  void report(Node& node) noexcept {
    const RemovalCause cause = detail::RemovedEntries::cause_of(node);
    try {
      node.with_value([&](const Value& value) { options_.on_removal(node.key(), value, cause); });
    } catch (...) {
      listener_errors_.fetch_add(1, std::memory_order_relaxed);
    }
  }

  using KeyEqual = typename Traits::KeyEqual;
  using KeyHash = typename Traits::Hash;

  /// All 64 bits are mixed: the upper half chooses the shard, the lower one the place in its index.
  static std::uint64_t hash_of(key_view key) {
    const auto hash = static_cast<std::uint64_t>(KeyHash()(key));
    constexpr bool is_mixed = sizeof(std::size_t) == sizeof(std::uint64_t) && requires {
      typename KeyHash::is_avalanching;
    };
    return is_mixed ? hash : detail::mix_hash(hash);
  }

  static std::uint32_t index_hash(std::uint64_t hash) noexcept { return static_cast<std::uint32_t>(hash); }

  Shard& shard_of(std::uint64_t hash) const noexcept {
    return options_.shards == 1 ? shards_[0] : shards_[static_cast<std::size_t>(((hash >> 32) * options_.shards) >> 32)];
  }

  std::span<Shard> shards() const noexcept { return {shards_.get(), options_.shards}; }

  static std::size_t weight_of(key_view key, const Value& value, const Metadata& metadata, bool expires) {
    const Weigher weigher{};
    if constexpr (requires { weigher(key, value, metadata, expires); }) {
      return weigher(key, value, metadata, expires);
    } else {
      return weigher(key, value);
    }
  }

  static Options with_size(std::size_t max_size_bytes) {
    Options options;
    options.max_size_bytes = max_size_bytes;
    return options;
  }

  static Options validated(Options options) {
    options.validate();
    return options;
  }

  Options options_;
  detail::Timeline<typename Traits::Clock> timeline_;
  std::unique_ptr<Shard[]> shards_;
  detail::ShardLimits share_{};
  std::atomic<bool> can_expire_{false};  // whether any entry was ever stored with a TTL
  std::atomic<std::uint64_t> listener_errors_{0};
};

}  // namespace larder
