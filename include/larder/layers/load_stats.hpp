/// \file load_stats.hpp
/// LoadStats: what a LoadingCache has done.
#pragma once

#include <chrono>
#include <cstdint>

#include <larder/observability/histogram.hpp>

namespace larder {

/// A snapshot. Hits and misses are the wrapped cache's, which counts them itself.
struct LoadStats {
  std::uint64_t loads = 0;            ///< that were begun, a batch as one
  std::uint64_t failures = 0;         ///< loads that ended with an exception, but for those that were cancelled
  std::uint64_t cancelled = 0;        ///< loads that ended without telling anything: see LoadCancelledError
  std::uint64_t refreshes = 0;        ///< loads in the background, for a value that was there
  std::uint64_t early_refreshes = 0;  ///< those among them that were begun before the value was stale
  std::uint64_t joined = 0;           ///< callers that waited for a load of somebody else in this process
  std::uint64_t stale_served = 0;     ///< callers that got a stale value
  std::uint64_t timeouts = 0;         ///< callers that left before the load had ended, with a stale value or an error
  std::uint64_t overtaken = 0;        ///< values not kept, since the key was set or invalidated while they were loaded
  std::uint64_t leases_refused = 0;   ///< loads that had to wait for another process, or to do without
  std::uint64_t store_failures = 0;   ///< values not kept, since the wrapped cache failed; their callers got them
  std::chrono::nanoseconds load_time{0};  ///< of all loads together
  Histogram load_times{};                 ///< in nanoseconds

  /// Result: the time that this share of all loads, from 0 to 1, took at most: exact to an eighth, and zero if there
  /// was none.
  std::chrono::nanoseconds load_time_percentile(double share) const noexcept {
    return std::chrono::nanoseconds(load_times.percentile(share));
  }
};

}  // namespace larder
