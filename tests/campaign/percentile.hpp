/// \file percentile.hpp
/// Percentiles of a histogram, as figures of which a drift by few percent can be told.
#pragma once

#include <larder/observability/histogram.hpp>

#include <cstddef>
#include <cstdint>

namespace larder_tests {

/// Result: what this share of the values, from 0 to 1, is at most, as if those of a bucket lay evenly within it; 0 if
/// there was none. `Histogram::percentile` moves by steps of an eighth, as wide as the drift that is looked for.
inline double interpolated_percentile(const larder::Histogram& histogram, double share) {
  const double wanted = share * static_cast<double>(histogram.count());
  double seen = 0;
  std::uint64_t begin = 0;
  for (std::size_t bucket = 0; bucket < larder::Histogram::bucket_count; ++bucket) {
    const std::uint64_t end = larder::Histogram::end_of_bucket(bucket);
    const auto count = static_cast<double>(histogram.counts()[bucket]);
    if (count != 0 && seen + count >= wanted) {
      return static_cast<double>(begin) + static_cast<double>(end - begin) * (wanted - seen) / count;
    }
    seen += count;
    begin = end;
  }
  return 0;
}

}  // namespace larder_tests
