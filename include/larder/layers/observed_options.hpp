/// \file observed_options.hpp
/// ObservedOptions: what an ObservedBackend watches, and whom it tells.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <larder/cache_error.hpp>
#include <larder/fwd.hpp>
#include <larder/observability/cache_observation.hpp>
#include <larder/observability/removal_observer.hpp>
#include <larder/observability/trace_recorder.hpp>

namespace larder {

/// How a call ended.
struct CallOutcome {
  CacheOperation operation;
  std::size_t keys;                                       ///< that it was about; 0 for `clear` and `keys`
  std::size_t done;                                       ///< keys found, values stored, entries erased, keys listed
  std::optional<std::chrono::nanoseconds> duration = {};  ///< empty if the call was not timed
  std::optional<ErrorKind> error = {};                    ///< empty if it ended well
};

/// A call's span in a tracing system, by a class of yours: it begins when it is made, and ends when it is destroyed,
/// right after it was told how the call ended.
class CallSpan {
 public:
  virtual ~CallSpan() = default;
  virtual void set_outcome(const CallOutcome& outcome) = 0;

 protected:
  CallSpan() = default;
  CallSpan(const CallSpan&) = default;
  CallSpan& operator=(const CallSpan&) = default;
};

template <class Key, class Value>
struct ObservedOptions {
  /// Of how many calls one is timed, on average and at random. Two looks at a clock take longer than a hit in memory;
  /// for a remote cache, 1 times all.
  std::uint32_t time_one_in = 64;
  /// Whether a sampled miss-ratio curve tells what other sizes would bring (observability/miss_ratio_curve.hpp).
  bool what_if = true;
  /// How many keys it samples at most, for 72 bytes each; 0 for none. Empty: as many as take 1 % of the cache's
  /// `max_size_bytes`, and 8192 where it has none.
  std::optional<std::size_t> what_if_samples = {};
  /// The removal listener of the wrapped cache, which measures how old entries are that leave. Then it is it that says
  /// how many keys are sampled.
  std::optional<RemovalObserver<Key, Value>> removals = {};
  /// Writes down what the cache is asked.
  std::shared_ptr<TraceRecorder> recorder = {};
  /// Called after each call that was timed or has failed, on its thread. What it throws is swallowed and counted.
  std::function<void(const CallOutcome&)> on_call = {};
  /// Called before each call; result: the call's span, or null if it is not traced. What it or the span throws is
  /// swallowed and counted.
  std::function<std::unique_ptr<CallSpan>(CacheOperation)> start_span = {};
  /// The clock, for tests. Empty: the steady clock.
  std::function<std::chrono::steady_clock::time_point()> now = {};

  /// \throws InvalidArgumentError that names the option and its value if the options make no sense.
  void validate() const {
    if (time_one_in == 0) throw InvalidArgumentError("ObservedOptions: time_one_in = 0, but it must be at least 1");
  }
};

}  // namespace larder
