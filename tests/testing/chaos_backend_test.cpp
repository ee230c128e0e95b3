/// \file chaos_backend_test.cpp
/// How ChaosBackend stands between a caller and a cache: what it passes on, its statistics, its options.
#include <larder/testing/chaos_backend.hpp>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <larder/in_memory_backend.hpp>

#include "tests/support/call_witness.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/six_functions.hpp"

using larder::Bytes;
using larder::CacheError;
using larder::testing::ChaosBackend;
using larder::testing::ChaosCounts;
using larder::testing::ChaosFault;
using larder::testing::ChaosOptions;
using larder_tests::all_calls;
using larder_tests::CallWitness;
using larder_tests::contains;
using larder_tests::get_two;
using larder_tests::message_of;
using larder_tests::NamedCall;
using namespace std::chrono_literals;

template class larder::testing::ChaosBackend<int, std::string>;

TEST_CASE("a calm layer makes each call one call of the same operation, with its arguments and its answer", "[chaos]") {
  auto store = std::make_shared<CallWitness>();
  ChaosBackend<> cache(store);
  CHECK(cache.get("k") == "value");
  CHECK(store->take_calls() == "get k");
  CHECK(cache.set("k", "v", 3s, {{"name", "text"}}));
  CHECK(store->take_calls() == "set k=v 3000ms name:text");
  CHECK_FALSE(cache.set("declined", "v"));
  CHECK(store->take_calls() == "set declined=v -");
  CHECK(cache.set_if_absent("absent", "v", 3s, {{"name", "text"}}));
  CHECK_FALSE(cache.set_if_absent("k", "v"));
  CHECK(store->take_calls() == "set_if_absent absent=v 3000ms name:text, set_if_absent k=v -");
  CHECK(cache.touch("k", 3s));
  CHECK_FALSE(cache.touch("absent", {}));
  CHECK(store->take_calls() == "touch k 3000ms, touch absent -");
  CHECK(cache.erase("k"));
  CHECK(store->take_calls() == "erase k");
  CHECK(cache.exists("k"));
  CHECK_FALSE(cache.exists("absent"));
  CHECK(store->take_calls() == "exists k, exists absent");
  CHECK(cache.clear() == 7);
  CHECK(store->take_calls() == "clear");
  const auto entry = cache.get_entry("k");
  REQUIRE(entry.has_value());
  CHECK(entry->key == "k");
  CHECK(entry->value == "entry");
  CHECK(entry->metadata == larder::Metadata{{"a", "b"}});
  CHECK(store->take_calls() == "get_entry k");
  CHECK(cache.keys("p*") == std::vector<std::string>{"x", "y"});
  CHECK(store->take_calls() == "keys p*");
  CHECK(cache.stats() == store->stats());
  CHECK(cache.stats().hits == 11);
  cache.reset_stats();
  CHECK(store->take_calls() == "reset_stats");
  CHECK(cache.injected() == ChaosCounts{});
}

TEST_CASE("a batch stays one batch", "[chaos]") {
  auto store = std::make_shared<CallWitness>();
  ChaosBackend<> cache(store);
  const std::array<std::string_view, 3> keys = {"a", "absent", "a"};
  std::array<std::optional<Bytes>, 3> values = {"left over", "left over", "left over"};
  cache.get_many(keys, values);
  CHECK(values == std::array<std::optional<Bytes>, 3>{"a", std::nullopt, "a"});
  CHECK(cache.get_many({"x", "absent"}).size() == 1);
  CHECK(store->take_calls() == "get_many a absent a, get_many x absent");
  CHECK(cache.set_many({{"a", "1"}, {"b", "2"}, {"a", "3"}}, 1500ms) == 2);
  CHECK(cache.set_many({{"c", "4"}}) == 0);
  CHECK(store->take_calls() == "set_many a=1 b=2 a=3 1500ms, set_many c=4 -");
  CHECK(cache.erase_many({"a", "b", "a"}) == 8);
  CHECK(store->take_calls() == "erase_many a b a");
}

TEST_CASE("a batch is one call to the plan, and an empty one is none", "[chaos]") {
  ChaosBackend<> cache(std::make_shared<CallWitness>());
  cache.set_many({{"a", "1"}, {"b", "2"}, {"c", "3"}});
  cache.erase_many({"a", "b"});
  get_two(cache);
  CHECK(cache.set_many(std::vector<std::pair<std::string, Bytes>>()) == 0);
  CHECK(cache.get_many(std::vector<std::string>()).empty());
  CHECK(cache.erase_many(std::vector<std::string>()) == 0);
  cache.stats();
  cache.reset_stats();
  cache.fail_next(ChaosFault::timeout);
  CHECK(contains(message_of<larder::TimeoutError>([&] { cache.get("k"); }), "(call 4)"));
}

TEST_CASE("a TTL that is not positive reaches the wrapped cache as the removal that it is", "[chaos]") {
  auto store = std::make_shared<CallWitness>();
  ChaosBackend<> cache(store);
  CHECK_FALSE(cache.set("k", "v", 0s));
  CHECK(cache.set_many({{"a", "1"}, {"b", "2"}}, -1s) == 0);
  CHECK(cache.touch("k", 0s));
  CHECK_FALSE(cache.set_if_absent("k", "v", 0s));
  CHECK(store->take_calls() == "erase k, erase a, erase b, erase k");
}

TEST_CASE("a calm layer takes keys and values of any type, and offers no more than what it wraps", "[chaos]") {
  ChaosBackend<int, std::string> numbers(std::make_shared<larder::InMemoryBackend<int, std::string>>());
  CHECK(numbers.set_many({{1, "one"}, {2, "two"}}, 1h) == 2);
  CHECK(numbers.get(2) == "two");
  CHECK(numbers.get_many({1, 3}).size() == 1);
  CHECK(numbers.erase_many({1, 2, 3}) == 2);

  ChaosBackend<> small(std::make_shared<larder_tests::SixFunctions>());
  CHECK_THROWS_AS(small.keys(), larder::NotSupportedError);
  CHECK_THROWS_AS(small.get_entry("k"), larder::NotSupportedError);
  CHECK_THROWS_AS(small.reset_stats(), larder::NotSupportedError);
  CHECK_THROWS_AS(small.set_if_absent("k", "v"), larder::NotSupportedError);
  CHECK_THROWS_AS(small.touch("k", {}), larder::NotSupportedError);
}

TEST_CASE("stats are those of the wrapped cache, with the injected errors among the errors", "[chaos]") {
  auto store = std::make_shared<CallWitness>();
  ChaosBackend<> cache(store, {.errors_after = 1});
  cache.fail_next(ChaosFault::connection, 2);
  for (int i = 0; i < 3; ++i) CHECK_THROWS_AS(cache.get("k"), CacheError);
  auto expected = store->stats();
  expected.errors += 3;
  CHECK(cache.stats() == expected);

  cache.reset_stats();
  CHECK(cache.stats() == store->stats());
  CHECK(cache.stats().errors == 0);
  CHECK(cache.injected() == ChaosCounts{.errors = 2, .errors_after = 1});
  CHECK_THROWS_AS(cache.get("k"), CacheError);
  CHECK(cache.stats().errors == 1);
}

TEST_CASE("stats and reset_stats work on a broken store", "[chaos]") {
  auto store = std::make_shared<CallWitness>();
  ChaosBackend<> cache(store, {.errors = 1});
  cache.break_store();
  CHECK(cache.stats().hits == 11);
  CHECK_NOTHROW(cache.reset_stats());
  CHECK(store->take_calls() == "reset_stats");
  CHECK(cache.injected() == ChaosCounts{});
}

TEST_CASE("a reset that the wrapped cache does not offer leaves the injected errors counted", "[chaos]") {
  ChaosBackend<> cache(std::make_shared<larder_tests::SixFunctions>());
  cache.fail_next(ChaosFault::connection);
  CHECK_THROWS_AS(cache.get("k"), CacheError);
  CHECK_THROWS_AS(cache.reset_stats(), larder::NotSupportedError);
  CHECK(cache.stats().errors == 1);
}

TEST_CASE("what the wrapped cache throws passes through, and is not counted as injected", "[chaos]") {
  auto store = std::make_shared<CallWitness>();
  store->failure = "out of order";
  ChaosBackend<> cache(store);
  ChaosBackend<> losing_replies(store, {.errors_after = 1});
  for (const NamedCall& named : all_calls()) {
    CHECK(message_of<larder::ServerError>([&] { named.call(cache); }) == "out of order");
    CHECK(message_of<larder::ServerError>([&] { named.call(losing_replies); }) == "out of order");
  }
  CHECK(cache.injected() == ChaosCounts{});
  CHECK(losing_replies.injected() == ChaosCounts{});
  CHECK(cache.stats() == store->stats());
}

TEST_CASE("a layer over nothing is refused", "[chaos]") {
  CHECK(message_of<larder::InvalidArgumentError>([] { ChaosBackend<> cache(nullptr); }) ==
        "ChaosBackend: wrapped = nullptr, but there must be a cache");
}

TEST_CASE("a layer with options that make no sense is refused", "[chaos]") {
  const auto store = std::make_shared<CallWitness>();
  CHECK_THROWS_AS(ChaosBackend<>(store, {.errors = 1.5}), larder::InvalidArgumentError);
}

TEST_CASE("a layer keeps what it wraps alive, and lets it go at its end", "[chaos]") {
  auto store = std::make_shared<CallWitness>();
  const std::weak_ptr<CallWitness> watched = store;
  {
    ChaosBackend<> cache(std::move(store));
    CHECK(cache.get("k") == "value");
    CHECK_FALSE(watched.expired());
  }
  CHECK(watched.expired());
}
