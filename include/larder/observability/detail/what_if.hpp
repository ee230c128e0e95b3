/// \file what_if.hpp
/// WhatIf: follows a cache's sampled keys, for any number of threads.
///
/// A look at `samples` is all that most keys cost. The rest is done under a mutex.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <functional>
#include <mutex>
#include <new>
#include <optional>
#include <utility>

#include <larder/cache_stats.hpp>
#include <larder/mutex.hpp>
#include <larder/observability/cache_observation.hpp>
#include <larder/observability/miss_ratio_curve.hpp>
#include <larder/removal_cause.hpp>
#include <larder/ttl.hpp>

namespace larder::detail {

class WhatIf {
 public:
  using Now = std::function<std::chrono::steady_clock::time_point()>;

  /// Without a number, as many samples as take 1 % of the cache, as soon as its limit is known.
  explicit WhatIf(std::optional<std::size_t> most_samples = {}, Now now = {})
      : most_samples_(most_samples), now_(std::move(now)), start_(time()) {}

  /// Whether a key is followed.
  [[gnu::always_inline]] bool samples(std::uint64_t hash) const noexcept {
    return hash >> 32 < threshold_.load(std::memory_order_relaxed);  // a key more or less does no harm
  }

  /// Before the first request, and from time to time after that: what the cache holds, and may hold. Its requests are
  /// counted from the first time on.
  bool wants_stats() const noexcept {
    return requests_.load(std::memory_order_relaxed) >= next_stats_.load(std::memory_order_relaxed);
  }
  void learn(const CacheStats& stats) {
    const std::lock_guard lock(mutex_);
    const std::uint64_t requests = requests_.load(std::memory_order_relaxed);
    next_stats_.store(std::max<std::uint64_t>(requests + std::min<std::uint64_t>(requests, 65'536), 64),
                      std::memory_order_relaxed);
    if (!curve_) begin(stats);
    set_capacity(stats);
  }
  /// Nothing is known of the cache, and will not be.
  void learn_nothing() { learn(CacheStats{}); }

  // What follows is ignored before `learn` was called, and where there is no memory for it.

  /// `found_size`: of the value that was found.
  void request(std::uint64_t hash, std::optional<std::uint64_t> found_size) noexcept {
    requests_.fetch_add(1, std::memory_order_relaxed);
    change([&](MissRatioCurve& curve) {
      curve.request(hash, found_size ? std::optional(weight_of(*found_size)) : std::nullopt, ticks());
    });
  }
  void store(std::uint64_t hash, std::uint64_t size, const Ttl& ttl) noexcept {
    change([&](MissRatioCurve& curve) { curve.store(hash, weight_of(size), ticks(), deadline_of(ttl)); });
  }
  void renew(std::uint64_t hash, const Ttl& ttl) noexcept {
    change([&](MissRatioCurve& curve) { curve.renew(hash, ticks(), deadline_of(ttl)); });
  }
  void erase(std::uint64_t hash) noexcept {
    change([&](MissRatioCurve& curve) { curve.erase(hash); });
  }
  void erase_all() noexcept {
    change([](MissRatioCurve& curve) { curve.erase_all(); });
  }

  /// A key's entry has left the cache.
  void removed(std::uint64_t hash, RemovalCause cause) noexcept {
    if (cause == RemovalCause::replaced || cause == RemovalCause::cleared) return;
    change([&](MissRatioCurve& curve) {
      const auto ages = curve.ages(hash, ticks());
      if (!ages) return;
      if (cause == RemovalCause::evicted) eviction_age_.record(std::uint64_t{ages->since_used} * tick_ms);
      residency_.record(std::uint64_t{ages->since_stored} * tick_ms);
    });
  }

  /// Adds what is known; `stats` is the cache's.
  void add_to(CacheObservation& observation, bool predictions) {
    const std::lock_guard lock(mutex_);
    observation.eviction_age = eviction_age_;
    observation.residency = residency_;
    if (!curve_ || !predictions) return;
    set_capacity(observation.stats);
    const std::uint64_t counted = observation.stats.hits + observation.stats.misses;
    // Of a cache that does not count them they are not known.
    const bool counts = counted > requests_before_;
    const std::uint64_t requests = counted - requests_before_;
    for (std::size_t i = 0; i < MissRatioCurve::factors.size(); ++i) {
      // One empty or full std::optional for both, and g++ 12 warns that it is used uninitialised.
      const auto ratio = counts ? curve_->predicted_hit_ratio(i, requests) : curve_->predicted_hit_ratio(i);
      if (ratio) {
        observation.predictions.push_back({MissRatioCurve::factors[i], *ratio});
      }
    }
  }

  /// Forgets the requests. The cache's own counters must have been reset, too.
  void reset() noexcept {
    const std::lock_guard lock(mutex_);
    if (curve_) curve_->reset();
    requests_before_ = 0;
    eviction_age_ = residency_ = {};
  }

  std::size_t memory_bytes() const {
    const std::lock_guard lock(mutex_);
    return curve_ ? curve_->memory_bytes() : 0;
  }

 private:
  // In 32 bits, two years.
  static constexpr std::uint32_t tick_ms = 16;
  /// Where the cache's limit is not known.
  static constexpr std::size_t default_samples = 8192;

  template <class Function>
  void change(const Function& f) noexcept {
    const std::lock_guard lock(mutex_);
    if (!curve_) return;
    try {
      f(*curve_);
    } catch (const std::bad_alloc&) {
      // A key less is followed.
    }
    threshold_.store(curve_->threshold(), std::memory_order_relaxed);
  }

  void begin(const CacheStats& stats) {
    by_bytes_ = stats.max_size_bytes.value_or(0) > 0;
    const std::size_t samples =
        most_samples_.value_or(by_bytes_ ? MissRatioCurve::samples_within(*stats.max_size_bytes) : default_samples);
    requests_before_ = stats.hits + stats.misses;
    if (samples == 0) {
      threshold_.store(0, std::memory_order_relaxed);
      next_stats_.store(~std::uint64_t{0}, std::memory_order_relaxed);
      return;
    }
    curve_.emplace(samples);
  }

  /// A cache that evicts and never holds what its limit in bytes allows is as large as the most that it held: another
  /// limit is in the way, or its weights are others.
  void set_capacity(const CacheStats& stats) {
    if (!curve_) return;
    const std::uint64_t held = (by_bytes_ ? stats.current_size_bytes : stats.current_entries).value_or(0);
    most_held_ = std::max(most_held_, held);
    const std::uint64_t limit = by_bytes_ ? stats.max_size_bytes.value_or(0) : 0;
    const bool is_full = stats.evictions > stats.expirations;
    const bool is_near = most_held_ > limit / 5 * 4;
    const std::uint64_t capacity = limit != 0 && (!is_full || is_near || held == 0) ? limit : most_held_;
    const std::uint64_t known = curve_->capacity();
    const std::uint64_t change = capacity > known ? capacity - known : known - capacity;
    if (capacity != 0 && change > known / 16) curve_->set_capacity(capacity);
  }

  std::uint64_t weight_of(std::uint64_t size) const noexcept { return by_bytes_ ? size : 1; }

  /// Since any moment.
  std::chrono::nanoseconds time() const {
    if (now_) return now_().time_since_epoch();
#if defined(CLOCK_MONOTONIC_COARSE)
    // Exact to a few milliseconds, and read in a quarter of the time.
    timespec coarse{};
    ::clock_gettime(CLOCK_MONOTONIC_COARSE, &coarse);
    return std::chrono::seconds(coarse.tv_sec) + std::chrono::nanoseconds(coarse.tv_nsec);
#else
    return std::chrono::steady_clock::now().time_since_epoch();
#endif
  }
  std::uint64_t milliseconds() const {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(time() - start_).count());
  }
  std::uint32_t ticks() const { return static_cast<std::uint32_t>(milliseconds() / tick_ms); }
  /// 0 for never.
  std::uint32_t deadline_of(const Ttl& ttl) const {
    if (!ttl) return 0;
    const std::uint64_t end = milliseconds() / tick_ms + static_cast<std::uint64_t>(ttl->count()) / tick_ms + 1;
    return end < 0xffffffffu ? static_cast<std::uint32_t>(end) : 0;
  }

  std::optional<std::size_t> most_samples_;
  Now now_;
  const std::chrono::nanoseconds start_;
  std::atomic<std::uint64_t> threshold_{std::uint64_t{1} << 32};
  std::atomic<std::uint64_t> requests_{0};  // of sampled keys
  std::atomic<std::uint64_t> next_stats_{0};
  mutable SpinMutex mutex_;
  std::optional<MissRatioCurve> curve_;
  bool by_bytes_ = false;
  std::uint64_t most_held_ = 0;
  std::uint64_t requests_before_ = 0;  // those of the cache before the first that was followed
  Histogram eviction_age_;
  Histogram residency_;
};

}  // namespace larder::detail
