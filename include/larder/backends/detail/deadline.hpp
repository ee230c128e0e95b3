/// \file deadline.hpp
/// Deadline: when a call has to be over, whatever it waits for on its way.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <limits>

#include <larder/call_deadline.hpp>

namespace larder::detail {

class Deadline {
 public:
  using Clock = std::chrono::steady_clock;
  using Milliseconds = std::chrono::milliseconds;

  /// So long from now, but no longer than the thread's CallDeadline; longer than the clock can count is for ever.
  static Deadline in(Milliseconds timeout) {
    const auto now = Clock::now();
    const auto at = CallDeadline::after(now, timeout);
    const auto limit = CallDeadline::of_call(now);
    if (at <= limit) return Deadline(at, timeout);
    return Deadline(limit, std::max(std::chrono::ceil<Milliseconds>(limit - now), Milliseconds(0)));
  }

  /// Of a call about so many keys: so long for each 1,000 of them, from now.
  static Deadline for_keys(std::size_t keys, Milliseconds timeout) {
    constexpr std::size_t keys_at_once = 1000;
    const auto times =
        static_cast<Milliseconds::rep>(std::max<std::size_t>((keys + keys_at_once - 1) / keys_at_once, 1));
    return in(timeout > Milliseconds::max() / times ? Milliseconds::max() : timeout * times);
  }

  /// The sooner of this one and so long from now.
  Deadline at_most(Milliseconds timeout) const {
    Deadline sooner = *this;
    if (const Deadline other = in(timeout); other.at_ < at_) {
      sooner.at_ = other.at_;
      sooner.timeout_ = other.timeout_;
    }
    return sooner;
  }

  /// The same, but whoever waits for a socket, or for a name to be resolved, also gives up with a ConnectionError as
  /// soon as this descriptor is readable.
  Deadline interrupted_by(int descriptor) const noexcept {
    Deadline interruptible = *this;
    interruptible.interrupt_ = descriptor;
    return interruptible;
  }

  Clock::time_point at() const noexcept { return at_; }
  /// How long it was when it was set, for messages.
  Milliseconds timeout() const noexcept { return timeout_; }
  /// Negative if there is none, as `poll` takes it.
  int interrupt() const noexcept { return interrupt_; }
  /// Zero or more.
  Clock::duration remaining() const { return std::max(at_ - Clock::now(), Clock::duration::zero()); }
  bool has_passed() const { return Clock::now() >= at_; }

  /// The rest of the time as `poll` takes it: rounded up, so that it is not asked again and again in the end.
  int poll_milliseconds() const {
    const auto left = std::chrono::ceil<Milliseconds>(remaining()).count();
    return static_cast<int>(std::min<Milliseconds::rep>(left, std::numeric_limits<int>::max()));
  }

 private:
  Deadline(Clock::time_point at, Milliseconds timeout) : at_(at), timeout_(timeout) {}

  Clock::time_point at_;
  Milliseconds timeout_;
  int interrupt_ = -1;
};

}  // namespace larder::detail
