/// \file frequency_sketch_test.cpp
#include <larder/eviction/detail/frequency_sketch.hpp>

#include <cstddef>
#include <cstdint>

#include "tests/support/catch.hpp"
#include "tests/support/random.hpp"

using larder::detail::FrequencySketch;

TEST_CASE("without room a sketch counts nothing", "[frequency_sketch]") {
  FrequencySketch sketch;
  sketch.count(1, 10);
  CHECK(sketch.frequency(1) == 0);
}

TEST_CASE("a sketch counts to fifteen", "[frequency_sketch]") {
  FrequencySketch sketch;
  sketch.reserve(100);
  for (unsigned times = 1; times <= 40; ++times) {
    sketch.count(7, 100);
    CHECK(sketch.frequency(7) == (times < 15 ? times : 15));
  }
  CHECK(sketch.frequency(8) == 0);
}

TEST_CASE("after ten requests an entry all counts are halved", "[frequency_sketch]") {
  FrequencySketch sketch;
  sketch.reserve(100);
  for (int times = 0; times < 9; ++times) sketch.count(7, 100);
  std::uint32_t others = 1000;
  const auto count_others = [&](std::size_t requests) {
    for (std::size_t i = 0; i < requests; ++i) sketch.count(++others * 0x9e3779b1u, 100);
  };
  count_others(10 * 100 - 10);
  const unsigned before = sketch.frequency(7);
  CHECK(before >= 9);  // others may share all of its counters
  count_others(1);
  CHECK(sketch.frequency(7) == before / 2);
  count_others(5 * 100);  // the sample begins half full
  CHECK(sketch.frequency(7) <= before / 4 + 1);
}

TEST_CASE("frequent keys are told from seldom ones among many", "[frequency_sketch]") {
  constexpr std::uint32_t frequent = 500;
  FrequencySketch sketch;
  sketch.reserve(1000);
  larder_tests::Random random(3);
  const auto hash_of = [](std::uint32_t key) { return key * 0x9e3779b1u ^ key << 16; };
  for (std::size_t i = 0; i < 8000; ++i) {
    // Half of the requests are for 500 keys, the others for keys that never come again.
    const auto key = static_cast<std::uint32_t>(random.one_in(2) ? random.below(frequent) : 10'000 + i);
    sketch.count(hash_of(key), 1000);
  }
  std::size_t wrong = 0;
  for (std::uint32_t key = 0; key < frequent; ++key) {
    if (sketch.frequency(hash_of(key)) <= sketch.frequency(hash_of(key + 1'000'000))) ++wrong;
  }
  CHECK(wrong < frequent / 20);
}

TEST_CASE("counts stay while there comes to be more room", "[frequency_sketch]") {
  FrequencySketch sketch;
  sketch.reserve(1);
  for (int times = 0; times < 6; ++times) sketch.count(0x12345678, 1000);
  for (std::size_t entries = 2; entries < 2000; ++entries) sketch.reserve(entries);
  CHECK(sketch.frequency(0x12345678) == 6);
}

TEST_CASE("a cleared sketch has counted nothing", "[frequency_sketch]") {
  FrequencySketch sketch;
  sketch.reserve(100);
  sketch.count(7, 100);
  sketch.clear();
  CHECK(sketch.frequency(7) == 0);
  sketch.reserve(100);
  CHECK(sketch.frequency(7) == 0);
}
