/// \file miss_ratio_curve_test.cpp
#include <larder/observability/miss_ratio_curve.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <larder/detail/key_hash.hpp>
#include <larder/in_memory_backend.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/random.hpp"

using larder::MissRatioCurve;

namespace {

std::uint64_t hash_of(std::uint64_t key) {
  key = (key + 1) * 0x9e3779b97f4a7c15u;
  key = (key ^ key >> 30) * 0xbf58476d1ce4e5b9u;
  key = (key ^ key >> 27) * 0x94d049bb133111ebu;
  return key ^ key >> 31;
}

/// A cache-aside request: a miss stores the key.
void ask(MissRatioCurve& curve, std::uint64_t key, std::uint64_t weight = 1) {
  curve.request(hash_of(key), {}, 0);
  curve.store(hash_of(key), weight, 0);
}

/// Keys of which the lower ones are asked for more often.
std::vector<std::uint64_t> skewed(std::size_t requests, std::size_t keys) {
  larder_tests::Random random(5);
  std::vector<std::uint64_t> all;
  for (std::size_t i = 0; i < requests; ++i) {
    const double u = static_cast<double>(random.below(1'000'000)) / 1e6;
    all.push_back(static_cast<std::uint64_t>(std::pow(u, 3) * static_cast<double>(keys)));
  }
  return all;
}

struct Traits : larder::InMemoryTraits<std::uint64_t, int> {
  using Mutex = larder::NullMutex;
};

/// What a real LRU cache answers.
double exact_hit_ratio(const std::vector<std::uint64_t>& requests, std::size_t capacity) {
  larder::InMemoryBackend<std::uint64_t, int, Traits> cache{{.max_size_bytes = 0, .max_entries = capacity}};
  for (const std::uint64_t key : requests) {
    if (!cache.get(key)) cache.set(key, 1);
  }
  return cache.stats().hit_rate();
}

}  // namespace

TEST_CASE("without a request nothing is predicted", "[miss_ratio_curve]") {
  MissRatioCurve curve(100);
  CHECK_FALSE(curve.hit_ratio(10).has_value());
  CHECK_FALSE(curve.predicted_hit_ratio(0).has_value());
  ask(curve, 1);
  CHECK(curve.hit_ratio(10) == 0.0);
  CHECK_FALSE(curve.predicted_hit_ratio(0).has_value());  // of what size?
  curve.set_capacity(10);
  CHECK(curve.predicted_hit_ratio(0) == 0.0);
}

TEST_CASE("where all keys are followed the curve is LRU's", "[miss_ratio_curve]") {
  const auto requests = skewed(20'000, 500);
  MissRatioCurve curve(1000);
  for (const std::uint64_t key : requests) ask(curve, key);
  CHECK(curve.rate() == 1);
  for (const std::size_t capacity : {1u, 2u, 5u, 10u, 100u, 500u}) {
    CAPTURE(capacity);
    CHECK(*curve.hit_ratio(static_cast<double>(capacity)) == Approx(exact_hit_ratio(requests, capacity)).margin(0.005));
  }
}

TEST_CASE("with a bound on the samples the curve is LRU's by a hair", "[miss_ratio_curve]") {
  const auto requests = skewed(300'000, 20'000);
  MissRatioCurve curve(1024);
  for (const std::uint64_t key : requests) ask(curve, key);
  CHECK(curve.rate() < 0.1);
  CHECK(curve.sample_count() <= 1024);
  for (const std::size_t capacity : {500u, 2000u, 8000u}) {
    CAPTURE(capacity);
    const double exact = exact_hit_ratio(requests, capacity);
    CHECK(*curve.hit_ratio(static_cast<double>(capacity), requests.size()) == Approx(exact).margin(0.02));
  }
}

TEST_CASE("what was used too long ago for the largest size is forgotten", "[miss_ratio_curve]") {
  MissRatioCurve curve(10'000);
  curve.set_capacity(100);
  for (std::uint64_t key = 0; key < 5'000; ++key) ask(curve, key);
  CHECK(curve.rate() == 1);
  CHECK(curve.sample_count() <= 500);
}

TEST_CASE("entries have weights, and the distance is their sum", "[miss_ratio_curve]") {
  MissRatioCurve curve(100);
  curve.set_capacity(100);
  ask(curve, 1, 30);
  ask(curve, 2, 45);
  ask(curve, 1, 30);  // needs 75
  CHECK(*curve.predicted_hit_ratio(1) == Approx(0.0).margin(1e-9));
  CHECK(*curve.predicted_hit_ratio(2) == Approx(1.0 / 3));
}

TEST_CASE("an entry that a size cannot hold is in nobody's way there", "[miss_ratio_curve]") {
  MissRatioCurve curve(100);
  curve.set_capacity(100);
  ask(curve, 1, 10);
  ask(curve, 2, 90);  // a cache of 25 or 50 does not store it
  ask(curve, 1, 10);
  CHECK(*curve.predicted_hit_ratio(0) == Approx(1.0 / 3));
  CHECK(*curve.predicted_hit_ratio(1) == Approx(1.0 / 3));
  CHECK(*curve.predicted_hit_ratio(2) == Approx(1.0 / 3));
  ask(curve, 3, 95);
  ask(curve, 2, 90);  // a hit where there is room for both
  CHECK(*curve.predicted_hit_ratio(2) == Approx(1.0 / 5));
  CHECK(*curve.predicted_hit_ratio(3) == Approx(2.0 / 5));
}

TEST_CASE("what has expired, or was erased, is a miss at any size", "[miss_ratio_curve]") {
  MissRatioCurve curve(100);
  curve.store(hash_of(1), 1, 0, 10);
  curve.store(hash_of(2), 1, 0);
  curve.store(hash_of(3), 1, 0, 10);
  curve.renew(hash_of(3), 5, 30);
  curve.erase(hash_of(2));
  for (const std::uint64_t key : {1u, 2u, 3u}) curve.request(hash_of(key), {}, 20);
  CHECK(*curve.hit_ratio(100) == Approx(1.0 / 3));
  curve.erase_all();
  curve.request(hash_of(3), {}, 20);
  CHECK(*curve.hit_ratio(100) == Approx(1.0 / 4));
}

TEST_CASE("a value that was found is followed from then on", "[miss_ratio_curve]") {
  MissRatioCurve curve(100);
  curve.request(hash_of(1), 1, 0);
  curve.request(hash_of(1), 1, 0);
  CHECK(*curve.hit_ratio(1) == Approx(0.5));
}

TEST_CASE("ages are since the last value and the last use", "[miss_ratio_curve]") {
  MissRatioCurve curve(100);
  CHECK_FALSE(curve.ages(hash_of(1), 5).has_value());
  curve.store(hash_of(1), 1, 5);
  curve.request(hash_of(1), 1, 8);
  const auto ages = curve.ages(hash_of(1), 10);
  REQUIRE(ages.has_value());
  CHECK(ages->since_stored == 5);
  CHECK(ages->since_used == 2);
}

TEST_CASE("many requests of few keys lower the threshold, but not below 128 samples", "[miss_ratio_curve]") {
  MissRatioCurve curve(10'000);
  for (std::uint64_t i = 0; i < 1'300'000; ++i) curve.request(hash_of(i % 1'000), 1, 0);
  CHECK(curve.sample_count() >= 100);
  CHECK(curve.sample_count() < 200);
  CHECK(*curve.hit_ratio(1'500, 1'300'000) > 0.98);
}

TEST_CASE("reset forgets the requests and keeps the keys", "[miss_ratio_curve]") {
  MissRatioCurve curve(100);
  ask(curve, 1);
  ask(curve, 2);
  curve.reset();
  CHECK_FALSE(curve.hit_ratio(10).has_value());
  ask(curve, 1);
  CHECK(curve.hit_ratio(10) == 1.0);
}

TEST_CASE("as many samples as fit one percent of a cache", "[miss_ratio_curve]") {
  CHECK(MissRatioCurve::samples_within(0) == 0);
  CHECK(MissRatioCurve::samples_within(1 << 20) == 0);
  for (const std::uint64_t bytes : {2ull << 20, 100ull << 20, 1ull << 40}) {
    CAPTURE(bytes);
    const std::size_t samples = MissRatioCurve::samples_within(bytes);
    CHECK(samples >= 64);
    CHECK(samples <= 16'384);
    MissRatioCurve curve(samples);
    for (std::uint64_t key = 0; key < 100'000; ++key) ask(curve, key);
    CHECK(curve.memory_bytes() <= bytes / 100);
  }
}
