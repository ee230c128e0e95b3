/// \file deadline_test.cpp
#include <larder/backends/detail/deadline.hpp>

#include <chrono>
#include <cstddef>

#include "tests/support/catch.hpp"

namespace {

using larder::detail::Deadline;
using namespace std::chrono_literals;

TEST_CASE("Deadline: longer than the clock can count is for ever", "[deadline]") {
  CHECK(Deadline::in(std::chrono::milliseconds::max()).at() == Deadline::Clock::time_point::max());
  CHECK_FALSE(Deadline::in(10s).has_passed());
  CHECK(Deadline::in(0ms).has_passed());
  CHECK(Deadline::in(0ms).remaining() == 0ns);
}

TEST_CASE("Deadline: so long for each thousand keys", "[deadline]") {
  CHECK(Deadline::for_keys(0, 10s).timeout() == 10s);
  CHECK(Deadline::for_keys(1, 10s).timeout() == 10s);
  CHECK(Deadline::for_keys(1000, 10s).timeout() == 10s);
  CHECK(Deadline::for_keys(1001, 10s).timeout() == 20s);
  CHECK(Deadline::for_keys(10'000, 10s).timeout() == 100s);
  CHECK(Deadline::for_keys(std::size_t{1} << 40, std::chrono::milliseconds::max() / 2).at() ==
        Deadline::Clock::time_point::max());
}

TEST_CASE("Deadline: the sooner of two", "[deadline]") {
  CHECK(Deadline::in(10s).at_most(1s).timeout() == 1s);
  CHECK(Deadline::in(1s).at_most(10s).timeout() == 1s);
}

}  // namespace
