/// \file timeline_test.cpp
#include <larder/detail/timeline.hpp>

#include <chrono>
#include <optional>
#include <ratio>

#include <larder/clock.hpp>
#include <larder/testing/manual_clock.hpp>

#include "tests/support/catch.hpp"

using larder::detail::Tick;
using larder::detail::Timeline;
using larder::detail::TimerWheel;
using larder::testing::ManualClock;
using std::chrono::milliseconds;
using Wall = std::chrono::system_clock;
using namespace std::chrono_literals;

namespace {

/// A clock in whole seconds.
struct CoarseClock {
  using time_point = std::chrono::time_point<std::chrono::system_clock, std::chrono::seconds>;

  time_point now() const noexcept {
    return time_point(std::chrono::duration_cast<std::chrono::seconds>(clock.now().time_since_epoch()));
  }

  ManualClock clock;
};

struct Fixture {
  ManualClock clock;
  Timeline<ManualClock> timeline{clock};

  /// Whether `deadline` comes after `left`, by the wall clock.
  bool is_in(Tick deadline, Wall::duration left) const {
    const auto before = Wall::now();
    const auto wall_time = timeline.wall_time_of(deadline);
    const auto after = Wall::now();
    return wall_time && *wall_time >= before + left && *wall_time <= after + left;
  }
};

}  // namespace

TEST_CASE("a timeline begins at zero, whatever its clock shows", "[timeline]") {
  ManualClock clock;
  clock.advance(1h);
  CHECK(Timeline<ManualClock>(clock).now() == 0);
  CHECK(Timeline<larder::SteadyClock>(larder::SteadyClock()).deadline_after(1h) >= 3600000);
}

TEST_CASE("only whole milliseconds have passed", "[timeline]") {
  Fixture f;
  f.clock.advance(999999ns);
  CHECK(f.timeline.now() == 0);
  f.clock.advance(1ns);
  CHECK(f.timeline.now() == 1);
  f.clock.advance(10s);
  CHECK(f.timeline.now() == 10001);
}

TEST_CASE("a deadline is the first tick by which the whole TTL has passed", "[timeline]") {
  Fixture f;
  CHECK(f.timeline.deadline_after(1ms) == 1);
  CHECK(f.timeline.deadline_after(5s) == 5000);
  f.clock.advance(1ns);
  CHECK(f.timeline.deadline_after(1ms) == 2);
  f.clock.advance(999999ns);
  CHECK(f.timeline.deadline_after(1ms) == 2);
  f.clock.advance(1ns);
  CHECK(f.timeline.deadline_after(1ms) == 3);
}

TEST_CASE("a deadline is never reached before its TTL has passed, and less than two ticks later", "[timeline]") {
  for (int offset = 0; offset < 3000000; offset += 99991) {
    CAPTURE(offset);
    Fixture f;
    f.clock.advance(std::chrono::nanoseconds(offset));
    const Tick deadline = f.timeline.deadline_after(3ms);
    f.clock.advance(3ms - 1ns);
    CHECK(f.timeline.now() < deadline);
    f.clock.advance(1ms);
    CHECK(f.timeline.now() >= deadline);
  }
}

TEST_CASE("a deadline beyond the last tick is clamped to it, never overflowed", "[timeline]") {
  Fixture f;
  const milliseconds longest(static_cast<milliseconds::rep>(TimerWheel::last_tick));
  CHECK(f.timeline.deadline_after(milliseconds::max()) == TimerWheel::last_tick);
  CHECK(f.timeline.deadline_after(longest + 1ms) == TimerWheel::last_tick);
  CHECK(f.timeline.deadline_after(longest) == TimerWheel::last_tick);
  CHECK(f.timeline.deadline_after(longest - 1ms) == TimerWheel::last_tick - 1);
  f.clock.advance(1h);
  CHECK(f.timeline.deadline_after(longest - 1ms) == TimerWheel::last_tick);
  CHECK(f.timeline.deadline_after(milliseconds::max()) == TimerWheel::last_tick);
}

TEST_CASE("a clock that goes back stands still", "[timeline]") {
  Fixture f;
  f.clock.advance(-5s);
  CHECK(f.timeline.now() == 0);
  CHECK(f.timeline.deadline_after(1ms) == 1);
  CHECK(f.is_in(1000, 1s));
}

TEST_CASE("a deadline's wall time is as far from now as the deadline is", "[timeline]") {
  Fixture f;
  CHECK(f.is_in(10000, 10s));
  f.clock.advance(4s);
  CHECK(f.is_in(10000, 6s));
  f.clock.advance(250us);
  CHECK(f.is_in(10000, 6s - 250us));
}

TEST_CASE("the wall time of a deadline that has passed lies in the past", "[timeline]") {
  Fixture f;
  f.clock.advance(10s);
  CHECK(f.is_in(10000, 0s));
  CHECK(f.is_in(4000, -6s));
}

TEST_CASE("the last tick never comes, so it has no wall time", "[timeline]") {
  const Fixture f;
  CHECK_FALSE(f.timeline.wall_time_of(TimerWheel::last_tick).has_value());
}

TEST_CASE("a deadline beyond what the wall clock can say is its maximum", "[timeline]") {
  const Fixture f;
  if constexpr (std::ratio_equal_v<Wall::period, std::nano>) {
    CHECK(f.timeline.wall_time_of(TimerWheel::last_tick - 1) == Wall::time_point::max());
  } else {  // it counts no more than microseconds, and has thousands of years left
    CHECK(f.is_in(Tick{300} * 365 * 24 * 3600 * 1000, std::chrono::hours(300 * 365 * 24)));
  }
  // Some 200 years; one that counts nanoseconds has 230 left.
  CHECK(f.is_in(Tick{200} * 365 * 24 * 3600 * 1000, std::chrono::hours(200 * 365 * 24)));
}

TEST_CASE("a coarser clock will do", "[timeline]") {
  const ManualClock clock;
  const Timeline<CoarseClock> timeline(CoarseClock{clock});
  ManualClock same(clock);
  same.advance(2500ms);
  CHECK(timeline.now() == 2000);
  CHECK(timeline.deadline_after(1ms) == 2001);
}
