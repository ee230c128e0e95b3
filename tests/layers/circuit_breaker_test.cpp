/// \file circuit_breaker_test.cpp
#include <larder/layers/circuit_breaker.hpp>

#include <chrono>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <larder/layers/detail/retry_budget.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/message_of.hpp"

using namespace std::chrono_literals;
using larder::CircuitBreaker;
using larder::CircuitBreakerOptions;
using larder::CircuitState;

namespace {

/// A breaker, its time, and what it told.
struct Trial {
  explicit Trial(
      CircuitBreakerOptions options = {.min_failures = 3, .failure_share = 0.5, .window = 10s, .open_for = 1s})
      : breaker(with_log(std::move(options))) {}

  /// Result: whether the call was made.
  bool call(bool succeeds) {
    const auto permit = breaker.ask(now);
    if (!permit) return false;
    succeeds ? breaker.succeeded(*permit, now) : breaker.failed(*permit, now);
    return true;
  }
  void fail(int times) {
    for (int i = 0; i < times; ++i) CHECK(call(false));
  }
  void succeed(int times) {
    for (int i = 0; i < times; ++i) CHECK(call(true));
  }

  CircuitBreakerOptions with_log(CircuitBreakerOptions options) {
    options.on_change = [this](CircuitState from, CircuitState to) {
      log += std::string(to_string(from)) + ">" + to_string(to) + " ";
      throw std::runtime_error("a listener's exception changes nothing");
    };
    return options;
  }

  CircuitBreaker::Time now{};
  std::string log;
  CircuitBreaker breaker;
};

}  // namespace

TEST_CASE("CircuitBreaker: options that make no sense are refused by their name", "[circuit_breaker]") {
  using Error = larder::InvalidArgumentError;
  const auto message = [](CircuitBreakerOptions options) {
    return larder_tests::message_of<Error>([&] { options.validate(); });
  };
  CHECK(message({.min_failures = 0}).find("min_failures = 0") != std::string::npos);
  CHECK(message({.failure_share = 1.5}).find("failure_share = 1.5") != std::string::npos);
  CHECK(message({.failure_share = std::numeric_limits<double>::quiet_NaN()}).find("failure_share") !=
        std::string::npos);
  CHECK(message({.window = 0ms}).find("window = 0 ms") != std::string::npos);
  CHECK(message({.open_for = -1ms}).find("open_for = -1 ms") != std::string::npos);
  CHECK(message({.trials = 0}).find("trials = 0") != std::string::npos);
  CHECK(message({}).empty());
}

TEST_CASE("CircuitBreaker: so many failures open it, and it refuses calls", "[circuit_breaker]") {
  Trial trial;
  trial.fail(2);
  CHECK(trial.breaker.state() == CircuitState::closed);
  trial.fail(1);
  CHECK(trial.breaker.state() == CircuitState::open);
  CHECK(trial.breaker.times_opened() == 1);
  CHECK_FALSE(trial.call(true));
  trial.now += 1s - 1ns;
  CHECK_FALSE(trial.call(true));
  CHECK(trial.log == "closed>open ");
}

TEST_CASE("CircuitBreaker: a success on trial closes it, a failure opens it again", "[circuit_breaker]") {
  Trial trial;
  trial.fail(3);
  trial.now += 1s;
  CHECK(trial.call(false));
  CHECK(trial.breaker.state() == CircuitState::open);
  CHECK_FALSE(trial.call(true));
  trial.now += 1s;
  CHECK(trial.call(true));
  CHECK(trial.breaker.state() == CircuitState::closed);
  CHECK(trial.log == "closed>open open>half-open half-open>open open>half-open half-open>closed ");
  // What was counted before is forgotten.
  trial.fail(2);
  CHECK(trial.breaker.state() == CircuitState::closed);
}

TEST_CASE("CircuitBreaker: half-open it lets no more calls through than are needed", "[circuit_breaker]") {
  Trial trial({.min_failures = 1, .open_for = 1s, .trials = 2});
  trial.fail(1);
  trial.now += 1s;
  const auto first = trial.breaker.ask(trial.now);
  const auto second = trial.breaker.ask(trial.now);
  REQUIRE((first && second));
  CHECK_FALSE(trial.breaker.ask(trial.now));
  trial.breaker.succeeded(*first, trial.now);
  CHECK_FALSE(trial.breaker.ask(trial.now));
  SECTION("both succeed") {
    trial.breaker.succeeded(*second, trial.now);
    CHECK(trial.breaker.state() == CircuitState::closed);
  }
  SECTION("one is abandoned, and another takes its place") {
    trial.breaker.abandoned(*second);
    CHECK(trial.call(true));
    CHECK(trial.breaker.state() == CircuitState::closed);
  }
  SECTION("one fails") {
    trial.breaker.failed(*second, trial.now);
    CHECK(trial.breaker.state() == CircuitState::open);
  }
}

TEST_CASE("CircuitBreaker: a call of a time that is over says nothing", "[circuit_breaker]") {
  Trial trial;
  const auto old = trial.breaker.ask(trial.now);
  const auto older = trial.breaker.ask(trial.now);
  trial.fail(3);
  trial.breaker.succeeded(*old, trial.now);
  CHECK(trial.breaker.state() == CircuitState::open);
  trial.now += 1s;
  const auto on_trial = trial.breaker.ask(trial.now);
  trial.breaker.failed(*older, trial.now);
  CHECK(trial.breaker.state() == CircuitState::half_open);
  trial.breaker.succeeded(*on_trial, trial.now);
  CHECK(trial.breaker.state() == CircuitState::closed);
}

TEST_CASE("CircuitBreaker: failures among many successes do not open it", "[circuit_breaker]") {
  Trial trial;
  for (int i = 0; i < 100; ++i) {
    trial.fail(1);
    trial.succeed(2);
  }
  CHECK(trial.breaker.state() == CircuitState::closed);
  trial.fail(100);
  CHECK(trial.breaker.state() == CircuitState::open);
}

TEST_CASE("CircuitBreaker: failures count for the window alone", "[circuit_breaker]") {
  Trial trial;
  trial.fail(2);
  trial.now += 10s;
  trial.fail(2);
  CHECK(trial.breaker.state() == CircuitState::closed);
  trial.now += 10s;
  trial.succeed(1);
  trial.fail(2);
  CHECK(trial.breaker.state() == CircuitState::closed);
  trial.now += 10s - 1ns;
  trial.fail(1);
  CHECK(trial.breaker.state() == CircuitState::open);
}

TEST_CASE("RetryBudget: retries are the burst and a share of the successes", "[retry_budget]") {
  larder::detail::RetryBudget budget(3, 0.25);
  for (int i = 0; i < 3; ++i) CHECK(budget.take());
  CHECK_FALSE(budget.take());
  for (int i = 0; i < 3; ++i) budget.succeeded();
  CHECK_FALSE(budget.take());
  budget.succeeded();
  CHECK(budget.take());
  CHECK_FALSE(budget.take());
  for (int i = 0; i < 1000; ++i) budget.succeeded();
  for (int i = 0; i < 3; ++i) CHECK(budget.take());
  CHECK_FALSE(budget.take());
  larder::detail::RetryBudget none(0, 1);
  none.succeeded();
  CHECK_FALSE(none.take());
}
