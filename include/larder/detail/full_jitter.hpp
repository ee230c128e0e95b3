/// \file full_jitter.hpp
/// FullJitter: how long to wait before something that failed is tried again.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace larder::detail {

/// Any length of time up to a limit that doubles with each attempt, so that many clients do not come back at once
/// ("full jitter": Brooker, Exponential Backoff And Jitter, AWS, 2015). The same seed gives the same times.
/// Thread-safe.
class FullJitter {
 public:
  using Milliseconds = std::chrono::milliseconds;
  using Nanoseconds = std::chrono::nanoseconds;

  /// Before the second attempt up to `base`, and never more than `most`.
  FullJitter(Milliseconds base, Milliseconds most, std::uint64_t seed) noexcept
      : base_(base), most_(most), draws_(seed) {}

  /// Result: how long to wait before an attempt, from 2 on; less than the limit, unless that is zero.
  Nanoseconds before(std::size_t attempt) noexcept {
    const double doubled = static_cast<double>(base_.count()) *
                           static_cast<double>(std::uint64_t{1} << std::min<std::size_t>(attempt - 2, 40));
    const std::chrono::duration<double, std::milli> limit(std::min(doubled, static_cast<double>(most_.count())));
    return std::chrono::duration_cast<Nanoseconds>(limit * fraction());
  }

 private:
  /// Result: from 0 to less than 1, by SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
  double fraction() noexcept {
    constexpr std::uint64_t step = 0x9e3779b97f4a7c15u;
    std::uint64_t mixed = draws_.fetch_add(step, std::memory_order_relaxed) + step;
    mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebu;
    return static_cast<double>((mixed ^ (mixed >> 31U)) >> 11U) * 0x1p-53;
  }

  const Milliseconds base_;
  const Milliseconds most_;
  std::atomic<std::uint64_t> draws_;
};

}  // namespace larder::detail
