/// \file timeline.hpp
/// Timeline: a clock's time in the ticks of a TimerWheel, and back.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include <larder/detail/timer_wheel.hpp>

namespace larder::detail {

/// Counts milliseconds from its construction on.
template <class Clock>
class Timeline {
 public:
  explicit Timeline(Clock clock) : clock_(std::move(clock)), start_(clock_.now()) {}

  /// What has passed; never negative.
  std::chrono::nanoseconds elapsed() const {
    const std::chrono::nanoseconds elapsed = clock_.now() - start_;
    return elapsed < elapsed.zero() ? elapsed.zero() : elapsed;
  }

  /// The last whole tick of that.
  static constexpr Tick tick_of(std::chrono::nanoseconds elapsed) noexcept {
    return static_cast<Tick>(std::chrono::floor<std::chrono::milliseconds>(elapsed).count());
  }

  /// The last whole tick that has passed.
  Tick now() const { return tick_of(elapsed()); }

  /// The first whole tick at which at least `ttl`, which is positive, will have passed; at most `last_tick`.
  Tick deadline_after(std::chrono::milliseconds ttl) const {
    const auto next = static_cast<Tick>(std::chrono::ceil<std::chrono::milliseconds>(elapsed()).count());
    const auto ticks = static_cast<Tick>(ttl.count());
    return ticks < TimerWheel::last_tick - next ? next + ticks : TimerWheel::last_tick;
  }

  /// When that will be by the wall clock as it stands now; empty for `last_tick`, which never comes.
  std::optional<std::chrono::system_clock::time_point> wall_time_of(Tick deadline) const {
    using Wall = std::chrono::system_clock;
    using std::chrono::milliseconds;
    if (deadline == TimerWheel::last_tick) return std::nullopt;
    const auto now = Wall::now();
    const auto passed = elapsed();
    const auto passed_ticks = std::chrono::floor<milliseconds>(passed);
    const milliseconds left = milliseconds(static_cast<std::int64_t>(deadline)) - passed_ticks;
    if (left >= std::chrono::floor<milliseconds>(Wall::time_point::max() - now)) return Wall::time_point::max();
    // Apart, since 300 years are too many nanoseconds, and a wall clock may be coarser.
    return now + std::chrono::duration_cast<Wall::duration>(left) -
           std::chrono::ceil<Wall::duration>(passed - passed_ticks);
  }

  /// How long it is from a moment until then, rounded down; empty for `last_tick`, which never comes.
  static constexpr std::optional<std::chrono::milliseconds> left_until(Tick deadline,
                                                                       std::chrono::nanoseconds elapsed) noexcept {
    if (deadline == TimerWheel::last_tick) return std::nullopt;
    const auto at = std::chrono::milliseconds(static_cast<std::int64_t>(deadline));
    const auto passed = std::chrono::ceil<std::chrono::milliseconds>(elapsed);
    return at > passed ? at - passed : passed.zero();
  }

 private:
  Clock clock_;
  typename Clock::time_point start_;
};

}  // namespace larder::detail
