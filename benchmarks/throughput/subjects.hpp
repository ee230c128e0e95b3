/// \file subjects.hpp
/// The caches that are measured, each behind the same few functions. Those that keep LRU order do so on every
/// hit; where a peer leaves a choice, it is made in the peer's favour (and said so).
#pragma once

#include <concepts>
#include <cstddef>
#include <larder/eviction/clock.hpp>
#include <larder/eviction/gdsf.hpp>
#include <larder/eviction/s3_fifo.hpp>
#include <larder/eviction/w_tiny_lfu.hpp>
#include <larder/in_memory_backend.hpp>
#include <string>
#include <string_view>

#include "workload.hpp"

namespace larder::bench {

/// `read` answers `touch(value)`, or 0 for a miss; `write` stores a copy.
template <class Type>
concept Subject = std::constructible_from<Type, std::size_t> &&
    requires(Type& subject, std::string_view key, std::string_view value) {
  { subject.read(key) } -> std::same_as<Sum>;
  subject.write(key, value);
  { subject.size() } -> std::convertible_to<std::size_t>;
};

struct UnlockedTraits : InMemoryTraits<> {
  using Mutex = NullMutex;
};

template <class Traits, std::size_t Shards = 1>
class Larder {
 public:
  using Cache = InMemoryBackend<std::string, Bytes, Traits>;

  explicit Larder(std::size_t max_entries)
      : cache_({.max_size_bytes = 0, .max_entries = max_entries, .shards = Shards}) {}

  Sum read(std::string_view key) {
    const auto value = cache_.get(key);
    return value ? touch(*value) : 0;
  }

  Sum visit(std::string_view key) {
    Sum sum = 0;
    cache_.visit(key, [&sum](const Bytes& value) { sum = touch(value); });
    return sum;
  }

  void write(std::string_view key, std::string_view value) { cache_.set(key, value); }
  std::size_t size() const { return cache_.stats().current_entries.value_or(0); }
  Cache& cache() noexcept { return cache_; }

 private:
  Cache cache_;
};

using LarderDefault = Larder<InMemoryTraits<>>;
using LarderUnlocked = Larder<UnlockedTraits>;
using LarderSharded = Larder<InMemoryTraits<>, 16>;

template <class Policy>
struct EvictingTraits : InMemoryTraits<> {
  using Eviction = Policy;
};
using LarderClock = Larder<EvictingTraits<Clock>>;
using LarderS3Fifo = Larder<EvictingTraits<S3Fifo>>;
using LarderWTinyLfu = Larder<EvictingTraits<WTinyLfu>>;
using LarderGdsf = Larder<EvictingTraits<Gdsf>>;

}  // namespace larder::bench
