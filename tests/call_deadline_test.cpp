/// \file call_deadline_test.cpp
#include <larder/call_deadline.hpp>

#include <chrono>

#include "tests/support/catch.hpp"

using larder::CallDeadline;
using namespace std::chrono_literals;

TEST_CASE("CallDeadline: the sooner of those that live counts, and only for as long", "[call_deadline]") {
  const auto now = CallDeadline::Clock::now();
  const auto never = CallDeadline::Clock::time_point::max();
  CHECK(CallDeadline::of_call(now) == never);
  {
    const CallDeadline outer(now + 5s);
    CHECK(CallDeadline::of_call(now) == now + 5s);
    {
      const CallDeadline later(now + 10s);
      CHECK(CallDeadline::of_call(now) == now + 5s);
      const CallDeadline sooner(now + 1s);
      CHECK(CallDeadline::of_call(now) == now + 1s);
    }
    CHECK(CallDeadline::of_call(now) == now + 5s);
  }
  CHECK(CallDeadline::of_call(now) == never);
}

TEST_CASE("CallDeadline: one may begin with the first call", "[call_deadline]") {
  const auto now = CallDeadline::Clock::now();
  const CallDeadline lazy(CallDeadline::FromFirstCall{2s});
  CHECK_FALSE(lazy.first_call());
  CHECK(CallDeadline::of_call(now + 10s) == now + 12s);
  CHECK(lazy.first_call() == now + 10s);
  CHECK(CallDeadline::of_call(now + 11s) == now + 12s);
}

TEST_CASE("CallDeadline: for ever is no overflow", "[call_deadline]") {
  const auto now = CallDeadline::Clock::now();
  const auto never = CallDeadline::Clock::time_point::max();
  CHECK(CallDeadline::after(now, std::chrono::milliseconds::max()) == never);
  const CallDeadline limit(std::chrono::milliseconds::max());
  CHECK(CallDeadline::of_call(now) == never);
}
