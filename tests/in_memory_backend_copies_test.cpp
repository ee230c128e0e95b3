/// \file in_memory_backend_copies_test.cpp
/// How often a value is copied and moved on its way in and out.
#include <larder/in_memory_backend.hpp>

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/counting_value.hpp"
#include "tests/support/fixture.hpp"

using larder_tests::CountingValue;
using larder_tests::Fixture;

namespace {

using Cache = larder::InMemoryBackend<std::string, CountingValue>;

int copies() { return CountingValue::counts().copies; }
int moves() { return CountingValue::counts().moves; }

}  // namespace

TEST_CASE("a value that is moved in is never copied", "[copies]") {
  Cache cache;
  CountingValue value(1);
  CountingValue::restart();
  cache.set("k", std::move(value));
  CHECK(copies() == 0);
  CHECK(moves() <= 4);
  CountingValue::restart();
  cache.set("k", CountingValue(2));
  CHECK(copies() == 0);
  CHECK(moves() <= 4);
}

TEST_CASE("a value that the caller keeps is copied once", "[copies]") {
  Cache cache;
  const CountingValue value(1);
  CountingValue::restart();
  cache.set("k", value);
  CHECK(copies() == 1);
  CHECK(moves() <= 4);
  CHECK(value.number() == 1);
}

TEST_CASE("a get copies once", "[copies]") {
  Cache cache;
  cache.set("k", CountingValue(1));
  CountingValue::restart();
  const auto got = cache.get("k");
  CHECK(got->number() == 1);
  CHECK(copies() == 1);
  CHECK(moves() <= 2);
}

TEST_CASE("through the interface nothing is copied or moved more often", "[copies]") {
  Cache cache;
  larder::CacheBackend<std::string, CountingValue>& interface = cache;
  cache.set("k", CountingValue(1));
  CountingValue::restart();
  cache.get("k");
  const auto concrete = CountingValue::counts();
  CountingValue::restart();
  interface.get("k");
  CHECK(copies() == concrete.copies);
  CHECK(moves() == concrete.moves);
}

TEST_CASE("a visit and everything that only looks copies nothing", "[copies]") {
  Cache cache;
  cache.set("k", CountingValue(1));
  CountingValue::restart();
  int number = 0;
  CHECK(cache.visit("k", [&number](const CountingValue& value) { number = value.number(); }));
  CHECK(number == 1);
  CHECK(cache.exists("k"));
  CHECK(cache.keys().size() == 1);
  CHECK(cache.stats().current_entries == 1u);
  CHECK_FALSE(cache.get("missing").has_value());
  CHECK(copies() == 0);
  CHECK(moves() == 0);
}

TEST_CASE("a get_entry copies once", "[copies]") {
  Cache cache;
  cache.set("k", CountingValue(1));
  CountingValue::restart();
  CHECK(cache.get_entry("k")->value.number() == 1);
  CHECK(copies() == 1);
}

TEST_CASE("a positional get_many copies each value that was found once", "[copies][batch]") {
  Cache cache;
  for (int i = 0; i < 5; ++i) cache.set(std::to_string(i), CountingValue(i));
  const std::array<std::string_view, 7> keys = {"0", "1", "2", "3", "4", "missing", "missing too"};
  std::array<std::optional<CountingValue>, 7> values;
  CountingValue::restart();
  cache.get_many(keys, values);
  CHECK(copies() == 5);
  CHECK(values[4]->number() == 4);
}

TEST_CASE("a get_many that makes a map copies each value that was found once", "[copies][batch]") {
  Cache cache;
  for (int i = 0; i < 5; ++i) cache.set(std::to_string(i), CountingValue(i));
  CountingValue::restart();
  CHECK(cache.get_many({"0", "1", "2", "missing"}).size() == 3);
  CHECK(copies() == 3);
}

TEST_CASE("a set_many copies each value of the caller's range once", "[copies][batch]") {
  Cache cache;
  std::vector<std::pair<std::string, CountingValue>> items;
  for (int i = 0; i < 5; ++i) items.emplace_back(std::to_string(i), CountingValue(i));
  CountingValue::restart();
  CHECK(cache.set_many(items) == 5);
  CHECK(copies() == 5);
  CHECK(items[3].second.number() == 3);
}

TEST_CASE("removals copy nothing, and the listener sees the value itself", "[copies][listener]") {
  int heard = 0;
  Fixture<int, CountingValue> f({.max_size_bytes = 0,
                                 .max_entries = 2,
                                 .on_removal = [&heard](const int&, const CountingValue& value, larder::RemovalCause) {
                                   heard += value.number();
                                 }});
  for (int i = 1; i <= 4; ++i) f.cache.set(i, CountingValue(i));  // 1 and 2 are evicted
  CountingValue::restart();
  CHECK(f.cache.erase(3));
  CHECK(f.cache.clear() == 1);
  CHECK(heard == 1 + 2 + 3 + 4);
  CHECK(copies() == 0);
  CHECK(moves() == 0);
}

TEST_CASE("no value is left behind", "[copies]") {
  const int before = CountingValue::counts().alive;
  {
    Cache cache(10);
    for (int i = 0; i < 30; ++i) cache.set(std::to_string(i % 12), CountingValue(i));
    cache.erase("11");
    CHECK(CountingValue::counts().alive == before + static_cast<int>(*cache.stats().current_entries));
  }
  CHECK(CountingValue::counts().alive == before);
}
