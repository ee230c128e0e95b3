/// \file removal_cause_test.cpp
#include <larder/removal_cause.hpp>

#include <string_view>

#include "tests/support/catch.hpp"

using larder::RemovalCause;

TEST_CASE("a cause of removal is spelt as its enumerator", "[removal_cause]") {
  CHECK(to_string(RemovalCause::erased) == std::string_view("erased"));
  CHECK(to_string(RemovalCause::replaced) == std::string_view("replaced"));
  CHECK(to_string(RemovalCause::evicted) == std::string_view("evicted"));
  CHECK(to_string(RemovalCause::expired) == std::string_view("expired"));
  CHECK(to_string(RemovalCause::cleared) == std::string_view("cleared"));
}

TEST_CASE("a number that is no cause is spelt, too", "[removal_cause]") {
  CHECK(to_string(static_cast<RemovalCause>(99)) == std::string_view("unknown"));
}

TEST_CASE("a cause can be spelt by the compiler", "[removal_cause]") {
  STATIC_REQUIRE(to_string(RemovalCause::evicted) == std::string_view("evicted"));
}
