/// \file circuit_breaker.hpp
/// CircuitBreaker: whether something that fails is asked at all (Nygard, Release It!, 2007).
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include <larder/cache_error.hpp>

namespace larder {

enum class CircuitState : unsigned char {
  closed,     ///< every call is made
  open,       ///< none is
  half_open,  ///< a few are, to see whether they succeed
};

constexpr const char* to_string(CircuitState state) noexcept {
  switch (state) {
    case CircuitState::closed: return "closed";
    case CircuitState::open: return "open";
    case CircuitState::half_open: return "half-open";
  }
  return "unknown";
}

struct CircuitBreakerOptions {
  /// So many failures within `window` open it, if they are at least this share of the calls since the first of them.
  std::size_t min_failures = 5;
  double failure_share = 0.5;
  std::chrono::milliseconds window = std::chrono::seconds(10);
  /// How long it stays open before it lets calls through on trial.
  std::chrono::milliseconds open_for = std::chrono::seconds(1);
  /// How many calls at once are let through on trial, and how many successes close it. One failure opens it again.
  std::size_t trials = 1;
  /// Called after each change of state, on the thread whose call made it. What it throws is swallowed.
  std::function<void(CircuitState from, CircuitState to)> on_change{};

  /// \throws InvalidArgumentError that names the option and its value if the options make no sense.
  void validate() const {
    require(min_failures > 0, "min_failures = 0, but it must be positive");
    // Also false of what is not a number.
    require(failure_share >= 0 && failure_share <= 1,
            "failure_share = " + std::to_string(failure_share) + ", but a share is from 0 to 1");
    require(window.count() > 0, "window = " + std::to_string(window.count()) + " ms, but it must be positive");
    require(open_for.count() > 0, "open_for = " + std::to_string(open_for.count()) + " ms, but it must be positive");
    require(trials > 0, "trials = 0, but then it would never close again");
  }

 private:
  static void require(bool holds, const std::string& otherwise) {
    if (!holds) throw InvalidArgumentError("CircuitBreakerOptions: " + otherwise);
  }
};

/// Thread-safe. While all goes well, a call costs two loads. Times are the caller's, so that tests may have their own.
class CircuitBreaker {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// That a call may be made. How it ended is to be told, once.
  struct Permit {
    std::uint64_t epoch;
  };

  /// \throws InvalidArgumentError if the options make no sense.
  explicit CircuitBreaker(CircuitBreakerOptions options) : options_((options.validate(), std::move(options))) {}

  CircuitState state() const noexcept { return state_of(epoch_.load(std::memory_order_acquire)); }
  /// How often it has opened, from half-open as well.
  std::uint64_t times_opened() const noexcept { return times_opened_.load(std::memory_order_relaxed); }

  /// Result: empty if the call is not to be made.
  std::optional<Permit> ask(Time now) {
    if (const auto permit = ask_if_closed()) return permit;
    return ask_on_trial(now);
  }
  /// Result: empty if it is not closed; then `ask` needs the time.
  std::optional<Permit> ask_if_closed() const noexcept {
    const auto epoch = epoch_.load(std::memory_order_acquire);
    return state_of(epoch) == CircuitState::closed ? std::optional(Permit{epoch}) : std::nullopt;
  }

  /// Whether a success changes anything: not if it is closed and nothing has failed lately.
  bool needs_successes() const noexcept { return is_counting_.load(std::memory_order_relaxed); }

  void succeeded(Permit permit, Time now) {
    if (!needs_successes()) return;
    Change change;
    {
      const std::lock_guard lock(mutex_);
      if (permit.epoch != epoch_.load(std::memory_order_relaxed)) return;
      if (state() == CircuitState::half_open) {
        --trials_under_way_;
        if (++successes_ == options_.trials) change = enter(CircuitState::closed);
      } else if (now - window_began_ < options_.window) {
        ++successes_;
      } else {
        stop_counting();
      }
    }
    tell(change);
  }

  void failed(Permit permit, Time now) {
    Change change;
    {
      const std::lock_guard lock(mutex_);
      if (permit.epoch != epoch_.load(std::memory_order_relaxed)) return;  // of a time that is over
      if (state() == CircuitState::half_open) {
        change = open(now);
      } else {
        count_failure(now);
        const double share = static_cast<double>(failures_) / static_cast<double>(failures_ + successes_);
        if (failures_ >= options_.min_failures && share >= options_.failure_share) change = open(now);
      }
    }
    tell(change);
  }

  /// The call ended in a way that says nothing about what it asked.
  void abandoned(Permit permit) {
    const std::lock_guard lock(mutex_);
    if (permit.epoch == epoch_.load(std::memory_order_relaxed) && state() == CircuitState::half_open) {
      --trials_under_way_;
    }
  }

 private:
  struct Change {
    CircuitState from = CircuitState::closed;
    CircuitState to = CircuitState::closed;
  };

  static CircuitState state_of(std::uint64_t epoch) noexcept { return static_cast<CircuitState>(epoch & 3U); }

  std::optional<Permit> ask_on_trial(Time now) {
    Change change;
    std::optional<Permit> permit;
    {
      const std::lock_guard lock(mutex_);
      if (state() == CircuitState::open && now >= opened_ + options_.open_for) change = enter(CircuitState::half_open);
      const bool on_trial = state() == CircuitState::half_open;
      // Those that are to come are enough to close it.
      if (state() == CircuitState::closed || (on_trial && trials_under_way_ + successes_ < options_.trials)) {
        trials_under_way_ += on_trial ? 1 : 0;
        permit = Permit{epoch_.load(std::memory_order_relaxed)};
      }
    }
    tell(change);
    return permit;
  }

  void count_failure(Time now) {
    if (failures_ == 0 || now - window_began_ >= options_.window) {
      failures_ = successes_ = 0;
      window_began_ = now;
    }
    ++failures_;
    is_counting_.store(true, std::memory_order_relaxed);
  }

  void stop_counting() {
    failures_ = successes_ = 0;
    is_counting_.store(false, std::memory_order_relaxed);
  }

  Change open(Time now) {
    opened_ = now;
    times_opened_.fetch_add(1, std::memory_order_relaxed);
    return enter(CircuitState::open);
  }

  Change enter(CircuitState next) {
    const Change change{state(), next};
    stop_counting();
    trials_under_way_ = 0;
    is_counting_.store(next != CircuitState::closed, std::memory_order_relaxed);
    const std::uint64_t number = (epoch_.load(std::memory_order_relaxed) >> 2U) + 1;
    epoch_.store(number << 2U | static_cast<std::uint64_t>(next), std::memory_order_release);
    return change;
  }

  void tell(const Change& change) const {
    if (change.from == change.to || !options_.on_change) return;
    try {
      options_.on_change(change.from, change.to);
    } catch (...) {  // the listener's own affair
    }
  }

  const CircuitBreakerOptions options_;
  std::atomic<std::uint64_t> epoch_{0};  // how many changes of state there were, and the state in the lowest two bits
  std::atomic<std::uint64_t> times_opened_{0};
  std::atomic<bool> is_counting_{false};  // whether successes matter

  std::mutex mutex_;  // of all below, and of changes of those above
  std::size_t failures_ = 0;
  std::size_t successes_ = 0;  // since the window began; half-open, since it was entered
  std::size_t trials_under_way_ = 0;
  Time window_began_{};
  Time opened_{};
};

}  // namespace larder
