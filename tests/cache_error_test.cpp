/// \file cache_error_test.cpp
#include <larder/cache_error.hpp>

#include <concepts>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "tests/support/catch.hpp"

TEMPLATE_TEST_CASE("each error is a CacheError that carries its message", "[cache_error]", larder::ConnectionError,
                   larder::TimeoutError, larder::ProtocolError, larder::NotSupportedError,
                   larder::InvalidArgumentError) {
  STATIC_REQUIRE(std::derived_from<TestType, larder::CacheError>);
  try {
    throw TestType("what happened");
  } catch (const larder::CacheError& error) {
    CHECK(error.what() == std::string("what happened"));
  }
}

TEST_CASE("a CacheError is a std::runtime_error", "[cache_error]") {
  STATIC_REQUIRE(std::derived_from<larder::CacheError, std::runtime_error>);
  CHECK(larder::CacheError("text").what() == std::string("text"));
}

TEST_CASE("a ServerError carries the server's own code", "[cache_error]") {
  STATIC_REQUIRE(std::derived_from<larder::ServerError, larder::CacheError>);
  const larder::ServerError error("OOM", "command not allowed when used memory > 'maxmemory'");
  CHECK(error.code() == "OOM");
  CHECK(error.what() == std::string("command not allowed when used memory > 'maxmemory'"));
}

TEST_CASE("the errors are told apart by their types", "[cache_error]") {
  STATIC_REQUIRE_FALSE(std::derived_from<larder::TimeoutError, larder::ConnectionError>);
  STATIC_REQUIRE_FALSE(std::derived_from<larder::ServerError, larder::ProtocolError>);
  STATIC_REQUIRE_FALSE(std::derived_from<larder::NotSupportedError, larder::InvalidArgumentError>);
}

TEST_CASE("an error can be copied while it is thrown", "[cache_error]") {
  STATIC_REQUIRE(std::is_copy_constructible_v<larder::ServerError>);
  const larder::ServerError error("READONLY", "no writes here");
  const larder::ServerError copy = error;
  CHECK(copy.code() == error.code());
  CHECK(copy.what() == std::string(error.what()));
}
