/// \file allocation_failure_test.cpp
/// Each allocation of each operation fails in turn: std::bad_alloc comes out, the cache is as it was, and nothing
/// is lost.
#include <larder/in_memory_backend.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <new>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/allocation/allocation_hooks.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/fixture.hpp"

using larder::Bytes;
using larder_tests::FailingAllocation;
using namespace std::chrono_literals;

namespace {

using Fixture = larder_tests::Fixture<>;
using Cache = Fixture::Backend;

std::string key_of(std::size_t i) { return "a key that is longer than a small string " + std::to_string(i); }

/// A full cache of `count` entries, of every kind: short and long values, with and without TTL and metadata. One
/// of them expires after a second.
struct Filled {
  std::string removed;
  std::size_t removals = 0;
  Fixture f;
  std::size_t count;

  explicit Filled(std::size_t entries)
      : f({.max_size_bytes = 1 << 20, .max_entries = entries, .on_removal = [this](auto&&... what) { note(what...); }}),
        count(entries) {
    removed.reserve(20000);  // so that the listener allocates nothing
    for (std::size_t i = 0; i < count; ++i) {
      larder::Ttl ttl;
      if (i % 3 == 1) ttl = i == 1 ? 1s : 3600s;
      f.cache.set(
          key_of(i), std::string(i % 4 == 3 ? 3000 : i, 'v'), ttl,
          i % 5 == 2 ? larder::Metadata{{"name", "a text that is longer than a small string"}} : larder::Metadata());
    }
    f.cache.get(key_of(0));
  }

  void note(std::string_view key, const Bytes&, larder::RemovalCause cause) {
    ++removals;
    removed.append(key).append(" ").append(to_string(cause)).append("\n");
  }

  /// All that can be seen of the cache without changing it.
  std::string snapshot() {
    std::ostringstream text;
    auto keys = f.cache.keys();
    std::sort(keys.begin(), keys.end());
    for (const std::string& key : keys) {
      const auto entry = f.cache.get_entry(key);
      text << key << '=' << entry->value << '/' << entry->expires_at.has_value();
      for (const auto& [name, value] : entry->metadata) text << '/' << name << '=' << value;
      text << '\n';
    }
    text << f.cache.stats();
    return text.str();
  }

  /// The entries from the least recently used one on, which evicting them one by one shows.
  std::string order_of_use() {
    removed.clear();
    for (std::size_t i = 0; i < count; ++i) f.cache.set("filler " + std::to_string(i), "v");
    return removed;
  }
};

using Operation = std::function<void(Cache&)>;

/// Runs `operation` on a full cache with one allocation failing. Result: whether there was such an allocation.
bool fail_allocation(std::size_t number, bool forever, std::size_t entries, const Operation& operation,
                     const std::function<void(Filled&)>& check) {
  CAPTURE(number, forever, entries);
  Filled filled(entries);
  bool thrown = false;
  bool happened = false;
  {
    const FailingAllocation failure(number, forever);
    try {
      operation(filled.f.cache);
    } catch (const std::bad_alloc&) {
      thrown = true;
    }
    happened = failure.happened();
  }
  CHECK(thrown == happened);
  if (thrown) check(filled);
  return happened;
}

/// Lets the first, second, third ... allocation of an operation fail, until it has no more, and calls `check` after
/// each failure. Result: how many allocations there were.
std::size_t for_each_allocation(std::size_t entries, const Operation& operation,
                                const std::function<void(Filled&)>& check) {
  std::size_t number = 0;
  for (const bool forever : {false, true}) {
    number = 1;
    while (fail_allocation(number, forever, entries, operation, check)) REQUIRE(++number < 500);
  }
  return number - 1;
}

/// For operations that do all or nothing.
std::size_t check_all_or_nothing(std::size_t entries, const Operation& operation) {
  Filled untouched(entries);
  const std::string before = untouched.snapshot();
  const std::string order = untouched.order_of_use();
  return for_each_allocation(entries, operation, [&](Filled& filled) {
    CHECK(filled.removed.empty());
    CHECK(filled.snapshot() == before);
    CHECK(filled.order_of_use() == order);
  });
}

/// For batches, which may have been done in part: every entry is either the old one or the new one, and all adds up.
void check_whole(Filled& filled) {
  auto& cache = filled.f.cache;
  const auto keys = cache.keys();
  const auto stats = cache.stats();
  std::size_t bytes = 0;
  for (const std::string& key : keys) {
    const auto value = cache.get(key);
    REQUIRE(value.has_value());
    bytes += value->size();
    CHECK((value->view().find_first_not_of('v') == std::string_view::npos || *value == "new"));
  }
  CHECK(stats.current_entries == keys.size());
  CHECK(stats.current_size_bytes == bytes);
  CHECK(stats.sets == keys.size() + filled.removals);
  filled.order_of_use();
  CHECK(cache.stats().current_entries == filled.count);
}

}  // namespace

TEST_CASE("a set that runs out of memory leaves the cache as it was", "[allocation][exceptions]") {
  // Every size up to 25, so that the index grows in one of them.
  const std::size_t entries = GENERATE(range(std::size_t{3}, std::size_t{26}));
  const std::string old_key = key_of(0);
  const std::string new_key = "a new key that is longer than a small string";
  const Bytes value = "new";
  SECTION("of a new key") {
    CHECK(check_all_or_nothing(entries, [&](Cache& cache) { cache.set(new_key, value); }) >= 1);
  }
  SECTION("over an old entry") {
    CHECK(check_all_or_nothing(entries, [&](Cache& cache) { cache.set(old_key, value); }) >= 1);
  }
  SECTION("with a value that is copied on the way, a TTL and metadata") {
    const Operation set = [&](Cache& cache) {
      cache.set(new_key, std::string(3000, 'n'), 60s, {{"name", "a text that is longer than a small string"}});
    };
    CHECK(check_all_or_nothing(entries, set) >= 3);
  }
}

TEST_CASE("a set into a cache that may still grow leaves it as it was", "[allocation][exceptions]") {
  // No eviction makes room: the index must grow, now and then, before anything is stored.
  const bool forever = GENERATE(false, true);
  const auto start = larder_tests::live_blocks();
  {
    Cache cache;
    const std::string value(10, 'v');
    std::size_t failures = 0;
    for (std::size_t i = 0; i < 2000; ++i) {
      const std::string key = key_of(i);
      bool stored = false;
      for (std::size_t number = 1; !stored; ++number) {
        const FailingAllocation failure(number, forever);
        try {
          stored = cache.set(key, value);
        } catch (const std::bad_alloc&) {
          ++failures;
        }
      }
      if (*cache.stats().current_entries != i + 1) FAIL("after " << i << " entries");
    }
    CHECK(failures > 4000);
    std::size_t found = 0;
    for (std::size_t i = 0; i < 2000; ++i) found += cache.get(key_of(i)) == value ? 1 : 0;
    CHECK(found == 2000);
    CHECK(cache.keys().size() == 2000);
  }
  CHECK(larder_tests::live_blocks() == start);
}

TEST_CASE("reading that runs out of memory leaves the cache as it was", "[allocation][exceptions]") {
  const std::string key = key_of(2);
  SECTION("get, which needs none") {
    CHECK(check_all_or_nothing(7, [&](Cache& cache) { cache.get(key); }) == 0);
  }
  SECTION("get_entry") {
    CHECK(check_all_or_nothing(7, [&](Cache& cache) { cache.get_entry(key); }) >= 3);
  }
  SECTION("keys") {
    CHECK(check_all_or_nothing(20, [](Cache& cache) { cache.keys(); }) >= 20);
  }
  SECTION("keys that match a pattern") {
    CHECK(check_all_or_nothing(20, [](Cache& cache) { cache.keys("*1*"); }) >= 1);
  }
  SECTION("stats") {
    CHECK(check_all_or_nothing(7, [](Cache& cache) { cache.stats(); }) == 0);
  }
}

TEST_CASE("erasing and clearing need no memory", "[allocation][exceptions]") {
  const std::string key = key_of(2);
  CHECK(check_all_or_nothing(7, [&](Cache& cache) { cache.erase(key); }) == 0);
  CHECK(check_all_or_nothing(7, [&](Cache& cache) { cache.set(key, Bytes(), 0s); }) == 0);
  CHECK(check_all_or_nothing(7, [](Cache& cache) { cache.clear(); }) == 0);
}

TEST_CASE("a batch that runs out of memory is done in part, and the cache stays whole",
          "[allocation][exceptions][batch]") {
  const std::vector<std::string> keys = {key_of(0), key_of(2), "a missing key that is longer than a small string",
                                         key_of(3), key_of(2)};
  SECTION("get_many") {
    CHECK(for_each_allocation(
              7, [&](Cache& cache) { cache.get_many(keys); }, check_whole) >= 4);
  }
  SECTION("get_many, by position") {
    const std::vector<std::string_view> views(keys.begin(), keys.end());
    std::vector<std::optional<Bytes>> values(views.size());
    CHECK(for_each_allocation(
              7, [&](Cache& cache) { cache.get_many(views, values); }, check_whole) == 0);
  }
  SECTION("set_many") {
    std::map<std::string, std::string> items;
    for (const std::string& key : keys) items[key] = "new";
    CHECK(for_each_allocation(
              7, [&](Cache& cache) { cache.set_many(items, 60s); }, check_whole) >= 4);
  }
  SECTION("set_many of a list") {
    const Operation set = [](Cache& cache) { cache.set_many({{"a", "new"}, {"b", "new"}, {"c", "new"}}); };
    CHECK(for_each_allocation(7, set, check_whole) >= 4);
  }
  SECTION("erase_many") {
    CHECK(for_each_allocation(
              7, [&](Cache& cache) { cache.erase_many(keys); }, check_whole) <= 1);
  }
}

TEST_CASE("letting expired entries go needs no memory", "[allocation][exceptions][expiry]") {
  Filled filled(10);
  filled.f.clock.advance(1s);
  const FailingAllocation failure(1, true);
  const auto stats = filled.f.cache.stats();
  const bool cleared = filled.f.cache.clear() == 9;
  const bool none = !failure.happened();
  CHECK(stats.expirations == 1);
  CHECK(cleared);
  CHECK(none);
}

TEST_CASE("making a cache that runs out of memory loses nothing", "[allocation][exceptions]") {
  const auto start = larder_tests::live_blocks();
  for (std::size_t number = 1, done = 0; done == 0; ++number) {
    REQUIRE(number < 100);
    const FailingAllocation failure(number, true);
    try {
      const larder::InMemoryBackend<> cache{{.shards = 5}};
      done = 1;
    } catch (const std::bad_alloc&) {
      continue;
    }
  }
  CHECK(larder_tests::live_blocks() == start);
}

TEST_CASE("no failure loses a block", "[allocation][exceptions]") {
  const auto start = larder_tests::live_blocks();
  for (std::size_t number = 1; number < 40; ++number) {
    Filled filled(9);
    const FailingAllocation failure(number, false);
    try {
      auto& cache = filled.f.cache;
      cache.set("a new key that is longer than a small string", std::string(2000, 'n'), 1s, {{"name", "text"}});
      cache.set_many({{"a", "1"}, {"b", "2"}, {"c", "3"}}, 1s);
      cache.get_many({"a", "b", "c"});
      cache.get_entry("a new key that is longer than a small string");
      cache.keys();
    } catch (const std::bad_alloc&) {
      continue;
    }
  }
  CHECK(larder_tests::live_blocks() == start);
}
