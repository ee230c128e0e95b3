/// \file in_memory_backend_spec_test.cpp
/// The usage patterns that the library was designed from, each as a user would write it.
#include <larder/larder.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/fixture.hpp"
#include "tests/support/message_of.hpp"

using larder_tests::contains;
using larder_tests::Fixture;
using larder_tests::sorted_keys;
using namespace std::chrono_literals;

namespace {

/// What a program writes down must compile as it stands, on whatever kind of cache.
void check_lines_as_written(auto& cache) {
  CHECK(cache.set("k", "v", 60s));
  CHECK(std::string_view(*cache.get("k")) == "v");
  CHECK(cache.set("k", "v", 600s, {{"endpoint", "/api/search"}, {"user_type", "premium"}}));
  CHECK(cache.get_entry("k")->metadata.at("user_type") == "premium");
  CHECK(cache.set("k", "v", 600s, {{"endpoint", "/api/search"}}));
  CHECK(cache.get_entry("k")->metadata.at("endpoint") == "/api/search");
  CHECK(cache.set("k", "v", {}, {{"endpoint", "/api/search"}}));
  CHECK(cache.set_many({{"user:1", "Alice"}, {"user:2", "Bob"}}, 300s) == 2);
  CHECK(cache.set_many({{"user:3", "Charlie"}}) == 1);
  CHECK(cache.get_many({"user:1", "user:2"}).size() == 2);
  CHECK(cache.get_many({"user:1"}).at("user:1") == "Alice");
  CHECK(cache.keys("user:*").size() == 3);
  CHECK(cache.keys().size() == 4);
  std::size_t names = 0;
  for (auto& [name, value] : cache.stats().to_map()) names += !name.empty() && value >= 0 ? 1 : 0;
  CHECK(names == 13);
  std::ostringstream out;
  out << cache.stats();
  CHECK(contains(out.str(), "hits=4 misses=0 sets=7 "));
  CHECK(cache.erase_many({"user:1", "user:2"}) == 2);
  CHECK(cache.erase("k"));
  CHECK(cache.exists("user:3"));
  cache.reset_stats();
  CHECK(cache.stats().hits == 0);
  CHECK(cache.clear() == 1);
}

}  // namespace

TEST_CASE("the everyday lines compile and work as written", "[spec]") {
  larder::InMemoryBackend<> cache;
  SECTION("on the cache itself") { check_lines_as_written(cache); }
  SECTION("through the interface") {
    larder::CacheBackend<>& interface = cache;
    check_lines_as_written(interface);
  }
}

TEST_CASE("an entry is a value with its key, times, size and metadata", "[spec]") {
  const auto now = std::chrono::system_clock::now();
  const larder::CacheEntry<> entry{.key = "user:123",
                                   .value = "user data",
                                   .created_at = now,
                                   .expires_at = now + 1h,
                                   .metadata = {{"endpoint", "/api/users"}, {"user_type", "premium"}}};
  CHECK_FALSE(entry.is_expired());
  CHECK(*entry.ttl_remaining() > 59min);
  CHECK(entry.size_bytes == 9);
}

TEST_CASE("a hit and a miss make a hit rate of one half", "[spec]") {
  larder::InMemoryBackend<> cache;
  cache.set("key1", "value1");
  cache.get("key1");
  cache.get("key2");
  const larder::CacheStats stats = cache.stats();
  CHECK(stats.hits == 1);
  CHECK(stats.misses == 1);
  CHECK(stats.sets == 1);
  CHECK(stats.hit_rate() == 0.5);
  CHECK(stats.current_size_bytes == 6u);
  CHECK(stats.utilization() == 6.0 / 104857600);
  CHECK(stats.to_map().at("hits") == 1);
}

TEST_CASE("the default limit is a hundred mebibytes, another one is a number", "[spec]") {
  CHECK(larder::InMemoryBackend<>().stats().max_size_bytes == std::uint64_t{1024} * 1024 * 100);
  larder::InMemoryBackend<> cache(1024 * 1024);
  CHECK(cache.stats().max_size_bytes == std::uint64_t{1024} * 1024);
  cache.set("key1", "hello world", 60s);
  CHECK(cache.get("key1") == "hello world");
}

TEST_CASE("an entry exists until its TTL has run out", "[spec]") {
  Fixture<> f;
  f.cache.set("temp", "expires soon", 1s);
  CHECK(f.cache.exists("temp"));
  f.clock.advance(1500ms);
  CHECK_FALSE(f.cache.exists("temp"));
}

TEST_CASE("on the real clock, too, an entry exists until its TTL has run out", "[spec]") {
  larder::InMemoryBackend<> cache;
  cache.set("temp", "expires soon", 20ms);
  cache.set("later", "expires much later", 1h);
  const auto stored = std::chrono::steady_clock::now();
  while (cache.exists("temp")) std::this_thread::sleep_for(1ms);
  // The TTL ran from inside of set, a little before `stored`.
  CHECK(std::chrono::steady_clock::now() - stored > 10ms);
  CHECK(std::chrono::steady_clock::now() - stored < 10s);
  CHECK(cache.exists("later"));
  CHECK(cache.stats().expirations == 1);
}

TEST_CASE("batches of users", "[spec]") {
  larder::InMemoryBackend<> cache(1024 * 1024);
  cache.set_many({{"user:1", "Alice"}, {"user:2", "Bob"}, {"user:3", "Charlie"}}, 300s);
  const auto users = cache.get_many({"user:1", "user:2"});
  CHECK(users.size() == 2);
  CHECK(users.at("user:1") == "Alice");
  CHECK(users.at("user:2") == "Bob");
  CHECK(sorted_keys(cache) == "user:1 user:2 user:3");
  CHECK(cache.keys("user:*").size() == 3);
  CHECK(cache.clear() == 3);
}

TEST_CASE("store, retrieve, check, delete", "[spec]") {
  larder::InMemoryBackend<> cache;
  cache.set("api:users:123", R"({"name": "Alice"})", 300s);
  if (const auto data = cache.get("api:users:123")) {
    CHECK(*data == R"({"name": "Alice"})");
  } else {
    FAIL("a miss");
  }
  CHECK(cache.exists("api:users:123"));
  CHECK(cache.erase("api:users:123"));
  CHECK_FALSE(cache.exists("api:users:123"));
  CHECK_FALSE(cache.erase("api:users:123"));
}

TEST_CASE("metadata to track requests by", "[spec]") {
  larder::InMemoryBackend<> cache;
  cache.set("api:search:query123", "search results...", 600s,
            {{"endpoint", "/api/search"}, {"user_type", "premium"}, {"query", "machine learning"}});
  const auto entry = cache.get_entry("api:search:query123");
  REQUIRE(entry.has_value());
  CHECK(entry->metadata.size() == 3);
  CHECK(entry->metadata.at("query") == "machine learning");
  CHECK(*entry->ttl_remaining() > 500s);
}

TEST_CASE("a hundred sessions, ten of them looked up and removed", "[spec]") {
  larder::InMemoryBackend<> cache;
  std::map<std::string, std::string> items;
  for (int i = 0; i < 100; ++i) items["session:" + std::to_string(i)] = "session_data_" + std::to_string(i);
  CHECK(cache.set_many(items, 3600s) == 100);
  std::vector<std::string> keys;
  for (int i = 0; i < 10; ++i) keys.push_back("session:" + std::to_string(i));
  const auto results = cache.get_many(keys);
  CHECK(results.size() == 10);
  CHECK(results.at("session:7") == "session_data_7");
  CHECK(cache.erase_many(keys) == 10);
  CHECK(cache.stats().current_entries == 90u);
}

TEST_CASE("keys managed by patterns", "[spec]") {
  larder::InMemoryBackend<> cache;
  cache.set("user:123:profile", "...");
  cache.set("user:123:settings", "...");
  cache.set("user:456:profile", "...");
  cache.set("session:abc", "...");
  CHECK(cache.keys("user:*").size() == 3);
  CHECK(cache.keys("*:profile").size() == 2);
  const auto keys_to_delete = cache.keys("user:123:*");
  CHECK(cache.erase_many(keys_to_delete) == 2);
  CHECK(sorted_keys(cache) == "session:abc user:456:profile");
}

TEST_CASE("monitoring: read the numbers, reset them, export them", "[spec]") {
  larder::InMemoryBackend<> cache(1000);
  cache.set("a", std::string(400, 'a'));
  cache.set("b", std::string(400, 'b'));
  cache.set("c", std::string(400, 'c'));
  cache.get("c");
  larder::CacheStats stats = cache.stats();
  CHECK(stats.evictions == 1);
  CHECK(stats.current_entries == 2u);
  CHECK(stats.utilization() == 0.8);
  CHECK(contains(stats.to_json(), "\"utilization\": 0.800000"));
  stats.reset();
  CHECK(stats.hits + stats.sets + stats.evictions == 0);
  CHECK(stats.current_entries == 2u);
  cache.reset_stats();
  CHECK(cache.stats().hits == 0);
  CHECK(cache.exists("c"));
}

TEST_CASE("the least recently used entry makes room", "[spec]") {
  larder::InMemoryBackend<> cache(30);
  cache.set("a", "0123456789");
  cache.set("b", "0123456789");
  cache.set("c", "0123456789");
  cache.get("a");
  cache.set("d", "0123456789");
  CHECK(sorted_keys(cache) == "a c d");
}

namespace {

/// Code that uses a cache does not know which one.
std::string profile_of(larder::CacheBackend<>& cache, std::string_view user, int& computed) {
  if (const auto cached = cache.get(user)) return cached->str();
  ++computed;
  const std::string profile = "profile of " + std::string(user);
  cache.set(user, profile, 60s);
  return profile;
}

}  // namespace

TEST_CASE("a program asks its cache before it computes", "[spec]") {
  larder::InMemoryBackend<> cache;
  int computed = 0;
  CHECK(profile_of(cache, "alice", computed) == "profile of alice");
  CHECK(profile_of(cache, "alice", computed) == "profile of alice");
  CHECK(profile_of(cache, "bob", computed) == "profile of bob");
  CHECK(computed == 2);
}

TEST_CASE("other keys and values", "[spec]") {
  struct Report {
    std::string title;
  };
  larder::InMemoryBackend<int, std::shared_ptr<const Report>> objects;
  objects.set(2024, std::make_shared<const Report>(Report{"the year"}), 60s);
  CHECK((*objects.get(2024))->title == "the year");
  larder::CacheBackend<int, std::shared_ptr<const Report>>& interface = objects;
  CHECK(interface.get_many({2023, 2024}).size() == 1);
}
