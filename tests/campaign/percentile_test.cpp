#include "tests/campaign/percentile.hpp"

#include <cstdint>

#include "tests/support/catch.hpp"

TEST_CASE("percentile: it is told to a fiftieth where values lie evenly, though a bucket is an eighth wide") {
  larder::Histogram histogram;
  const std::uint64_t end = larder::Histogram::end_of_bucket(larder::Histogram::bucket_of(100000) - 1);
  for (std::uint64_t value = 0; value < end; ++value) histogram.record(value);
  for (const double share : {0.01, 0.5, 0.9, 0.99, 0.999}) {
    CHECK(larder_tests::interpolated_percentile(histogram, share) ==
          Approx(share * static_cast<double>(end)).epsilon(0.02));
  }
  CHECK(larder_tests::interpolated_percentile({}, 0.5) == 0);
}

TEST_CASE("percentile: it moves as its values do, and not by steps of an eighth") {
  double last = 0;
  for (std::uint64_t level = 1000; level <= 1300; level += 10) {
    larder::Histogram histogram;
    for (std::uint64_t value = level; value < level * 2; ++value) histogram.record(value);
    const double median = larder_tests::interpolated_percentile(histogram, 0.5);
    if (last != 0) {
      CHECK(median > last);
      CHECK(median < last * 1.02);
    }
    last = median;
  }
}
