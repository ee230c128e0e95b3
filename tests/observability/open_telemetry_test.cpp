/// \file open_telemetry_test.cpp
#include <larder/observability/open_telemetry.hpp>

#include <cstdint>
#include <map>
#include <sstream>
#include <string>

#include "tests/support/catch.hpp"
#include "tests/support/metric_samples.hpp"

using larder::MetricsRegistry;

TEST_CASE("OpenTelemetry's callback is told of instruments, units and attributes", "[metrics]") {
  MetricsRegistry registry;
  registry.add("a", &larder_tests::everything, {{"shard", "1"}});
  std::map<std::string, std::string> seen;
  std::uint64_t durations = 0;
  larder::for_each_measurement(registry, [&](const larder::Measurement& measurement) {
    std::ostringstream text;
    text << measurement.unit << ' ' << static_cast<int>(measurement.kind) << ' ' << measurement.value;
    for (const auto& [name, value] : measurement.attributes) text << ' ' << name << '=' << value;
    seen[std::string(measurement.instrument)] = text.str();
    if (measurement.histogram != nullptr) durations += measurement.histogram->count;
  });
  CHECK(seen.at("larder.cache.hits") == "1 0 1.23457e+10 cache=a shard=1");
  CHECK(seen.at("larder.cache.size") == "By 1 100 cache=a shard=1");
  CHECK(seen.at("larder.cache.operation_duration") == "s 2 0 cache=a shard=1 operation=get");
  CHECK(seen.at("larder.cache.predicted_hit_ratio") == "1 1 1 cache=a shard=1 size=4");
  CHECK(durations == 11 + 1 + 1 + 5);
}
