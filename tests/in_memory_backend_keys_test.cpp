/// \file in_memory_backend_keys_test.cpp
/// What may be a key, and how keys are listed.
#include <larder/in_memory_backend.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "tests/support/catch.hpp"
#include "tests/support/fixture.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/random.hpp"

using larder::Bytes;
using larder_tests::Fixture;
using larder_tests::sorted_keys;
using namespace std::chrono_literals;
using namespace std::string_literals;

TEST_CASE("keys are any bytes: NUL, high ones and none at all", "[keys]") {
  Fixture<> f;
  std::set<std::string> all = {"", "\0"s, "\0\0"s, "a\0"s, "a", "a\0b"s, "\xff\xfe", std::string(100000, 'k')};
  for (int byte = 0; byte < 256; ++byte) all.insert(std::string(1, static_cast<char>(byte)));
  for (const std::string& key : all) CHECK(f.cache.set(key, "value of " + key));
  for (const std::string& key : all) CHECK(f.cache.get(key) == "value of " + key);
  const auto listed = f.cache.keys();
  CHECK(std::set<std::string>(listed.begin(), listed.end()) == all);
  CHECK(listed.size() == all.size());
  for (const std::string& key : all) CHECK(f.cache.erase(key));
  CHECK(f.cache.keys().empty());
}

TEST_CASE("no two random keys collide", "[keys]") {
  Fixture<> f;
  larder_tests::Random random(11);
  std::map<std::string, std::string> expected;
  const std::string alphabet = "\0\1ab\xff"s;
  for (int i = 0; i < 20000; ++i) expected[random.text(alphabet, 40)] = std::to_string(i);
  for (const auto& [key, value] : expected) f.cache.set(key, value);
  std::size_t wrong = 0;
  for (const auto& [key, value] : expected) wrong += f.cache.get(key) == value ? 0 : 1;
  CHECK(wrong == 0);
  CHECK(f.cache.stats().current_entries == expected.size());
}

TEST_CASE("keys lists each live key once", "[keys]") {
  Fixture<> f({.shards = GENERATE(std::size_t{1}, std::size_t{5})});
  for (int i = 0; i < 1000; ++i) f.cache.set(std::to_string(i), "v");
  for (int i = 0; i < 1000; i += 2) f.cache.erase(std::to_string(i));
  for (int i = 1; i < 1000; i += 4) f.cache.set(std::to_string(i), "again");
  const auto listed = f.cache.keys();
  const std::set<std::string> distinct(listed.begin(), listed.end());
  CHECK(listed.size() == 500);
  CHECK(distinct.size() == 500);
  CHECK(std::all_of(listed.begin(), listed.end(), [](const std::string& key) { return std::stoi(key) % 2 == 1; }));
}

TEST_CASE("keys of an empty cache is empty", "[keys]") {
  Fixture<> f;
  CHECK(f.cache.keys().empty());
  CHECK(f.cache.keys("*").empty());
}

TEST_CASE("keys lists only what the pattern matches", "[keys][patterns]") {
  Fixture<> f;
  f.cache.set_many({{"user:123:profile", "1"}, {"user:123:settings", "2"}, {"user:456:profile", "3"}});
  f.cache.set_many({{"session:abc", "4"}, {"", "5"}, {"*", "6"}, {"user", "7"}});
  const auto listed = [&f](std::string_view pattern) {
    auto keys = f.cache.keys(pattern);
    std::sort(keys.begin(), keys.end());
    return keys;
  };
  using Keys = std::vector<std::string>;
  CHECK(listed("user:*") == Keys{"user:123:profile", "user:123:settings", "user:456:profile"});
  CHECK(listed("*:profile") == Keys{"user:123:profile", "user:456:profile"});
  CHECK(listed("user:123:*") == Keys{"user:123:profile", "user:123:settings"});
  CHECK(listed("user:[^1]*") == Keys{"user:456:profile"});
  CHECK(listed("????") == Keys{"user"});
  CHECK(listed("\\*") == Keys{"*"});
  CHECK(listed("").size() == 1);
  CHECK(listed("user") == Keys{"user"});
  CHECK(listed("USER*").empty());
  CHECK(listed("[").empty());
  CHECK(listed("*").size() == 7);
  CHECK(listed("**").size() == 7);
}

TEST_CASE("keys lets expired entries go first and lists none of them", "[keys][expiry]") {
  Fixture<> f;
  f.cache.set("a", "1", 1s);
  f.cache.set("b", "1", 2s);
  f.cache.set("c", "1");
  f.clock.advance(1s);
  CHECK(sorted_keys(f.cache) == "b c");
  CHECK(f.removals.take_text() == "a=1 expired");
  CHECK(f.cache.keys("b").size() == 1);
  f.clock.advance(1s);
  CHECK(f.cache.keys("b").empty());
  CHECK(f.removals.take_text() == "b=1 expired");
}

TEST_CASE("the listed keys can be erased at once", "[keys][batch]") {
  Fixture<> f;
  f.cache.set_many({{"user:1:a", "1"}, {"user:1:b", "2"}, {"user:2:a", "3"}});
  CHECK(f.cache.erase_many(f.cache.keys("user:1:*")) == 2);
  CHECK(sorted_keys(f.cache) == "user:2:a");
}

TEST_CASE("keys that are not strings are listed, but not by a pattern", "[keys]") {
  Fixture<int, int> f;
  f.cache.set(3, 30);
  f.cache.set(-1, 10);
  auto listed = f.cache.keys();
  std::sort(listed.begin(), listed.end());
  CHECK(listed == std::vector<int>{-1, 3});
  CHECK(f.cache.keys("*").size() == 2);
  CHECK_THROWS_AS(f.cache.keys("3*"), larder::NotSupportedError);
  CHECK_THROWS_AS(f.cache.keys(""), larder::NotSupportedError);
}

namespace {

enum class Colour { red, green };

struct Point {
  int x;
  int y;
  friend bool operator==(const Point&, const Point&) = default;
};

struct ByPoint : larder::InMemoryTraits<Point, std::string> {
  struct Hash {
    std::size_t operator()(const Point& point) const { return static_cast<std::size_t>(point.x * 31 + point.y); }
  };
};

/// Letters in either case are one key.
struct CaseBlind : larder::InMemoryTraits<> {
  static char lower(char letter) { return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 32) : letter; }
  struct Hash {
    std::size_t operator()(std::string_view text) const {
      std::size_t hash = 0;
      for (const char letter : text) hash = hash * 31 + static_cast<unsigned char>(lower(letter));
      return hash;
    }
  };
  struct KeyEqual {
    bool operator()(std::string_view left, std::string_view right) const {
      return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                        [](char a, char b) { return lower(a) == lower(b); });
    }
  };
};

/// Everything collides.
struct OneHash : larder::InMemoryTraits<> {
  struct Hash {
    using is_avalanching = void;
    std::size_t operator()(std::string_view) const noexcept { return 42; }
  };
};

}  // namespace

TEST_CASE("keys may be of any type that can be hashed and compared", "[keys]") {
  Fixture<Colour, int> colours;
  colours.cache.set(Colour::red, 1);
  colours.cache.set(Colour::green, 2);
  CHECK(colours.cache.get(Colour::green) == 2);

  Fixture<Point, std::string, ByPoint> points;
  points.cache.set({1, 2}, "here");
  CHECK(points.cache.get({1, 2}) == "here");
  CHECK_FALSE(points.cache.exists({2, 1}));
  CHECK(points.cache.keys() == std::vector<Point>{{1, 2}});

  Fixture<std::wstring, Bytes> wide;
  wide.cache.set(L"wide", "value");
  CHECK(wide.cache.get(L"wide") == "value");
  CHECK(wide.cache.keys() == std::vector<std::wstring>{L"wide"});
}

TEST_CASE("hash and equality of one's own decide which keys are the same", "[keys]") {
  Fixture<std::string, Bytes, CaseBlind> f;
  f.cache.set("Content-Type", "text");
  CHECK(f.cache.get("content-TYPE") == "text");
  f.cache.set("CONTENT-TYPE", "json");
  CHECK(f.cache.stats().current_entries == 1u);
  CHECK(f.cache.erase("content-type"));
}

TEST_CASE("keys whose hashes all collide are still told apart", "[keys]") {
  Fixture<std::string, Bytes, OneHash> f({.max_size_bytes = 0, .max_entries = 300});
  for (int i = 0; i < 600; ++i) f.cache.set(std::to_string(i), "value " + std::to_string(i));
  for (int i = 0; i < 300; ++i) CHECK_FALSE(f.cache.exists(std::to_string(i)));
  for (int i = 300; i < 600; ++i) CHECK(f.cache.get(std::to_string(i)) == "value " + std::to_string(i));
  for (int i = 300; i < 600; i += 2) CHECK(f.cache.erase(std::to_string(i)));
  for (int i = 300; i < 600; ++i) CHECK(f.cache.exists(std::to_string(i)) == (i % 2 == 1));
}
