/// \file full_jitter_test.cpp
#include <larder/detail/full_jitter.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "tests/support/catch.hpp"

using larder::detail::FullJitter;
using namespace std::chrono_literals;

TEST_CASE("FullJitter: any time up to a limit that doubles, and no more than the most", "[full_jitter]") {
  FullJitter jitter(10ms, 35ms, 1);
  const std::chrono::nanoseconds limits[] = {10ms, 20ms, 35ms, 35ms};
  for (std::size_t i = 0; i < 4; ++i) {
    std::chrono::nanoseconds shortest = 1h;
    std::chrono::nanoseconds longest{0};
    std::chrono::nanoseconds sum{0};
    for (int draw = 0; draw < 10'000; ++draw) {
      const auto pause = jitter.before(i + 2);
      shortest = std::min(shortest, pause);
      longest = std::max(longest, pause);
      sum += pause;
    }
    CHECK(shortest >= 0ns);
    CHECK(shortest < limits[i] / 100);
    CHECK(longest < limits[i]);
    CHECK(longest > limits[i] * 99 / 100);
    CHECK(sum / 10'000 > limits[i] * 48 / 100);
    CHECK(sum / 10'000 < limits[i] * 52 / 100);
  }
}

TEST_CASE("FullJitter: a seed repeats, extremes are no trouble", "[full_jitter]") {
  FullJitter one(1s, 1min, 7);
  FullJitter same(1s, 1min, 7);
  FullJitter other(1s, 1min, 8);
  const auto first = one.before(2);
  CHECK(first == same.before(2));
  CHECK(first != other.before(2));
  CHECK(one.before(1'000'000) <= 1min);
  CHECK(FullJitter(0ms, 1s, 1).before(5) == 0ns);
}
