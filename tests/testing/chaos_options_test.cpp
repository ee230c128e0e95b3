/// \file chaos_options_test.cpp
/// ChaosOptions: which make sense, and what is said of those that do not.
#include <larder/testing/chaos_options.hpp>

#include <chrono>
#include <limits>
#include <string>

#include "tests/support/catch.hpp"
#include "tests/support/message_of.hpp"

using larder::testing::ChaosOptions;
using larder_tests::contains;
using namespace std::chrono_literals;

namespace {

std::string refusal(const ChaosOptions& options) { return larder_tests::refusal_of(options); }

}  // namespace

TEST_CASE("options that make no sense are refused by name and value", "[chaos]") {
  const auto wait = [](auto) {};
  CHECK(refusal({.errors = 1.5}) == "ChaosOptions: errors = 1.5, but a share is from 0 to 1");
  CHECK(refusal({.errors_after = -0.25}) == "ChaosOptions: errors_after = -0.25, but a share is from 0 to 1");
  CHECK(refusal({.lost_writes = 1.0000001}) == "ChaosOptions: lost_writes = 1.0000001, but a share is from 0 to 1");
  CHECK(refusal({.delays = 2, .wait = wait}) == "ChaosOptions: delays = 2, but a share is from 0 to 1");
  const double no_number = std::numeric_limits<double>::quiet_NaN();
  CHECK(contains(refusal({.errors = no_number}), "errors = nan"));
  CHECK(contains(refusal({.delays = no_number, .wait = wait}), "delays = nan"));
  CHECK(contains(refusal({.errors = 0.5, .errors_after = 0.25, .lost_writes = 0.5}),
                 "ChaosOptions: errors + errors_after + lost_writes = 1.25, but"));
  CHECK(refusal({.delays = 0.5}) ==
        "ChaosOptions: delays = 0.5 needs wait, the function by which a delay passes, but wait is empty");
  CHECK(refusal({.shortest_delay = -1ns}) == "ChaosOptions: shortest_delay = -1 ns, but no delay is negative");
  CHECK(refusal({.shortest_delay = 2us, .longest_delay = 1us}) ==
        "ChaosOptions: shortest_delay = 2000 ns is more than longest_delay = 1000 ns");
  CHECK(refusal({.errors = 0.125, .faults = {}}) ==
        "ChaosOptions: faults is empty, but errors + errors_after = 0.125 needs one to throw");
  CHECK(contains(refusal({.errors_after = 0.5, .faults = {}}), "faults is empty"));
}

TEST_CASE("options at the edge of sense are taken", "[chaos]") {
  CHECK_NOTHROW(ChaosOptions().validate());
  CHECK_NOTHROW(ChaosOptions{.lost_writes = 0.5, .faults = {}}.validate());
  CHECK_NOTHROW(ChaosOptions{.delays = 1, .shortest_delay = 0ns, .longest_delay = 0ns, .wait = [](auto) {}}.validate());
  CHECK_NOTHROW(ChaosOptions{.errors = 0.25, .errors_after = 0.25, .lost_writes = 0.5}.validate());
  // In binary, 0.3 + 0.6 + 0.1 and its like are not quite 1, on either side.
  for (int errors = 0; errors <= 100; ++errors) {
    for (int lost = 0; errors + lost <= 100; ++lost) {
      const int after = 100 - errors - lost;
      const ChaosOptions options{.errors = errors / 100.0, .errors_after = after / 100.0, .lost_writes = lost / 100.0};
      REQUIRE_NOTHROW(options.validate());
    }
  }
}
