/// \file hill_climber.hpp
/// HillClimber: looks for the size of a part of a cache that brings the most hits.
///
/// Hill climbing as in Einziger, Eytan, Friedman and Manes, "Adaptive Software Cache Management" (Middleware 2018): the
/// size changes by a step after each sample of requests; where the hit ratio fell, the next step goes the other way.
/// Steps become smaller, and are large again when the hit ratio has changed much: then other things are asked for.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace larder::detail {

class HillClimber {
 public:
  void begin_at(double share) noexcept { share_ = share; }

  /// The size, as a share of the cache: from 0 to 0.99.
  double share() const noexcept { return share_; }

  /// A request of a cache with so many entries was a hit, or was not. O(1).
  void count(bool hit, std::size_t entries) noexcept {
    ++requests_;
    hits_ += hit ? 1 : 0;
    if (requests_ >= std::max<std::uint64_t>(requests_an_entry * entries, least_requests)) climb();
  }

 private:
  static constexpr std::uint64_t requests_an_entry = 10;
  static constexpr std::uint64_t least_requests = 2000;
  static constexpr double first_step = 0.0625;
  static constexpr double decay = 0.98;
  static constexpr double much = 0.05;

  void climb() noexcept {
    const double ratio = static_cast<double>(hits_) / static_cast<double>(requests_);
    const double change = ratio - ratio_before_;
    const double step = change < 0 ? -step_ : step_;
    share_ = std::clamp(share_ + step, 0.0, 0.99);
    step_ = std::abs(change) >= much ? std::copysign(first_step, step) : step * decay;
    ratio_before_ = ratio;
    requests_ = hits_ = 0;
  }

  double share_ = 0;
  double step_ = first_step;
  double ratio_before_ = 0;
  std::uint64_t requests_ = 0;
  std::uint64_t hits_ = 0;
};

}  // namespace larder::detail
