/// \file in_memory_options.hpp
/// InMemoryTraits and InMemoryOptions: what a user of InMemoryBackend may choose, at compile time and at run time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include <larder/bytes.hpp>
#include <larder/cache_error.hpp>
#include <larder/clock.hpp>
#include <larder/eviction/lru.hpp>
#include <larder/fwd.hpp>
#include <larder/hash.hpp>
#include <larder/key_view.hpp>
#include <larder/mutex.hpp>
#include <larder/removal_cause.hpp>
#include <larder/ttl.hpp>
#include <larder/weigher.hpp>

namespace larder {

/// The compile-time choices. Inherit and override one alias:
///
///     struct Unlocked : larder::InMemoryTraits<> { using Mutex = larder::NullMutex; };
///     larder::InMemoryBackend<std::string, larder::Bytes, Unlocked> cache;
template <class Key, class Value>
struct InMemoryTraits {
  /// Called under a lock, as KeyEqual is, and by several readers at once. If it does not declare `is_avalanching`, its
  /// result is mixed.
  using Hash = larder::Hash<Key>;
  using KeyEqual = std::equal_to<>;
  /// ValueSize, EntryFootprint, or one of your own (weigher.hpp).
  using Weigher = ValueSize;
  /// Who leaves when there is no more room: Lru, Clock, S3Fifo, WTinyLfu, Gdsf, or a policy of your own
  /// (eviction/eviction_policy.hpp).
  using Eviction = Lru;
  /// SpinMutex, NullMutex, std::mutex, or anything with `lock` and `unlock`; if it has `try_lock`, too, readers never
  /// wait for writers.
  using Mutex = SpinMutex;
  using Clock = SteadyClock;
};

/// The run-time choices; what is left out has the default that stands here.
template <class Key, class Value, class Traits>
struct InMemoryOptions {
  /// The limit of the entries' weights; 100 MiB. 0 means no such limit, and then `max_entries` must be set.
  std::size_t max_size_bytes = 104857600;
  /// The limit of the number of entries; 0 means no such limit.
  std::size_t max_entries = 0;
  /// Into how many parts the cache is split, each with its own lock, its own order of use and an equal share
  /// of the limits (so the largest value it takes is `max_size_bytes / shards`). More shards let more threads
  /// in at once; one shard keeps eviction exact.
  std::size_t shards = 1;
  /// Of how many hits one, on average and at random, moves its entry to the front of the order of use. 1 keeps the
  /// order exact. More makes hits cheaper; entries that are read often are still found near the front. Policies whose
  /// hits mark the entry (Clock, S3Fifo) see all of them.
  std::uint32_t promotion_interval = 1;
  /// The TTL of a `set` that gives none; empty means that such entries do not expire.
  Ttl default_ttl = {};
  /// Called once for each entry that leaves, after the lock is released, on the thread whose call removed it.
  /// It may use the cache. What it throws is swallowed and counted in `CacheStats::errors`.
  std::function<void(KeyView<Key> key, const Value& value, RemovalCause cause)> on_removal = {};
  /// Where the time comes from: a copy of it is kept.
  typename Traits::Clock clock = {};

  /// \throws InvalidArgumentError that names the option and its value if the options make no sense.
  void validate() const {
    if (max_size_bytes == 0 && max_entries == 0) {
      throw InvalidArgumentError(
          "InMemoryOptions: max_size_bytes = 0 needs max_entries as a limit, but max_entries = 0");
    }
    if (shards == 0) throw InvalidArgumentError("InMemoryOptions: shards = 0, but there must be at least one");
    if (promotion_interval == 0) {
      throw InvalidArgumentError("InMemoryOptions: promotion_interval = 0, but it must be at least 1");
    }
    check_shares("max_size_bytes", max_size_bytes);
    check_shares("max_entries", max_entries);
    if (default_ttl && default_ttl->count() <= 0) {
      throw InvalidArgumentError("InMemoryOptions: default_ttl = " + std::to_string(default_ttl->count()) +
                                 " ms, but it must be positive");
    }
  }

 private:
  void check_shares(const char* name, std::size_t limit) const {
    if (limit != 0 && limit < shards) {
      throw InvalidArgumentError("InMemoryOptions: shards = " + std::to_string(shards) + " is more than " + name +
                                 " = " + std::to_string(limit) + ", so that some shards could hold nothing");
    }
  }
};

}  // namespace larder
