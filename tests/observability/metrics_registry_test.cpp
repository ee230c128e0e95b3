/// \file metrics_registry_test.cpp
#include <larder/observability/metrics_registry.hpp>

#include <memory>
#include <stdexcept>
#include <string>

#include <larder/in_memory_backend.hpp>
#include <larder/layers/loading_cache.hpp>
#include <larder/layers/observed_backend.hpp>

#include "tests/support/catch.hpp"

using larder::CacheObservation;
using larder::InMemoryBackend;
using larder::MetricsRegistry;

TEST_CASE("a registry tells what each of its caches has to say", "[metrics]") {
  MetricsRegistry registry;
  const auto cache = std::make_shared<InMemoryBackend<>>();
  const auto observed = std::make_shared<larder::ObservedBackend<>>(cache, larder::ObservedOptions<>{.time_one_in = 1});
  const auto loading = std::make_shared<larder::LoadingCache<>>(cache);
  registry.add("plain", cache);
  registry.add("observed", observed, {{"shard", "1"}});
  registry.add("loading", loading);
  observed->get("a");
  loading->get("b", [](std::string_view) { return larder::Bytes("1"); });
  const auto all = registry.collect();
  REQUIRE(all.size() == 3);
  CHECK(all[0].name == "plain");
  CHECK(all[0].observation->stats.misses == 2);
  CHECK(all[0].observation->of(larder::CacheOperation::get).latency.count() == 0);
  CHECK(all[1].labels == larder::MetricLabels{{"shard", "1"}});
  CHECK(all[1].observation->of(larder::CacheOperation::get).latency.count() == 1);
  CHECK(all[2].observation->loads->loads == 1);
  CHECK(registry.remove("plain"));
  CHECK_FALSE(registry.remove("plain"));
  CHECK(registry.collect().size() == 2);
}

TEST_CASE("a cache that cannot be asked keeps nobody from the others", "[metrics]") {
  MetricsRegistry registry;
  registry.add("broken", []() {
    throw std::runtime_error("no way");
    return CacheObservation();
  });
  registry.add("odd", []() -> CacheObservation { throw 5; });
  registry.add("well", [] { return CacheObservation(); });
  const auto all = registry.collect();
  REQUIRE(all.size() == 3);
  CHECK_FALSE(all[0].observation.has_value());
  CHECK(all[0].error == "no way");
  CHECK(all[1].error == "unknown");
  CHECK(all[2].observation.has_value());
  CHECK(all[2].error.empty());
}

TEST_CASE("names that are taken, and caches that are none, are refused", "[metrics]") {
  MetricsRegistry registry;
  const auto nothing = [] { return CacheObservation(); };
  registry.add("a", nothing);
  CHECK_THROWS_AS(registry.add("a", nothing), larder::InvalidArgumentError);
  CHECK_THROWS_AS(registry.add("", nothing), larder::InvalidArgumentError);
  CHECK_THROWS_AS(registry.add("b", nothing, {{"cache", "x"}}), larder::InvalidArgumentError);
  CHECK_THROWS_AS(registry.add("b", nothing, {{"x", "1"}, {"x", "2"}}), larder::InvalidArgumentError);
  CHECK_THROWS_AS(registry.add("b", std::shared_ptr<InMemoryBackend<>>()), larder::InvalidArgumentError);
  CHECK(registry.collect().size() == 1);
}
