/// \file load_stats_test.cpp
/// LoadStats: how it keeps the times that loads took.
#include <larder/layers/load_stats.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "tests/support/catch.hpp"

using namespace std::chrono_literals;
using larder::LoadStats;

TEST_CASE("LoadStats: buckets hold every time, without a gap", "[loading]") {
  std::size_t before = 0;
  for (std::int64_t time = 0; time < 100'000; ++time) {
    const std::size_t bucket = LoadStats::bucket_of(std::chrono::nanoseconds(time));
    CHECK((bucket == before || bucket == before + 1));
    CHECK(time < LoadStats::end_of_bucket(bucket));
    if (bucket > 0) CHECK(time >= LoadStats::end_of_bucket(bucket - 1));
    before = bucket;
  }
  CHECK(LoadStats::bucket_of(-1ns) == 0);
  CHECK(LoadStats::bucket_of(std::chrono::nanoseconds::max()) == LoadStats().load_times.size() - 1);
  CHECK(LoadStats::end_of_bucket(LoadStats().load_times.size() - 1) > std::chrono::nanoseconds(2h).count());
}

TEST_CASE("LoadStats: a percentile is the end of the bucket in which it lies", "[loading]") {
  LoadStats stats;
  CHECK(stats.load_time_percentile(1) == 0ns);
  stats.load_times[LoadStats::bucket_of(1ms)] = 99;
  stats.load_times[LoadStats::bucket_of(1s)] = 1;
  for (const double share : {0.0, 0.5, 0.99}) {
    CHECK(stats.load_time_percentile(share) >= 1ms);
    CHECK(stats.load_time_percentile(share) < 1125us);
  }
  CHECK(stats.load_time_percentile(1) >= 1s);
  CHECK(stats.load_time_percentile(1) < 1125ms);
}
