/// \file layers_threads_test.cpp
/// Layers under many threads: nobody reads what is over, and counts add up.
#include <larder/layers/namespaced_backend.hpp>
#include <larder/layers/resilient_backend.hpp>
#include <larder/layers/tagged_backend.hpp>
#include <larder/layers/tiered_backend.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <larder/in_memory_backend.hpp>
#include <larder/testing/chaos_backend.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/environment.hpp"
#include "tests/support/manual_source.hpp"
#include "tests/support/random.hpp"

using larder::Bytes;
using larder::TieredBackend;
using namespace std::chrono_literals;

namespace {

using Memory = larder::InMemoryBackend<>;

/// Runs `work(number)` on so many threads at once.
template <class Work>
void on_threads(std::size_t count, const Work& work) {
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < count; ++i) threads.emplace_back([&work, i] { work(i); });
  for (std::thread& thread : threads) thread.join();
}

std::uint64_t number_in(const Bytes& value) { return std::stoull(value.str()); }

}  // namespace

TEST_CASE("TieredBackend: under threads no reader goes back in time, nor behind a finished write",
          "[tiered][threads]") {
  constexpr std::size_t keys = 4;
  TieredBackend<> cache(std::make_shared<Memory>(), std::make_shared<Memory>());
  std::array<std::atomic<std::uint64_t>, keys> finished{};  // the newest write of each key that is over
  std::atomic<bool> writing{true};
  std::atomic<std::uint64_t> wrong{0};
  std::atomic<std::uint64_t> read{0};
  const std::size_t writes = larder_tests::scaled(40'000);
  on_threads(keys + 3, [&](std::size_t number) {
    if (number < 2) {  // writers, each of keys of its own
      larder_tests::Random random(number);
      for (std::uint64_t version = 1; version <= writes; ++version) {
        const std::size_t key = number * 2 + random.below(2);
        const std::string name = std::to_string(key);
        const std::string value = std::to_string(version);
        switch (random.below(3)) {
          case 0: cache.set(name, value); break;
          case 1: cache.set(name, value, 1h); break;
          default: cache.set_many({{name, Bytes(value)}}, 1h);
        }
        finished[key].store(version);
      }
      if (number == 0) writing = false;
      return;
    }
    std::array<std::uint64_t, keys> seen{};
    larder_tests::Random random(number);
    while (writing) {
      const std::size_t key = random.below(keys);
      const std::uint64_t least = finished[key].load();
      std::optional<Bytes> value;
      const std::string name = std::to_string(key);
      if (random.below(4) == 0) {
        const std::array<std::string_view, 1> names{name};
        std::array<std::optional<Bytes>, 1> values;
        cache.get_many(names, values);
        value = values[0];
      } else {
        value = cache.get(name);
      }
      read.fetch_add(1);
      if (!value) {
        if (least != 0) wrong.fetch_add(1);
        continue;
      }
      const std::uint64_t version = number_in(*value);
      if (version < least || version < seen[key]) wrong.fetch_add(1);
      seen[key] = version;
    }
  });
  CHECK(wrong == 0);
  CHECK(read > 0);
}

TEST_CASE("TieredBackend: under threads no reader is behind an invalidation", "[tiered][threads]") {
  const auto far = std::make_shared<Memory>();
  larder::InvalidationEvents<>* events = nullptr;
  TieredBackend<> cache(std::make_shared<Memory>(), far, {.invalidation = [&](auto& made) {
                          events = &made;
                          return std::make_unique<larder_tests::ManualSource>();
                        }});
  events->on_armed();
  std::atomic<std::uint64_t> told{0};
  std::atomic<bool> writing{true};
  std::atomic<std::uint64_t> wrong{0};
  const std::size_t writes = larder_tests::scaled(30'000);
  on_threads(4, [&](std::size_t number) {
    if (number == 0) {
      for (std::uint64_t version = 1; version <= writes; ++version) {
        far->set("k", std::to_string(version));
        if (version % 1000 == 0) {
          events->on_lost();
          events->on_armed();
        } else {
          events->on_invalidated("k");
        }
        told.store(version);
      }
      writing = false;
      return;
    }
    while (writing) {
      const std::uint64_t least = told.load();
      const auto value = cache.get("k");
      if (value ? number_in(*value) < least : least != 0) wrong.fetch_add(1);
    }
  });
  CHECK(wrong == 0);
  CHECK(cache.tiers().near.hits > 0);
}

TEST_CASE("NamespacedBackend and its counters, under threads", "[namespaced][threads]") {
  larder::NamespacedBackend<> cache(std::make_shared<Memory>(), "n");
  const std::size_t rounds = larder_tests::scaled(5'000);
  on_threads(4, [&](std::size_t number) {
    for (std::size_t i = 0; i < rounds; ++i) {
      const std::string key = std::to_string(number) + ":" + std::to_string(i);
      cache.set(key, "v");
      cache.get(key);
      cache.get("nobody");
    }
  });
  CHECK(cache.stats().sets == 4 * rounds);
  CHECK(cache.stats().hits == 4 * rounds);
  CHECK(cache.stats().misses == 4 * rounds);
}

TEST_CASE("ResilientBackend: under threads and faults nothing is thrown and errors add up", "[resilient][threads]") {
  const auto chaos = std::make_shared<larder::testing::ChaosBackend<>>(
      std::make_shared<Memory>(), larder::testing::ChaosOptions{.errors = 0.2, .errors_after = 0.1});
  std::atomic<std::uint64_t> final_errors{0};
  std::atomic<std::uint64_t> changes{0};
  larder::ResilientBackend<> cache(
      chaos, {.backoff = 0ms,
              .breaker = {.min_failures = 3,
                          .failure_share = 0.2,
                          .open_for = 1ms,
                          .trials = 2,
                          .on_change = [&](larder::CircuitState, larder::CircuitState) { ++changes; }},
              .fallback = std::make_shared<Memory>(),
              .on_error = [&](const larder::ResilientFailure& failure) { final_errors += failure.is_final ? 1 : 0; }});
  const std::size_t rounds = larder_tests::scaled(10'000);
  on_threads(4, [&](std::size_t number) {
    larder_tests::Random random(number);
    for (std::size_t i = 0; i < rounds; ++i) {
      const std::string key = std::to_string(random.below(10));
      switch (random.below(4)) {
        case 0: cache.set(key, "v"); break;
        case 1: cache.erase(key); break;
        default: cache.get(key);
      }
    }
  });
  CHECK(cache.stats().errors == final_errors + cache.resilience().refused);
  CHECK(changes > 2);
  CHECK(cache.resilience().times_opened > 0);
}

TEST_CASE("TaggedBackend: under threads nothing that a tag has invalidated is read", "[tagged][threads]") {
  larder::TaggedBackend<> cache(std::make_shared<Memory>());
  std::atomic<std::uint64_t> begun{0};
  std::atomic<std::uint64_t> finished{0};
  std::atomic<bool> running{true};
  std::atomic<std::uint64_t> wrong{0};
  std::atomic<std::uint64_t> hits{0};
  const std::size_t rounds = larder_tests::scaled(20'000);
  on_threads(4, [&](std::size_t number) {
    if (number == 0) {
      for (std::size_t i = 0; i < rounds; ++i) {
        begun.fetch_add(1);
        cache.erase_tag("red");
        finished.fetch_add(1);
        if (i % 64 == 0) std::this_thread::yield();
      }
      running = false;
      return;
    }
    const std::string key = std::to_string(number);
    while (running) {
      cache.set(key, "v", {}, {{"tags", "red"}});
      const std::uint64_t before = begun.load();
      hits.fetch_add(cache.get(key) ? 1 : 0);
      // One that began after the set was over, and is over itself.
      while (finished.load() <= before && running) std::this_thread::yield();
      if (finished.load() > before && cache.get(key)) wrong.fetch_add(1);
    }
  });
  CHECK(wrong == 0);
}
