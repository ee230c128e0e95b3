/// \file in_memory_backend_stats_test.cpp
/// What is counted, and what is not.
#include <larder/in_memory_backend.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "tests/support/catch.hpp"
#include "tests/support/fixture.hpp"

using larder::Bytes;
using larder::CacheStats;
using larder_tests::Fixture;
using namespace std::chrono_literals;

TEST_CASE("a fresh cache has counted nothing and says what it may hold", "[stats]") {
  Fixture<> f;
  CacheStats expected;
  expected.current_entries = 0;
  expected.current_size_bytes = 0;
  expected.max_size_bytes = 104857600;
  CHECK(f.cache.stats() == expected);
}

TEST_CASE("without a limit in bytes none is reported", "[stats]") {
  Fixture<> f({.max_size_bytes = 0, .max_entries = 10});
  CHECK_FALSE(f.cache.stats().max_size_bytes.has_value());
  CHECK(f.cache.stats().utilization() == 0.0);
}

TEST_CASE("hits and misses are the keys asked of get, get_many and visit", "[stats]") {
  Fixture<> f;
  f.cache.set("a", "1");
  f.cache.get("a");
  f.cache.get("x");
  CHECK(f.cache.stats().hits == 1);
  CHECK(f.cache.stats().misses == 1);
  f.cache.get_many({"a", "a", "x", "y", "a"});
  CHECK(f.cache.stats().hits == 4);
  CHECK(f.cache.stats().misses == 3);
  const std::array<std::string_view, 3> keys = {"a", "x", "x"};
  std::array<std::optional<Bytes>, 3> values;
  f.cache.get_many(keys, values);
  CHECK(f.cache.stats().hits == 5);
  CHECK(f.cache.stats().misses == 5);
  f.cache.visit("a", [](const Bytes&) {});
  f.cache.visit("x", [](const Bytes&) {});
  CHECK(f.cache.stats().hits == 6);
  CHECK(f.cache.stats().misses == 6);
  CHECK(f.cache.stats().hit_rate() == 0.5);
}

TEST_CASE("a key that has expired is a miss", "[stats][expiry]") {
  Fixture<> f;
  f.cache.set("k", "v", 1s);
  f.clock.advance(1s);
  f.cache.get("k");
  CHECK(f.cache.stats().hits == 0);
  CHECK(f.cache.stats().misses == 1);
}

TEST_CASE("exists, get_entry, keys and stats count nothing", "[stats]") {
  Fixture<> f;
  f.cache.set("a", "1");
  const CacheStats before = f.cache.stats();
  f.cache.exists("a");
  f.cache.exists("x");
  f.cache.get_entry("a");
  f.cache.get_entry("x");
  f.cache.keys();
  f.cache.keys("a*");
  f.cache.stats();
  CHECK(f.cache.stats() == before);
}

TEST_CASE("sets counts values stored, refused ones not among them", "[stats]") {
  Fixture<> f({.max_size_bytes = 10});
  f.cache.set("a", "1");
  f.cache.set("a", "2");
  f.cache.set("b", "12345678901");
  f.cache.set("c", "1", 0s);
  CHECK(f.cache.stats().sets == 2);
  f.cache.set_many({{"x", "1"}, {"y", "12345678901"}, {"z", "1"}});
  CHECK(f.cache.stats().sets == 4);
}

TEST_CASE("deletes counts entries that erase and its like removed", "[stats]") {
  Fixture<> f;
  f.cache.set_many({{"a", "1"}, {"b", "1"}, {"c", "1"}, {"d", "1"}});
  CHECK(f.cache.erase("a"));
  CHECK_FALSE(f.cache.erase("a"));
  CHECK(f.cache.stats().deletes == 1);
  CHECK(f.cache.erase_many({"a", "b", "c", "c"}) == 2);
  CHECK(f.cache.stats().deletes == 3);
  CHECK_FALSE(f.cache.set("d", "1", -1s));
  CHECK(f.cache.stats().deletes == 4);
  CHECK(f.cache.stats().evictions == 0);
}

TEST_CASE("evictions counts what left by a limit or its TTL, expirations only the latter", "[stats]") {
  Fixture<> f({.max_size_bytes = 0, .max_entries = 3});
  f.cache.set_many({{"a", "1"}, {"b", "1"}, {"c", "1"}, {"d", "1"}});
  CHECK(f.cache.stats().evictions == 1);
  CHECK(f.cache.stats().expirations == 0);
  f.cache.set("e", "1", 1s);
  f.clock.advance(1s);
  CHECK(f.cache.stats().evictions == 3);
  CHECK(f.cache.stats().expirations == 1);
}

TEST_CASE("clear counts neither deletes nor evictions", "[stats][clear]") {
  Fixture<> f;
  f.cache.set_many({{"a", "1"}, {"b", "1"}});
  CHECK(f.cache.clear() == 2);
  CHECK(f.cache.stats().deletes == 0);
  CHECK(f.cache.stats().evictions == 0);
  CHECK(f.cache.stats().sets == 2);
}

TEST_CASE("clear counts what had expired before it as expirations", "[stats][clear]") {
  Fixture<> f;
  f.cache.set("dead", "1", 1s);
  f.cache.set("alive", "1");
  f.clock.advance(1s);
  CHECK(f.cache.clear() == 1);
  CHECK(f.cache.stats().expirations == 1);
  CHECK(f.cache.stats().evictions == 1);
  CHECK(f.removals.take_text() == "dead=1 expired, alive=1 cleared");
}

TEST_CASE("the gauges follow what is alive", "[stats]") {
  Fixture<> f({.max_size_bytes = 100});
  const auto gauges = [&f] {
    const CacheStats stats = f.cache.stats();
    return std::pair(*stats.current_entries, *stats.current_size_bytes);
  };
  using Pair = std::pair<std::uint64_t, std::uint64_t>;
  f.cache.set("a", "12345");
  CHECK(gauges() == Pair(1, 5));
  f.cache.set("a", "123");
  CHECK(gauges() == Pair(1, 3));
  f.cache.set("b", "1234567", 1s);
  CHECK(gauges() == Pair(2, 10));
  CHECK(f.cache.stats().utilization() == 0.1);
  f.clock.advance(1s);
  CHECK(gauges() == Pair(1, 3));
  f.cache.erase("a");
  CHECK(gauges() == Pair(0, 0));
  f.cache.set("c", std::string(50, 'c'));
  f.cache.clear();
  CHECK(gauges() == Pair(0, 0));
}

TEST_CASE("stats lets all expired entries go first", "[stats][expiry]") {
  Fixture<> f;
  for (int i = 0; i < 1000; ++i) f.cache.set(std::to_string(i), "v", std::chrono::milliseconds(1 + i % 500));
  f.clock.advance(500ms);
  const CacheStats stats = f.cache.stats();
  CHECK(stats.current_entries == 0u);
  CHECK(stats.expirations == 1000);
  CHECK(f.removals.take().size() == 1000);
}

TEST_CASE("the size counts values as value_size does, for any type", "[stats]") {
  Fixture<int, std::shared_ptr<const std::string>> f;
  f.cache.set(1, std::make_shared<const std::string>("four"));
  f.cache.set(2, nullptr);
  f.cache.set(3, std::make_shared<const std::string>("sixsix"));
  CHECK(f.cache.stats().current_size_bytes == 10u);
  CHECK(f.cache.get_entry(3)->size_bytes == 6);
}

TEST_CASE("reset_stats zeroes the counters and keeps the entries", "[stats]") {
  Fixture<> f;
  f.cache.set("a", "12345");
  f.cache.get("a");
  f.cache.get("x");
  f.cache.erase("x");
  f.cache.reset_stats();
  CacheStats expected;
  expected.current_entries = 1;
  expected.current_size_bytes = 5;
  expected.max_size_bytes = 104857600;
  CHECK(f.cache.stats() == expected);
  CHECK(f.cache.get("a") == "12345");
  CHECK(f.cache.stats().hits == 1);
}

TEST_CASE("resetting a snapshot leaves the cache's own counters alone", "[stats]") {
  Fixture<> f;
  f.cache.set("a", "1");
  CacheStats snapshot = f.cache.stats();
  snapshot.reset();
  CHECK(f.cache.stats().sets == 1);
}

TEST_CASE("the counters of all shards are added up", "[stats][shards]") {
  Fixture<> f({.shards = 8});
  for (int i = 0; i < 100; ++i) f.cache.set(std::to_string(i), "12");
  for (int i = 0; i < 200; ++i) f.cache.get(std::to_string(i));
  for (int i = 0; i < 10; ++i) f.cache.erase(std::to_string(i));
  const CacheStats stats = f.cache.stats();
  CHECK(stats.sets == 100);
  CHECK(stats.hits == 100);
  CHECK(stats.misses == 100);
  CHECK(stats.deletes == 10);
  CHECK(stats.current_entries == 90u);
  CHECK(stats.current_size_bytes == 180u);
  f.cache.reset_stats();
  CHECK(f.cache.stats().hits + f.cache.stats().sets + f.cache.stats().deletes == 0);
}
