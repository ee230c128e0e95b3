/// \file redis_backend_keys_test.cpp
/// RedisBackend on a real server: prefixes, patterns and batches.
#include <larder/backends/redis_backend.hpp>

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <larder/glob.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/random.hpp"
#include "tests/support/redis_cache.hpp"

using namespace larder_tests;

namespace {

using Keys = std::vector<std::string>;

Keys sorted(Keys keys) {
  std::sort(keys.begin(), keys.end());
  return keys;
}

larder::RedisOptions with_prefix(std::string prefix, int database) {
  auto options = shared_redis();
  options.database = database;
  options.prefix = std::move(prefix);
  return options;
}

/// What matchers and protocols stumble over.
std::string nasty_text(Random& random, std::size_t longest) {
  static constexpr std::string_view alphabet("ab*?[]\\^-{}\r\n \0\xff\x80", 17);
  std::string text;
  for (std::size_t left = random.below(longest + 1); left > 0; --left) text += alphabet[random.below(alphabet.size())];
  return text;
}

Keys numbered(std::size_t count) {
  Keys keys;
  for (std::size_t i = 0; i < count; ++i) keys.push_back("key " + std::to_string(i));
  return keys;
}

}  // namespace

TEST_CASE("RedisBackend: keys finds what glob_match finds, whatever prefix, pattern and keys have in them") {
  if (skipped_without_redis()) return;
  for (const std::string prefix : {"", "p:", "[*?\\]", "[a", "^-", "\\"}) {
    RedisCache cache(with_prefix(prefix, 2));
    cache.clear();
    Random random(prefix.size() + 1);
    Keys keys{"", "*", "**", "[", "\\"};
    while (keys.size() < 150) keys.push_back(nasty_text(random, 5));
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    for (const auto& key : keys) cache.set(key, "v");
    Keys patterns{"", "*", "**", "***", "?*", "*?", "\\", "[", "[^", "[]", "[^]", "*a*b*a*b*", "a**"};
    while (patterns.size() < 250) patterns.push_back(nasty_text(random, 7));
    for (const auto& pattern : patterns) {
      Keys expected;
      for (const auto& key : keys) {
        if (larder::glob_match(pattern, key)) expected.push_back(key);
      }
      const bool equal = sorted(cache.keys(pattern)) == expected;
      CAPTURE(prefix, pattern);
      if (!equal) CHECK(sorted(cache.keys(pattern)) == expected);
    }
    CHECK(sorted(cache.keys()) == keys);
    CHECK(cache.clear() == keys.size());
  }
}

TEST_CASE("RedisBackend: prefixes that contain each other or look like patterns do not touch each other") {
  if (skipped_without_redis()) return;
  const Keys prefixes{"a", "ab", "a*", "a?", "[ab]", "[*?\\]", "a\\", "\\", "*", "?"};
  std::map<std::string, Keys> stored;
  for (const auto& prefix : prefixes) RedisCache(with_prefix(prefix, 3)).clear();
  for (const auto& prefix : prefixes) {
    RedisCache cache(with_prefix(prefix, 3));
    for (const std::string key : {"x", "y:1"}) cache.set(key, "of " + prefix);
  }
  // "ab" + "x" is also "a" + "bx": a shorter prefix owns what a longer one that begins with it does.
  for (const auto& prefix : prefixes) {
    Keys expected;
    for (const auto& other : prefixes) {
      if (!other.starts_with(prefix)) continue;
      for (const std::string key : {"x", "y:1"}) expected.push_back(other.substr(prefix.size()) + key);
    }
    CAPTURE(prefix);
    CHECK(sorted(RedisCache(with_prefix(prefix, 3)).keys()) == sorted(expected));
    CHECK(RedisCache(with_prefix(prefix, 3)).get("x") == "of " + prefix);
  }
  std::set<std::string> left(prefixes.begin(), prefixes.end());
  for (auto prefix = prefixes.rbegin(); prefix != prefixes.rend(); ++prefix) {
    std::size_t owned = 0;
    for (const auto& other : std::set(left)) owned += other.starts_with(*prefix) ? left.erase(other) : 0;
    CAPTURE(*prefix);
    CHECK(RedisCache(with_prefix(*prefix, 3)).clear() == 2 * owned);
    for (const auto& other : left) CHECK(RedisCache(with_prefix(other, 3)).exists("x"));
  }
}

TEST_CASE("RedisBackend: with an empty prefix the whole database is the cache's") {
  if (skipped_without_redis()) return;
  RedisCache other(with_prefix("other:", 4));
  RedisCache all(with_prefix("", 4));
  RedisCache elsewhere(with_prefix("other:", 5));
  all.clear();
  other.set("k", "v");
  all.set("l", "w");
  elsewhere.set("k", "v");
  CHECK(sorted(all.keys()) == Keys{"l", "other:k"});
  CHECK(all.get("other:k") == "v");
  CHECK(all.clear() == 2);
  CHECK_FALSE(other.exists("k"));
  CHECK(elsewhere.erase("k"));
}

TEST_CASE("RedisBackend: batches of any size, with duplicates and absent keys") {
  if (skipped_without_redis()) return;
  for (const std::size_t size : {0U, 1U, 999U, 1000U, 1001U, 2500U}) {
    CAPTURE(size);
    RedisCache cache(shared_redis());
    const Keys keys = numbered(size);
    std::vector<std::pair<std::string, std::string>> items;
    for (const auto& key : keys) items.emplace_back(key, "value of " + key);
    CHECK(cache.set_many(items) == size);
    std::vector<std::string_view> asked;
    for (const auto& key : keys) asked.insert(asked.end(), {key, "absent", key});
    std::vector<std::optional<std::string>> values(asked.size(), "not touched");
    cache.get_many(std::span<const std::string_view>(asked), values);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < asked.size(); ++i) {
      const auto expected = i % 3 == 1 ? std::nullopt : std::optional("value of " + std::string(asked[i]));
      wrong += values[i] == expected ? 0 : 1;
    }
    CHECK(wrong == 0);
    CHECK(cache.get_many(keys).size() == size);
    const auto stats = cache.stats();
    CHECK(stats.sets == size);
    CHECK(stats.hits == 3 * size);
    CHECK(stats.misses == size);
    CHECK(cache.keys().size() == size);
    CHECK(cache.erase_many(asked) == size);
    CHECK(cache.erase_many(asked) == 0);
    CHECK(cache.stats().deletes == size);
  }
}

TEST_CASE("RedisBackend: of the same key twice in a batch, the later wins") {
  if (skipped_without_redis()) return;
  RedisCache cache(shared_redis());
  CHECK(cache.set_many({{"a", "1"}, {"b", "2"}, {"a", "3"}}) == 3);
  CHECK(cache.get("a") == "3");
  CHECK(cache.stats().sets == 3);
}

TEST_CASE("RedisBackend: a batch may be larger altogether than a reply may be") {
  if (skipped_without_redis()) return;
  auto options = shared_redis();
  options.max_reply_bytes = 20'000;
  RedisCache cache(options);
  std::vector<std::pair<std::string, std::string>> items;
  for (const auto& key : numbered(1100)) items.emplace_back(key, key + std::string(15'000, 'v'));
  CHECK(cache.set_many(items) == items.size());
  const auto found = cache.get_many(numbered(1100));
  std::size_t right = 0;
  for (const auto& [key, value] : items) right += found.contains(key) && found.at(key) == value ? 1 : 0;
  CHECK(right == items.size());
  CHECK(cache.stats().hits == items.size());
  CHECK(cache.stats().errors == 0);
  CHECK(cache.clear() == items.size());
}

TEST_CASE("RedisBackend: keys that Redis could not take are refused before anything is stored") {
  if (skipped_without_redis()) return;
  RedisCache cache(shared_redis());
  const std::string long_key(std::size_t{4} << 20, 'k');
  CHECK(cache.set(long_key, "v"));
  CHECK(cache.get(long_key) == "v");
  CHECK(cache.erase(long_key));
  // Too long, and never looked at: a view of what is not there.
  const std::string_view beyond(long_key.data(), std::size_t{512} << 20);
  CHECK_THROWS_AS(cache.get(beyond), larder::InvalidArgumentError);
  CHECK_THROWS_AS(cache.set_many({{"a", "v"}, {beyond, "v"}}), larder::InvalidArgumentError);
  CHECK_FALSE(cache.exists("a"));
}
