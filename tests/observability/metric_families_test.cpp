/// \file metric_families_test.cpp
#include <larder/observability/metric_families.hpp>

#include <algorithm>
#include <set>
#include <string>

#include "tests/support/catch.hpp"
#include "tests/support/metric_samples.hpp"

using larder::MetricFamily;
using larder::MetricKind;

namespace {

const MetricFamily& family(const std::vector<MetricFamily>& families, const std::string& name) {
  const auto found =
      std::find_if(families.begin(), families.end(), [&](const MetricFamily& each) { return each.name == name; });
  REQUIRE(found != families.end());
  return *found;
}

}  // namespace

TEST_CASE("the points of several caches are in one family", "[metrics]") {
  larder::MetricsRegistry registry;
  registry.add("a", &larder_tests::everything);
  registry.add("b", &larder_tests::everything, {{"shard", "2"}});
  const auto families = metric_families(registry);
  std::set<std::string> names;
  for (const MetricFamily& each : families) {
    CHECK(names.insert(each.name).second);
    CHECK(each.points.size() % 2 == 0);
    CHECK_FALSE(each.help.empty());
  }
  const MetricFamily& hits = family(families, "larder_cache_hits");
  CHECK(hits.points[1].labels == larder::MetricLabels{{"cache", "b"}, {"shard", "2"}});
}

TEST_CASE("histograms have bounds in seconds, and all that is beyond the last in the count", "[metrics]") {
  larder::MetricsRegistry registry;
  registry.add("a", &larder_tests::everything);
  const auto families = metric_families(registry);
  const MetricFamily& durations = family(families, "larder_cache_operation_duration_seconds");
  CHECK(durations.kind == MetricKind::histogram);
  CHECK(durations.unit == "seconds");
  const auto& histogram = *durations.points[0].histogram;
  CHECK(histogram.bounds.front() == Approx(128e-9));
  CHECK(histogram.bounds.back() > 17);
  CHECK(histogram.cumulative.front() == 7);
  CHECK(histogram.cumulative.back() == 10);
  CHECK(histogram.count == 11);
  CHECK(std::is_sorted(histogram.cumulative.begin(), histogram.cumulative.end()));
  CHECK(family(families, "larder_cache_eviction_age_seconds").points[0].histogram->sum == Approx(0.02));
}

TEST_CASE("what nobody knows has no point", "[metrics]") {
  larder::MetricsRegistry registry;
  registry.add("a", [] { return larder::CacheObservation(); });
  for (const MetricFamily& each : metric_families(registry)) {
    CHECK(each.name != "larder_cache_entries");
    CHECK(each.name != "larder_cache_predicted_hit_ratio");
    CHECK(each.kind != MetricKind::histogram);
  }
}

TEST_CASE("sizes are labelled as one writes them", "[metrics]") {
  CHECK(larder::detail::factor_text(0.25) == "0.25");
  CHECK(larder::detail::factor_text(0.5) == "0.5");
  CHECK(larder::detail::factor_text(4) == "4");
}
