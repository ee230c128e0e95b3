/// \file histogram.hpp
/// Histogram: how often values of which size came, in little memory.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace larder {

/// Counts values in buckets that are an eighth of a power of two wide, as HdrHistogram does (Gil Tene, 2012): so a
/// value is known to an eighth of itself, whatever it is. 2.6 KiB. What is 2^43 or more counts as that: as nanoseconds
/// two hours and a half, as milliseconds 278 years.
///
/// A plain value. Histograms of several threads, caches or machines are merged by `+=`.
class Histogram {
 public:
  static constexpr std::size_t bucket_count = 328;

  /// Result: the bucket of a value.
  static constexpr std::size_t bucket_of(std::uint64_t value) noexcept {
    const auto octave = std::bit_width(value) > 3 ? static_cast<std::size_t>(std::bit_width(value)) - 4 : 0;
    return std::min(octave * 8 + static_cast<std::size_t>(value >> octave), bucket_count - 1);
  }

  /// Result: the first value beyond a bucket. A power of two from 8 on ends a bucket.
  static constexpr std::uint64_t end_of_bucket(std::size_t bucket) noexcept {
    const std::size_t octave = bucket < 16 ? 0 : bucket / 8 - 1;
    return static_cast<std::uint64_t>(bucket - octave * 8 + 1) << octave;
  }

  void record(std::uint64_t value, std::uint64_t times = 1) noexcept {
    counts_[bucket_of(value)] += times;
    sum_ += value * times;
  }

  Histogram& operator+=(const Histogram& other) noexcept {
    for (std::size_t i = 0; i < bucket_count; ++i) counts_[i] += other.counts_[i];
    sum_ += other.sum_;
    return *this;
  }

  /// What a bucket holds, and what all values are together, for who keeps them elsewhere.
  void add_bucket(std::size_t bucket, std::uint64_t times) noexcept { counts_[bucket] += times; }
  void add_sum(std::uint64_t sum) noexcept { sum_ += sum; }

  std::uint64_t count() const noexcept {
    std::uint64_t all = 0;
    for (const std::uint64_t each : counts_) all += each;
    return all;
  }
  /// Of all values; modulo 2^64.
  std::uint64_t sum() const noexcept { return sum_; }
  const std::array<std::uint64_t, bucket_count>& counts() const noexcept { return counts_; }

  /// Result: what this share of the values, from 0 to 1, is at most: exact to an eighth, and 0 if there was none.
  std::uint64_t percentile(double share) const noexcept {
    const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count())));
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < bucket_count; ++bucket) {
      seen += counts_[bucket];
      if (seen != 0 && seen >= wanted) return end_of_bucket(bucket) - 1;
    }
    return 0;
  }

  /// Result: how many values were below one: exact where it ends a bucket.
  std::uint64_t count_below(std::uint64_t value) const noexcept {
    std::uint64_t below = 0;
    for (std::size_t bucket = 0; bucket < bucket_count && end_of_bucket(bucket) <= value; ++bucket) {
      below += counts_[bucket];
    }
    return below;
  }

  friend bool operator==(const Histogram&, const Histogram&) = default;

 private:
  std::array<std::uint64_t, bucket_count> counts_{};
  std::uint64_t sum_ = 0;
};

}  // namespace larder
