/// \file comparison.hpp
/// Whether one of two things takes longer, by figures that were taken in turn.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "tests/campaign/trend.hpp"

namespace larder_tests {

struct Comparison {
  /// The median of the pairs' quotients: what the machine does to both of a pair is in none of them.
  double quotient = 1;
  /// How many standard deviations the pairs in which the first is larger are from half of them (the sign test).
  double deviations = 0;

  /// A difference counts if it is larger than `share` and no chance: beyond three standard deviations.
  bool is_equal(double share) const { return std::abs(quotient - 1) <= share || std::abs(deviations) <= 3; }
};

inline Comparison compare(const std::vector<double>& figures, const std::vector<double>& others) {
  std::vector<double> quotients;
  double balance = 0;  // pairs whose first is larger, less those whose second is
  for (std::size_t i = 0; i < std::min(figures.size(), others.size()); ++i) {
    if (others[i] == 0) continue;
    quotients.push_back(figures[i] / others[i]);
    balance += figures[i] > others[i] ? 1 : figures[i] < others[i] ? -1 : 0;
  }
  if (quotients.empty()) return {};
  return {median(quotients), balance / std::sqrt(static_cast<double>(quotients.size()))};
}

}  // namespace larder_tests
