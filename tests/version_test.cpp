/// \file version_test.cpp
#include <larder/version.hpp>

#include "tests/support/catch.hpp"

TEST_CASE("the version is one number that compares like the three it is made of", "[version]") {
  STATIC_REQUIRE(LARDER_VERSION == LARDER_VERSION_MAJOR * 10000 + LARDER_VERSION_MINOR * 100 + LARDER_VERSION_PATCH);
  STATIC_REQUIRE(LARDER_VERSION_MINOR < 100);
  STATIC_REQUIRE(LARDER_VERSION_PATCH < 100);
#if LARDER_VERSION < 100
  FAIL("the preprocessor reads a version before the first one");
#endif
}
