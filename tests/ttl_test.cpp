/// \file ttl_test.cpp
#include <larder/ttl.hpp>

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <ratio>

#include "tests/support/catch.hpp"

using larder::Ttl;
using std::chrono::milliseconds;
using namespace std::chrono_literals;

static_assert(!Ttl().has_value());
static_assert(!Ttl(std::nullopt).has_value());
static_assert(*Ttl(60s) == 60000ms);

TEST_CASE("a default Ttl means that nothing expires", "[ttl]") {
  CHECK_FALSE(Ttl().has_value());
  CHECK_FALSE(Ttl(std::nullopt).has_value());
  CHECK_FALSE(Ttl(std::optional<milliseconds>()).has_value());
}

TEST_CASE("any duration converts to a Ttl", "[ttl]") {
  CHECK(Ttl(5ms) == 5ms);
  CHECK(Ttl(2s) == 2000ms);
  CHECK(Ttl(3min) == 180000ms);
  CHECK(Ttl(1h) == 3600000ms);
  CHECK(Ttl(std::chrono::duration<int, std::ratio<86400>>(7)) == milliseconds(604800000));
  CHECK(Ttl(1.5s) == 1500ms);
  CHECK(Ttl(std::optional<milliseconds>(7ms)) == 7ms);
}

TEST_CASE("a duration that is no whole number of milliseconds is rounded up", "[ttl]") {
  CHECK(Ttl(1ns) == 1ms);
  CHECK(Ttl(999us) == 1ms);
  CHECK(Ttl(1000us) == 1ms);
  CHECK(Ttl(1001us) == 2ms);
  CHECK(Ttl(0.0001s) == 1ms);
  CHECK(Ttl(std::chrono::duration<double>(1e-30)) == 1ms);
}

TEST_CASE("zero and negative durations stay not positive", "[ttl]") {
  CHECK(Ttl(0s) == 0ms);
  CHECK(Ttl(-1s) == -1000ms);
  CHECK(Ttl(-1ns) == 0ms);  // rounded up, but never beyond zero
  CHECK(Ttl(-0.5s) == -500ms);
}

TEST_CASE("a duration beyond the range is clamped, never overflowed", "[ttl]") {
  using Hours = std::chrono::hours;
  using Ages = std::chrono::duration<std::int64_t, std::ratio<86400LL * 365 * 1000>>;
  CHECK(Ttl(Hours::max()) == milliseconds::max());
  CHECK(Ttl(Hours::min()) == milliseconds::min());
  CHECK(Ttl(Ages::max()) == milliseconds::max());
  CHECK(Ttl(milliseconds::max()) == milliseconds::max());
  CHECK(Ttl(milliseconds::min()) == milliseconds::min());
  CHECK(Ttl(std::chrono::duration<double>(1e300)) == milliseconds::max());
  CHECK(Ttl(std::chrono::duration<double>(-1e300)) == milliseconds::min());
  CHECK(Ttl(std::chrono::duration<double>(std::numeric_limits<double>::infinity())) == milliseconds::max());
  CHECK(Ttl(std::chrono::nanoseconds::max()) == std::chrono::ceil<milliseconds>(std::chrono::nanoseconds::max()));
}

TEST_CASE("a duration that is not a number is refused", "[ttl]") {
  const std::chrono::duration<double> nonsense(std::numeric_limits<double>::quiet_NaN());
  CHECK_THROWS_AS(Ttl(nonsense), larder::InvalidArgumentError);
}
