/// \file chaos_backend_faults_test.cpp
/// What a disturbed call does: errors before and after the effect, lost writes, delays, and what a test asks for.
#include <larder/testing/chaos_backend.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include <larder/in_memory_backend.hpp>
#include <larder/testing/manual_clock.hpp>

#include "tests/support/call_witness.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/failing_calls.hpp"
#include "tests/support/fixture.hpp"
#include "tests/support/message_of.hpp"

using larder::Bytes;
using larder::CacheBackend;
using larder::CacheError;
using larder::testing::ChaosBackend;
using larder::testing::ChaosCounts;
using larder::testing::ChaosFault;
using larder::testing::ManualClock;
using larder_tests::all_calls;
using larder_tests::CallWitness;
using larder_tests::contains;
using larder_tests::failing_calls;
using larder_tests::message_of;
using larder_tests::NamedCall;
using namespace std::chrono_literals;

TEST_CASE("a fault is thrown as its typed error, with the operation and the number of the call", "[chaos]") {
  ChaosBackend<> cache(std::make_shared<CallWitness>());
  cache.get("k");
  cache.fail_next(ChaosFault::connection);
  const std::string connection = message_of<larder::ConnectionError>([&] { cache.get("k"); });
  CHECK(connection == "injected by ChaosBackend: get (call 2): the connection broke");
  cache.fail_next(ChaosFault::timeout);
  const std::string timeout = message_of<larder::TimeoutError>([&] { cache.clear(); });
  CHECK(timeout == "injected by ChaosBackend: clear (call 3): the deadline passed");
  cache.fail_next(ChaosFault::protocol);
  const std::string protocol = message_of<larder::ProtocolError>([&] { cache.keys(); });
  CHECK(protocol == "injected by ChaosBackend: keys (call 4): the reply made no sense");
  cache.fail_next(ChaosFault::server);
  try {
    cache.erase("k");
    FAIL("nothing was thrown");
  } catch (const larder::ServerError& error) {
    CHECK(error.code() == "CHAOS");
    CHECK(error.what() == std::string("injected by ChaosBackend: erase (call 5): the server answered with an error"));
  }
}

TEST_CASE("an error without effect keeps any operation away from the wrapped cache", "[chaos]") {
  auto store = std::make_shared<CallWitness>();
  ChaosBackend<> cache(store, {.errors = 1});
  for (const NamedCall& named : all_calls()) {
    const std::string message = message_of<CacheError>([&] { named.call(cache); });
    CHECK(contains(message, "injected by ChaosBackend: " + named.name + " (call "));
    CHECK(store->take_calls().empty());
  }
  CHECK(cache.injected() == ChaosCounts{.errors = all_calls().size()});
}

TEST_CASE("an error after the effect comes from any operation once it is done", "[chaos]") {
  auto plain = std::make_shared<CallWitness>();
  auto store = std::make_shared<CallWitness>();
  ChaosBackend<> cache(store, {.errors_after = 1});
  for (const NamedCall& named : all_calls()) {
    named.call(*plain);
    const std::string message = message_of<CacheError>([&] { named.call(cache); });
    CHECK(contains(message, "injected by ChaosBackend: " + named.name + " (call "));
    CHECK(contains(message, "after its effect"));
    CHECK(store->take_calls() == plain->take_calls());
  }
  CHECK(cache.injected() == ChaosCounts{.errors_after = all_calls().size()});
}

TEST_CASE("a reply that is lost after its effect brings no values", "[chaos]") {
  ChaosBackend<> cache(std::make_shared<CallWitness>(), {.errors_after = 1});
  const std::array<std::string_view, 2> keys = {"a", "b"};
  std::array<std::optional<Bytes>, 2> values = {"left over", "left over"};
  CHECK_THROWS_AS(cache.get_many(keys, values), CacheError);
  CHECK(values == std::array<std::optional<Bytes>, 2>{});
}

TEST_CASE("a lost write reports success and leaves all as it was", "[chaos]") {
  auto store = std::make_shared<larder::InMemoryBackend<>>();
  store->set("old", "1", {}, {{"name", "text"}});
  store->set("other", "2");
  ChaosBackend<> cache(store, {.lost_writes = 1});
  const auto before = store->stats();
  CHECK(cache.set("old", "3"));
  CHECK(cache.set("new", "3"));
  CHECK_FALSE(cache.set("old", "3", 0s));
  CHECK(cache.set_if_absent("new", "3"));
  CHECK_FALSE(cache.set_if_absent("old", "3"));
  CHECK(cache.touch("old", 1ms));
  CHECK_FALSE(cache.touch("absent", 1ms));
  CHECK(cache.erase("old"));
  CHECK_FALSE(cache.erase("absent"));
  CHECK(cache.set_many({{"old", "4"}, {"new", "4"}, {"new", "5"}}) == 3);
  CHECK(cache.erase_many({"old", "absent", "other", "old", "absent"}) == 2);
  CHECK(cache.clear() == 0);
  CHECK(store->stats() == before);
  CHECK(cache.injected() == ChaosCounts{.lost_writes = 12});
  CHECK(larder_tests::sorted_keys(*store) == "old other");
  CHECK(store->get_entry("old")->metadata == larder::Metadata{{"name", "text"}});
  CHECK(cache.get("old") == "1");
}

TEST_CASE("a lost write is not lost on reads", "[chaos]") {
  auto plain = std::make_shared<CallWitness>();
  auto store = std::make_shared<CallWitness>();
  ChaosBackend<> cache(store, {.lost_writes = 1});
  std::size_t writes = 0;
  for (const NamedCall& named : all_calls()) {
    writes += named.writes ? 1 : 0;
    if (named.writes) continue;
    named.call(*plain);
    named.call(cache);
  }
  CHECK(store->take_calls() == plain->take_calls());
  for (const NamedCall& named : all_calls()) {
    if (named.writes) named.call(cache);
  }
  CHECK(store->take_calls() == "exists a, exists a, exists a, exists a, exists b");
  CHECK(cache.injected() == ChaosCounts{.lost_writes = writes});
}

TEST_CASE("a delay passes in virtual time before the call, so that an entry may expire meanwhile", "[chaos]") {
  ManualClock clock;
  using Store = larder_tests::Fixture<>::Backend;
  auto store = std::make_shared<Store>(Store::Options{.clock = clock});
  ChaosBackend<> cache(store,
                       {.delays = 1, .shortest_delay = 40ms, .longest_delay = 40ms, .wait = [clock](auto by) mutable {
                          clock.advance(by);
                        }});
  cache.set("k", "v", 60ms);  // stored after 40 ms
  CHECK(clock.now().time_since_epoch() == 40ms);
  CHECK(cache.get("k") == "v");
  CHECK(clock.now().time_since_epoch() == 80ms);
  CHECK(store->exists("k"));
  CHECK_FALSE(cache.get("k").has_value());
  CHECK(cache.injected() == ChaosCounts{.delays = 3, .total_delay = 120ms});
}

TEST_CASE("a call that fails by the plan may be delayed before, and one that a test makes fail is not", "[chaos]") {
  std::chrono::nanoseconds waited(0);
  ChaosBackend<> cache(
      std::make_shared<CallWitness>(),
      {.errors = 1, .delays = 1, .shortest_delay = 5ms, .longest_delay = 5ms, .wait = [&waited](auto by) {
         waited += by;
       }});
  CHECK_THROWS_AS(cache.get("k"), CacheError);
  CHECK(waited == 5ms);
  cache.fail_next(ChaosFault::timeout);
  CHECK_THROWS_AS(cache.get("k"), CacheError);
  cache.break_store();
  CHECK_THROWS_AS(cache.get("k"), CacheError);
  CHECK(waited == 5ms);
  CHECK(cache.injected() == ChaosCounts{.errors = 3, .delays = 1, .total_delay = 5ms});
}

TEST_CASE("delays that are too long to be added up are counted as the longest time there is", "[chaos]") {
  constexpr auto longest = std::chrono::nanoseconds::max();
  std::size_t waits = 0;
  ChaosBackend<> cache(
      std::make_shared<CallWitness>(),
      {.delays = 1, .shortest_delay = longest - 1ns, .longest_delay = longest, .wait = [&waits](auto) { ++waits; }});
  for (int i = 0; i < 3; ++i) cache.get("k");
  CHECK(waits == 3);
  CHECK(cache.injected().total_delay == longest);
}

TEST_CASE("a wait may use the cache, and what it throws is what the call throws", "[chaos]") {
  auto store = std::make_shared<CallWitness>();
  CacheBackend<>* layer = nullptr;
  bool waiting = false;
  ChaosBackend<> cache(store, {.delays = 1, .wait = [&](auto) {
                                 if (waiting) return;
                                 waiting = true;
                                 layer->set("meanwhile", "v");
                                 throw std::runtime_error("interrupted");
                               }});
  layer = &cache;
  CHECK(message_of<std::runtime_error>([&] { cache.get("k"); }) == "interrupted");
  CHECK(store->take_calls() == "set meanwhile=v -");
}

TEST_CASE("fail_next makes exactly the next calls fail, one request after the other", "[chaos]") {
  ChaosBackend<> cache(std::make_shared<CallWitness>());
  cache.fail_next(ChaosFault::timeout, 2);
  cache.fail_next(ChaosFault::server, 0);
  cache.fail_next(ChaosFault::protocol);
  cache.stats();
  CHECK_THROWS_AS(cache.get("k"), larder::TimeoutError);
  CHECK_THROWS_AS(cache.erase_many({"a", "b"}), larder::TimeoutError);
  CHECK_THROWS_AS(cache.set("k", "v"), larder::ProtocolError);
  CHECK(cache.get("k") == "value");
  CHECK(cache.injected() == ChaosCounts{.errors = 3});
}

TEST_CASE("a broken store fails every call until it is mended, and what was to fail next fails then", "[chaos]") {
  auto store = std::make_shared<CallWitness>();
  ChaosBackend<> cache(store);
  cache.fail_next(ChaosFault::timeout);
  cache.break_store();
  for (const NamedCall& named : all_calls()) CHECK_THROWS_AS(named.call(cache), larder::ConnectionError);
  cache.break_store(ChaosFault::server);
  for (const NamedCall& named : all_calls()) CHECK_THROWS_AS(named.call(cache), larder::ServerError);
  CHECK(store->take_calls().empty());
  cache.mend_store();
  CHECK_THROWS_AS(cache.get("k"), larder::TimeoutError);
  for (const NamedCall& named : all_calls()) CHECK_NOTHROW(named.call(cache));
  CHECK(cache.injected() == ChaosCounts{.errors = 2 * all_calls().size() + 1});
}

TEST_CASE("while it is calm a layer disturbs nothing but what the test asks for, and still numbers the calls",
          "[chaos]") {
  auto store = std::make_shared<CallWitness>();
  ChaosBackend<> cache(store, {.errors = 0.5, .lost_writes = 0.5, .delays = 1, .wait = [](auto) {}});
  cache.calm();
  for (int i = 0; i < 5; ++i) {
    for (const NamedCall& named : all_calls()) CHECK_NOTHROW(named.call(cache));
  }
  CHECK(cache.injected() == ChaosCounts{});
  cache.fail_next(ChaosFault::timeout);
  CHECK_THROWS_AS(cache.get("k"), larder::TimeoutError);
  cache.break_store();
  CHECK_THROWS_AS(cache.get("k"), larder::ConnectionError);
  cache.mend_store();
  cache.resume();

  // On with the plan where it would be by now.
  const auto failing = failing_calls({.errors = 0.5}, 100);
  for (std::size_t number = 5 * all_calls().size() + 3; number <= 100; ++number) {
    CAPTURE(number);
    CHECK(message_of<CacheError>([&] { cache.get("k"); }).empty() == (failing.count(number) == 0));
  }
}

TEST_CASE("with a share of 1, resume and calm lose exactly the replies that a test wants lost", "[chaos]") {
  auto store = std::make_shared<larder::InMemoryBackend<>>();
  ChaosBackend<> cache(store, {.errors_after = 1, .faults = {ChaosFault::timeout}});
  cache.calm();
  CHECK(cache.set("k", "1"));
  cache.resume();
  CHECK_THROWS_AS(cache.set("k", "2"), larder::TimeoutError);
  cache.calm();
  CHECK(cache.get("k") == "2");
}
