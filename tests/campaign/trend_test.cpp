#include "tests/campaign/trend.hpp"

#include <cstddef>
#include <functional>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/random.hpp"

using larder_tests::Random;
using larder_tests::trend_of;

namespace {

/// Forty figures: what `level` says of each, from the first (0) to the last (1), give or take 2 %.
std::vector<double> noisy(std::uint64_t seed, const std::function<double(double)>& level) {
  Random random(seed);
  std::vector<double> figures;
  for (int i = 0; i < 40; ++i) {
    figures.push_back(level(i / 39.0) * (0.98 + static_cast<double>(random.below(4001)) / 100000));
  }
  return figures;
}

double steady(double) { return 500; }
double slower_by_a_third(double at) { return 500 * (1 + at / 3); }
double quicker_by_a_quarter(double at) { return 500 / (1 + at / 3); }

constexpr double eighth = 0.125;

}  // namespace

TEST_CASE("trend: figures without one are flat, for all their noise") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) CHECK(trend_of(noisy(seed, steady)).is_flat(eighth));
}

TEST_CASE("trend: what rises or falls by a third is not flat, and by how much is told") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const auto rising = trend_of(noisy(seed, slower_by_a_third));
    CHECK_FALSE(rising.is_flat(eighth));
    CHECK(rising.drift == Approx(0.285).margin(0.04));  // a third of the first is so much of the median
    CHECK_FALSE(trend_of(noisy(seed, quicker_by_a_quarter)).is_flat(eighth));
  }
}
