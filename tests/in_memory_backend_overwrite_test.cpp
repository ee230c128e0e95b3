/// \file in_memory_backend_overwrite_test.cpp
/// What a set over an old entry replaces, charges and reports.
#include <larder/in_memory_backend.hpp>

#include <chrono>
#include <string>

#include "tests/support/catch.hpp"
#include "tests/support/fixture.hpp"

using larder::Bytes;
using larder_tests::Fixture;
using larder_tests::sorted_keys;
using namespace std::chrono_literals;

TEST_CASE("overwriting replaces value, metadata, creation time and expiry", "[overwrite]") {
  Fixture<> f;
  f.cache.set("k", "old", 10s, {{"only", "old"}, {"both", "old"}});
  const auto between = std::chrono::system_clock::now();
  f.cache.set("k", "new one", 20s, {{"both", "new"}});
  const auto entry = f.cache.get_entry("k");
  REQUIRE(entry.has_value());
  CHECK(entry->value == "new one");
  CHECK(entry->size_bytes == 7);
  CHECK(entry->metadata == larder::Metadata{{"both", "new"}});
  CHECK(entry->created_at >= between);
  f.clock.advance(20s - 1ns);
  CHECK(f.cache.exists("k"));
  f.clock.advance(1ns);
  CHECK_FALSE(f.cache.exists("k"));
}

TEST_CASE("a set without metadata clears the old metadata", "[overwrite]") {
  Fixture<> f;
  f.cache.set("k", "v", {}, {{"name", "text"}});
  f.cache.set("k", "v");
  CHECK(f.cache.get_entry("k")->metadata.empty());
}

TEST_CASE("a set without a TTL clears the old TTL", "[overwrite]") {
  Fixture<> f;
  f.cache.set("k", "v", 1s);
  f.cache.set("k", "w");
  f.clock.advance(1h);
  CHECK(f.cache.get("k") == "w");
  CHECK_FALSE(f.cache.get_entry("k")->expires_at.has_value());
}

TEST_CASE("a set with a TTL gives one to an entry that had none", "[overwrite]") {
  Fixture<> f;
  f.cache.set("k", "v");
  f.cache.set("k", "w", 1s);
  f.clock.advance(1s);
  CHECK_FALSE(f.cache.exists("k"));
}

TEST_CASE("overwriting reports the old value as replaced, and is no eviction", "[overwrite][listener][lessons]") {
  Fixture<> f;
  f.cache.set("k", "old");
  f.cache.set("k", "new");
  CHECK(f.removals.take_text() == "k=old replaced");
  CHECK(f.cache.stats().sets == 2);
  CHECK(f.cache.stats().evictions == 0);
  CHECK(f.cache.stats().deletes == 0);
  CHECK(f.cache.stats().current_entries == 1u);
}

TEST_CASE("overwriting an entry that has expired reports it as expired", "[overwrite][listener]") {
  Fixture<> f;
  f.cache.set("k", "old", 1s);
  f.clock.advance(1s);
  CHECK(f.cache.set("k", "new"));
  CHECK(f.removals.take_text() == "k=old expired");
  CHECK(f.cache.get("k") == "new");
  CHECK(f.cache.stats().expirations == 1);
  CHECK(f.cache.stats().evictions == 1);
}

TEST_CASE("overwriting charges the difference only", "[overwrite]") {
  Fixture<> f({.max_size_bytes = 10});
  f.cache.set("a", "1234");
  f.cache.set("b", "1234");
  SECTION("larger") {
    CHECK(f.cache.set("a", "123456"));
    CHECK(f.cache.stats().current_size_bytes == 10u);
  }
  SECTION("smaller") {
    CHECK(f.cache.set("a", ""));
    CHECK(f.cache.stats().current_size_bytes == 4u);
  }
  SECTION("of the same size") {
    CHECK(f.cache.set("a", "abcd"));
    CHECK(f.cache.stats().current_size_bytes == 8u);
  }
  CHECK(sorted_keys(f.cache) == "a b");
  CHECK(f.cache.stats().evictions == 0);
}

TEST_CASE("overwriting never evicts the key that is being written", "[overwrite]") {
  Fixture<> f({.max_size_bytes = 10});
  f.cache.set("oldest", "12345");
  f.cache.set("newer", "12345");
  f.removals.take();
  CHECK(f.cache.set("oldest", "1234567890"));
  CHECK(sorted_keys(f.cache) == "oldest");
  CHECK(f.cache.get("oldest") == "1234567890");
  CHECK(f.cache.stats().evictions == 1);
}

TEST_CASE("overwriting the only entry up to the limit evicts nobody", "[overwrite]") {
  Fixture<> f({.max_size_bytes = 10, .max_entries = 1});
  f.cache.set("k", "1");
  CHECK(f.cache.set("k", "1234567890"));
  CHECK(f.cache.get("k") == "1234567890");
  CHECK(f.cache.stats().evictions == 0);
}

TEST_CASE("a set is a use: the overwritten entry is the last to go", "[overwrite]") {
  Fixture<> f({.max_size_bytes = 0, .max_entries = 2});
  f.cache.set("a", "1");
  f.cache.set("b", "1");
  f.cache.set("a", "2");
  f.cache.set("c", "1");
  CHECK(sorted_keys(f.cache) == "a c");
}

TEST_CASE("a value larger than the whole cache is refused, and no stale one survives", "[overwrite]") {
  Fixture<> f({.max_size_bytes = 10});
  f.cache.set("k", "old");
  f.cache.set("other", "1234567");
  CHECK_FALSE(f.cache.set("k", "12345678901"));
  CHECK(sorted_keys(f.cache) == "other");
  CHECK(f.removals.take_text() == "k=old evicted");
  CHECK(f.cache.stats().evictions == 1);
  CHECK(f.cache.stats().expirations == 0);
  CHECK(f.cache.stats().sets == 2);
  CHECK(f.cache.stats().deletes == 0);
}

TEST_CASE("a value larger than the whole cache evicts nobody else", "[overwrite]") {
  Fixture<> f({.max_size_bytes = 10});
  f.cache.set("a", "12345");
  f.cache.set("b", "12345");
  CHECK_FALSE(f.cache.set("c", "12345678901"));
  CHECK(sorted_keys(f.cache) == "a b");
  CHECK(f.removals.take().empty());
  CHECK(f.cache.stats().evictions == 0);
}

TEST_CASE("an expired entry that a refused value would replace is reported as expired", "[overwrite][listener]") {
  Fixture<> f({.max_size_bytes = 10});
  f.cache.set("k", "old", 1s);
  f.clock.advance(1s);
  CHECK_FALSE(f.cache.set("k", "12345678901"));
  CHECK(f.removals.take_text() == "k=old expired");
}

TEST_CASE("a refused value in a batch leaves the others stored", "[overwrite][batch]") {
  Fixture<> f({.max_size_bytes = 10});
  f.cache.set("b", "old");
  CHECK(f.cache.set_many({{"a", "1"}, {"b", "12345678901"}, {"c", "3"}}) == 2);
  CHECK(sorted_keys(f.cache) == "a c");
}
