/// \file in_memory_backend_order_test.cpp
/// The order of use is exact: whatever one thread does, entries are evicted in the order of a plain LRU list.
/// The random runs print their seed when they fail: LARDER_SEED=<seed> runs that sequence alone.
#include <larder/in_memory_backend.hpp>

#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/environment.hpp"
#include "tests/support/random.hpp"

using larder::InMemoryBackend;
using larder::RemovalCause;
using larder_tests::Random;

namespace {

/// What most people would write.
class PlainLru {
 public:
  explicit PlainLru(std::size_t limit) : limit_(limit) {}

  std::vector<int> evicted;

  bool get(int key) {
    const auto found = by_key_.find(key);
    if (found != by_key_.end()) order_.splice(order_.begin(), order_, found->second);
    return found != by_key_.end();
  }

  void set(int key) {
    if (get(key)) return;
    if (order_.size() == limit_) {
      evicted.push_back(order_.back());
      erase(order_.back());
    }
    order_.push_front(key);
    by_key_[key] = order_.begin();
  }

  void erase(int key) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return;
    order_.erase(found->second);
    by_key_.erase(found);
  }

 private:
  std::size_t limit_;
  std::list<int> order_;
  std::unordered_map<int, std::list<int>::iterator> by_key_;
};

template <class MutexType, class ValueType>
struct Kind {
  struct Traits : larder::InMemoryTraits<int, ValueType> {
    using Mutex = MutexType;
  };
  using Cache = InMemoryBackend<int, ValueType, Traits>;
};

/// The cache and the list, given the same calls.
template <class Cache>
struct Pair {
  explicit Pair(std::size_t limit, std::uint32_t interval = 1)
      : cache({.max_size_bytes = 0,
               .max_entries = limit,
               .promotion_interval = interval,
               .on_removal =
                   [this](int key, const auto&, RemovalCause cause) {
                     if (cause == RemovalCause::evicted) evicted.push_back(key);
                   }}),
        list(limit) {}

  void get(int key) { REQUIRE(cache.get(key).has_value() == list.get(key)); }
  void visit(int key) { REQUIRE(cache.visit(key, [](const auto&) {}) == list.get(key)); }
  void set(int key) {
    cache.set(key, {});
    list.set(key);
  }
  void erase(int key) {
    cache.erase(key);
    list.erase(key);
  }
  void get_many(const std::vector<int>& keys) {
    std::vector<std::optional<typename Cache::mapped_type>> values(keys.size());
    cache.get_many(std::span<const int>(keys), std::span(values));
    for (std::size_t i = 0; i < keys.size(); ++i) REQUIRE(values[i].has_value() == list.get(keys[i]));
  }
  void set_many(const std::vector<int>& keys) {
    std::vector<std::pair<int, typename Cache::mapped_type>> items;
    for (const int key : keys) items.emplace_back(key, typename Cache::mapped_type());
    cache.set_many(items);
    for (const int key : keys) list.set(key);
  }

  std::vector<int> evicted;
  Cache cache;
  PlainLru list;
};

std::vector<int> some_keys(Random& random, int keys) {
  std::vector<int> some(random.below(100));
  for (int& key : some) key = static_cast<int>(random.below(static_cast<std::uint64_t>(keys)));
  return some;
}

template <class Cache>
void run_random_calls(std::uint64_t seed) {
  Random random(seed);
  INFO("LARDER_SEED=" << seed);
  const std::size_t limit = 1 + random.below(300);
  const int keys = static_cast<int>(limit + 1 + random.below(limit));
  Pair<Cache> pair(limit);
  const std::uint64_t reads = 50 + random.below(45);  // per cent; many between writes in some of the runs
  for (std::size_t call = 0; call < 3000; ++call) {
    const int key = static_cast<int>(random.below(static_cast<std::uint64_t>(keys)));
    const std::uint64_t what = random.below(100);
    if (what < reads) {
      if (what % 10 == 0) {
        pair.get_many(some_keys(random, keys));
      } else if (what % 10 == 1) {
        pair.visit(key);
      } else {
        pair.get(key);
      }
    } else if (what % 16 == 0) {
      pair.erase(key);
    } else if (what % 16 == 1) {
      pair.set_many(some_keys(random, keys));
    } else {
      pair.set(key);
    }
    REQUIRE(pair.evicted.size() == pair.list.evicted.size());
  }
  CHECK(pair.evicted == pair.list.evicted);
}

}  // namespace

TEMPLATE_TEST_CASE("entries are evicted in exactly the order of a plain LRU list", "[eviction][model]",
                   (Kind<larder::SpinMutex, larder::Bytes>), (Kind<larder::NullMutex, larder::Bytes>),
                   (Kind<std::mutex, larder::Bytes>), (Kind<larder::SpinMutex, std::string>)) {
  const std::uint64_t given = larder_tests::environment_number("LARDER_SEED", 0);
  if (given != 0) return run_random_calls<typename TestType::Cache>(given);
  for (std::uint64_t seed = 1; seed <= larder_tests::scaled(40); ++seed) {
    run_random_calls<typename TestType::Cache>(seed);
  }
}

TEST_CASE("the order of use is exact however many hits lie between two writes", "[eviction]") {
  using Cache = Kind<larder::SpinMutex, larder::Bytes>::Cache;
  for (const int hits : {1, 63, 64, 65, 127, 128, 129, 1000}) {
    INFO(hits);
    Pair<Cache> pair(200);
    for (int key = 0; key < 200; ++key) pair.set(key);
    for (int hit = 0; hit < hits; ++hit) pair.get(hit * 37 % 200);
    for (int key = 1000; key < 1200; ++key) pair.set(key);
    CHECK(pair.evicted == pair.list.evicted);
  }
}

TEST_CASE("what one thread has read is not forgotten when another one writes", "[eviction][threads]") {
  using Cache = Kind<larder::SpinMutex, larder::Bytes>::Cache;
  Pair<Cache> pair(100);
  for (int key = 0; key < 100; ++key) pair.set(key);
  // As many as make it work off its notes: fewer may wait for a while for the next of them, or for a writer that
  // waits for the readers.
  std::thread([&] {
    for (int key = 0; key < 64; ++key) pair.get(key % 50);
  }).join();
  for (int key = 1000; key < 1050; ++key) pair.set(key);
  CHECK(pair.evicted == pair.list.evicted);
  for (int key = 0; key < 50; ++key) CHECK(pair.cache.exists(key));
}

TEST_CASE("with a promotion interval, entries that are read often stay all the same", "[eviction]") {
  using Cache = Kind<larder::SpinMutex, larder::Bytes>::Cache;
  Cache cache({.max_size_bytes = 0, .max_entries = 100, .promotion_interval = 4});
  for (int key = 0; key < 50; ++key) cache.set(key, {});
  for (int round = 0; round < 100; ++round) {
    // In turn: were it every fourth hit, most of these keys would never have theirs.
    for (int hit = 0; hit < 400; ++hit) CHECK(cache.get(hit % 40).has_value());
    for (int key = 0; key < 5; ++key) cache.set(1000 + round * 5 + key, {});
  }
}

TEST_CASE("with a promotion interval one hit in so many changes the order of use", "[eviction]") {
  using Cache = Kind<larder::SpinMutex, larder::Bytes>::Cache;
  Cache cache({.max_size_bytes = 0, .max_entries = 1000, .promotion_interval = 10});
  for (int key = 0; key < 1000; ++key) cache.set(key, {});
  for (int key = 0; key < 500; ++key) cache.get(key);
  for (int key = 1000; key < 1500; ++key) cache.set(key, {});
  int promoted = 0;
  for (int key = 0; key < 500; ++key) promoted += cache.exists(key) ? 1 : 0;
  CHECK(promoted > 20);
  CHECK(promoted < 100);
}
