/// \file fixture.hpp
/// An in-memory cache on a manual clock, and a log of what leaves it.
#pragma once

#include <algorithm>
#include <string>
#include <utility>

#include <larder/in_memory_backend.hpp>
#include <larder/testing/manual_clock.hpp>

#include "tests/support/removal_log.hpp"

namespace larder_tests {

/// Any traits, but the time stands still until a test moves it.
template <class Traits>
struct OnManualClock : Traits {
  using Clock = larder::testing::ManualClock;
};

template <class Key = std::string, class Value = larder::Bytes, class Traits = larder::InMemoryTraits<Key, Value>>
struct Fixture {
  using Backend = larder::InMemoryBackend<Key, Value, OnManualClock<Traits>>;
  using Options = larder::InMemoryOptions<Key, Value, OnManualClock<Traits>>;

  larder::testing::ManualClock clock;
  RemovalLog<Key, Value> removals;
  Backend cache;

  explicit Fixture(Options options = {}) : cache(connect(std::move(options))) {}

 private:
  Options connect(Options options) const {
    options.clock = clock;
    if (!options.on_removal) options.on_removal = removals;
    return options;
  }
};

/// The keys in a text such as "a b c": what most tests have to say about a cache.
template <class Backend>
std::string sorted_keys(Backend& cache) {
  auto keys = cache.keys();
  std::sort(keys.begin(), keys.end());
  std::string text;
  for (const auto& key : keys) text.append(text.empty() ? "" : " ").append(key);
  return text;
}

}  // namespace larder_tests
