/// \file one_definition_test.cpp
/// Several translation units may include all of the library; it links, and they mean the same things by it.
#include <larder/larder.hpp>

#include "tests/one_definition/units.hpp"
#include "tests/support/catch.hpp"

TEST_CASE("translation units share one cache", "[one_definition]") {
  larder::InMemoryBackend<> cache;
  CHECK(larder_tests::first_unit_fills(cache) == 2);
  CHECK(larder_tests::second_unit_reads(cache) == 2);
  CHECK(cache.get("b") == "from the first unit");
}

TEST_CASE("translation units share one seed and one definition of each function", "[one_definition]") {
  CHECK(larder_tests::first_unit_hashes("text") == larder_tests::second_unit_hashes("text"));
  CHECK(larder_tests::first_unit_address() == larder_tests::second_unit_address());
}

TEST_CASE("an error thrown in one translation unit is caught in another", "[one_definition]") {
  CHECK(larder_tests::second_unit_catches([] { larder::InMemoryBackend<> cache(0); }));
  CHECK_FALSE(larder_tests::second_unit_catches([] {}));
}
