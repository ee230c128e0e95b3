/// \file simulation.hpp
/// simulate: what an InMemoryBackend of a given capacity and eviction policy makes of a trace.
///
/// The cache is the real one, and keeps what it is given; the objects alone are no more than their sizes.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>

#include <larder/cache_stats.hpp>
#include <larder/eviction/clock.hpp>
#include <larder/eviction/gdsf.hpp>
#include <larder/eviction/lru.hpp>
#include <larder/eviction/s3_fifo.hpp>
#include <larder/eviction/w_tiny_lfu.hpp>
#include <larder/in_memory_backend.hpp>
#include <larder/mutex.hpp>
#include <larder/testing/manual_clock.hpp>
#include <larder/ttl.hpp>

#include "belady.hpp"
#include "options.hpp"
#include "policies.hpp"
#include "trace.hpp"

namespace larder::replay {

/// Stands for an object of a size.
class Object {
 public:
  explicit Object(std::uint64_t size = 0) noexcept : size_(size) {}

  std::size_t size_bytes() const noexcept { return static_cast<std::size_t>(size_); }

 private:
  std::uint64_t size_;
};

/// The same in each run, so that what a policy makes of hashes is, too. (Steele, Lea and Flood, "Fast Splittable
/// Pseudorandom Number Generators", OOPSLA 2014: the finalizer.)
struct ReplayHash {
  using is_avalanching = void;

  std::size_t operator()(std::uint32_t key) const noexcept {
    std::uint64_t bits = (key + std::uint64_t{1}) * 0x9e3779b97f4a7c15u;
    bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9u;
    bits = (bits ^ bits >> 27) * 0x94d049bb133111ebu;
    return static_cast<std::size_t>(bits ^ bits >> 31);
  }
};

template <class EvictionPolicy>
struct ReplayTraits : InMemoryTraits<std::uint32_t, Object> {
  using Hash = ReplayHash;
  using Eviction = EvictionPolicy;
  using Mutex = NullMutex;
  using Clock = testing::ManualClock;
};

/// What came of a trace at one capacity.
struct Result {
  Policy policy = Policy::lru;
  std::uint64_t capacity = 0;  ///< in entries or bytes
  double percent = 0;          ///< of the footprint
  CacheStats stats;
  std::uint64_t hit_bytes = 0;
  std::uint64_t declined = 0;  ///< misses whose object the cache did not take: too large, or not asked for enough
  double seconds = 0;
};

/// Virtual time: when the request of this index is made, from the first one on.
inline std::chrono::nanoseconds time_of(std::uint64_t request, std::uint64_t rate) {
  constexpr std::uint64_t second = 1'000'000'000;
  return std::chrono::nanoseconds(request / rate * second + request % rate * second / rate);
}

/// Result: 100 for a capacity as large as all objects; what was asked for, where that was a percentage.
inline double percent_of(const Capacity& capacity, std::uint64_t footprint) {
  if (capacity.unit == Capacity::Unit::millionths_of_a_percent) return static_cast<double>(capacity.amount) / 1e6;
  return 100.0 * static_cast<double>(capacity.amount) / static_cast<double>(std::max<std::uint64_t>(footprint, 1));
}

/// Result: what a percentage of capacity is a part of.
inline std::uint64_t footprint_of(const Summary& summary, Mode mode) {
  return mode == Mode::entries ? summary.distinct_keys : summary.distinct_bytes;
}

/// Result: the mode asked for, or the one that suits the trace. \throws UsageError if the trace has no sizes to
/// count, or a capacity cannot be meant in this mode.
inline Mode choose_mode(const Options& options, const Summary& summary) {
  const Mode mode = options.mode.value_or(summary.has_sizes ? Mode::bytes : Mode::entries);
  if (mode == Mode::bytes && !summary.has_sizes) {
    throw UsageError("--mode bytes needs sizes, and " + plain_text(summary.name) + " has none");
  }
  check_units(options.capacities, mode);
  return mode;
}

/// Besides trace and capacity, what a run depends on.
struct Settings {
  Policy policy = Policy::lru;
  std::uint64_t rate = 1000;             ///< requests that are made in a second
  std::uint32_t promotion_interval = 1;  ///< InMemoryOptions::promotion_interval
};

namespace detail {

inline constexpr std::size_t requests_between_reports = 1 << 16;

template <class EvictionPolicy, class OnProgress>
void simulate_cache(const Trace& trace, Mode mode, const Settings& settings, OnProgress& on_progress, Result& result) {
  testing::ManualClock clock;
  const auto limit = static_cast<std::size_t>(result.capacity);
  InMemoryBackend<std::uint32_t, Object, ReplayTraits<EvictionPolicy>> cache{
      {.max_size_bytes = mode == Mode::bytes ? limit : 0,
       .max_entries = mode == Mode::entries ? limit : 0,
       .promotion_interval = settings.promotion_interval,
       .clock = clock}};
  for (std::size_t i = 0; i < trace.requests.size(); ++i) {
    const std::uint32_t key = trace.requests[i];
    const std::uint64_t size = trace.sizes.empty() ? 0 : trace.sizes[key];
    Ttl ttl;
    if (!trace.ttls.empty()) {
      clock.advance(time_of(i, settings.rate) - clock.now().time_since_epoch());
      if (trace.ttls[i] != Trace::Milliseconds::zero()) ttl = trace.ttls[i];
    }
    if (cache.get(key)) {
      result.hit_bytes += size;
    } else if (!cache.set(key, Object(size), ttl)) {
      ++result.declined;
    }
    if (i % requests_between_reports == 0) on_progress(i);
  }
  result.stats = cache.stats();
}

template <class OnProgress>
void simulate_optimum(const Trace& trace, OnProgress& on_progress, Result& result) {
  BeladyCache cache(trace.requests, trace.summary.distinct_keys, static_cast<std::size_t>(result.capacity));
  for (std::size_t i = 0; i < trace.requests.size(); ++i) {
    const std::uint32_t key = trace.requests[i];
    if (cache.ask(key)) {
      ++result.stats.hits;
      result.hit_bytes += trace.sizes.empty() ? 0 : trace.sizes[key];
    } else {
      ++result.stats.misses;
    }
    if (i % requests_between_reports == 0) on_progress(i);
  }
}

}  // namespace detail

/// Replays the trace: each request is a `get`, a miss inserts the object, with the TTL that the request has.
/// `on_progress(requests)` is called now and then. The optimum is for Mode::entries alone.
template <class OnProgress>
Result simulate(const Trace& trace, Mode mode, const Capacity& capacity, const Settings& settings,
                OnProgress&& on_progress) {
  const std::uint64_t footprint = footprint_of(trace.summary, mode);
  Result result;
  result.policy = settings.policy;
  result.capacity = absolute(capacity, footprint);
  result.percent = percent_of(capacity, footprint);
  const auto start = std::chrono::steady_clock::now();
  const auto with = [&]<class EvictionPolicy>(EvictionPolicy) {
    detail::simulate_cache<EvictionPolicy>(trace, mode, settings, on_progress, result);
  };
  switch (settings.policy) {
    case Policy::lru: with(Lru()); break;
    case Policy::clock: with(larder::Clock()); break;
    case Policy::s3_fifo: with(S3Fifo()); break;
    case Policy::w_tiny_lfu: with(WTinyLfu()); break;
    case Policy::gdsf: with(Gdsf()); break;
    case Policy::belady: detail::simulate_optimum(trace, on_progress, result); break;
  }
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

inline Result simulate(const Trace& trace, Mode mode, const Capacity& capacity, const Settings& settings = {}) {
  return simulate(trace, mode, capacity, settings, [](std::uint64_t) {});
}

}  // namespace larder::replay
