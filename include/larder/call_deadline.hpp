/// \file call_deadline.hpp
/// CallDeadline: a time by which everything that the calling thread asks of a store has to be over.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

namespace larder {

/// While it lives, no call of its thread to a remote backend, through however many layers, takes longer than until
/// then: the backend's own time-out is cut short, and it throws TimeoutError as for that. Within another one, the
/// sooner of the two counts.
///
///     const larder::CallDeadline limit(50ms);  // for all that follows here
///
/// For automatic variables only, since they must end in the reverse order of their beginning.
class CallDeadline {
 public:
  using Clock = std::chrono::steady_clock;
  using Milliseconds = std::chrono::milliseconds;

  explicit CallDeadline(Clock::time_point at) noexcept : CallDeadline(at, {}) {}
  /// So long from now; more than the clock can count is for ever.
  explicit CallDeadline(Milliseconds timeout) noexcept : CallDeadline(after(Clock::now(), timeout), {}) {}
  CallDeadline(const CallDeadline&) = delete;
  CallDeadline& operator=(const CallDeadline&) = delete;
  ~CallDeadline() { innermost_ = outer_; }

  /// One that begins with the first call to a remote backend, so that nobody asks a clock who needs none.
  struct FromFirstCall {
    Milliseconds timeout;
  };
  explicit CallDeadline(FromFirstCall lazy) noexcept : CallDeadline(Clock::time_point::max(), lazy.timeout) {}

  /// When the first call to a remote backend began; empty if there was none.
  std::optional<Clock::time_point> first_call() const noexcept { return first_call_; }

  /// For remote backends: the calling thread's deadline as a call begins; the last time there is, if it has none.
  static Clock::time_point of_call(Clock::time_point now) noexcept {
    Clock::time_point soonest = Clock::time_point::max();
    for (CallDeadline* each = innermost_; each != nullptr; each = each->outer_) {
      if (!each->first_call_) {
        each->first_call_ = now;
        if (each->timeout_) each->at_ = after(now, *each->timeout_);
      }
      soonest = std::min(soonest, each->at_);
    }
    return soonest;
  }

  /// Result: the time so much later, or the last there is.
  static Clock::time_point after(Clock::time_point now, Milliseconds by) noexcept {
    const auto most = std::chrono::duration_cast<Milliseconds>(Clock::time_point::max() - now);
    return by < most ? now + by : Clock::time_point::max();
  }

 private:
  CallDeadline(Clock::time_point at, std::optional<Milliseconds> timeout) noexcept
      : at_(at), timeout_(timeout), outer_(innermost_) {
    innermost_ = this;
  }

  static inline constinit thread_local CallDeadline* innermost_ = nullptr;

  Clock::time_point at_;
  std::optional<Milliseconds> timeout_;  // of one that begins with the first call
  std::optional<Clock::time_point> first_call_{};
  CallDeadline* const outer_;
};

}  // namespace larder
