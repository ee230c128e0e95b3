/// \file in_memory_backend_batch_test.cpp
/// Batches, on the concrete type and through the interface, with one shard and with several.
#include <larder/in_memory_backend.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/fixture.hpp"
#include "tests/support/message_of.hpp"

using larder::Bytes;
using larder_tests::Fixture;
using larder_tests::sorted_keys;
using namespace std::chrono_literals;

namespace {

using Found = std::unordered_map<std::string, Bytes>;

void check_batches(auto& cache) {
  CHECK(cache.set_many({{"user:1", "Alice"}, {"user:2", "Bob"}, {"user:3", "Charlie"}}, 300s) == 3);
  CHECK(cache.get_many({"user:1", "user:2", "user:9"}) == Found{{"user:1", "Alice"}, {"user:2", "Bob"}});
  CHECK(cache.get_many(std::vector<std::string>{"user:3"}) == Found{{"user:3", "Charlie"}});
  CHECK(cache.set_many(std::map<std::string, std::string>{{"user:4", "Dora"}}) == 1);
  const std::vector<std::string_view> keys = {"user:4", "nobody", "user:1"};
  std::vector<std::optional<Bytes>> values(3);
  cache.get_many(keys, values);
  CHECK(values[0] == Bytes("Dora"));
  CHECK_FALSE(values[1].has_value());
  CHECK(values[2] == Bytes("Alice"));
  CHECK(cache.erase_many({"user:1", "user:9", "user:2"}) == 2);
  CHECK(cache.erase_many(std::set<std::string>{"user:3", "user:4"}) == 2);
  CHECK(cache.stats().current_entries == 0u);
}

}  // namespace

TEST_CASE("batches store, find and remove", "[batch]") {
  Fixture<> f({.shards = GENERATE(std::size_t{1}, std::size_t{4})});
  SECTION("on the concrete type") { check_batches(f.cache); }
  SECTION("through the interface") { check_batches(static_cast<larder::CacheBackend<>&>(f.cache)); }
}

TEST_CASE("a large batch is answered position by position", "[batch]") {
  constexpr std::size_t count = 1000;
  Fixture<> f({.shards = GENERATE(std::size_t{1}, std::size_t{3})});
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < count; ++i) keys.push_back("key " + std::to_string(i * 7919 % count));
  for (std::size_t i = 0; i < count; i += 2) f.cache.set(keys[i], keys[i] + "'s value");
  const std::vector<std::string_view> views(keys.begin(), keys.end());
  std::vector<std::optional<Bytes>> values(count, Bytes("left over"));
  f.cache.get_many(views, values);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const bool right = i % 2 == 0 ? values[i] == Bytes(keys[i] + "'s value") : !values[i].has_value();
    wrong += right ? 0 : 1;
  }
  CHECK(wrong == 0);
  CHECK(f.cache.stats().hits == count / 2);
  CHECK(f.cache.stats().misses == count / 2);
}

TEST_CASE("batches of every small length work", "[batch]") {
  Fixture<int, int> f;
  for (int length = 0; length < 70; ++length) {
    std::vector<std::pair<int, int>> items;
    std::vector<int> keys;
    for (int i = 0; i < length; ++i) {
      items.emplace_back(i, length * 1000 + i);
      keys.push_back(i);
    }
    const auto size = static_cast<std::size_t>(length);
    REQUIRE(f.cache.set_many(items) == size);
    std::vector<std::optional<int>> values(size);
    f.cache.get_many(keys, values);
    for (int i = 0; i < length; ++i) REQUIRE(values[static_cast<std::size_t>(i)] == length * 1000 + i);
    REQUIRE(f.cache.erase_many(keys) == size);
  }
}

TEST_CASE("an empty batch on an in-memory cache changes and counts nothing", "[batch]") {
  Fixture<> f;
  f.cache.set("a", "1");
  const auto before = f.cache.stats();
  CHECK(f.cache.get_many(std::vector<std::string>()).empty());
  CHECK(f.cache.set_many(std::map<std::string, std::string>()) == 0);
  CHECK(f.cache.set_many(std::map<std::string, std::string>(), -1s) == 0);
  CHECK(f.cache.erase_many(std::vector<std::string>()) == 0);
  f.cache.get_many(std::span<const std::string_view>(), std::span<std::optional<Bytes>>());
  CHECK(f.cache.stats() == before);
}

TEST_CASE("duplicate keys in a batch are answered, counted and stored each", "[batch]") {
  Fixture<> f({.shards = GENERATE(std::size_t{1}, std::size_t{4})});
  CHECK(f.cache.set_many({{"k", "first"}, {"other", "v"}, {"k", "second"}}) == 3);
  CHECK(f.cache.get("k") == "second");
  CHECK(f.removals.take_text() == "k=first replaced");
  f.cache.reset_stats();

  const std::array<std::string_view, 4> keys = {"k", "missing", "k", "missing"};
  std::array<std::optional<Bytes>, 4> values;
  f.cache.get_many(keys, values);
  CHECK(values[0] == Bytes("second"));
  CHECK(values[2] == Bytes("second"));
  CHECK_FALSE(values[1].has_value());
  CHECK_FALSE(values[3].has_value());
  CHECK(f.cache.stats().hits == 2);
  CHECK(f.cache.stats().misses == 2);

  CHECK(f.cache.get_many({"k", "k"}) == Found{{"k", "second"}});
  CHECK(f.cache.erase_many({"k", "k"}) == 1);
  CHECK(f.cache.stats().deletes == 1);
}

TEST_CASE("a batch's arguments are checked before anything changes", "[batch]") {
  Fixture<> f;
  f.cache.set("a", "old");
  const auto before = f.cache.stats();
  const std::chrono::duration<double> nonsense(std::numeric_limits<double>::quiet_NaN());
  CHECK_THROWS_AS(f.cache.set_many({{"a", "new"}, {"b", "new"}}, nonsense), larder::InvalidArgumentError);
  const std::array<std::string_view, 2> keys = {"a", "b"};
  std::array<std::optional<Bytes>, 1> values = {"left over"};
  CHECK_THROWS_AS(f.cache.get_many(keys, values), larder::InvalidArgumentError);
  CHECK(f.cache.stats() == before);
  CHECK(values[0] == Bytes("left over"));
  CHECK(sorted_keys(f.cache) == "a");
}

TEST_CASE("a batch larger than the cache ends with its last values stored", "[batch][eviction]") {
  Fixture<> f({.max_size_bytes = 0, .max_entries = 2});
  CHECK(f.cache.set_many({{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}}) == 4);
  CHECK(sorted_keys(f.cache) == "c d");
  CHECK(f.removals.take_text() == "a=1 evicted, b=2 evicted");
}

TEST_CASE("a key that expires is missing from a batch of the same instant", "[batch][expiry]") {
  Fixture<> f;
  f.cache.set_many({{"a", "1"}, {"b", "2"}}, 1s);
  f.cache.set("c", "3");
  f.clock.advance(1s);
  CHECK(f.cache.get_many({"a", "b", "c"}) == Found{{"c", "3"}});
  CHECK(f.cache.erase_many({"a", "b", "c"}) == 1);
}

TEST_CASE("a value found by get_many stays valid after its entry has gone", "[batch]") {
  Fixture<> f;
  f.cache.set("inside", "a short value");
  f.cache.set("shared", std::string(5000, 's'));
  auto found = f.cache.get_many({"inside", "shared"});
  f.cache.clear();
  CHECK(found.at("inside") == "a short value");
  CHECK(found.at("shared") == std::string(5000, 's'));
}
