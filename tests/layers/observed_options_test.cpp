/// \file observed_options_test.cpp
#include <larder/layers/observed_options.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/message_of.hpp"

TEST_CASE("ObservedOptions: the defaults make sense, and an interval of 0 does not", "[observed]") {
  CHECK(larder_tests::refusal_of(larder::ObservedOptions<>{}).empty());
  CHECK(larder_tests::refusal_of(larder::ObservedOptions<>{.time_one_in = 0}) ==
        "ObservedOptions: time_one_in = 0, but it must be at least 1");
}
