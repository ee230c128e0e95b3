/// \file in_memory_backend_threads_test.cpp
/// Several threads at once, on the real clock: no wrong value, no lost count, and all adds up once they rest.
#include <larder/in_memory_backend.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <larder/eviction/clock.hpp>
#include <larder/eviction/gdsf.hpp>
#include <larder/eviction/s3_fifo.hpp>
#include <larder/eviction/w_tiny_lfu.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/environment.hpp"
#include "tests/support/random.hpp"

using larder::Bytes;
using larder_tests::Random;
using larder_tests::scaled;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t thread_count = 4;
constexpr std::size_t key_count = 200;

struct OneSpinMutex {
  using Traits = larder::InMemoryTraits<>;
  static constexpr std::size_t shards = 1;
};
struct OneStandardMutex {
  struct Traits : larder::InMemoryTraits<> {
    using Mutex = std::mutex;
  };
  static constexpr std::size_t shards = 1;
};
struct SeveralShards {
  using Traits = larder::InMemoryTraits<>;
  static constexpr std::size_t shards = 8;
};

template <class Policy>
struct Evicting {
  struct Traits : larder::InMemoryTraits<> {
    using Eviction = Policy;
  };
  static constexpr std::size_t shards = 1;
};

/// Counts how often its kind is locked.
struct CountedMutex : std::mutex {
  static inline std::atomic<std::uint64_t> taken{0};

  void lock() {
    ++taken;
    std::mutex::lock();
  }
  bool try_lock() {
    ++taken;
    return std::mutex::try_lock();
  }
};

template <class Policy>
struct Counting : larder::InMemoryTraits<> {
  using Eviction = Policy;
  using Mutex = CountedMutex;
};

std::string checksum(std::string_view text) { return std::to_string(std::hash<std::string_view>()(text)); }

/// A value that says to which key it belongs and whether it is whole.
std::string value_for(std::string_view key, std::uint64_t number, std::size_t padding) {
  std::string text = std::string(key) + '|' + std::to_string(number) + '|' + std::string(padding, 'p');
  return text + '|' + checksum(text);
}

bool belongs_to(std::string_view key, std::string_view value) {
  const std::size_t end = value.rfind('|');
  return end != std::string_view::npos && value.substr(0, key.size() + 1) == std::string(key) + '|' &&
         value.substr(end + 1) == checksum(value.substr(0, end));
}

/// Runs `work(number of the thread)` on several threads at once.
void run_threads(const std::function<void(std::size_t)>& work) {
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < thread_count; ++i) threads.emplace_back(work, i);
  for (std::thread& thread : threads) thread.join();
}

template <class Config>
class Crowd {
 public:
  using Backend = larder::InMemoryBackend<std::string, Bytes, typename Config::Traits>;

  Crowd()
      : cache_({.max_size_bytes = 400000,
                .max_entries = 120,
                .shards = Config::shards,
                .on_removal = [this](std::string_view key, const Bytes& value, larder::RemovalCause cause) {
                  hear(key, value, cause);
                }}) {}

  void run() {
    run_threads([this](std::size_t thread) {
      Random random(thread + 1);
      const std::size_t operations = scaled(100000);
      for (std::size_t i = 0; i < operations; ++i) one_operation(random);
    });
    // Longer than any short TTL here. The last ones to expire are let go, and the listener has its say: from now on
    // nothing changes.
    std::this_thread::sleep_for(20ms);
    cache_.stats();
  }

  void check_at_rest() {
    CHECK(wrong_ == 0);
    const auto keys = cache_.keys();
    const auto stats = cache_.stats();
    std::size_t bytes = 0;
    std::size_t found = 0;
    for (const std::string& key : keys) {
      const auto entry = cache_.get_entry(key);
      if (!entry) continue;
      ++found;
      bytes += entry->value.size();
      CHECK(belongs_to(key, entry->value));
    }
    CHECK(found == keys.size());
    CHECK(stats.current_entries == keys.size());
    CHECK(stats.current_size_bytes == bytes);
    CHECK(stats.hits + stats.misses == asked_);
    CHECK(stats.hits > 0);
    CHECK(stats.evictions > stats.expirations);
    CHECK(stats.expirations > 0);
    CHECK(stats.errors == 0);
    CHECK(stats.sets == stored_);
    CHECK(stats.deletes == erased_);
    CHECK(heard_ + keys.size() == stored_);
    CHECK(cache_.clear() == keys.size());
    CHECK(heard_ == stored_);
  }

 private:
  static std::string any_key(Random& random) { return "key " + std::to_string(random.below(key_count)); }

  void one_operation(Random& random) {
    const std::string key = any_key(random);
    const std::size_t choice = random.below(100);
    if (choice < 25) return get(key);
    if (choice < 35) return visit(key);
    if (choice < 40) return get_many(random);
    if (choice < 60) return set(key, random, {});
    if (choice < 70) return set(key, random, std::chrono::milliseconds(1 + random.below(4)));
    if (choice < 75) return static_cast<void>(cache_.erase(key));
    if (choice < 80) return static_cast<void>(cache_.set(key, "", 0s));
    if (choice < 85) return set_many(random);
    if (choice < 90) return get_entry(key);
    if (choice < 95) return static_cast<void>(cache_.exists(key));
    rare(random);
  }

  void get(const std::string& key) {
    ++asked_;
    const auto value = cache_.get(key);
    if (value && !belongs_to(key, *value)) ++wrong_;
  }

  void visit(const std::string& key) {
    ++asked_;
    cache_.visit(key, [&](const Bytes& value) { wrong_ += belongs_to(key, value) ? 0 : 1; });
  }

  void get_many(Random& random) {
    std::vector<std::string> keys(8);
    for (std::string& key : keys) key = any_key(random);
    const std::vector<std::string_view> views(keys.begin(), keys.end());
    std::array<std::optional<Bytes>, 8> values;
    asked_ += keys.size();
    cache_.get_many(views, values);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (values[i] && !belongs_to(keys[i], *values[i])) ++wrong_;
    }
  }

  void set(const std::string& key, Random& random, larder::Ttl ttl) {
    const std::size_t padding = random.one_in(10) ? 3000 : random.below(200);
    stored_ += cache_.set(key, value_for(key, random.next(), padding), ttl) ? 1 : 0;
  }

  void set_many(Random& random) {
    std::vector<std::pair<std::string, Bytes>> items;
    for (int i = 0; i < 5; ++i) {
      const std::string key = any_key(random);
      items.emplace_back(key, value_for(key, random.next(), 20));
    }
    stored_ += cache_.set_many(items, 1h);
  }

  void get_entry(const std::string& key) {
    const auto entry = cache_.get_entry(key);
    if (entry && (entry->key != key || !belongs_to(key, entry->value))) ++wrong_;
  }

  void rare(Random& random) {
    const std::size_t choice = random.below(40);
    if (choice == 0) {
      cache_.clear();
    } else if (choice <= 2) {
      for (const std::string& key : cache_.keys("key 1*")) wrong_ += key.starts_with("key 1") ? 0 : 1;
    } else if (choice <= 10) {
      cache_.erase_many(std::vector<std::string>{any_key(random), any_key(random)});
    } else {
      const auto stats = cache_.stats();
      if (*stats.current_entries > 120 || *stats.current_size_bytes > 400000) ++wrong_;
    }
  }

  /// The listener: checks what it is told, and uses the cache that calls it.
  void hear(std::string_view key, const Bytes& value, larder::RemovalCause cause) {
    ++heard_;
    if (!belongs_to(key, value)) ++wrong_;
    if (cause == larder::RemovalCause::evicted) get("key 0");
    if (cause == larder::RemovalCause::expired) cache_.erase("key 1");
    if (cause == larder::RemovalCause::erased) {
      ++erased_;
      cache_.exists(key);
    }
  }

  std::atomic<std::uint64_t> wrong_{0};
  std::atomic<std::uint64_t> asked_{0};
  std::atomic<std::uint64_t> stored_{0};
  std::atomic<std::uint64_t> erased_{0};
  std::atomic<std::uint64_t> heard_{0};
  Backend cache_;  // last: its end still calls the listener
};

}  // namespace

TEMPLATE_TEST_CASE("threads that do everything at once see no wrong value, and all adds up at rest", "[threads]",
                   OneSpinMutex, OneStandardMutex, SeveralShards, Evicting<larder::Clock>, Evicting<larder::S3Fifo>,
                   Evicting<larder::WTinyLfu>, Evicting<larder::Gdsf>) {
  Crowd<TestType> crowd;
  crowd.run();
  crowd.check_at_rest();
}

TEST_CASE("a value stays whole while other threads overwrite and erase it", "[threads]") {
  larder::InMemoryBackend<> cache;
  std::atomic<int> wrong{0};
  run_threads([&](std::size_t thread) {
    Random random(thread);
    std::vector<Bytes> kept(16);
    const std::size_t rounds = scaled(60000);
    for (std::size_t i = 0; i < rounds; ++i) {
      if (thread % 2 == 0) {
        cache.set("k", value_for("k", i, i % 3 == 0 ? 2000 : 10));
        if (i % 5 == 0) cache.erase("k");
      } else if (auto value = cache.get("k")) {
        kept[random.below(kept.size())] = *value;
        const Bytes& any = kept[random.below(kept.size())];
        wrong += any.empty() || belongs_to("k", any) ? 0 : 1;
      }
    }
  });
  CHECK(wrong == 0);
}

TEMPLATE_TEST_CASE("where hits are marked, no hit waits for the lock of writers, or takes it", "[threads][policies]",
                   larder::Clock, larder::S3Fifo) {
  larder::InMemoryBackend<std::string, Bytes, Counting<TestType>> cache;
  cache.set("k", "v");
  const std::uint64_t taken = CountedMutex::taken;
  for (int i = 0; i < 1000; ++i) cache.get("k");
  // The stripe's, which is the thread's own, and no other.
  CHECK(CountedMutex::taken - taken == 1000);
  CHECK(cache.stats().hits == 1000);
}

TEST_CASE("expired entries are handed to the listener by one thread only", "[threads][expiry]") {
  std::atomic<std::uint64_t> expired{0};
  larder::InMemoryBackend<> cache{{.on_removal = [&](std::string_view, const Bytes&, larder::RemovalCause cause) {
    expired += cause == larder::RemovalCause::expired ? 1 : 0;
  }}};
  const std::size_t each = scaled(20000);
  run_threads([&](std::size_t thread) {
    for (std::size_t i = 0; i < each; ++i) {
      cache.set(std::to_string(thread) + ' ' + std::to_string(i), "v", 1ms);
      if (i % 64 == 0) cache.stats();
    }
  });
  std::this_thread::sleep_for(5ms);
  CHECK(cache.stats().current_entries == 0u);
  CHECK(expired == each * thread_count);
  CHECK(cache.stats().expirations == each * thread_count);
}

TEST_CASE("many caches may be made, used and destroyed at once", "[threads]") {
  std::atomic<int> wrong{0};
  run_threads([&](std::size_t thread) {
    for (int i = 0; i < 50; ++i) {
      larder::InMemoryBackend<> cache{{.max_entries = 10, .shards = 2}};
      for (int key = 0; key < 20; ++key) cache.set(std::to_string(key), std::to_string(thread), 1h);
      wrong += cache.stats().current_entries <= 10u ? 0 : 1;
    }
  });
  CHECK(wrong == 0);
}
