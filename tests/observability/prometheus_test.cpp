/// \file prometheus_test.cpp
#include <larder/observability/prometheus.hpp>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <larder/layers/observed_backend.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/metric_samples.hpp"
#include "tests/support/temporary_folder.hpp"

using Catch::Matchers::ContainsSubstring;
using larder::MetricsRegistry;
using larder_tests::fill;

namespace {

/// Runs a program of Prometheus on a text. Result: what it says if it does not like it; "absent" where it is not there.
std::string complaint_of_promtool(const std::string& text) {
  if (std::system("promtool --version > /dev/null 2>&1") != 0) return "absent";
  const larder_tests::TemporaryFolder folder;
  std::ofstream(folder.path() + "/metrics") << text;
  const std::string run =
      "promtool check metrics < '" + folder.path() + "/metrics' > '" + folder.path() + "/said' 2>&1";
  const int status = std::system(run.c_str());
  std::ostringstream said;
  said << std::ifstream(folder.path() + "/said").rdbuf();
  return status == 0 ? said.str() : "it fails: " + said.str();
}

}  // namespace

TEST_CASE("Prometheus's text has every number, and names and labels of any text", "[metrics]") {
  MetricsRegistry registry;
  fill(registry);
  const std::string text = larder::prometheus_text(registry);
  const std::string odd = "cache=\"odd \\\"name\\\"\\n\\\\ \xef\xbf\xbd\",data_centre=\"a\\\\b\",_lives=\"x\"";
  for (const std::string& line : std::vector<std::string>{
           "# TYPE larder_cache_hits_total counter\nlarder_cache_hits_total{" + odd + "} 12345678901\n",
           "larder_cache_entries{" + odd + "} 3\n",
           "larder_cache_limit_bytes{" + odd + "} 1000\n",
           "# TYPE larder_cache_operation_duration_seconds histogram\n" +
               ("larder_cache_operation_duration_seconds_bucket{" + odd) + ",operation=\"get\",le=\"1.28e-07\"} 7\n",
           ",operation=\"get\",le=\"0.001048576\"} 7\n" + ("larder_cache_operation_duration_seconds_bucket{" + odd) +
               ",operation=\"get\",le=\"0.002097152\"} 10\n",
           ",operation=\"get\",le=\"+Inf\"} 11\n",
           "larder_cache_operation_duration_seconds_count{" + odd + ",operation=\"get\"} 11\n",
           "larder_cache_operation_errors_total{" + odd + ",operation=\"get\",error=\"timeout\"} 4\n",
           "larder_cache_predicted_hit_ratio{" + odd + ",size=\"0.25\"} 0.5\n",
           "larder_cache_predicted_hit_ratio{" + odd + ",size=\"4\"} 1\n",
           "larder_cache_residency_seconds_sum{" + odd + "} 90\n",
           "larder_cache_loads_total{" + odd + "} 5\n",
           "larder_cache_up{" + odd + "} 1\n",
           std::string("larder_cache_up{cache=\"plain\"} 1\nlarder_cache_up{cache=\"broken\"} 0\n"),
           std::string("larder_cache_limit_bytes{cache=\"plain\"} 104857600\n"),
       }) {
    CHECK_THAT(text, ContainsSubstring(line));
  }
  CHECK(text.find("larder_cache_hits_total{cache=\"broken\"}") == std::string::npos);
}

TEST_CASE("Prometheus's own tool has no complaint", "[metrics]") {
  MetricsRegistry registry;
  fill(registry);
  const auto live = std::make_shared<larder::ObservedBackend<>>(std::make_shared<larder::InMemoryBackend<>>(),
                                                                larder::ObservedOptions<>{.time_one_in = 1});
  live->set("a", "1");
  live->get("a");
  registry.add("live", live);
  const std::string complaint = complaint_of_promtool(larder::prometheus_text(registry));
  if (complaint == "absent") {
    WARN("not checked: promtool is not installed (on Debian: apt-get install prometheus)");
    return;
  }
  CHECK(complaint.empty());
  CHECK_FALSE(complaint_of_promtool("larder_wrong{ 1\n").empty());
  CHECK_FALSE(complaint_of_promtool("# TYPE larder_count counter\nlarder_count 1\n").empty());
}

TEST_CASE("OpenMetrics ends, names counters by what they count, and tells units", "[metrics]") {
  MetricsRegistry registry;
  fill(registry);
  const std::string text = larder::open_metrics_text(registry);
  CHECK(text.ends_with("# EOF\n"));
  CHECK_THAT(text, ContainsSubstring("# TYPE larder_cache_hits counter\nlarder_cache_hits_total{"));
  CHECK_THAT(text, ContainsSubstring("# UNIT larder_cache_limit_bytes bytes\n"));
  CHECK_THAT(text, ContainsSubstring("# UNIT larder_cache_operation_duration_seconds seconds\n"));
  CHECK_THAT(text, ContainsSubstring("# UNIT larder_cache_predicted_hit_ratio ratio\n"));
}
