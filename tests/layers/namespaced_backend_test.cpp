/// \file namespaced_backend_test.cpp
#include <larder/layers/namespaced_backend.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <larder/in_memory_backend.hpp>
#include <larder/testing/chaos_backend.hpp>
#include <larder/testing/manual_clock.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/interposed_backend.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/narrow_backend.hpp"

using namespace std::chrono_literals;
using larder::Bytes;
using larder::NamespacedBackend;
using larder_tests::InterposedBackend;
using larder_tests::NarrowBackend;

namespace {

using Memory = larder::InMemoryBackend<>;

std::vector<std::string> sorted(std::vector<std::string> keys) {
  std::sort(keys.begin(), keys.end());
  return keys;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("NamespacedBackend: bad input is refused by its name", "[namespaced]") {
  using Error = larder::InvalidArgumentError;
  using larder_tests::contains;
  using larder_tests::message_of;
  CHECK(contains(message_of<Error>([] { NamespacedBackend<> cache(nullptr, "a"); }), "wrapped = nullptr"));
  CHECK(
      contains(message_of<Error>([] { NamespacedBackend<> cache(std::make_shared<Memory>(), ""); }), "name is empty"));
}

TEST_CASE("NamespacedBackend: keys are spelt with the name before them", "[namespaced]") {
  const auto store = std::make_shared<Memory>();
  NamespacedBackend<> users(store, "user");
  CHECK(users.set("1", "Alice"));
  CHECK(store->get("user:1") == Bytes("Alice"));
  CHECK(users.prefix() == "user:");
  store->set("user:2", "Bob");
  CHECK(users.get("2") == Bytes("Bob"));
  CHECK(users.get_entry("2")->key == "2");
  CHECK(sorted(users.keys()) == Texts{"1", "2"});
  CHECK(users.keys("[2-9]") == Texts{"2"});
}

TEST_CASE("NamespacedBackend: no namespace sees the entries of another one", "[namespaced]") {
  const auto store = std::make_shared<Memory>();
  const Texts names{"user", "users", "user:",  "user:s", "user\\", "user\\:s", "u",
                    "*",    "?ser",  "[u]ser", "user*",  ":",      "\\"};
  std::vector<std::unique_ptr<NamespacedBackend<>>> spaces;
  for (const std::string& name : names) spaces.push_back(std::make_unique<NamespacedBackend<>>(store, name));
  // A key of each, which with a prefix that is not escaped would be one of another.
  const Texts keys{"1", "s:1", ":1", "", "\\:s:1"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    for (const std::string& key : keys) spaces[i]->set(key, names[i] + " " + key);
  }
  CHECK(store->stats().current_entries == names.size() * keys.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    INFO(names[i]);
    CHECK(sorted(spaces[i]->keys()) == sorted(keys));
    for (const std::string& key : keys) CHECK(spaces[i]->get(key) == Bytes(names[i] + " " + key));
  }
  std::size_t left = names.size();
  for (const auto& space : spaces) {
    CHECK(space->clear() == keys.size());
    CHECK(space->keys().empty());
    CHECK(store->stats().current_entries == --left * keys.size());
  }
}

TEST_CASE("NamespacedBackend: a namespace within a namespace is a part of it", "[namespaced]") {
  const auto store = std::make_shared<Memory>();
  const auto outer = std::make_shared<NamespacedBackend<>>(store, "shop");
  NamespacedBackend<> inner(outer, "user");
  NamespacedBackend<> other(store, "shop:user");
  inner.set("1", "Alice");
  other.set("1", "Bob");
  outer->set("1", "open");
  CHECK(store->get("shop:user:1") == Bytes("Alice"));
  CHECK(sorted(outer->keys()) == Texts{"1", "user:1"});
  CHECK(inner.clear() == 1);
  CHECK(outer->get("1") == Bytes("open"));
  CHECK(other.get("1") == Bytes("Bob"));
  inner.set("1", "Alice");
  CHECK(outer->clear() == 2);
  CHECK(inner.get("1") == std::nullopt);
  CHECK(other.get("1") == Bytes("Bob"));
}

TEST_CASE("NamespacedBackend: long keys and batches", "[namespaced]") {
  const auto store = std::make_shared<Memory>();
  NamespacedBackend<> cache(store, "n");
  const std::string longest(10'000, 'k');
  CHECK(cache.set(longest, "v"));
  CHECK(cache.get(longest) == Bytes("v"));
  CHECK(cache.keys("k*") == Texts{longest});
  CHECK(cache.set_many({{"a", "1"}, {"b", "2"}}, 1h) == 2);
  const std::vector<std::string_view> keys{"b", "nobody", "a", longest};
  std::vector<std::optional<Bytes>> values(keys.size());
  cache.get_many(keys, values);
  CHECK(values == std::vector<std::optional<Bytes>>{Bytes("2"), std::nullopt, Bytes("1"), Bytes("v")});
  CHECK(cache.erase_many({"a", "nobody", "b"}) == 2);
  const auto stats = cache.stats();
  CHECK(stats.hits == 4);
  CHECK(stats.misses == 1);
  CHECK(stats.sets == 3);
  CHECK(stats.deletes == 2);
  CHECK(stats.current_entries == std::nullopt);
}

TEST_CASE("NamespacedBackend: its counters are its own", "[namespaced]") {
  const auto store = std::make_shared<Memory>();
  NamespacedBackend<> one(store, "one");
  NamespacedBackend<> two(store, "two");
  one.set("k", "v");
  two.get("k");
  CHECK(one.stats().misses == 0);
  CHECK(two.stats().misses == 1);
  CHECK(two.stats().sets == 0);
  one.reset_stats();
  CHECK(one.stats().sets == 0);
  CHECK(store->stats().sets == 1);
  const auto failing = std::make_shared<larder::testing::ChaosBackend<>>(store);
  NamespacedBackend<> cache(failing, "n");
  failing->fail_next(larder::testing::ChaosFault::timeout, 2);
  CHECK_THROWS_AS(cache.get("k"), larder::TimeoutError);
  CHECK_THROWS_AS(cache.clear(), larder::TimeoutError);
  CHECK(cache.stats().errors == 2);
  CHECK(cache.stats().misses == 0);
}

TEST_CASE("NamespacedBackend: where keys cannot be listed, clear begins a generation", "[namespaced][generation]") {
  const larder::testing::ManualClock clock;
  const auto store = std::make_shared<NarrowBackend>(clock, true, 200);
  NamespacedBackend<> users(store, "user");
  NamespacedBackend<> same(store, "user");  // as another process would have it
  NamespacedBackend<> others(store, "users");
  CHECK(users.set("1", "Alice"));
  CHECK(others.set("1", "Bob"));
  CHECK(same.get("1") == Bytes("Alice"));
  CHECK(users.clear() == 0);
  for (auto* cache : {&users, &same}) {
    CHECK(cache->get("1") == std::nullopt);
    CHECK_FALSE(cache->exists("1"));
    CHECK_FALSE(cache->erase("1"));
    CHECK(cache->get_many({"1"}).empty());
  }
  CHECK(others.get("1") == Bytes("Bob"));
  CHECK(same.set_if_absent("1", "Carol"));
  CHECK(users.get("1") == Bytes("Carol"));
  CHECK(users.set_many({{"2", "x"}, {"3", "y"}}) == 2);
  CHECK(same.get_many({"1", "2", "3"}).size() == 3);
  CHECK_THROWS_AS(users.keys(), larder::NotSupportedError);
}

TEST_CASE("NamespacedBackend: a generation that is lost brings nothing back", "[namespaced][generation]") {
  const larder::testing::ManualClock clock;
  const auto store = std::make_shared<NarrowBackend>(clock, true, 200);
  NamespacedBackend<> users(store, "user");
  users.set("1", "Alice");
  users.clear();
  REQUIRE(store->erase("user:"));  // as an eviction would
  CHECK(users.get("1") == std::nullopt);
  users.set("1", "Bob");
  REQUIRE(store->erase("user:"));
  CHECK(users.get("1") == std::nullopt);
  users.set("1", "Carol");
  CHECK(users.get("1") == Bytes("Carol"));
}

TEST_CASE("NamespacedBackend: of two that make the first generation, both use the same", "[namespaced][generation]") {
  const larder::testing::ManualClock clock;
  const auto narrow = std::make_shared<NarrowBackend>(clock, true, 200);
  const auto store = std::make_shared<InterposedBackend>(narrow);
  NamespacedBackend<> users(store, "user");
  NamespacedBackend<> same(narrow, "user");
  store->once_before("set_if_absent", [&] { same.set("1", "Alice"); });
  CHECK(users.get("1") == Bytes("Alice"));
}

TEST_CASE("NamespacedBackend: where the generation can be neither read nor made, everything is a miss",
          "[namespaced][generation]") {
  /// Keeps nothing, as a ResilientBackend does whose store is away.
  struct Nothing : larder::CacheBackend<> {
    std::optional<Bytes> do_get(std::string_view) override { return std::nullopt; }
    bool do_set(std::string_view, Bytes, larder::Ttl, larder::Metadata) override { return false; }
    bool do_set_if_absent(std::string_view, Bytes, larder::Ttl, larder::Metadata) override { return false; }
    bool do_erase(std::string_view) override { return false; }
    bool do_exists(std::string_view) override { return false; }
    std::size_t do_clear() override { return 0; }
    larder::CacheStats do_stats() const override { return {}; }
  };
  NamespacedBackend<> cache(std::make_shared<Nothing>(), "n");
  CHECK_FALSE(cache.set("k", "v"));
  CHECK(cache.get("k") == std::nullopt);
  std::vector<std::optional<Bytes>> values{Bytes("from before")};
  const std::vector<std::string_view> keys{"k"};
  cache.get_many(keys, values);
  CHECK(values[0] == std::nullopt);
  CHECK(cache.stats().misses == 2);
  CHECK(cache.clear() == 0);
}

TEST_CASE("NamespacedBackend: capabilities follow from those underneath", "[namespaced]") {
  constexpr auto narrow = NamespacedBackend<>::capabilities_over(NarrowBackend::capabilities, "a:b");
  static_assert(narrow.largest_key == 30 - 5 - 17);
  static_assert(!narrow.clear_count && narrow.request_counters);
  constexpr auto memory = NamespacedBackend<>::capabilities_over(Memory::capabilities, "a");
  static_assert(memory.largest_key == larder::BackendCapabilities::unlimited && memory.clear_count);
  CHECK(memory.contradiction().empty());
}

TEST_CASE("NamespacedBackend: payloads are not copied", "[namespaced]") {
  NamespacedBackend<> cache(std::make_shared<Memory>(), "n");
  const Bytes payload(std::string(100'000, 'x'));
  cache.set("k", payload);
  CHECK(static_cast<const void*>(cache.get("k")->data()) == payload.data());
  cache.set_many({{"l", payload}});
  CHECK(static_cast<const void*>(cache.get_many({"l"}).at("l").data()) == payload.data());
}
