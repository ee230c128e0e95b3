/// \file loading_options_test.cpp
/// LoadingOptions: which make sense, and what is said of those that do not.
#include <larder/layers/loading_options.hpp>

#include <chrono>
#include <string>

#include "tests/support/catch.hpp"
#include "tests/support/message_of.hpp"

using namespace std::chrono_literals;
using larder::LoadingOptions;
using larder_tests::contains;

namespace {

std::string refusal(const LoadingOptions& options) { return larder_tests::refusal_of(options); }

}  // namespace

TEST_CASE("LoadingOptions: the defaults make sense", "[loading]") { CHECK(refusal({}).empty()); }

TEST_CASE("LoadingOptions: what makes no sense is refused by its name and value", "[loading]") {
  CHECK(contains(refusal({.ttl = 0s}), "ttl = 0 ms"));
  CHECK(contains(refusal({.ttl_jitter = 1}), "ttl_jitter = 1"));
  CHECK(contains(refusal({.ttl_jitter = std::stod("nan")}), "ttl_jitter = "));
  CHECK(contains(refusal({.stale_while_revalidate = -1ms}), "stale_while_revalidate = -1 ms"));
  CHECK(contains(refusal({.stale_if_error = -1ms}), "stale_if_error = -1 ms"));
  CHECK(contains(refusal({.retry_interval = -1ms}), "retry_interval = -1 ms"));
  CHECK(contains(refusal({.negative_ttl = 0ms}), "negative_ttl = 0 ms"));
  CHECK(contains(refusal({.early_refresh_beta = -1}), "early_refresh_beta = -1"));
  CHECK(contains(refusal({.soft_timeout = 0ms}), "soft_timeout = 0 ms"));
  CHECK(contains(refusal({.hard_timeout = -2ms}), "hard_timeout = -2 ms"));
  CHECK(contains(refusal({.threads = 0}), "threads = 0"));
  CHECK(contains(refusal({.queue = 0}), "queue = 0"));
  CHECK(contains(refusal({.lease_ttl = 0ms}), "lease_ttl = 0 ms"));
}
