#include <larder/backend_capabilities.hpp>

#include <chrono>
#include <string>

#include <larder/in_memory_backend.hpp>

#include "tests/support/catch.hpp"

using Catch::Matchers::ContainsSubstring;
using larder::BackendCapabilities;
using namespace std::chrono_literals;

TEST_CASE("what is declared by default is the whole contract, without the options of a store") {
  constexpr BackendCapabilities capabilities;
  CHECK(capabilities.contradiction().empty());
  CHECK(capabilities.enumerable_keys);
  CHECK(capabilities.exact_size_accounting);
  CHECK(capabilities.largest_key == BackendCapabilities::unlimited);
  CHECK_FALSE(capabilities.size_limit);
  CHECK_FALSE(capabilities.removal_listener);
}

TEST_CASE("what a capability rests on may be taken away alone") {
  CHECK(BackendCapabilities{.enumerable_keys = false}.contradiction().empty());
  CHECK(BackendCapabilities{.entries = false}.contradiction().empty());
  CHECK(BackendCapabilities{.expiry = false}.contradiction().empty());
}

TEST_CASE("capabilities that contradict each other are named") {
  CHECK_THAT(BackendCapabilities{.ttl_granularity = 0ms}.contradiction(), ContainsSubstring("ttl_granularity = 0 ms"));
  CHECK_THAT(BackendCapabilities{.ttl_granularity = -1ms}.contradiction(),
             ContainsSubstring("ttl_granularity = -1 ms"));
  CHECK_THAT(BackendCapabilities{.largest_key = 0}.contradiction(), ContainsSubstring("largest_key = 0"));
  CHECK_THAT(BackendCapabilities{.largest_value = 0}.contradiction(), ContainsSubstring("largest_value = 0"));
  CHECK_THAT((BackendCapabilities{.expiry = false, .ttl_granularity = 1s}.contradiction()),
             ContainsSubstring("expiry = false"));
  CHECK_THAT(BackendCapabilities{.exact_size_limit = true}.contradiction(), ContainsSubstring("size_limit = false"));
}

TEST_CASE("the in-memory cache declares what its types and traits take away") {
  struct Unlocked : larder::InMemoryTraits<> {
    using Mutex = larder::NullMutex;
  };
  static_assert(larder::InMemoryBackend<>::capabilities.concurrent_use);
  static_assert(larder::InMemoryBackend<>::capabilities.key_patterns);
  static_assert(larder::InMemoryBackend<>::capabilities.size_limit);
  static_assert(larder::InMemoryBackend<>::capabilities.removal_listener);
  static_assert(!larder::InMemoryBackend<std::string, larder::Bytes, Unlocked>::capabilities.concurrent_use);
  static_assert(!larder::InMemoryBackend<int, int>::capabilities.key_patterns);
  CHECK(larder::InMemoryBackend<>::capabilities.contradiction().empty());
}
