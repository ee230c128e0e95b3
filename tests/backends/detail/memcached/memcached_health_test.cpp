/// \file memcached_health_test.cpp
#include <larder/backends/detail/memcached/memcached_health.hpp>

#include <chrono>

#include "tests/support/catch.hpp"

namespace {

using larder::detail::MemcachedHealth;
using namespace std::chrono_literals;

constexpr MemcachedHealth::Clock::time_point start{std::chrono::hours(1)};

TEST_CASE("MemcachedHealth: a server that never failed may be asked", "[memcached_health]") {
  MemcachedHealth health(100ms, 1s);
  CHECK(health.may_be_asked(start));
  CHECK_FALSE(health.is_left_alone(start));
}

TEST_CASE("MemcachedHealth: each failure doubles the time that it is left alone, up to a limit", "[memcached_health]") {
  MemcachedHealth health(100ms, 1s);
  auto now = start;
  for (const auto pause : {100ms, 200ms, 400ms, 800ms, 1000ms, 1000ms}) {
    health.note_failure(health.failures(), now);
    CHECK_FALSE(health.may_be_asked(now));
    CHECK(health.is_left_alone(now));
    CHECK_FALSE(health.may_be_asked(now + pause - 1ms));
    CHECK_FALSE(health.is_left_alone(now + pause));
    now += pause;
    CHECK(health.may_be_asked(now));
  }
}

TEST_CASE("MemcachedHealth: one call tries it again, and the others go on leaving it alone", "[memcached_health]") {
  MemcachedHealth health(100ms, 1s);
  health.note_failure(health.failures(), start);
  CHECK(health.may_be_asked(start + 100ms));
  CHECK_FALSE(health.may_be_asked(start + 100ms));
  CHECK_FALSE(health.may_be_asked(start + 199ms));
  // Nobody has said what became of the first.
  CHECK(health.may_be_asked(start + 200ms));
}

TEST_CASE("MemcachedHealth: a success makes everything as it was", "[memcached_health]") {
  MemcachedHealth health(100ms, 1s);
  for (int i = 0; i < 100; ++i) health.note_failure(health.failures(), start);
  CHECK_FALSE(health.may_be_asked(start + 999ms));
  health.note_success();
  CHECK(health.may_be_asked(start));
  health.note_failure(health.failures(), start);
  CHECK(health.may_be_asked(start + 100ms));
}

TEST_CASE("MemcachedHealth: of many calls that fail at the same time, one counts", "[memcached_health]") {
  MemcachedHealth health(100ms, 10s);
  for (int call = 0; call < 8; ++call) health.note_failure(0, start);
  CHECK(health.failures() == 1);
  CHECK(health.may_be_asked(start + 100ms));
  // Late news of the same.
  health.note_failure(0, start + 150ms);
  CHECK(health.failures() == 1);
  health.note_failure(1, start + 200ms);
  CHECK(health.failures() == 2);
}

TEST_CASE("MemcachedHealth: without a back-off it is always asked", "[memcached_health]") {
  MemcachedHealth health(0ms, 0ms);
  health.note_failure(health.failures(), start);
  CHECK(health.may_be_asked(start));
  CHECK(health.may_be_asked(start));
  CHECK_FALSE(health.is_left_alone(start));
}

}  // namespace
