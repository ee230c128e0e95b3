/// \file in_memory_backend_expiry_test.cpp
/// When entries expire, and how they leave.
#include <larder/in_memory_backend.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "tests/support/catch.hpp"
#include "tests/support/fixture.hpp"

using larder::Bytes;
using larder_tests::Fixture;
using larder_tests::sorted_keys;
using namespace std::chrono_literals;

TEST_CASE("an entry lives until the last instant before it expires, in every operation", "[expiry]") {
  Fixture<> f;
  f.cache.set("k", "v", 10s);
  f.clock.advance(10s - 1ns);
  const std::array<std::string_view, 1> keys = {"k"};
  std::array<std::optional<Bytes>, 1> values;
  f.cache.get_many(keys, values);
  CHECK(values[0] == Bytes("v"));
  CHECK(f.cache.get("k") == "v");
  CHECK(f.cache.exists("k"));
  CHECK(f.cache.get_entry("k").has_value());
  CHECK(f.cache.visit("k", [](const Bytes&) {}));
  CHECK(f.cache.keys().size() == 1);
  CHECK(f.cache.get_many({"k"}).size() == 1);
  CHECK(f.cache.stats().current_entries == 1u);
  CHECK(f.cache.erase("k"));
}

TEST_CASE("an entry is expired from the very instant it expires at, in every operation alike", "[expiry]") {
  Fixture<> f;
  f.cache.set("k", "v", 10s);
  f.clock.advance(10s);
  SECTION("get") { CHECK_FALSE(f.cache.get("k").has_value()); }
  SECTION("exists") { CHECK_FALSE(f.cache.exists("k")); }
  SECTION("erase") { CHECK_FALSE(f.cache.erase("k")); }
  SECTION("get_entry") { CHECK_FALSE(f.cache.get_entry("k").has_value()); }
  SECTION("keys") { CHECK(f.cache.keys().empty()); }
  SECTION("clear") { CHECK(f.cache.clear() == 0); }
  SECTION("get_many, a map") { CHECK(f.cache.get_many({"k"}).empty()); }
  SECTION("erase_many") { CHECK(f.cache.erase_many({"k"}) == 0); }
  SECTION("visit") {
    bool called = false;
    CHECK_FALSE(f.cache.visit("k", [&called](const Bytes&) { called = true; }));
    CHECK_FALSE(called);
  }
  SECTION("get_many, by position") {
    const std::array<std::string_view, 1> keys = {"k"};
    std::array<std::optional<Bytes>, 1> values = {"left over"};
    f.cache.get_many(keys, values);
    CHECK_FALSE(values[0].has_value());
  }
  SECTION("stats") {
    CHECK(f.cache.stats().current_entries == 0u);
    CHECK(f.cache.stats().current_size_bytes == 0u);
  }
  CHECK(f.cache.stats().deletes == 0);
  CHECK(f.cache.stats().expirations == 1);
  CHECK(f.removals.take_text() == "k=v expired");
}

TEST_CASE("an entry without a TTL never expires", "[expiry]") {
  Fixture<> f;
  f.cache.set("k", "v");
  f.clock.advance(200 * 365 * 24h);
  CHECK(f.cache.get("k") == "v");
}

TEST_CASE("a TTL that is zero or negative stores nothing and removes what was there", "[expiry]") {
  Fixture<> f;
  const larder::Ttl ttl = GENERATE(larder::Ttl(0s), larder::Ttl(-1ms), larder::Ttl(std::chrono::hours::min()));
  CHECK_FALSE(f.cache.set("new", "v", ttl));
  CHECK_FALSE(f.cache.exists("new"));
  CHECK(f.cache.stats().deletes == 0);
  CHECK(f.removals.take().empty());

  f.cache.set("old", "v");
  CHECK_FALSE(f.cache.set("old", "w", ttl));
  CHECK_FALSE(f.cache.exists("old"));
  CHECK(f.removals.take_text() == "old=v erased");
  CHECK(f.cache.stats().deletes == 1);
  CHECK(f.cache.stats().sets == 1);
  CHECK(f.cache.stats().evictions == 0);
}

TEST_CASE("a set_many whose TTL is not positive removes every key", "[expiry]") {
  Fixture<> f;
  f.cache.set_many({{"a", "1"}, {"b", "2"}, {"c", "3"}});
  CHECK(f.cache.set_many({{"a", "x"}, {"b", "x"}, {"d", "x"}}, -1s) == 0);
  CHECK(sorted_keys(f.cache) == "c");
  CHECK(f.removals.take_text() == "a=1 erased, b=2 erased");
  CHECK(f.cache.stats().deletes == 2);
}

TEST_CASE("a TTL beyond what the clock can count is clamped, never overflowed", "[expiry]") {
  Fixture<> f;
  f.clock.advance(50 * 365 * 24h);
  f.cache.set("milliseconds", "v", std::chrono::milliseconds::max());
  f.cache.set("hours", "v", std::chrono::hours::max());
  f.cache.set("seconds", "v", std::chrono::seconds(std::chrono::seconds::max().count() / 2));
  f.cache.set("million years", "v", std::chrono::hours(24 * 365) * 1000000);
  CHECK(f.cache.stats().current_entries == 4u);
  for (const std::string& key : f.cache.keys()) {
    const auto entry = f.cache.get_entry(key);
    REQUIRE(entry.has_value());
    CHECK_FALSE(entry->is_expired());
    if (entry->ttl_remaining()) CHECK(*entry->ttl_remaining() > 100 * 365 * 24h);
  }
  f.clock.advance(200 * 365 * 24h);
  CHECK(f.cache.stats().current_entries == 4u);
  CHECK(f.cache.get("hours") == "v");
}

TEST_CASE("a TTL below the granularity is rounded up, neither down to now nor up to for ever", "[expiry]") {
  Fixture<> f;
  f.cache.set("k", "v", 1ns);
  CHECK(f.cache.exists("k"));
  f.clock.advance(1ms - 1ns);
  CHECK(f.cache.exists("k"));
  f.clock.advance(1ns);
  CHECK_FALSE(f.cache.exists("k"));
}

TEST_CASE("a deadline is the next whole millisecond since the cache was made", "[expiry]") {
  larder::testing::ManualClock clock;
  clock.advance(700us);
  larder_tests::Fixture<>::Backend cache{{.clock = clock}};
  cache.set("at once", "v", 5ms);
  clock.advance(400us);
  cache.set("a little later", "v", 5ms);
  clock.advance(4600us - 1ns);
  CHECK(sorted_keys(cache) == "a little later at once");
  clock.advance(1ns);  // 5 ms
  CHECK(sorted_keys(cache) == "a little later");
  clock.advance(1ms - 1ns);
  CHECK(sorted_keys(cache) == "a little later");
  clock.advance(1ns);  // 6 ms
  CHECK(sorted_keys(cache).empty());
}

TEST_CASE("TTLs of every magnitude end on time, whenever they began", "[expiry]") {
  const std::chrono::milliseconds ttl = GENERATE(1ms, 2ms, 63ms, 64ms, 65ms, 4095ms, 4096ms, 4097ms, 262143ms, 262144ms,
                                                 1h, 24h, 30 * 24h, 365 * 24h, 10 * 365 * 24h, 100 * 365 * 24h);
  const std::chrono::milliseconds start = GENERATE(0ms, 1ms, 63ms, 4095ms, 262080ms, 123456789ms);
  CAPTURE(ttl.count(), start.count());
  Fixture<> f;
  f.clock.advance(start);
  f.cache.set("untouched", "v", ttl);
  f.clock.advance(ttl - 1ms);
  f.cache.keys();
  CHECK(f.removals.take().empty());
  f.clock.advance(1ms);
  f.cache.keys();
  CHECK(f.removals.take_text() == "untouched=v expired");
}

TEST_CASE("a set without a TTL takes the default, and one with a TTL its own", "[expiry]") {
  Fixture<> f({.default_ttl = 10s});
  f.cache.set("default", "v");
  f.cache.set("empty", "v", {}, {{"name", "text"}});
  f.cache.set("shorter", "v", 5s);
  f.cache.set("longer", "v", 20s);
  f.cache.set("for ever", "v", std::chrono::milliseconds::max());
  f.cache.set_many({{"batch", "v"}});
  f.clock.advance(5s);
  CHECK(sorted_keys(f.cache) == "batch default empty for ever longer");
  f.clock.advance(5s);
  CHECK(sorted_keys(f.cache) == "for ever longer");
  f.clock.advance(10s);
  CHECK(sorted_keys(f.cache) == "for ever");
}

TEST_CASE("a set_many gives each entry its TTL", "[expiry]") {
  Fixture<> f;
  f.cache.set_many({{"a", "1"}, {"b", "2"}}, 5s);
  f.clock.advance(5s - 1ns);
  CHECK(sorted_keys(f.cache) == "a b");
  f.clock.advance(1ns);
  CHECK(sorted_keys(f.cache).empty());
}

TEST_CASE("the time left is what get_entry says", "[expiry]") {
  Fixture<> f;
  f.cache.set("k", "v", 60s);
  f.cache.set("for ever", "v");
  auto entry = f.cache.get_entry("k");
  REQUIRE(entry.has_value());
  REQUIRE(entry->expires_at.has_value());
  CHECK(*entry->ttl_remaining() <= 60s);
  CHECK(*entry->ttl_remaining() > 50s);
  CHECK_FALSE(f.cache.get_entry("for ever")->expires_at.has_value());
}

TEST_CASE("setting the wall clock changes nothing: expiry is measured on a steady clock", "[expiry]") {
  STATIC_REQUIRE(std::is_same_v<larder::InMemoryTraits<>::Clock, larder::SteadyClock>);
  STATIC_REQUIRE(larder::SteadyClock::time_point::clock::is_steady);
  Fixture<> f;
  f.cache.set("k", "v", 1ms);
  // The wall clock goes on while the cache's own stands still.
  const auto start = std::chrono::system_clock::now();
  while (std::chrono::system_clock::now() - start < 3ms) continue;
  CHECK(f.cache.get("k") == "v");
}

TEST_CASE("expired entries are reclaimed by work on other keys, a few at a time", "[expiry]") {
  constexpr std::size_t dead = 10000;
  Fixture<> f;
  for (std::size_t i = 0; i < dead; ++i) f.cache.set("dead " + std::to_string(i), "v", 1s);
  f.cache.set("alive", "v");
  f.clock.advance(2s);
  std::size_t reclaimed = 0;
  std::size_t most_at_once = 0;
  const bool by_sets = GENERATE(true, false);
  for (std::size_t operation = 0; operation < dead && reclaimed < dead; ++operation) {
    if (by_sets) {
      f.cache.set("alive", "w");
    } else {
      f.cache.get("alive");
    }
    std::size_t now = 0;
    for (const auto& removal : f.removals.take()) now += removal.cause == larder::RemovalCause::expired ? 1 : 0;
    reclaimed += now;
    most_at_once = std::max(most_at_once, now);
  }
  CHECK(reclaimed == dead);
  CHECK(most_at_once <= dead / 100);
}

TEST_CASE("insert-only use never leaves an expired entry immortal", "[expiry][lessons]") {
  Fixture<> f({.max_size_bytes = 1 << 20});
  std::size_t reclaimed = 0;
  for (int i = 0; i < 20000; ++i) {
    f.cache.set("session " + std::to_string(i), "data", 100ms);
    f.clock.advance(1ms);
    reclaimed += f.removals.take().size();
  }
  CHECK(reclaimed >= 20000 - 2 * 100);  // those still alive, and as many that may lag behind
}

TEST_CASE("reading one key over and over does not keep expired entries behind it", "[expiry][lessons]") {
  Fixture<> f;
  f.cache.set("first", "v", 1s);
  f.cache.set("promoted", "v", 1h);
  f.cache.set("second", "v", 1s);
  f.cache.get("first");  // promotions put the live entry in between the dead ones, and the dead in front
  f.cache.get("promoted");
  f.clock.advance(1s);
  for (int i = 0; i < 10; ++i) f.cache.get("promoted");
  CHECK(f.removals.take().size() == 2);
  CHECK(sorted_keys(f.cache) == "promoted");
}

TEST_CASE("an expired entry that was promoted still expires on time", "[expiry][lessons]") {
  Fixture<> f;
  for (int i = 0; i < 100; ++i) f.cache.set(std::to_string(i), "v", std::chrono::seconds(1 + i % 10));
  for (int second = 0; second < 10; ++second) {
    for (int i = 0; i < 100; i += 7) f.cache.get(std::to_string(i));
    f.clock.advance(1s);
    CHECK(f.cache.keys().size() == static_cast<std::size_t>(90 - 10 * second));
  }
}

namespace {

/// A clock that goes on by five milliseconds when it is read for the n-th time from now on. Copies share it.
struct LeapingClock {
  using time_point = std::chrono::steady_clock::time_point;

  time_point now() const noexcept {
    if (--state->reads_until_leap == 0) state->time += 5ms;
    return time_point(state->time);
  }

  struct State {
    int reads_until_leap = 0;
    std::chrono::nanoseconds time{0};
  };
  std::shared_ptr<State> state = std::make_shared<State>();
};

struct OnLeapingClock : larder::InMemoryTraits<> {
  using Clock = LeapingClock;
};

}  // namespace

TEST_CASE("time that passes during a batch does not take away what the batch has found", "[expiry][batch]") {
  // Also in the first millisecond of a cache.
  for (const auto age : {0ms, 100ms}) {
    for (int read = 1; read <= 8; ++read) {
      const LeapingClock clock;
      larder::InMemoryBackend<std::string, Bytes, OnLeapingClock> cache{{.clock = clock}};
      clock.state->time += age;
      cache.set_many({{"a", "1"}, {"b", "2"}}, 1ms);
      cache.set("c", "3");
      clock.state->reads_until_leap = read;
      const std::array<std::string_view, 4> keys = {"a", "c", "b", "a"};
      std::array<std::optional<Bytes>, 4> values;
      cache.get_many(keys, values);
      CHECK(values[0] == values[3]);
      CHECK(values[1] == Bytes("3"));
      CHECK(values[0].has_value() == values[2].has_value());
      CHECK(cache.stats().hits + cache.stats().misses == 4);
    }
  }
}
