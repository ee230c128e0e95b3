/// \file manual_clock.hpp
/// ManualClock: a clock that stands still until a test moves it.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>

namespace larder::testing {

/// A clock for `InMemoryTraits::Clock` that a test advances. Copies share one time, so the test keeps one and
/// gives the cache another:
///
///     struct Traits : larder::InMemoryTraits<> { using Clock = larder::testing::ManualClock; };
///     larder::testing::ManualClock clock;
///     larder::InMemoryBackend<std::string, larder::Bytes, Traits> cache{{.clock = clock}};
///     clock.advance(10s);
///
/// Thread-safe. Starts at zero.
class ManualClock {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  using duration = std::chrono::steady_clock::duration;

  ManualClock() : now_(std::make_shared<std::atomic<duration::rep>>(0)) {}

  time_point now() const noexcept { return time_point(duration(now_->load(std::memory_order_acquire))); }

  /// Moves the time on, for every copy.
  void advance(duration by) noexcept { now_->fetch_add(by.count(), std::memory_order_acq_rel); }

 private:
  std::shared_ptr<std::atomic<duration::rep>> now_;
};

}  // namespace larder::testing
