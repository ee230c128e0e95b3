#include "tests/campaign/comparison.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tests/campaign/trend.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/random.hpp"

using larder_tests::compare;
using larder_tests::Comparison;
using larder_tests::Random;
using larder_tests::trend_of;

namespace {

/// Two dozen figures, taken in turn of two processes, `ratio` of which is what the first takes, where the machine
/// becomes slower by half meanwhile, and each differs by 3 % as it likes.
struct InTurn {
  std::vector<double> first;
  std::vector<double> second;

  InTurn(std::uint64_t seed, double ratio) {
    Random random(seed);
    const auto noise = [&] { return 0.97 + static_cast<double>(random.below(6001)) / 100000; };
    for (int i = 0; i < 24; ++i) {
      const double machine = 500 * (1 + i / 46.0);
      first.push_back(machine * ratio * noise());
      second.push_back(machine * noise());
    }
  }
};

constexpr double eighth = 0.125;

}  // namespace

TEST_CASE("comparison: processes that are equal are found so on a machine that becomes slower") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const InTurn figures(seed, 1);
    REQUIRE_FALSE(trend_of(figures.first).is_flat(eighth));
    const Comparison comparison = compare(figures.first, figures.second);
    CHECK(comparison.is_equal(eighth));
    CHECK(comparison.quotient == Approx(1).margin(0.03));
  }
}

TEST_CASE("comparison: one that is slower or quicker by a fifth is found so, and by how much is told") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    for (const double ratio : {1.2, 0.8}) {
      const InTurn figures(seed, ratio);
      const Comparison comparison = compare(figures.first, figures.second);
      CHECK_FALSE(comparison.is_equal(eighth));
      CHECK(comparison.quotient == Approx(ratio).epsilon(0.03));
    }
  }
}

TEST_CASE("comparison: a difference of some pairs is chance, however large") {
  std::vector<double> first(24, 100);
  const std::vector<double> second(24, 101);
  for (std::size_t i = 0; i < 15; ++i) first[i] = 300;
  CHECK(compare(first, second).quotient == Approx(2.97).margin(0.01));
  CHECK(compare(first, second).deviations == Approx(6 / std::sqrt(24.0)));
  CHECK(compare(first, second).is_equal(eighth));
}

TEST_CASE("comparison: without figures there is no difference") {
  CHECK(compare({}, {}).is_equal(0));
  CHECK(compare({1}, {0}).is_equal(0));
}
