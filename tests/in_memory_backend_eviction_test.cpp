/// \file in_memory_backend_eviction_test.cpp
/// Who leaves when there is no more room.
#include <larder/in_memory_backend.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "tests/support/catch.hpp"
#include "tests/support/fixture.hpp"
#include "tests/support/random.hpp"

using larder::Bytes;
using larder_tests::Fixture;
using larder_tests::sorted_keys;
using namespace std::chrono_literals;

TEST_CASE("the least recently used entry goes first", "[eviction]") {
  Fixture<> f({.max_size_bytes = 0, .max_entries = 3});
  f.cache.set("a", "1");
  f.cache.set("b", "1");
  f.cache.set("c", "1");
  f.cache.set("d", "1");
  CHECK(f.removals.take_text() == "a=1 evicted");
  f.cache.set("e", "1");
  CHECK(f.removals.take_text() == "b=1 evicted");
  CHECK(sorted_keys(f.cache) == "c d e");
  CHECK(f.cache.stats().evictions == 2);
  CHECK(f.cache.stats().expirations == 0);
}

TEST_CASE("what reads a value makes its entry the last to go", "[eviction]") {
  Fixture<> f({.max_size_bytes = 0, .max_entries = 2});
  f.cache.set("a", "1");
  f.cache.set("b", "1");
  SECTION("get") { f.cache.get("a"); }
  SECTION("visit") { f.cache.visit("a", [](const Bytes&) {}); }
  SECTION("get_many, a map") { f.cache.get_many({"a"}); }
  SECTION("get_many, by position") {
    const std::array<std::string_view, 1> keys = {"a"};
    std::array<std::optional<Bytes>, 1> values;
    f.cache.get_many(keys, values);
  }
  f.cache.set("c", "1");
  CHECK(sorted_keys(f.cache) == "a c");
}

TEST_CASE("what only looks promotes nothing", "[eviction]") {
  Fixture<> f({.max_size_bytes = 0, .max_entries = 2});
  f.cache.set("a", "1");
  f.cache.set("b", "1");
  SECTION("exists") { CHECK(f.cache.exists("a")); }
  SECTION("get_entry") { CHECK(f.cache.get_entry("a").has_value()); }
  SECTION("keys") { CHECK(f.cache.keys().size() == 2); }
  SECTION("stats") { CHECK(f.cache.stats().current_entries == 2u); }
  SECTION("a miss") { CHECK_FALSE(f.cache.get("x").has_value()); }
  SECTION("nothing") {}
  f.cache.set("c", "1");
  CHECK(sorted_keys(f.cache) == "b c");
}

TEST_CASE("a batch promotes in the order of its keys", "[eviction][batch]") {
  Fixture<> f({.max_size_bytes = 0, .max_entries = 3});
  f.cache.set_many({{"a", "1"}, {"b", "1"}, {"c", "1"}});
  f.cache.get_many({"c", "a", "b"});
  f.cache.set_many({{"x", "1"}, {"y", "1"}, {"z", "1"}});
  CHECK(f.removals.take_text() == "c=1 evicted, a=1 evicted, b=1 evicted");
}

TEST_CASE("the limit in bytes makes room for the new value, and no more", "[eviction]") {
  Fixture<> f({.max_size_bytes = 10});
  f.cache.set("a", "123");
  f.cache.set("b", "123");
  f.cache.set("c", "123");
  f.cache.set("d", "1");
  CHECK(f.removals.take().empty());
  CHECK(f.cache.stats().current_size_bytes == 10u);
  f.cache.set("e", "12345");
  CHECK(f.removals.take_text() == "a=123 evicted, b=123 evicted");
  CHECK(f.cache.stats().current_size_bytes == 9u);
}

TEST_CASE("a value that just fits the whole cache is stored and evicts everybody else", "[eviction]") {
  Fixture<> f({.max_size_bytes = 10});
  f.cache.set("a", "123");
  f.cache.set("b", "123");
  CHECK(f.cache.set("c", "1234567890"));
  CHECK(sorted_keys(f.cache) == "c");
  CHECK(f.cache.stats().current_size_bytes == 10u);
}

TEST_CASE("both limits hold at once", "[eviction]") {
  Fixture<> f({.max_size_bytes = 10, .max_entries = 3});
  f.cache.set_many({{"a", "1"}, {"b", "1"}, {"c", "1"}, {"d", "1"}});
  CHECK(sorted_keys(f.cache) == "b c d");
  f.cache.set("e", "123456789");
  CHECK(sorted_keys(f.cache) == "d e");
}

TEST_CASE("an empty value weighs nothing but counts as an entry", "[eviction]") {
  Fixture<> bytes({.max_size_bytes = 1});
  for (int i = 0; i < 100; ++i) CHECK(bytes.cache.set(std::to_string(i), ""));
  CHECK(bytes.cache.stats().current_entries == 100u);
  CHECK(bytes.cache.stats().current_size_bytes == 0u);
  Fixture<> entries({.max_size_bytes = 1, .max_entries = 10});
  for (int i = 0; i < 100; ++i) entries.cache.set(std::to_string(i), "");
  CHECK(entries.cache.stats().current_entries == 10u);
}

TEST_CASE("the size never passes the limit, after any operation", "[eviction]") {
  Fixture<> f({.max_size_bytes = 1000});
  larder_tests::Random random(7);
  for (int i = 0; i < 5000; ++i) {
    f.cache.set(std::to_string(random.below(200)), std::string(random.below(1100), 'x'));
    const auto stats = f.cache.stats();
    REQUIRE(stats.current_size_bytes <= 1000u);
  }
  std::size_t sum = 0;
  for (const std::string& key : f.cache.keys()) sum += f.cache.get_entry(key)->size_bytes;
  CHECK(f.cache.stats().current_size_bytes == sum);
}

TEST_CASE("expired entries go before live ones", "[eviction][expiry]") {
  Fixture<> f({.max_size_bytes = 0, .max_entries = 3});
  f.cache.set("oldest, alive", "v");
  f.cache.set("dead", "v", 1s);
  f.cache.set("newest, alive", "v");
  f.cache.get("dead");  // the most recently used of all
  f.clock.advance(1s);
  f.cache.set("new", "v");
  CHECK(f.removals.take_text() == "dead=v expired");
  CHECK(sorted_keys(f.cache) == "new newest, alive oldest, alive");
}

TEST_CASE("expired entries go before live ones where the limit is in bytes", "[eviction][expiry]") {
  Fixture<> f({.max_size_bytes = 100});
  f.cache.set("alive", std::string(40, 'a'));
  for (int i = 0; i < 20; ++i) f.cache.set("dead " + std::to_string(i), "123", 1s);
  f.clock.advance(1s);
  CHECK(f.cache.set("new", std::string(60, 'n')));
  CHECK(sorted_keys(f.cache) == "alive new");
  CHECK(f.cache.stats().expirations == 20);
  CHECK(f.cache.stats().evictions == 20);
}

TEST_CASE("a cache of dead sessions never crowds out live entries", "[eviction][expiry]") {
  constexpr int live = 500;
  Fixture<> f({.max_size_bytes = 0, .max_entries = 1000});
  for (int i = 0; i < live; ++i) f.cache.set("live " + std::to_string(i), "v");
  for (int i = 0; i < 500; ++i) f.cache.set("session " + std::to_string(i), "v", 1s);
  f.clock.advance(1s);
  for (int i = 0; i < 500; ++i) f.cache.set("fresh " + std::to_string(i), "v");
  CHECK(f.cache.keys("live *").size() == live);
  CHECK(f.cache.keys("fresh *").size() == 500);
}

TEST_CASE("an entry that has yet to expire is evicted like any other, and counted once", "[eviction][expiry]") {
  Fixture<> f({.max_size_bytes = 0, .max_entries = 1});
  f.cache.set("a", "1", 10s);
  f.cache.set("b", "1", 10s);
  CHECK(f.removals.take_text() == "a=1 evicted");
  f.clock.advance(10s);
  CHECK(f.cache.keys().empty());
  CHECK(f.removals.take_text() == "b=1 expired");
  CHECK(f.cache.stats().evictions == 2);
  CHECK(f.cache.stats().expirations == 1);
}

namespace {

struct WeighsKeys : larder::InMemoryTraits<> {
  struct Weigher {
    std::size_t operator()(std::string_view key, const Bytes& value) const { return 100 * key.size() + value.size(); }
  };
};

struct WeighsMemory : larder::InMemoryTraits<> {
  using Weigher = larder::EntryFootprint;
};

}  // namespace

TEST_CASE("the limit is in what the weigher says, the size in bytes of values", "[eviction][weigher]") {
  Fixture<std::string, Bytes, WeighsKeys> f({.max_size_bytes = 1000});
  f.cache.set("four", "12345");
  f.cache.set("five!", "12345");
  CHECK(sorted_keys(f.cache) == "five! four");
  CHECK(f.cache.stats().current_size_bytes == 10u);
  f.cache.set("x", "");
  CHECK(sorted_keys(f.cache) == "five! x");
  CHECK(f.cache.get_entry("five!")->size_bytes == 5);
  CHECK_FALSE(f.cache.set("a key too long", "1"));
  CHECK(f.cache.set("five!", std::string(400, 'v')));
  CHECK(sorted_keys(f.cache) == "five! x");
  CHECK(f.cache.set("five!", std::string(401, 'v')));
  CHECK(sorted_keys(f.cache) == "five!");
}

TEST_CASE("EntryFootprint charges key, value, metadata and bookkeeping", "[eviction][weigher]") {
  const larder::EntryFootprint weigh;
  const larder::Metadata none;
  const auto weight = [&](std::string_view key, std::size_t size, const larder::Metadata& metadata = {},
                          bool expires = false) { return weigh(key, Bytes(std::string(size, 'v')), metadata, expires); };
  CHECK(weight("k", 0) > 40);
  CHECK(weight("k", 100) >= weight("k", 0) + 96);
  CHECK(weight("k", 100000) >= 100000);
  CHECK(weight("k", 100000) < 110400);  // a tenth beside it is what malloc cannot use
  CHECK(weight(std::string(1000, 'k'), 0) >= weight("k", 0) + 990);
  CHECK(weight("k", 0, {{"name", "text"}}) > weight("k", 0) + 64);
  CHECK(weight("k", 0, {{"name", std::string(1000, 't')}}) > weight("k", 0, {{"name", "text"}}) + 990);
  CHECK(weight("k", 0, none, true) > weight("k", 0, none, false));
}

TEST_CASE("under EntryFootprint many tiny entries keep to the limit of memory", "[eviction][weigher]") {
  Fixture<std::string, Bytes, WeighsMemory> f({.max_size_bytes = 100000});
  for (int i = 0; i < 10000; ++i) f.cache.set(std::to_string(i), "v");
  const auto stats = f.cache.stats();
  CHECK(*stats.current_entries < 100000 / 50);
  CHECK(*stats.current_entries > 100000 / 250);
  CHECK(stats.current_size_bytes == stats.current_entries);
}

TEST_CASE("each shard has an equal share of the limits", "[eviction][shards]") {
  Fixture<> f({.max_size_bytes = 4000, .max_entries = 400, .shards = 4});
  for (int i = 0; i < 10000; ++i) f.cache.set(std::to_string(i), "v");
  CHECK(f.cache.stats().current_entries == 400u);
  for (int i = 0; i < 10000; ++i) f.cache.set(std::to_string(i), "0123456789012345678901234567890123456789");
  CHECK(f.cache.stats().current_size_bytes == 4000u);
  CHECK(f.cache.stats().max_size_bytes == 4000u);
}

TEST_CASE("a value is refused if, and only if, it is larger than a shard's documented share", "[eviction][shards][lessons]") {
  Fixture<> f({.max_size_bytes = 4000, .shards = 4});
  for (int i = 0; i < 50; ++i) {
    const std::string key = std::to_string(i);
    REQUIRE(f.cache.set(key, std::string(1000, 'v')));
    REQUIRE(f.cache.exists(key));
    REQUIRE_FALSE(f.cache.set(key, std::string(1001, 'v')));
    REQUIRE_FALSE(f.cache.exists(key));
  }
}

TEST_CASE("keys with a stride do not gather in one shard", "[eviction][shards]") {
  const int stride = GENERATE(1, 16, 64, 4096, 65536);
  CAPTURE(stride);
  Fixture<int, int> f({.max_size_bytes = 0, .max_entries = 16 * 64, .shards = 16});
  for (int i = 0; i < 8 * 64; ++i) f.cache.set(i * stride, i);
  // Shares filled to a half on average: hardly one of them runs over.
  CHECK(f.cache.keys().size() >= 500);
}

TEST_CASE("entries are found again while the index grows and shrinks", "[eviction]") {
  Fixture<int, int> f({.max_size_bytes = 0, .max_entries = 50000});
  for (int i = 0; i < 50000; ++i) {
    f.cache.set(i, i);
    if (i % 97 == 96) f.cache.erase(i / 2);
    if (f.cache.get(i) != i) FAIL("lost " << i);
  }
  int wrong = 0;
  for (int i = 0; i < 50000; ++i) {
    const bool erased = i * 2 < 50000 && (i * 2 % 97 == 96 || (i * 2 + 1) % 97 == 96);
    wrong += f.cache.get(i).has_value() == erased ? 1 : 0;
  }
  CHECK(wrong == 0);
}
