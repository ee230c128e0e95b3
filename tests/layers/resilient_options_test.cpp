/// \file resilient_options_test.cpp
/// ResilientOptions: which make sense, and what is said of those that do not.
#include <larder/layers/resilient_options.hpp>

#include <chrono>
#include <string>

#include "tests/support/catch.hpp"
#include "tests/support/message_of.hpp"

using namespace std::chrono_literals;
using larder_tests::contains;

namespace {

std::string refusal(const larder::ResilientOptions<>& options) { return larder_tests::refusal_of(options); }

}  // namespace

TEST_CASE("ResilientOptions: the defaults make sense", "[resilient]") { CHECK(refusal({}).empty()); }

TEST_CASE("ResilientOptions: what makes no sense is refused by its name and value", "[resilient]") {
  CHECK(contains(refusal({.deadline = 0ms}), "deadline = 0 ms"));
  CHECK(contains(refusal({.attempts = 0}), "attempts = 0"));
  CHECK(contains(refusal({.backoff = -1ms}), "backoff = -1 ms"));
  CHECK(contains(refusal({.max_backoff = 0ms}), "max_backoff = 0 ms"));
  CHECK(contains(refusal({.retry_burst = 1'000'001}), "retry_burst = 1000001"));
  CHECK(contains(refusal({.retries_per_success = 1.5}), "retries_per_success = 1.5"));
  CHECK(contains(refusal({.breaker = {.trials = 0}}), "trials = 0"));
  CHECK(contains(refusal({.fallback_ttl = 0ms}), "fallback_ttl = 0 ms"));
  CHECK(contains(refusal({.wait = [](std::chrono::nanoseconds) {}}), "now and wait"));
}
