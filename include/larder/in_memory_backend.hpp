/// \file in_memory_backend.hpp
/// InMemoryBackend: the cache in process memory.
///
/// A key's hash chooses one of the shards, which are caches of their own (detail/shard.hpp). An operation gets at one
/// by a `Reading`, of which there may be many at once, or by an `Access`, which changes it (detail/sharded_store.hpp).
///
/// Where the time of a hit goes, and what the layout does about it: a hit waits for memory, once for the bucket of the
/// index and once for the entry. So a bucket is one cache line (detail/hash_index.hpp); the entry is one block with
/// its key and its value, all lines of which are asked for as soon as the bucket has told where it is
/// (detail/entry_node.hpp); and promotions, which touch two entries more, are noted and worked off many at a time, so
/// that their misses overlap (detail/read_stripes.hpp, eviction/lru.hpp).
///
/// Invariants:
/// - No user code runs under a lock but hash, equality, and the function given to `visit`. So values are made,
///   weighed, copied and destroyed before a lock is taken or after it is released; the entries of a shard are
///   therefore reference-counted blocks (detail/entry_node.hpp), which may outlive their removal.
/// - Whatever may throw comes before the first change.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <larder/backend_capabilities.hpp>
#include <larder/cache_backend.hpp>
#include <larder/detail/batch.hpp>
#include <larder/detail/node_contents.hpp>
#include <larder/detail/sharded_store.hpp>
#include <larder/glob.hpp>
#include <larder/in_memory_options.hpp>

namespace larder {

/// A cache in process memory: a hash map, and a policy that chooses who leaves (the traits' `Eviction`).
///
/// - Limits: `max_size_bytes` (100 MiB unless told otherwise) and `max_entries`. When a limit is reached, entries
///   that have expired leave first, then those that the policy chooses, with more than one shard in the shard in
///   question: the least recently used one, unless told otherwise. The order of use is exact for what one thread does;
///   of what other threads do at the same time, the last 64 uses of each may come later. A value larger than a shard's
///   share of `max_size_bytes` is declined, and so is a new entry that the policy turns away (WTinyLfu says when).
/// - Expiry: measured on a steady clock, in whole milliseconds rounded up. An entry that has expired is seen by no
///   operation, and each operation reclaims a few of them, whether or not somebody asks for them again.
/// - Complexity: every operation on one key is O(1) on average (amortized where entries expire), and never rehashes
///   the whole table at once. A `touch` that gives an entry its first TTL copies it, and evicts it instead where with
///   the bookkeeping of a TTL it would weigh more than a shard may hold. `keys`, `clear` and `stats` say theirs.
/// - Threads: any number may use one cache. Operations on one key happen as if one after the other; readers wait for
///   nobody, but where the index grows at that moment; who changes something, for who else changes its shard. `keys`,
///   `clear` and `stats` see the shards one after the other. (With `NullMutex` as the traits' mutex: one thread at a
///   time.)
/// - Exceptions: what throws (a copy, an allocation, hash or equality) leaves the cache as it was, except that
///   expired entries may have left; a batch, as after some of its elements.
/// - A value that `get` returned stays valid whatever becomes of its entry.
///
/// It can be neither copied nor moved.
template <class Key, class Value, class Traits>
class InMemoryBackend final : public CacheBackend<Key, Value> {
  using Base = CacheBackend<Key, Value>;
  using Store = detail::ShardedStore<Key, Value, Traits>;
  using Access = typename Store::Access;
  using Reading = typename Store::Reading;
  using Hash = typename Store::KeyHash;
  using Node = typename Store::Node;
  using Pin = typename Node::Pin;
  using Shard = typename Store::Shard;
  using Batch = detail::Batch<Store>;
  using Timeline = detail::Timeline<typename Traits::Clock>;

 public:
  using typename Base::entry_type;
  using typename Base::item;
  using typename Base::key_item;
  using typename Base::key_view;
  using Options = InMemoryOptions<Key, Value, Traits>;

  /// Everything there is, but that keys that are no strings match no pattern, and what the traits take away.
  static constexpr BackendCapabilities capabilities{
      .key_patterns = std::convertible_to<const Key&, std::string_view>,
      .concurrent_use = !std::same_as<typename Traits::Mutex, NullMutex>,
      .size_limit = true,
      .removal_listener = true,
  };

  /// A cache of 100 MiB. \throws std::bad_alloc.
  InMemoryBackend() : InMemoryBackend(Options()) {}

  /// A cache with another limit in bytes. \throws InvalidArgumentError if it is zero; std::bad_alloc.
  explicit InMemoryBackend(std::size_t max_size_bytes) : InMemoryBackend(with_size(max_size_bytes)) {}

  /// \throws InvalidArgumentError if the options make no sense; std::bad_alloc.
  InMemoryBackend(Options options) : store_(std::move(options)) {}

  /// Tells the listener of every entry that is left, as `cleared`. What the listener stores now, it hears no more of.
  ~InMemoryBackend() override {
    do_clear();
    store_.silence();
    do_clear();
  }

  // The interface's own functions would come here by a virtual call, which no compiler takes out.
  std::optional<Value> get(key_view key) { return do_get(key); }
  bool exists(key_view key) { return do_exists(key); }
  bool erase(key_view key) { return do_erase(key); }

  /// Calls `f(const Value&)` with the value in place, where a copy would be dear. Counts and promotes as `get` does,
  /// unless f throws. Result: whether there was one.
  ///
  /// f runs under a lock that keeps the entry from being freed: it must not use this cache, and should be quick, since
  /// whoever removes entries may have to wait for it. Several threads may be looking at one value at the same time.
  /// \throws what f, hash and equality throw.
  template <std::invocable<const Value&> Function>
  bool visit(key_view key, Function&& f) {
    return look_up(
        key,
        [&](auto& shard, Node& node) {
          node.with_value(key, std::forward<Function>(f));
          shard.count_hit(node);
          return true;
        },
        [](auto& shard) {
          shard.count_miss();
          return false;
        });
  }

 private:
  /// Calls `found(shard, node)` or `missing(shard)`, with a Reading or an Access, and answers what that answers.
  template <class Found, class Missing>
  [[gnu::always_inline]] auto look_up(key_view key, const Found& found, const Missing& missing) {
    const Hash hash(key);
    Shard& home = store_.shard_for(hash);
    {
      Reading shard(store_, home);
      Node* node = shard.find(hash, key);
      if (node != nullptr) return found(shard, *node);
      if (shard.is_certain()) return missing(shard);
    }
    return look_up_exclusively(key, hash, home, found, missing);
  }

  /// Where a reading told nothing for certain.
  template <class Found, class Missing>
  [[gnu::noinline]] auto look_up_exclusively(key_view key, Hash hash, Shard& home, const Found& found,
                                             const Missing& missing) {
    Access shard(store_, home);
    Node* node = shard.find(hash, key);
    return node != nullptr ? found(shard, *node) : missing(shard);
  }

  std::optional<Value> do_get(key_view key) override {
    if constexpr (Node::copied_under_lock) {
      return look_up(
          key,
          [&key](auto& shard, Node& node) {
            std::optional<Value> value(std::in_place, node.copy_value(key));
            shard.count_hit(node);
            return value;
          },
          [](auto& shard) {
            shard.count_miss();
            return std::optional<Value>();
          });
    } else {
      const Pin entry = look_up(
          key, [](auto&, Node& node) { return node.pin(); },
          [](auto& shard) {
            shard.count_miss();
            return Pin();
          });
      if (entry == nullptr) return std::nullopt;
      return copy_and_count_hit(key, *entry);
    }
  }

  /// For values whose copy may throw: only then is the hit counted, and the entry promoted if it is still here.
  std::optional<Value> copy_and_count_hit(key_view key, Node& entry) {
    std::optional<Value> value(entry.copy_value());
    const Hash hash(key);
    Reading shard(store_, store_.shard_of(hash));
    if (shard.holds(hash, entry)) {
      shard.count_hit(entry);
    } else {
      shard.count_late_hit();
    }
    return value;
  }

  bool do_set(key_view key, Value value, Ttl ttl, Metadata metadata) override {
    const Hash hash(key);
    Shard& home = store_.shard_for(hash);
    auto fresh = store_.make_node(key, hash, std::move(value), store_.deadline_of(ttl), std::move(metadata));
    Access shard(store_, home);
    return shard.put(hash, key, fresh);
  }

  /// An entry as it was, and where.
  struct Sighting {
    Pin node{};
    std::optional<entry_type> entry{};
  };

  /// Counts and promotes nothing. Empty if there is no such entry.
  Sighting sight(key_view key) {
    // Where the bytes are in the node, its metadata go with its entry, pinned or not; copying them is no user code.
    if constexpr (Node::bytes_inline) {
      return look_up(
          key,
          [this](auto&, Node& node) {
            return Sighting{node.pin(), copy_of(node)};
          },
          [](auto&) { return Sighting(); });
    } else {
      Sighting seen{.node = look_up(
                        key, [](auto&, Node& node) { return node.pin(); }, [](auto&) { return Pin(); })};
      if (seen.node != nullptr) seen.entry = copy_of(*seen.node);
      return seen;
    }
  }

  bool do_set_if_absent(key_view key, Value value, Ttl ttl, Metadata metadata) override {
    if (do_exists(key)) return false;  // as a reader, who waits for nobody and makes nothing
    const Hash hash(key);
    auto fresh = store_.make_node(key, hash, std::move(value), store_.deadline_of(ttl), std::move(metadata));
    return fresh != nullptr && Access(store_, store_.shard_for(hash)).put_if_absent(hash, key, fresh);
  }

  /// Copies an entry that was stored without a TTL, if it gets one now: its node has no room for a timer. If somebody
  /// else takes the entry away meanwhile, the copy is thrown away, and all begins anew.
  bool do_touch(key_view key, Ttl ttl) override {
    const Hash hash(key);
    constexpr detail::Tick never = detail::TimerWheel::last_tick;
    const detail::Tick deadline = store_.deadline_of(ttl).value_or(never);
    Sighting seen;
    for (typename Node::Owner copy;; seen = sight(key), copy = copy_with_timer(hash, seen, deadline)) {
      Access shard(store_, store_.shard_for(hash));
      Node* node = shard.find(hash, key);
      if (node == nullptr) return false;
      if (node->expires() || deadline == never) {
        shard.touch(*node, deadline);
        return true;
      }
      if (node != seen.node.get()) continue;
      if (copy == nullptr) {
        shard.remove(*node, RemovalCause::evicted);
        return false;
      }
      shard.supersede(*node, copy);
      return true;
    }
  }

  /// Moves the entry out of `seen`, if there is one. Result: null also where it weighs too much with a timer.
  typename Node::Owner copy_with_timer(Hash hash, Sighting& seen, detail::Tick deadline) const {
    if (!seen.entry) return nullptr;
    entry_type& entry = *seen.entry;
    auto copy = store_.make_node(entry.key, hash, std::move(entry.value), deadline, std::move(entry.metadata));
    if (copy != nullptr) copy->created_at = detail::CompactTime(entry.created_at);
    return copy;
  }

  bool do_erase(key_view key) override { return remove(key, RemovalCause::erased); }

  /// Result: whether there was a live entry, which is gone.
  bool remove(key_view key, RemovalCause cause) {
    const Hash hash(key);
    Access shard(store_, store_.shard_for(hash));
    Node* node = shard.find(hash, key);
    if (node != nullptr) shard.remove(*node, cause);
    return node != nullptr;
  }

  bool do_exists(key_view key) override {
    return look_up(
        key, [](auto&, Node&) { return true; }, [](auto&) { return false; });
  }

  /// O(entries); a lock is held for as long as it takes to let go what had expired before.
  std::size_t do_clear() override {
    std::size_t count = 0;
    for (Shard& shard : store_.shards()) count += store_.clear(shard);
    return count;
  }

  /// O(shards), amortized over the entries that it lets go because they have expired.
  CacheStats do_stats() const override {
    CacheStats stats;
    stats.current_entries = stats.current_size_bytes = 0;
    if (store_.options().max_size_bytes != 0) stats.max_size_bytes = store_.options().max_size_bytes;
    for (Shard& each : store_.shards()) {
      Access shard(store_, each);
      shard.expire_all();
      shard->add_to(stats);
    }
    stats.errors = store_.listener_errors();
    return stats;
  }

  void do_reset_stats() override {
    for (Shard& shard : store_.shards()) {
      const std::lock_guard lock(shard);
      shard.reset_counters();
    }
    store_.reset_listener_errors();
  }

  std::optional<entry_type> do_get_entry(key_view key) override { return sight(key).entry; }

  /// As in `sight`: bytes are shown under the lock, other values after it.
  bool do_visit_entry(key_view key, typename Base::EntryVisitor visit) override {
    if constexpr (Node::bytes_inline) {
      return look_up(
          key,
          [&](auto& shard, Node& node) {
            node.with_value(key, [&](const Value& value) {
              visit({value, detail::metadata_of<Value>(node), detail::ttl_of<Timeline>(node, shard)});
            });
            shard.count_hit(node);
            return true;
          },
          [](auto& shard) {
            shard.count_miss();
            return false;
          });
    } else {
      Ttl left;
      const Pin entry = look_up(
          key,
          [&left](auto& shard, Node& node) {
            left = detail::ttl_of<Timeline>(node, shard);
            shard.count_hit(node);
            return node.pin();
          },
          [](auto& shard) {
            shard.count_miss();
            return Pin();
          });
      if (entry == nullptr) return false;
      entry->with_value(key, [&](const Value& value) { visit({value, detail::metadata_of<Value>(*entry), left}); });
      return true;
    }
  }

  entry_type copy_of(Node& node) const { return detail::entry_of<Key, Value>(node, store_.timeline()); }

  bool do_can_list_keys() const noexcept override { return true; }

  /// Matches without a lock. A key that is no string is listed by `*` alone.
  std::vector<Key> do_keys(std::string_view pattern) override {
    constexpr bool has_text = std::convertible_to<const Key&, std::string_view>;
    if (!has_text && pattern != "*") {
      throw NotSupportedError("keys that are not strings cannot be listed by a pattern other than '*'");
    }
    std::vector<Key> keys;
    for (Shard& shard : store_.shards()) {
      for (const Pin& entry : store_.pin_all(shard)) {
        if constexpr (has_text) {
          if (!glob_match(pattern, entry->key())) continue;
        }
        keys.emplace_back(entry->key());
      }
    }
    return keys;
  }

  void do_get_many(std::span<const key_item> keys, std::span<std::optional<Value>> values) override {
    if constexpr (Node::copied_under_lock) {
      Batch::get_all(store_, keys, values, [this](const key_item& key) { return do_get(key); });
    } else {
      for (std::size_t i = 0; i < keys.size(); ++i) values[i] = do_get(keys[i]);
    }
  }

  std::size_t do_set_many(std::span<item> items, Ttl ttl) override {
    return Batch::set_all(store_, items, store_.deadline_of(ttl));
  }

  static Options with_size(std::size_t max_size_bytes) {
    Options options;
    options.max_size_bytes = max_size_bytes;
    return options;
  }

  Store store_;
};

}  // namespace larder
