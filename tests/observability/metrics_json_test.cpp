/// \file metrics_json_test.cpp
#include <larder/observability/metrics_json.hpp>

#include <string>

#include <nlohmann/json.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/metric_samples.hpp"

using larder::MetricsRegistry;
using larder_tests::fill;

TEST_CASE("the JSON is JSON, and has every number", "[metrics]") {
  MetricsRegistry registry;
  fill(registry);
  const auto json = nlohmann::json::parse(larder::metrics_json(registry));
  const auto& hits = json.at("larder_cache_hits");
  CHECK(hits.at("type") == "counter");
  CHECK(hits.at("points").at(0).at("value") == 12345678901);
  CHECK(hits.at("points").at(0).at("labels").at("cache") == "odd \"name\"\n\\ \xef\xbf\xbd");
  CHECK(hits.at("points").at(0).at("labels").at("data centre") == "a\\b");
  const auto& durations = json.at("larder_cache_operation_duration_seconds").at("points").at(0);
  CHECK(durations.at("count") == 11);
  CHECK(durations.at("buckets").at(0).at("count") == 7);
  CHECK(durations.at("buckets").at(0).at("le") == 1.28e-7);
  CHECK(nlohmann::json::parse(larder::metrics_json(MetricsRegistry())).empty());
}
