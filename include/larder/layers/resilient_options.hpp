/// \file resilient_options.hpp
/// ResilientOptions: how long a ResilientBackend tries, when it stops trying, and what it does instead.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <larder/cache_backend.hpp>
#include <larder/cache_error.hpp>
#include <larder/fwd.hpp>
#include <larder/layers/circuit_breaker.hpp>

namespace larder {

/// What ResilientOptions::on_error is told.
struct ResilientFailure {
  const char* operation;    ///< such as "get"
  const CacheError& error;  ///< what the wrapped cache threw
  std::size_t attempt;      ///< from 1 on
  bool is_final;            ///< whether the operation now ends as a miss or false
};

template <class Key, class Value>
struct ResilientOptions {
  /// How long an operation may take with all its attempts. It is passed on to the remote backends underneath
  /// (call_deadline.hpp).
  std::chrono::milliseconds deadline{500};
  /// How often an operation is attempted that may be repeated: reads, `set`, `touch`, `erase`, `clear` and batches of
  /// these, but not `set_if_absent`. 1 means that nothing is repeated.
  std::size_t attempts = 2;
  /// Before the second attempt it waits for a random part of `backoff`; each time twice as long, up to `max_backoff`.
  std::chrono::milliseconds backoff{5};
  std::chrono::milliseconds max_backoff{100};
  /// There are at most so many retries at once, and later so many for each success.
  std::size_t retry_burst = 10;
  double retries_per_success = 0.1;
  /// When the wrapped cache is left alone.
  CircuitBreakerOptions breaker{};
  /// What is asked instead while an operation fails, and what then keeps what was to be stored, for `fallback_ttl` at
  /// most. Null: nothing. It must be in nobody else's hands.
  std::shared_ptr<CacheBackend<Key, Value>> fallback{};
  std::chrono::milliseconds fallback_ttl = std::chrono::seconds(30);
  /// Called for each error, on the thread of the call. What it throws is swallowed.
  std::function<void(const ResilientFailure&)> on_error{};
  /// The clock, and how time passes between two attempts: for tests. Empty: the steady clock, and sleep.
  std::function<std::chrono::steady_clock::time_point()> now{};
  std::function<void(std::chrono::nanoseconds)> wait{};
  /// What the random parts of `backoff` are drawn from; 0 means something different each time.
  std::uint64_t seed = 0;

  /// \throws InvalidArgumentError that names the option and its value if the options make no sense.
  void validate() const {
    require_positive("deadline", deadline);
    require_positive("max_backoff", max_backoff);
    require_positive("fallback_ttl", fallback_ttl);
    require(attempts > 0, "attempts = 0, but there must be one at least");
    require(backoff.count() >= 0, "backoff = " + std::to_string(backoff.count()) + " ms, but it must not be negative");
    // Also false of what is not a number.
    require(retries_per_success >= 0 && retries_per_success <= 1,
            "retries_per_success = " + std::to_string(retries_per_success) + ", but it is from 0 to 1");
    require(retry_burst <= 1'000'000, "retry_burst = " + std::to_string(retry_burst) + ", but 1000000 is the most");
    require(!now == !wait, "now and wait belong together, but only one of them is given");
    breaker.validate();
  }

 private:
  static void require(bool holds, const std::string& otherwise) {
    if (!holds) throw InvalidArgumentError("ResilientOptions: " + otherwise);
  }
  static void require_positive(const char* name, std::chrono::milliseconds time) {
    require(time.count() > 0, name + (" = " + std::to_string(time.count())) + " ms, but it must be positive");
  }
};

}  // namespace larder
