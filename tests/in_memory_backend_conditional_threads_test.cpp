/// \file in_memory_backend_conditional_threads_test.cpp
/// set_if_absent and touch in several threads at once, on the real clock.
#include <larder/in_memory_backend.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <latch>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/environment.hpp"
#include "tests/support/random.hpp"

using larder_tests::Random;
using larder_tests::scaled;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t thread_count = 4;
constexpr std::size_t key_count = 4;

/// Runs `work(number of the thread)` on several threads at once.
void run_threads(const std::function<void(std::size_t)>& work) {
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < thread_count; ++i) threads.emplace_back(work, i);
  for (std::thread& thread : threads) thread.join();
}

/// Makes the value of a key: one that lies in the entry, one that does not, and one whose copy is no code of ours.
larder::Bytes value_for(std::size_t key, const larder::Bytes*) {
  return larder::Bytes(std::string(key % 2 == 0 ? 20 : 3000, static_cast<char>('a' + key)));
}
std::string value_for(std::size_t key, const std::string*) { return std::string(100, static_cast<char>('a' + key)); }

}  // namespace

TEMPLATE_TEST_CASE("threads that store, touch, read and erase the same few keys see whole values, and all adds up",
                   "[conditional][threads]", larder::Bytes, std::string) {
  larder::InMemoryBackend<std::size_t, TestType> cache;
  std::atomic<std::uint64_t> stored{0};
  std::atomic<std::uint64_t> erased{0};
  std::atomic<std::size_t> wrong{0};
  run_threads([&](std::size_t thread) {
    Random random(thread + 1);
    const std::size_t operations = scaled(50000);
    for (std::size_t i = 0; i < operations; ++i) {
      const std::size_t key = random.below(key_count);
      const auto expected = value_for(key, static_cast<const TestType*>(nullptr));
      switch (random.below(8)) {
        case 0: stored += cache.set_if_absent(key, expected) ? 1 : 0; break;
        case 1: stored += cache.set_if_absent(key, expected, 1h) ? 1 : 0; break;
        case 2: cache.touch(key, 1h); break;
        case 3: cache.touch(key, {}); break;
        case 4: erased += cache.erase(key) ? 1 : 0; break;
        case 5: {
          const auto entry = cache.get_entry(key);
          wrong += entry && entry->value != expected ? 1 : 0;
          break;
        }
        default: {
          const auto value = cache.get(key);
          wrong += value && *value != expected ? 1 : 0;
        }
      }
    }
  });
  CHECK(wrong == 0);
  const auto stats = cache.stats();
  CHECK(stats.sets == stored);
  CHECK(stats.deletes == erased);
  CHECK(stats.evictions == 0);
  CHECK(stats.current_entries == cache.keys().size());
  CHECK(stats.current_entries == stored - erased);
}

TEST_CASE("of many threads that store the same key if it is absent, one succeeds each time", "[conditional][threads]") {
  larder::InMemoryBackend<std::size_t, std::size_t> cache;
  const std::size_t rounds = scaled(5000);
  const auto winners = std::make_unique<std::atomic<std::size_t>[]>(rounds);
  std::latch start(thread_count);
  run_threads([&](std::size_t thread) {
    start.arrive_and_wait();
    for (std::size_t round = 0; round < rounds; ++round) {
      if (cache.set_if_absent(round, thread)) winners[round] += thread + 1;
    }
  });
  std::size_t wrong = 0;
  for (std::size_t round = 0; round < rounds; ++round) wrong += cache.get(round) == winners[round] - 1 ? 0 : 1;
  CHECK(wrong == 0);
  CHECK(cache.stats().sets == rounds);
}

TEST_CASE("entries that threads keep touching do not expire under them", "[conditional][threads]") {
  larder::InMemoryBackend<> cache;
  for (const char* key : {"a", "b"}) cache.set(key, "1");
  std::atomic<std::size_t> lost{0};
  run_threads([&](std::size_t thread) {
    const std::string key = thread % 2 == 0 ? "a" : "b";
    const std::size_t rounds = scaled(20000);
    for (std::size_t round = 0; round < rounds; ++round) {
      lost += cache.touch(key, round % 2 == 0 ? 1h : 2h) ? 0 : 1;
      lost += cache.get(key) == "1" ? 0 : 1;
    }
  });
  CHECK(lost == 0);
  CHECK(cache.stats().expirations == 0);
}
