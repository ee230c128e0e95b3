/// \file load_stats_test.cpp
/// LoadStats: how it keeps the times that loads took.
#include <larder/layers/load_stats.hpp>

#include <chrono>

#include "tests/support/catch.hpp"

using namespace std::chrono_literals;
using larder::LoadStats;

TEST_CASE("LoadStats: a percentile is the end of the bucket in which it lies", "[loading]") {
  LoadStats stats;
  CHECK(stats.load_time_percentile(1) == 0ns);
  stats.load_times.record(1'000'000, 99);
  stats.load_times.record(1'000'000'000);
  for (const double share : {0.0, 0.5, 0.99}) {
    CHECK(stats.load_time_percentile(share) >= 1ms);
    CHECK(stats.load_time_percentile(share) < 1125us);
  }
  CHECK(stats.load_time_percentile(1) >= 1s);
  CHECK(stats.load_time_percentile(1) < 1125ms);
}
