/// \file exhaustive_failures_test.cpp
/// Every operation, under every policy and in every layer, with each thing that it does failing in turn: each
/// allocation, copy, hash, comparison and weighing. What is all or nothing leaves everything as it was; a batch leaves
/// each key with its old value or its new one; and nothing is lost.
#include <larder/larder.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <larder/testing/fragile_text.hpp>

#include "tests/allocation/allocation_hooks.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/layer_stacks.hpp"

using larder::testing::FragileText;
using larder::testing::FragileTextBroke;
using larder::testing::LitFuse;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t key_count = 9;

/// Longer than what stands in a std::string itself.
std::string key_text(std::size_t i) { return "a key that is longer than a small string " + std::to_string(i); }
std::string old_text(std::size_t i) { return "old " + std::to_string(i) + std::string(i * 7, '.'); }
const std::string new_text = "new, and longer than a small string by a little";

/// What was called, on what kind of cache, and whether it does all or nothing.
template <class Key, class Value>
struct Operation {
  using Cache = larder::CacheBackend<Key, Value>;
  std::string name;
  std::function<void(Cache&)> call;
  bool is_batch = false;
};

/// Each of the interface, in each of the ways that it may take. What they are given is made before.
template <class Key, class Value>
std::vector<Operation<Key, Value>> all_operations() {
  using Cache = larder::CacheBackend<Key, Value>;
  std::vector<Operation<Key, Value>> all;
  const auto add = [&all](std::string name, std::function<void(Cache&)> call, bool is_batch = false) {
    all.push_back({std::move(name), std::move(call), is_batch});
  };
  const Key there(key_text(2));
  const Key expiring(key_text(4));
  const Key absent("a key that is not there, and longer than a small string");
  const Value fresh(new_text);
  const Value huge(std::string(100'000, 'n'));
  const larder::Metadata metadata{{"name", "a text that is longer than a small string"}};
  const std::vector<Key> keys{there, absent, expiring, there};
  for (const auto& [which, key] : {std::pair("there", there), std::pair("absent", absent)}) {
    const std::string of = std::string(" of a key that is ") + which;
    add("get" + of, [key = key](Cache& cache) { cache.get(key); });
    add("exists" + of, [key = key](Cache& cache) { cache.exists(key); });
    add("get_entry" + of, [key = key](Cache& cache) { cache.get_entry(key); });
    add("visit_entry" + of, [key = key](Cache& cache) { cache.visit_entry(key, [](const auto&) {}); });
    add("set" + of, [key = key, fresh](Cache& cache) { cache.set(key, fresh); });
    add("set with everything" + of,
        [key = key, fresh, metadata](Cache& cache) { cache.set(key, fresh, 60s, metadata); });
    add("set_if_absent" + of, [key = key, fresh](Cache& cache) { cache.set_if_absent(key, fresh, 60s); });
    add("touch" + of, [key = key](Cache& cache) { cache.touch(key, 60s); });
    add("touch for ever" + of, [key = key](Cache& cache) { cache.touch(key, {}); });
  }
  add("touch of one that expires", [expiring](Cache& cache) { cache.touch(expiring, 60s); });
  add("keys", [](Cache& cache) { cache.keys(); });
  add("stats", [](Cache& cache) { static_cast<void>(cache.stats()); });
  // Of what these remove, nothing can be as it was.
  add(
      "set of what is too large", [there, huge](Cache& cache) { cache.set(there, huge); }, true);
  add(
      "set of what is over", [there, fresh](Cache& cache) { cache.set(there, fresh, 0s); }, true);
  add(
      "erase", [there](Cache& cache) { cache.erase(there); }, true);
  add(
      "clear", [](Cache& cache) { cache.clear(); }, true);
  add(
      "get_many", [keys](Cache& cache) { cache.get_many(keys); }, true);
  add(
      "get_many by position",
      [keys](Cache& cache) {
        std::vector<larder::KeyItem<Key>> items;
        items.assign(keys.begin(), keys.end());  // whose constructor leaks in libc++ before 16 if a copy throws
        std::vector<std::optional<Value>> values(items.size());
        cache.get_many(items, values);
      },
      true);
  add(
      "set_many",
      [keys, fresh](Cache& cache) {
        std::vector<std::pair<Key, Value>> items;
        for (const Key& key : keys) items.emplace_back(key, fresh);
        cache.set_many(items, 60s);
      },
      true);
  add(
      "erase_many", [keys](Cache& cache) { cache.erase_many(keys); }, true);
  return all;
}

/// A cache as the test of one failure finds it, and what it is seen to hold.
template <class Key, class Value>
struct Filled {
  std::shared_ptr<larder::CacheBackend<Key, Value>> cache;

  explicit Filled(std::shared_ptr<larder::CacheBackend<Key, Value>> empty) : cache(std::move(empty)) {
    for (std::size_t i = 0; i < key_count; ++i) {
      cache->set(Key(key_text(i)), Value(old_text(i)), i % 4 == 0 ? larder::Ttl(1h) : larder::Ttl(),
                 i % 5 == 2 ? larder::Metadata{{"name", "text"}} : larder::Metadata());
    }
  }

  /// All of it, without changing it; in a text.
  std::string snapshot() {
    std::string text;
    for (std::size_t i = 0; i < key_count; ++i) {
      const auto entry = cache->get_entry(Key(key_text(i)));
      if (!entry) continue;
      text.append(std::to_string(i)).append("=").append(std::string_view(entry->value));
      text.append(entry->expires_at ? "/expires" : "");
      for (const auto& [name, value] : entry->metadata) text.append("/").append(name).append("=").append(value);
      text.append("\n");
    }
    const larder::CacheStats stats = cache->stats();
    for (const auto count :
         {stats.hits, stats.misses, stats.sets, stats.deletes, stats.evictions, stats.expirations,
          std::uint64_t{stats.current_entries.value_or(0)}, std::uint64_t{stats.current_size_bytes.value_or(0)}}) {
      text.append(std::to_string(count)).append(" ");
    }
    return text;
  }

  void check_each_is_old_or_new() {
    for (std::size_t i = 0; i < key_count; ++i) {
      const Key key(key_text(i));
      const auto value = cache->get(key);
      if (value && std::string_view(*value) != new_text) CHECK(std::string_view(*value) == old_text(i));
      // And it goes on.
      CHECK(cache->set(key, Value("after")));
      CHECK(std::string_view(*cache->get(key)) == "after");
    }
  }
};

/// Lets the first, second, third ... thing that an operation does fail, until none is left to. Result: how many.
template <class Key, class Value, class Make>
int for_each_failure(const Operation<Key, Value>& operation, bool all_or_nothing, const Make& make) {
  const std::string before = Filled<Key, Value>(make()).snapshot();
  const auto blocks = larder_tests::live_blocks();
  int failures = 0;
  for (bool failed = true; failed;) {
    Filled<Key, Value> filled(make());
    failed = false;
    {
      const LitFuse fuse(failures + 1);
      try {
        operation.call(*filled.cache);
      } catch (const FragileTextBroke&) {
        failed = true;
      } catch (const std::bad_alloc&) {
        failed = true;
      }
      // A layer may have made the best of it.
      failed = failed || !LitFuse::burning();
    }
    if (!failed) continue;
    ++failures;
    INFO(operation.name << ", failure " << failures);
    REQUIRE(failures < 2000);
    if (all_or_nothing && !operation.is_batch) CHECK(filled.snapshot() == before);
    filled.check_each_is_old_or_new();
  }
  const auto blocks_left = larder_tests::live_blocks();  // before anybody makes a message
  INFO(operation.name);
  CHECK(blocks_left == blocks);
  return failures;
}

/// A weigher that may throw.
struct FragileWeigher : larder::EntryFootprint {
  template <class... Facts>
  requires std::invocable<const larder::EntryFootprint&, const Facts&...> std::size_t operator()(
      const Facts&... facts) const {
    FragileText::take_risk();
    return larder::EntryFootprint::operator()(facts...);
  }
};

template <class Key, class Value, class Policy>
struct Traits : larder::InMemoryTraits<Key, Value> {
  using Eviction = Policy;
  using Weigher = FragileWeigher;
};

template <class Key, class Value, class Policy>
int check_in_memory(std::size_t shards) {
  using Cache = larder::InMemoryBackend<Key, Value, Traits<Key, Value, Policy>>;
  const auto make = [shards]() -> std::shared_ptr<larder::CacheBackend<Key, Value>> {
    // Full, so that whoever comes makes somebody leave, but large enough for each of the values.
    typename Cache::Options options;
    options.max_size_bytes = 20'000 * shards;
    options.max_entries = shards == 1 ? key_count : 0;
    options.shards = shards;
    options.on_removal = [](const auto&, const Value&, larder::RemovalCause) {};
    return std::make_shared<Cache>(std::move(options));
  };
  int failures = 0;
  for (const auto& operation : all_operations<Key, Value>()) failures += for_each_failure(operation, true, make);
  return failures;
}

}  // namespace

TEMPLATE_TEST_CASE("whatever fails in whatever operation leaves the cache as it was, under every policy",
                   "[allocation][exceptions][policies]", larder::Lru, larder::Clock, larder::S3Fifo, larder::WTinyLfu,
                   larder::Gdsf) {
  const std::size_t shards = GENERATE(1u, 3u);
  CHECK(check_in_memory<std::string, larder::Bytes, TestType>(shards) > 30);
  CHECK(check_in_memory<FragileText, FragileText, TestType>(shards) > 100);
}

TEST_CASE("whatever fails in whatever operation of a layer leaves each key with its old value or its new one",
          "[allocation][exceptions][layers]") {
  using larder_tests::AnyCache;
  const auto check = [](const char* name, const larder_tests::Layer& layer) {
    INFO(name);
    const auto make = [&layer]() -> AnyCache {
      return layer.over(std::make_shared<larder::InMemoryBackend<>>(), std::make_shared<larder::InMemoryBackend<>>());
    };
    int failures = 0;
    for (const auto& operation : all_operations<std::string, larder::Bytes>()) {
      failures += for_each_failure(operation, false, make);
    }
    CHECK(failures > 30);
  };
  check("tiered", larder_tests::tiered_layer());
  check("namespaced", larder_tests::namespaced_layer("name"));
  check("observed", larder_tests::observed_layer());
  check("resilient", larder_tests::resilient_layer());
  check("tagged", larder_tests::tagged_layer());
}
