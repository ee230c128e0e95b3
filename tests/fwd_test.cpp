/// \file fwd_test.cpp
#include <larder/fwd.hpp>

#include <type_traits>

// Before anything else is included: the forward declarations alone are enough to name the types.
namespace {

larder::InMemoryBackend<>* make_nothing() { return nullptr; }
larder::CacheBackend<int, double>* make_nothing_else() { return nullptr; }
using DefaultEntry = larder::CacheEntry<>;

}  // namespace

#include <larder/larder.hpp>

#include "tests/support/catch.hpp"

TEST_CASE("forward declarations give the defaults that the definitions have", "[fwd]") {
  CHECK(make_nothing() == nullptr);
  CHECK(make_nothing_else() == nullptr);
  STATIC_REQUIRE(std::is_same_v<DefaultEntry, larder::CacheEntry<std::string, larder::Bytes>>);
  STATIC_REQUIRE(std::is_same_v<larder::CacheBackend<>, larder::CacheBackend<std::string, larder::Bytes>>);
  STATIC_REQUIRE(
      std::is_same_v<larder::InMemoryBackend<>,
                     larder::InMemoryBackend<std::string, larder::Bytes, larder::InMemoryTraits<std::string>>>);
}
