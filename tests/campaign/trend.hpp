/// \file trend.hpp
/// Whether figures that were taken one after the other rise or fall, for all their noise.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace larder_tests {

struct Trend {
  /// By how much the line through the figures changes from the first to the last of them, as a share of their median:
  /// the line whose slope is the median of the slopes between any two (Theil, 1950; Sen, 1968).
  double drift = 0;
  /// How many standard deviations that is from what figures without a trend would show (Mann, 1945; Kendall, 1975).
  double deviations = 0;

  /// A drift counts if it is larger than `share` and no chance: beyond three standard deviations.
  bool is_flat(double share) const { return std::abs(drift) <= share || std::abs(deviations) <= 3; }
};

inline double median(std::vector<double> figures) {
  if (figures.empty()) return 0;
  const auto middle = figures.begin() + static_cast<std::ptrdiff_t>(figures.size() / 2);
  std::nth_element(figures.begin(), middle, figures.end());
  return *middle;
}

/// O(n^2) for n figures.
inline Trend trend_of(const std::vector<double>& figures) {
  const std::size_t count = figures.size();
  if (count < 3) return {};
  std::vector<double> slopes;
  double balance = 0;  // pairs that rise, less pairs that fall
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = i + 1; j < count; ++j) {
      const double change = figures[j] - figures[i];
      slopes.push_back(change / static_cast<double>(j - i));
      balance += change > 0 ? 1 : change < 0 ? -1 : 0;
    }
  }
  // The variance is less by that of figures that are the same.
  std::vector<double> sorted = figures;
  std::sort(sorted.begin(), sorted.end());
  const auto variance_of = [](double n) { return n * (n - 1) * (2 * n + 5) / 18; };
  double variance = variance_of(static_cast<double>(count));
  for (std::size_t begin = 0, end = 0; begin < count; begin = end) {
    while (end < count && sorted[end] == sorted[begin]) ++end;
    variance -= variance_of(static_cast<double>(end - begin));
  }
  const double level = median(figures);
  Trend trend;
  if (level != 0) trend.drift = median(slopes) * static_cast<double>(count - 1) / level;
  if (variance > 0) trend.deviations = (balance - (balance > 0) + (balance < 0)) / std::sqrt(variance);
  return trend;
}

}  // namespace larder_tests
