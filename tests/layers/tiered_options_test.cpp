/// \file tiered_options_test.cpp
/// TieredOptions: which make sense, and what is said of those that do not.
#include <larder/layers/tiered_options.hpp>

#include <chrono>
#include <string>

#include "tests/support/catch.hpp"
#include "tests/support/message_of.hpp"

using namespace std::chrono_literals;
using larder_tests::contains;

namespace {

std::string refusal(const larder::TieredOptions<>& options) { return larder_tests::refusal_of(options); }

}  // namespace

TEST_CASE("TieredOptions: the defaults make sense", "[tiered]") { CHECK(refusal({}).empty()); }

TEST_CASE("TieredOptions: what makes no sense is refused by its name and value", "[tiered]") {
  CHECK(contains(refusal({.near_ttl = 0s}), "near_ttl = 0 ms"));
  CHECK(contains(refusal({.near_ttl = -1s}), "near_ttl = -1000 ms"));
}
