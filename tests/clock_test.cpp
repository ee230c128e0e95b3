/// \file clock_test.cpp
#include <larder/clock.hpp>

#include <chrono>
#include <type_traits>

#include "tests/support/catch.hpp"

using larder::SteadyClock;

static_assert(std::is_same_v<SteadyClock::time_point, std::chrono::steady_clock::time_point>);
static_assert(std::is_nothrow_copy_constructible_v<SteadyClock>&& noexcept(SteadyClock().now()));

TEST_CASE("the default clock shows the time of std::chrono::steady_clock", "[clock]") {
  const auto before = std::chrono::steady_clock::now();
  const auto now = SteadyClock().now();
  CHECK(now >= before);
  CHECK(now <= std::chrono::steady_clock::now());
}

TEST_CASE("the default clock never goes back", "[clock]") {
  const SteadyClock clock;
  auto last = clock.now();
  int backwards = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto now = clock.now();
    backwards += now < last ? 1 : 0;
    last = now;
  }
  CHECK(backwards == 0);
}
