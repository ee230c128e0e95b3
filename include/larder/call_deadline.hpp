/// \file call_deadline.hpp
/// CallDeadline: a time by which everything that the calling thread asks of a store has to be over.
#pragma once

#include <algorithm>
#include <chrono>

namespace larder {

/// While it lives, no call of its thread to a remote backend, through however many layers, takes longer than until
/// `at`: the backend's own time-out is cut short, and it throws TimeoutError as for that. Within another one, the sooner
/// of the two counts.
///
///     const larder::CallDeadline limit(50ms);  // for all that follows here
///
/// For automatic variables only, since they must end in the reverse order of their beginning.
class CallDeadline {
 public:
  using Clock = std::chrono::steady_clock;

  explicit CallDeadline(Clock::time_point at) noexcept : outer_(current_) { current_ = std::min(current_, at); }
  /// So long from now; more than the clock can count is for ever.
  explicit CallDeadline(std::chrono::milliseconds timeout) noexcept : CallDeadline(after(Clock::now(), timeout)) {}
  CallDeadline(const CallDeadline&) = delete;
  CallDeadline& operator=(const CallDeadline&) = delete;
  ~CallDeadline() { current_ = outer_; }

  /// The calling thread's deadline; the last time there is, if it has none.
  static Clock::time_point current() noexcept { return current_; }

  /// Result: the time so much later, or the last there is.
  static Clock::time_point after(Clock::time_point now, std::chrono::milliseconds by) noexcept {
    const auto most = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::time_point::max() - now);
    return by < most ? now + by : Clock::time_point::max();
  }

 private:
  static inline constinit thread_local Clock::time_point current_ = Clock::time_point::max();

  const Clock::time_point outer_;
};

}  // namespace larder
