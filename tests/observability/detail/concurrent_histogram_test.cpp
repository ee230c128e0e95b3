/// \file concurrent_histogram_test.cpp
#include <larder/observability/detail/concurrent_histogram.hpp>

#include <cstdint>
#include <thread>

#include "tests/support/catch.hpp"

TEST_CASE("threads record in one histogram, and nothing is lost", "[histogram][threads]") {
  larder::detail::ConcurrentHistogram histogram;
  const auto work = [&histogram] {
    for (std::uint64_t value = 0; value < 10'000; ++value) histogram.record(value, 2);
  };
  std::thread other(work);
  work();
  other.join();
  const larder::Histogram snapshot = histogram.snapshot();
  CHECK(snapshot.count() == 40'000);
  CHECK(snapshot.sum() == 4 * 49'995'000ull);
  CHECK(snapshot.count_below(64) == 4 * 64);
  histogram.reset();
  CHECK(histogram.snapshot() == larder::Histogram());
}
