/// \file in_memory_backend_exceptions_test.cpp
/// The strong guarantee: whatever throws, the cache is as before and its invariants hold.
#include <larder/in_memory_backend.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/fixture.hpp"
#include "tests/support/throwing_types.hpp"

using larder_tests::Fixture;
using larder_tests::Fuse;
using larder_tests::Thrown;
using larder_tests::ThrowingKey;
using larder_tests::ThrowingValue;
using namespace std::chrono_literals;

// A function that may throw what a user's type throws does not promise otherwise.
static_assert(!noexcept(std::declval<Fixture<int, ThrowingValue>::Backend&>().get(1)));
static_assert(!noexcept(std::declval<Fixture<int, ThrowingValue>::Backend&>().set(1, ThrowingValue())));
static_assert(!noexcept(std::declval<Fixture<int, ThrowingValue>::Backend&>().get_entry(1)));

namespace {

struct ThrowingTraits : larder::InMemoryTraits<ThrowingKey, ThrowingValue> {
  using Hash = ThrowingKey::Hash;
};
using Throwing = Fixture<ThrowingKey, ThrowingValue, ThrowingTraits>;
using Cache = Throwing::Backend;

/// Four entries, the limit of the cache: 1 is the oldest, 2 has metadata, 3 a TTL. The listener takes no risks.
struct Filled {
  std::string removed;
  Throwing f;

  Filled() : f({.max_size_bytes = 1000, .max_entries = 4, .on_removal = [this](auto&&... what) { note(what...); }}) {
    f.cache.set(1, 10);
    f.cache.set(2, 20, {}, {{"name", "text"}});
    f.cache.set(3, 30, 60s);
    f.cache.set(4, 40);
  }

  void note(const ThrowingKey& key, const ThrowingValue& value, larder::RemovalCause cause) {
    removed += std::to_string(key.number()) + '=' + std::to_string(value.number()) + ' ' + to_string(cause) + ' ';
  }

  /// All that can be seen of the cache without changing it.
  std::string snapshot() {
    std::ostringstream text;
    std::vector<ThrowingKey> keys = f.cache.keys();
    std::sort(keys.begin(), keys.end());
    for (const ThrowingKey& key : keys) {
      const auto entry = f.cache.get_entry(key);
      text << key << '=' << entry->value << '/' << entry->metadata.size() << '/' << entry->expires_at.has_value() << ' ';
    }
    text << f.cache.stats();
    return text.str();
  }

  /// The entries from the least recently used one on, which evicting them one by one shows.
  std::string order_of_use() {
    removed.clear();
    for (int i = 0; i < 4; ++i) f.cache.set(100 + i, 0);
    return removed;
  }
};

/// Runs `operation` on a filled cache with its first, second, third ... risk going off, until none is left, and
/// calls `check(cache)` after each throw. Result: how many risks there were.
int for_each_risk(const std::function<void(Cache&)>& operation, const std::function<void(Filled&)>& check) {
  const int keys = ThrowingKey::alive();
  const int values = ThrowingValue::alive();
  int risk = 0;
  for (bool done = false; !done;) {
    ++risk;
    REQUIRE(risk < 1000);
    CAPTURE(risk);
    Filled filled;
    Fuse::light(risk);
    try {
      operation(filled.f.cache);
      done = Fuse::burning();
      Fuse::put_out();
    } catch (const Thrown&) {
      Fuse::put_out();
      check(filled);
    }
  }
  CHECK(ThrowingKey::alive() == keys);
  CHECK(ThrowingValue::alive() == values);
  return risk - 1;
}

void check_strong_guarantee(const std::function<void(Cache&)>& operation, int least_risks) {
  Filled untouched;
  const std::string before = untouched.snapshot();
  const std::string order = untouched.order_of_use();
  const int risks = for_each_risk(operation, [&](Filled& filled) {
    CHECK(filled.snapshot() == before);
    CHECK(filled.removed.empty());
    CHECK(filled.order_of_use() == order);
    CHECK(filled.f.cache.stats().current_entries == 4u);
  });
  CHECK(risks >= least_risks);
}

/// A batch may be done in part, but what is there must add up.
void check_whole_cache(Filled& filled) {
  auto& cache = filled.f.cache;
  const auto stats = cache.stats();
  const auto listed = cache.keys();
  const auto removals = static_cast<std::size_t>(std::count(filled.removed.begin(), filled.removed.end(), '='));
  CHECK(stats.current_entries == listed.size());
  CHECK(stats.current_size_bytes == 10 * listed.size());
  CHECK(stats.sets == listed.size() + removals);
  for (const ThrowingKey& key : listed) CHECK(cache.get(key).has_value());
  for (int i = 0; i < 4; ++i) CHECK(cache.set(100 + i, i));
  CHECK(cache.stats().current_entries == 4u);
}

}  // namespace

TEST_CASE("a set that throws leaves the cache as it was", "[exceptions]") {
  // Hash, comparison, key copy, size, and the moves of the value.
  SECTION("of a new key") {
    check_strong_guarantee([](Cache& cache) { cache.set(5, 50); }, 4);
  }
  SECTION("over an old entry") {
    check_strong_guarantee([](Cache& cache) { cache.set(1, 11); }, 4);
  }
  SECTION("with TTL and metadata") {
    check_strong_guarantee([](Cache& cache) { cache.set(3, 31, 5s, {{"a", "b"}}); }, 4);
  }
  SECTION("with a TTL that is not positive") {
    check_strong_guarantee([](Cache& cache) { cache.set(1, 11, 0s); }, 1);
  }
}

TEST_CASE("a set_if_absent that throws leaves the cache as it was", "[exceptions]") {
  SECTION("of a new key") {
    check_strong_guarantee([](Cache& cache) { cache.set_if_absent(5, 50, 5s, {{"a", "b"}}); }, 4);
  }
  SECTION("of a key that is there") {
    check_strong_guarantee([](Cache& cache) { cache.set_if_absent(1, 11); }, 2);
  }
}

TEST_CASE("a touch that throws leaves the cache as it was", "[exceptions]") {
  SECTION("of an entry without a TTL, which is copied") {
    check_strong_guarantee([](Cache& cache) { cache.touch(2, 5s); }, 8);
  }
  SECTION("of an entry with a TTL") {
    check_strong_guarantee([](Cache& cache) { cache.touch(3, 5s); }, 2);
  }
}

TEST_CASE("a get that throws leaves the cache as it was", "[exceptions]") {
  SECTION("of a key that is there") {
    check_strong_guarantee([](Cache& cache) { cache.get(1); }, 2);
  }
  SECTION("of a key that is not") {
    check_strong_guarantee([](Cache& cache) { cache.get(5); }, 2);
  }
}

TEST_CASE("other single operations that throw leave the cache as it was", "[exceptions]") {
  SECTION("erase") {
    check_strong_guarantee([](Cache& cache) { cache.erase(1); }, 1);
  }
  SECTION("exists") {
    check_strong_guarantee([](Cache& cache) { cache.exists(2); }, 1);
  }
  SECTION("get_entry") {
    check_strong_guarantee([](Cache& cache) { cache.get_entry(2); }, 2);
  }
  SECTION("keys") {
    check_strong_guarantee([](Cache& cache) { cache.keys(); }, 3);
  }
  SECTION("visit") {
    check_strong_guarantee([](Cache& cache) { cache.visit(1, [](const ThrowingValue&) {}); }, 1);
  }
}

TEST_CASE("a visit whose function throws leaves the lock free and the cache usable", "[exceptions]") {
  Fixture<> f;
  f.cache.set("k", "v");
  const auto fail = [](const larder::Bytes&) { throw std::runtime_error("from the visitor"); };
  CHECK_THROWS_AS(f.cache.visit("k", fail), std::runtime_error);
  CHECK(f.cache.get("k") == "v");
  CHECK(f.cache.set("k", "w"));
}

TEST_CASE("a batch that throws is done in part, and the cache stays whole", "[exceptions][batch]") {
  SECTION("get_many") {
    CHECK(for_each_risk([](Cache& cache) { cache.get_many({1, 2, 3, 5}); }, check_whole_cache) > 8);
  }
  SECTION("set_many") {
    CHECK(for_each_risk([](Cache& cache) { cache.set_many({{1, 11}, {5, 50}, {6, 60}}); }, check_whole_cache) > 12);
  }
  SECTION("set_many with a TTL that is not positive") {
    CHECK(for_each_risk([](Cache& cache) { cache.set_many({{1, 11}, {5, 50}}, 0s); }, check_whole_cache) > 3);
  }
  SECTION("erase_many") {
    CHECK(for_each_risk([](Cache& cache) { cache.erase_many({1, 5, 3}); }, check_whole_cache) > 3);
  }
}

namespace {

struct ThrowingWeigher : larder::InMemoryTraits<> {
  struct Weigher {
    std::size_t operator()(std::string_view, const larder::Bytes& value) const {
      Fuse::take_risk();
      return value.size();
    }
  };
};

}  // namespace

TEST_CASE("a weigher that throws leaves the old value in place", "[exceptions][weigher]") {
  Fixture<std::string, larder::Bytes, ThrowingWeigher> f;
  f.cache.set("k", "old");
  Fuse::light(1);
  CHECK_THROWS_AS(f.cache.set("k", "new"), Thrown);
  Fuse::put_out();
  CHECK(f.cache.get("k") == "old");
  CHECK(f.cache.stats().sets == 1);
}

TEST_CASE("removing an entry copies neither value nor key", "[exceptions]") {
  Fixture<int, ThrowingValue> f({.max_size_bytes = 0, .max_entries = 2, .on_removal = [](auto&&...) {}});
  for (int i = 0; i < 2; ++i) f.cache.set(i, i, 1s);
  Fuse::light(1);
  CHECK(f.cache.erase(0));
  f.clock.advance(1s);
  CHECK_FALSE(f.cache.exists(1));
  CHECK(f.cache.keys().empty());
  CHECK(f.cache.clear() == 0);
  Fuse::put_out();
  CHECK(ThrowingValue::alive() == 0);
}
