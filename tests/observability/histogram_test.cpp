/// \file histogram_test.cpp
#include <larder/observability/histogram.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>

#include "tests/support/catch.hpp"

using larder::Histogram;

TEST_CASE("a histogram's buckets hold every value, without a gap", "[histogram]") {
  std::size_t before = 0;
  for (std::uint64_t value = 0; value < 100'000; ++value) {
    const std::size_t bucket = Histogram::bucket_of(value);
    REQUIRE((bucket == before || bucket == before + 1));
    REQUIRE(value < Histogram::end_of_bucket(bucket));
    if (bucket > 0) REQUIRE(value >= Histogram::end_of_bucket(bucket - 1));
    before = bucket;
  }
  CHECK(Histogram::bucket_of(std::numeric_limits<std::uint64_t>::max()) == Histogram::bucket_count - 1);
  CHECK(Histogram::end_of_bucket(Histogram::bucket_count - 1) == std::uint64_t{1} << 43);
}

TEST_CASE("a histogram's percentile is the end of the bucket in which it lies", "[histogram]") {
  Histogram histogram;
  CHECK(histogram.percentile(1) == 0);
  histogram.record(1'000'000, 99);
  histogram.record(1'000'000'000);
  for (const double share : {0.0, 0.5, 0.99}) {
    CHECK(histogram.percentile(share) >= 1'000'000);
    CHECK(histogram.percentile(share) < 1'125'000);
  }
  CHECK(histogram.percentile(1) >= 1'000'000'000);
  CHECK(histogram.percentile(1) < 1'125'000'000);
  CHECK(histogram.count() == 100);
  CHECK(histogram.sum() == 1'099'000'000);
}

TEST_CASE("histograms are merged", "[histogram]") {
  Histogram left;
  left.record(5, 2);
  Histogram right;
  right.record(5);
  right.record(70);
  left += right;
  Histogram all;
  all.record(5, 3);
  all.record(70);
  CHECK(left == all);
}

TEST_CASE("how many values are below one is exact at powers of two", "[histogram]") {
  Histogram histogram;
  for (std::uint64_t value = 0; value < 5'000; ++value) histogram.record(value);
  for (std::uint64_t bound = 8; bound <= 4'096; bound *= 2) CHECK(histogram.count_below(bound) == bound);
  CHECK(histogram.count_below(std::numeric_limits<std::uint64_t>::max()) == 5'000);
  CHECK(histogram.count_below(0) == 0);
}
