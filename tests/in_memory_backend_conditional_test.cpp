/// \file in_memory_backend_conditional_test.cpp
/// set_if_absent and touch, beyond what the contract kit knows of the cache in memory.
#include <larder/in_memory_backend.hpp>

#include <chrono>
#include <cstddef>
#include <string>

#include "tests/support/catch.hpp"
#include "tests/support/counting_value.hpp"
#include "tests/support/fixture.hpp"
#include "tests/support/watched_mutex.hpp"

using larder_tests::CountingValue;
using larder_tests::Fixture;
using larder_tests::sorted_keys;
using larder_tests::WatchfulValue;
using namespace std::chrono_literals;

namespace {

struct ByFootprint : larder::InMemoryTraits<> {
  using Weigher = larder::EntryFootprint;
};

struct Watched : larder::InMemoryTraits<std::string, WatchfulValue> {
  using Mutex = larder_tests::WatchedMutex;
};

}  // namespace

TEST_CASE("set_if_absent and touch without a TTL take the default", "[conditional]") {
  Fixture<> f({.default_ttl = 10s});
  CHECK(f.cache.set_if_absent("a", "1"));
  f.cache.set("b", "1", larder::Ttl(24h));
  CHECK(f.cache.touch("b", {}));
  f.clock.advance(10s - 1ns);
  CHECK(sorted_keys(f.cache) == "a b");
  f.clock.advance(1ns);
  CHECK(sorted_keys(f.cache).empty());
}

TEST_CASE("an entry may be touched again and again, whatever it was stored with", "[conditional]") {
  Fixture<> f;
  f.cache.set("short", "1", {}, {{"name", "text"}});
  f.cache.set("long", std::string(5000, 'v'));
  for (int round = 0; round < 100; ++round) {
    for (const char* key : {"short", "long"}) {
      CHECK(f.cache.touch(key, 10s));
      if (round % 3 == 0) CHECK(f.cache.touch(key, {}));
      if (round % 5 == 0) CHECK(f.cache.touch(key, std::chrono::milliseconds::max()));
      CHECK(f.cache.touch(key, 20s));
    }
    f.clock.advance(15s);
  }
  CHECK(f.cache.get("short") == "1");
  CHECK(f.cache.get("long") == std::string(5000, 'v'));
  CHECK(f.cache.get_entry("short")->metadata == larder::Metadata{{"name", "text"}});
  f.clock.advance(5s);
  CHECK(f.cache.stats().current_entries == 0u);
  CHECK(f.cache.stats().expirations == 2);
  CHECK(f.removals.take().size() == 2);
}

TEST_CASE("what is touched is the newest, behind all that was read before", "[conditional]") {
  Fixture<> f({.max_entries = 3});
  const larder::Ttl ttl = GENERATE(larder::Ttl(), larder::Ttl(1h));
  for (const char* key : {"a", "b", "c"}) f.cache.set(key, "1");
  f.cache.get("b");
  f.cache.touch("a", ttl);
  f.cache.set("d", "1");
  CHECK(sorted_keys(f.cache) == "a b d");
  f.cache.set("e", "1");
  CHECK(sorted_keys(f.cache) == "a d e");
}

TEST_CASE("a value that get returned stays valid when its entry is touched", "[conditional]") {
  Fixture<> f;
  f.cache.set("k", "value");
  const auto value = f.cache.get("k");
  f.cache.touch("k", 1s);
  f.clock.advance(1s);
  CHECK_FALSE(f.cache.exists("k"));
  CHECK(value == "value");
}

TEST_CASE("a touch copies the value only where there was no TTL before", "[conditional]") {
  Fixture<std::string, CountingValue> f;
  f.cache.set("k", CountingValue(1));
  CountingValue::restart();
  f.cache.touch("k", {});
  f.cache.touch("k", std::chrono::milliseconds::max());
  CHECK(CountingValue::counts().copies == 0);
  f.cache.touch("k", 1s);
  CHECK(CountingValue::counts().copies == 1);
  f.cache.touch("k", 2s);
  f.cache.touch("k", {});
  f.cache.touch("k", 3s);
  CHECK(CountingValue::counts().copies == 1);
  CHECK(f.cache.get("k")->number() == 1);
  CHECK(f.removals.take().empty());
}

TEST_CASE("a set_if_absent that finds an entry makes none", "[conditional]") {
  Fixture<std::string, CountingValue> f;
  f.cache.set("k", CountingValue(1));
  CountingValue::restart();
  CHECK_FALSE(f.cache.set_if_absent("k", CountingValue(2)));
  CHECK(CountingValue::counts().copies == 0);
  CHECK(f.cache.visit("k", [](const CountingValue& value) { CHECK(value.number() == 1); }));
}

TEST_CASE("the TTL that an entry gets by a touch is charged, and others make room for it", "[conditional]") {
  using Footprint = Fixture<std::string, larder::Bytes, ByFootprint>;
  const std::size_t plain = larder::EntryFootprint()("a", larder::Bytes("1"), {}, false);
  const std::size_t timed = larder::EntryFootprint()("a", larder::Bytes("1"), {}, true);
  REQUIRE(timed > plain);
  SECTION("two fit, but not with a TTL") {
    Footprint f({.max_size_bytes = 2 * plain});
    f.cache.set("a", "1");
    f.cache.set("b", "1");
    CHECK(f.cache.touch("b", 1s));
    CHECK(f.removals.take_text() == "a=1 evicted");
    CHECK(sorted_keys(f.cache) == "b");
  }
  SECTION("one fits, but not with a TTL") {
    Footprint f({.max_size_bytes = timed - 1});
    f.cache.set("a", "1");
    CHECK_FALSE(f.cache.touch("a", 1s));
    CHECK(f.removals.take_text() == "a=1 evicted");
    CHECK(f.cache.stats().evictions == 1);
  }
}

TEST_CASE("set_if_absent and touch use values without a lock", "[conditional]") {
  Fixture<std::string, WatchfulValue, Watched> f({.max_entries = 3, .on_removal = [](auto&&...) {}});
  WatchfulValue::restart();
  for (const char* key : {"a", "b", "c", "d", "a"}) {
    f.cache.set_if_absent(key, WatchfulValue(1));
    f.cache.set_if_absent(key, WatchfulValue(2));
    f.cache.touch(key, 1s);
    f.cache.touch(key, 2s);
  }
  f.clock.advance(2s);
  f.cache.touch("a", 1s);
  CHECK(WatchfulValue::used_under_lock() == 0);
}
