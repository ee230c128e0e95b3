/// \file memcached_health.hpp
/// MemcachedHealth: whether a server is worth asking, or better left alone for a while.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace larder::detail {

/// After a failure a server is left alone, after each further one for twice as long. When that time is over one call
/// tries it, while the others go on leaving it alone. Thread-safe, without locks.
class MemcachedHealth {
 public:
  using Clock = std::chrono::steady_clock;
  using Milliseconds = std::chrono::milliseconds;

  MemcachedHealth(Milliseconds backoff, Milliseconds max_backoff) noexcept
      : backoff_(backoff), max_backoff_(max_backoff) {}

  /// Whether the last that was heard of it is a failure.
  bool has_failed() const noexcept { return failures_.load(std::memory_order_relaxed) != 0; }

  /// Whether it is left alone at this time.
  bool is_left_alone(Clock::time_point now) const noexcept { return has_failed() && now < tried_again_at(); }

  /// Result: whether the caller may ask the server.
  bool may_be_asked(Clock::time_point now) noexcept {
    const std::uint32_t failures = failures_.load(std::memory_order_relaxed);
    if (failures == 0) return true;
    Clock::rep at = tried_again_at_.load(std::memory_order_relaxed);
    const Clock::rep next = (now + interval(failures)).time_since_epoch().count();
    return now.time_since_epoch().count() >= at &&
           tried_again_at_.compare_exchange_strong(at, next, std::memory_order_relaxed);
  }

  void note_success() noexcept {
    if (has_failed()) failures_.store(0, std::memory_order_relaxed);
  }

  /// How often it has failed in a row.
  std::uint32_t failures() const noexcept { return failures_.load(std::memory_order_relaxed); }

  /// `before` is what `failures` was when the call that failed began: of many calls that fail at the same time, one
  /// counts.
  void note_failure(std::uint32_t before, Clock::time_point now) noexcept {
    const std::uint32_t after = std::min(before + 1, most_failures);
    if (failures_.compare_exchange_strong(before, after, std::memory_order_relaxed)) {
      tried_again_at_.store((now + interval(after)).time_since_epoch().count(), std::memory_order_relaxed);
    }
  }

  Clock::time_point tried_again_at() const noexcept {
    return Clock::time_point(Clock::duration(tried_again_at_.load(std::memory_order_relaxed)));
  }

 private:
  /// Beyond which no interval is doubled.
  static constexpr std::uint32_t most_failures = 20;

  Milliseconds interval(std::uint32_t failures) const noexcept {
    const auto doubled = backoff_.count() <= max_backoff_.count() >> (failures - 1)
                             ? Milliseconds(backoff_.count() << (failures - 1))
                             : max_backoff_;
    return std::min(doubled, max_backoff_);
  }

  const Milliseconds backoff_;
  const Milliseconds max_backoff_;
  std::atomic<std::uint32_t> failures_{0};  // in a row
  std::atomic<Clock::rep> tried_again_at_{0};
};

}  // namespace larder::detail
