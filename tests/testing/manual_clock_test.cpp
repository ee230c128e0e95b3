/// \file manual_clock_test.cpp
#include <larder/testing/manual_clock.hpp>

#include <chrono>
#include <thread>
#include <vector>

#include "tests/support/catch.hpp"

using larder::testing::ManualClock;
using namespace std::chrono_literals;

TEST_CASE("a manual clock starts at zero and stands still", "[manual_clock]") {
  const ManualClock clock;
  CHECK(clock.now() == ManualClock::time_point());
  std::this_thread::sleep_for(1ms);
  CHECK(clock.now() == ManualClock::time_point());
}

TEST_CASE("a manual clock moves by exactly what it is advanced", "[manual_clock]") {
  ManualClock clock;
  clock.advance(5s);
  CHECK(clock.now().time_since_epoch() == 5s);
  clock.advance(1ns);
  CHECK(clock.now().time_since_epoch() == 5s + 1ns);
  clock.advance(0s);
  CHECK(clock.now().time_since_epoch() == 5s + 1ns);
}

TEST_CASE("copies of a manual clock share one time, whichever is advanced", "[manual_clock]") {
  ManualClock clock;
  ManualClock copy = clock;
  ManualClock assigned;
  assigned = clock;
  clock.advance(1s);
  CHECK(copy.now().time_since_epoch() == 1s);
  copy.advance(1s);
  CHECK(clock.now().time_since_epoch() == 2s);
  CHECK(assigned.now().time_since_epoch() == 2s);
}

TEST_CASE("two manual clocks of their own have times of their own", "[manual_clock]") {
  ManualClock clock;
  const ManualClock other;
  clock.advance(1s);
  CHECK(other.now().time_since_epoch() == 0s);
}

TEST_CASE("no thread's advance of a manual clock is lost", "[manual_clock][threads]") {
  ManualClock clock;
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([copy = clock]() mutable {
      for (int step = 0; step < 1000; ++step) copy.advance(1us);
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(clock.now().time_since_epoch() == 4ms);
}
