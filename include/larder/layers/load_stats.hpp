/// \file load_stats.hpp
/// LoadStats: what a LoadingCache has done.
#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>

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

  /// Result: the time that this share of all loads, from 0 to 1, took at most: exact to an eighth, and zero if there
  /// was none.
  std::chrono::nanoseconds load_time_percentile(double share) const noexcept {
    std::uint64_t all = 0;
    for (const std::uint64_t count : load_times) all += count;
    const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(all)));
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < load_times.size(); ++bucket) {
      seen += load_times[bucket];
      if (seen != 0 && seen >= wanted) return std::chrono::nanoseconds(end_of_bucket(bucket) - 1);
    }
    return std::chrono::nanoseconds::zero();
  }

  /// How many loads took how long, in buckets that are an eighth of a power of two wide (as in HdrHistogram).
  std::array<std::uint64_t, 328> load_times{};

  /// Result: the bucket of a time.
  static constexpr std::size_t bucket_of(std::chrono::nanoseconds time) noexcept {
    const auto value = static_cast<std::uint64_t>(time.count() > 0 ? time.count() : 0);
    const auto octave = std::bit_width(value) > 3 ? static_cast<std::size_t>(std::bit_width(value)) - 4 : 0;
    const std::size_t bucket = octave * 8 + static_cast<std::size_t>(value >> octave);
    return bucket < bucket_count ? bucket : bucket_count - 1;
  }
  /// Result: the first number of nanoseconds beyond a bucket.
  static constexpr std::int64_t end_of_bucket(std::size_t bucket) noexcept {
    const std::size_t octave = bucket < 16 ? 0 : bucket / 8 - 1;
    return static_cast<std::int64_t>(bucket - octave * 8 + 1) << octave;
  }

 private:
  static constexpr std::size_t bucket_count = 328;  // up to two hours
};

}  // namespace larder
