/// \file what_if_test.cpp
#include <larder/observability/detail/what_if.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "tests/support/catch.hpp"

using larder::CacheObservation;
using larder::CacheStats;
using larder::RemovalCause;
using larder::detail::WhatIf;
using namespace std::chrono_literals;

namespace {

/// Follows a cache on a clock that stands still.
struct Followed {
  std::shared_ptr<std::chrono::steady_clock::time_point> time =
      std::make_shared<std::chrono::steady_clock::time_point>();
  WhatIf what_if;

  explicit Followed(const CacheStats& stats = {}) : what_if(1024, [time = time] { return *time; }) {
    what_if.learn(stats);
  }

  CacheObservation observe(const CacheStats& stats = {}) {
    CacheObservation observation;
    observation.stats = stats;
    what_if.add_to(observation, true);
    return observation;
  }
};

CacheStats entries(std::uint64_t count) {
  CacheStats stats;
  stats.current_entries = count;
  return stats;
}

CacheStats bytes(std::uint64_t held, std::uint64_t limit, std::uint64_t evictions) {
  CacheStats stats;
  stats.current_size_bytes = held;
  stats.max_size_bytes = limit;
  stats.evictions = evictions;
  return stats;
}

}  // namespace

TEST_CASE("before anything is known of the cache nothing is followed", "[what_if]") {
  WhatIf what_if(1024);
  CHECK(what_if.wants_stats());
  CHECK(what_if.samples(~std::uint64_t{0}));
  what_if.request(1, 5);
  CHECK(what_if.memory_bytes() == 0);
  what_if.learn({});
  CHECK_FALSE(what_if.wants_stats());
  what_if.request(1, 5);
  CHECK(what_if.memory_bytes() > 0);
}

TEST_CASE("statistics are asked for ever more seldom", "[what_if]") {
  Followed f;
  std::size_t asked = 0;
  for (std::uint64_t i = 0; i < 200'000; ++i) {
    if (f.what_if.wants_stats()) {
      ++asked;
      f.what_if.learn({});
    }
    f.what_if.request(1, 1);
  }
  CHECK(asked >= 10);
  CHECK(asked < 20);
}

TEST_CASE("a cache with a limit in bytes is as large as that, until it evicts", "[what_if]") {
  Followed f(bytes(0, 1000, 0));
  for (const std::uint64_t key : {1u, 2u, 3u}) f.what_if.store(key, 100, {});
  f.what_if.request(1, 100);                                            // needs 300
  CHECK(f.observe(bytes(300, 1000, 0)).predictions[0].hit_ratio == 0);  // of 250
  CHECK(f.observe(bytes(300, 1000, 0)).predictions[1].hit_ratio == 1);  // of 500
  CHECK(f.observe(bytes(300, 1000, 5)).predictions[1].hit_ratio == 0);  // of 150: something else is in the way
}

TEST_CASE("a cache without one is as large as what it holds, and entries are counted", "[what_if]") {
  Followed f(entries(0));
  f.what_if.store(1, 100, {});
  f.what_if.store(2, 300, {});
  f.what_if.request(1, 100);
  const auto predictions = f.observe(entries(2)).predictions;
  REQUIRE(predictions.size() == 5);
  CHECK(predictions[1].hit_ratio == 0);
  CHECK(predictions[2].hit_ratio == 1);
}

TEST_CASE("requests that are not of sampled keys count as far as the cache counts them", "[what_if]") {
  CacheStats stats = entries(10);
  stats.hits = 100;
  Followed f(stats);  // which were before
  f.what_if.store(1, 1, {});
  f.what_if.request(1, 1);
  f.what_if.request(2, {});
  stats.hits += 3;
  stats.misses += 1;
  CHECK(f.observe(stats).predictions.back().hit_ratio == Approx(0.75));
}

TEST_CASE("who leaves tells its age, if a limit or its TTL drove it out, or somebody erased it", "[what_if]") {
  Followed f;
  for (std::uint64_t key = 1; key <= 5; ++key) f.what_if.store(key, 1, {});
  *f.time += 1s;
  f.what_if.request(1, 1);
  *f.time += 2s;
  f.what_if.removed(1, RemovalCause::evicted);
  f.what_if.removed(2, RemovalCause::expired);
  f.what_if.removed(3, RemovalCause::erased);
  f.what_if.removed(4, RemovalCause::cleared);
  f.what_if.removed(5, RemovalCause::replaced);
  f.what_if.removed(6, RemovalCause::evicted);  // nobody knows it
  const auto observation = f.observe();
  CHECK(observation.eviction_age.count() == 1);
  CHECK(static_cast<double>(observation.eviction_age.sum()) == Approx(2000).margin(32));
  CHECK(observation.residency.count() == 3);
  CHECK(static_cast<double>(observation.residency.sum()) == Approx(9000).margin(100));
  f.what_if.reset();
  CHECK(f.observe().residency.count() == 0);
}

TEST_CASE("TTLs run out, and are renewed", "[what_if]") {
  Followed f(entries(10));
  f.what_if.store(1, 1, 1s);
  f.what_if.store(2, 1, 1s);
  f.what_if.renew(2, 1h);
  *f.time += 2s;
  f.what_if.request(1, {});
  f.what_if.request(2, 1);
  CHECK(f.observe(entries(10)).predictions.back().hit_ratio == Approx(0.5));
}

TEST_CASE("a cache that is too small for samples is not followed", "[what_if]") {
  WhatIf what_if;
  what_if.learn(bytes(0, 1000, 0));
  CHECK_FALSE(what_if.samples(0));
  CHECK_FALSE(what_if.wants_stats());
}
