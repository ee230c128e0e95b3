/// \file hill_climber_test.cpp
#include <larder/eviction/detail/hill_climber.hpp>

#include <cmath>
#include <cstddef>

#include "tests/support/catch.hpp"
#include "tests/support/random.hpp"

using larder::detail::HillClimber;

namespace {

/// So many requests of a cache of 100 entries, whose hit ratio is the highest where the share is `best`.
void request(HillClimber& climber, double best, std::size_t count, larder_tests::Random& random) {
  for (std::size_t i = 0; i < count; ++i) {
    const double ratio = 0.8 - 0.5 * std::abs(climber.share() - best);
    climber.count(static_cast<double>(random.below(1'000'000)) < ratio * 1e6, 100);
  }
}

}  // namespace

TEST_CASE("a climber begins where it is told to, and waits for a sample", "[hill_climber]") {
  HillClimber climber;
  climber.begin_at(0.15);
  for (int i = 0; i < 1999; ++i) climber.count(true, 100);
  CHECK(climber.share() == 0.15);
  climber.count(true, 100);
  CHECK(climber.share() != 0.15);
}

TEST_CASE("a large cache's samples are ten requests an entry", "[hill_climber]") {
  HillClimber climber;
  climber.begin_at(0.15);
  for (int i = 0; i < 9999; ++i) climber.count(true, 1000);
  CHECK(climber.share() == 0.15);
  climber.count(true, 1000);
  CHECK(climber.share() != 0.15);
}

TEST_CASE("a climber comes near to the best share, from wherever it begins", "[hill_climber]") {
  larder_tests::Random random(11);
  for (const double begin : {0.0, 0.2, 0.9}) {
    for (const double best : {0.05, 0.5, 0.95}) {
      CAPTURE(begin, best);
      HillClimber climber;
      climber.begin_at(begin);
      request(climber, best, 200'000, random);
      double distance = 0;
      for (int i = 0; i < 50; ++i) {
        request(climber, best, 2000, random);
        distance += std::abs(climber.share() - best) / 50;
      }
      CHECK(distance < 0.2);
    }
  }
}

TEST_CASE("a climber never leaves the range of shares", "[hill_climber]") {
  larder_tests::Random random(12);
  for (const double best : {-1.0, 2.0}) {
    HillClimber climber;
    climber.begin_at(0.5);
    for (int i = 0; i < 100; ++i) {
      request(climber, best, 2000, random);
      REQUIRE(climber.share() >= 0.0);
      REQUIRE(climber.share() <= 0.99);
    }
  }
}
