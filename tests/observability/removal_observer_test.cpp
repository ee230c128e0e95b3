/// \file removal_observer_test.cpp
#include <larder/observability/removal_observer.hpp>

#include <chrono>
#include <memory>
#include <string>

#include <larder/in_memory_backend.hpp>
#include <larder/layers/observed_backend.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/removal_log.hpp"

using namespace std::chrono_literals;

TEST_CASE("a removal observer hands on what it hears", "[observed]") {
  const larder_tests::RemovalLog<> log;
  const larder::RemovalObserver<> removals(log);
  larder::InMemoryBackend<> cache{{.max_entries = 1, .on_removal = removals}};
  cache.set("a", "1");
  cache.set("b", "1");
  CHECK(log.take_text() == "a=1 evicted");
}

TEST_CASE("a removal observer says how many keys are followed", "[observed]") {
  const larder::RemovalObserver<> removals({}, 0);
  const auto cache = std::make_shared<larder::InMemoryBackend<>>(larder::InMemoryOptions<>{.on_removal = removals});
  larder::ObservedBackend<> observed(cache, {.removals = removals});
  observed.set("a", "1");
  observed.get("a");
  observed.erase("a");
  CHECK(observed.what_if_bytes() == 0);
  CHECK(observed.observe().residency.count() == 0);
}

TEST_CASE("how old entries are that leave is known of those that leave by themselves", "[observed]") {
  const larder::RemovalObserver<> removals;
  const auto cache =
      std::make_shared<larder::InMemoryBackend<>>(larder::InMemoryOptions<>{.max_entries = 2, .on_removal = removals});
  larder::ObservedBackend<> observed(cache, {.removals = removals});
  observed.get("x");
  observed.set("a", "1");
  observed.set("b", "1");
  observed.set("c", "1");  // a is evicted
  observed.set("c", "2");  // replaced
  observed.erase("b");
  observed.clear();
  const auto observation = observed.observe();
  CHECK(observation.eviction_age.count() == 1);
  CHECK(observation.residency.count() == 2);
  CHECK_FALSE(observation.predictions.empty());
}
