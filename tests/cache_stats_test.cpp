/// \file cache_stats_test.cpp
#include <larder/cache_stats.hpp>

#include <cstdint>
#include <limits>
#include <map>
#include <sstream>
#include <string>

#include "tests/support/catch.hpp"
#include "tests/support/message_of.hpp"

using larder::CacheStats;
using larder_tests::contains;

namespace {

CacheStats sample() {
  CacheStats stats;
  stats.hits = 3;
  stats.misses = 1;
  stats.sets = 5;
  stats.deletes = 2;
  stats.evictions = 7;
  stats.expirations = 4;
  stats.errors = 8;
  stats.undecodable = 6;
  stats.current_entries = 10;
  stats.current_size_bytes = 256;
  stats.max_size_bytes = 1024;
  return stats;
}

}  // namespace

TEST_CASE("default statistics are zero, and their gauges unknown", "[cache_stats]") {
  const CacheStats stats;
  CHECK(stats.hits + stats.misses + stats.sets + stats.deletes == 0);
  CHECK(stats.evictions + stats.expirations + stats.errors + stats.undecodable == 0);
  CHECK_FALSE(stats.current_entries.has_value());
  CHECK_FALSE(stats.current_size_bytes.has_value());
  CHECK_FALSE(stats.max_size_bytes.has_value());
}

TEST_CASE("the hit rate is hits over requests, and 0 before the first", "[cache_stats]") {
  CHECK(sample().hit_rate() == 0.75);
  CHECK(CacheStats().hit_rate() == 0.0);
  CacheStats stats;
  stats.misses = 4;
  CHECK(stats.hit_rate() == 0.0);
  stats.misses = 0;
  stats.hits = 4;
  CHECK(stats.hit_rate() == 1.0);
}

TEST_CASE("the hit rate survives the largest counters", "[cache_stats]") {
  CacheStats stats;
  stats.hits = stats.misses = std::numeric_limits<std::uint64_t>::max();
  CHECK(stats.hit_rate() == 0.5);
}

TEST_CASE("utilization is the share of the limit in use, and 0 where either is unknown or zero", "[cache_stats]") {
  CHECK(sample().utilization() == 0.25);
  CHECK(CacheStats().utilization() == 0.0);
  CacheStats stats = sample();
  stats.max_size_bytes = 0;
  CHECK(stats.utilization() == 0.0);
  stats.max_size_bytes.reset();
  CHECK(stats.utilization() == 0.0);
  stats = sample();
  stats.current_size_bytes.reset();
  CHECK(stats.utilization() == 0.0);
}

TEST_CASE("reset zeroes the counters and keeps the gauges", "[cache_stats]") {
  CacheStats stats = sample();
  stats.reset();
  CacheStats expected;
  expected.current_entries = 10;
  expected.current_size_bytes = 256;
  expected.max_size_bytes = 1024;
  CHECK(stats == expected);
}

TEST_CASE("to_map names every counter, known gauge and ratio", "[cache_stats]") {
  const std::map<std::string, double> expected = {
      {"hits", 3},        {"misses", 1},      {"sets", 5},           {"deletes", 2},          {"evictions", 7},
      {"expirations", 4}, {"errors", 8},      {"undecodable", 6},    {"current_entries", 10}, {"current_size_bytes", 256},
      {"hit_rate", 0.75}, {"utilization", 0.25}, {"max_size_bytes", 1024}};
  CHECK(sample().to_map() == expected);
}

TEST_CASE("to_map leaves unknown gauges out", "[cache_stats]") {
  const auto map = CacheStats().to_map();
  CHECK(map.count("hits") == 1);
  CHECK(map.count("hit_rate") == 1);
  CHECK(map.count("current_entries") == 0);
  CHECK(map.count("max_size_bytes") == 0);
}

TEST_CASE("to_json is one line with exact integers and null for what is unknown", "[cache_stats]") {
  CHECK(sample().to_json() ==
        R"({"hits": 3, "misses": 1, "sets": 5, "deletes": 2, "evictions": 7, "expirations": 4, "errors": 8, )"
        R"("undecodable": 6, "current_entries": 10, "current_size_bytes": 256, "max_size_bytes": 1024, )"
        R"("hit_rate": 0.750000, "utilization": 0.250000})");
  CHECK(contains(CacheStats().to_json(), R"("current_entries": null)"));
  CacheStats stats;
  stats.hits = std::numeric_limits<std::uint64_t>::max();
  CHECK(contains(stats.to_json(), R"("hits": 18446744073709551615)"));
}

TEST_CASE("to_text is one readable line without what is unknown", "[cache_stats]") {
  CHECK(sample().to_text() ==
        "hits=3 misses=1 sets=5 deletes=2 evictions=7 expirations=4 errors=8 undecodable=6 current_entries=10 "
        "current_size_bytes=256 max_size_bytes=1024 hit_rate=0.750000 utilization=0.250000");
  CHECK_FALSE(contains(CacheStats().to_text(), "current_entries"));
}

TEST_CASE("ratios are rounded to six decimals", "[cache_stats]") {
  CacheStats stats;
  stats.hits = 2;
  stats.misses = 1;
  CHECK(contains(stats.to_text(), "hit_rate=0.666667"));
  stats.misses = 1999998;
  CHECK(contains(stats.to_text(), "hit_rate=0.000001"));
}

TEST_CASE("statistics print as their text", "[cache_stats]") {
  std::ostringstream out;
  out << sample();
  CHECK(out.str() == sample().to_text());
}

TEST_CASE("a snapshot is a plain value", "[cache_stats]") {
  CacheStats copy = sample();
  CHECK(copy == sample());
  ++copy.hits;
  CHECK(copy != sample());
  CHECK(sample().hits == 3);
}
