/// \file in_memory_backend_policies_threads_test.cpp
/// What an eviction policy is told while many threads use the cache: nothing of an entry that it was not given, or that
/// it has given up.
#include <larder/in_memory_backend.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/environment.hpp"
#include "tests/support/random.hpp"

namespace {

/// Counts what it is told of entries that it does not have. Evicts whatever comes first.
class Strict {
 public:
  static inline std::atomic<int> wrong{0};

  void reserve(std::size_t ids) { present_.resize(std::max(ids, present_.size())); }
  void insert(const larder::EvictionEntry& entry) noexcept {
    expect(!present_[entry.id]);
    present_[entry.id] = true;
  }
  void touch(const larder::EvictionEntry& entry) noexcept { expect(present_[entry.id]); }
  void replace(const larder::EvictionEntry&, const larder::EvictionEntry& fresh) noexcept {
    expect(present_[fresh.id]);
  }
  void erase(const larder::EvictionEntry& entry) noexcept {
    expect(present_[entry.id]);
    present_[entry.id] = false;
  }
  template <class Entries>
  larder::EvictionId victim(const larder::EvictionNeed& need, const Entries&) noexcept {
    for (larder::EvictionId id = 1; id < present_.size(); ++id) {
      if (present_[id] && id != need.spared) return id;
    }
    return larder::no_entry;
  }
  void clear() noexcept { std::fill(present_.begin(), present_.end(), false); }

 private:
  static void expect(bool holds) noexcept {
    if (!holds) ++wrong;
  }

  std::vector<bool> present_;
};
static_assert(larder::EvictionPolicy<Strict>);

struct Traits : larder::InMemoryTraits<> {
  using Eviction = Strict;
};

}  // namespace

TEST_CASE("a policy is told of an entry's uses between its arrival and its end", "[threads][policies]") {
  // More threads than read stripes, so that some share one: who reads may note an entry just when another thread, which
  // is storing it, works off what the stripe has noted.
  constexpr std::size_t threads = 16;
  larder::InMemoryBackend<std::string, larder::Bytes, Traits> cache{{.max_size_bytes = 0, .max_entries = 6}};
  Strict::wrong = 0;
  std::vector<std::thread> all;
  for (std::size_t i = 0; i < threads; ++i) {
    all.emplace_back([&cache, i] {
      larder_tests::Random random(i);
      for (std::size_t n = larder_tests::scaled(60'000); n > 0; --n) {
        const std::string key = std::to_string(random.below(4));
        switch (random.below(8)) {
          case 0: cache.erase(key); break;
          case 1: cache.set(key, "v"); break;
          case 2: cache.touch(key, std::chrono::hours(1)); break;
          default: cache.get(key);
        }
        if (random.one_in(500)) cache.clear();
      }
    });
  }
  for (std::thread& thread : all) thread.join();
  CHECK(Strict::wrong == 0);
}
