/// \file resilient_backend_test.cpp
#include <larder/layers/resilient_backend.hpp>

#include <chrono>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <larder/in_memory_backend.hpp>
#include <larder/testing/chaos_backend.hpp>
#include <larder/testing/manual_clock.hpp>

#include "tests/support/call_witness.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/fixture.hpp"
#include "tests/support/interposed_backend.hpp"
#include "tests/support/message_of.hpp"

using namespace std::chrono_literals;
using larder::Bytes;
using larder::CircuitState;
using larder::ResilientBackend;
using larder::testing::ChaosFault;
using larder::testing::ManualClock;

namespace {

using Memory = larder::InMemoryBackend<std::string, Bytes, larder_tests::OnManualClock<larder::InMemoryTraits<>>>;
using Options = larder::ResilientOptions<>;

/// A store in virtual time that fails when the test says so.
struct Store {
  ManualClock clock;
  std::shared_ptr<Memory> memory = std::make_shared<Memory>(Memory::Options{.clock = clock});
  std::shared_ptr<larder::testing::ChaosBackend<>> chaos = std::make_shared<larder::testing::ChaosBackend<>>(memory);
  std::shared_ptr<larder_tests::InterposedBackend> front = std::make_shared<larder_tests::InterposedBackend>(chaos);
  std::vector<std::chrono::nanoseconds> pauses;

  /// In which time passes by the test's clock alone.
  Options in_virtual_time(Options options) {
    options.now = [clock = clock] { return clock.now(); };
    options.wait = [this](std::chrono::nanoseconds by) {
      pauses.push_back(by);
      clock.advance(by);
    };
    if (options.seed == 0) options.seed = 1;
    return options;
  }
  ResilientBackend<> resilient(Options options = {}) {
    return ResilientBackend<>(front, in_virtual_time(std::move(options)));
  }
};

const std::optional<Bytes> nothing;

}  // namespace

TEST_CASE("ResilientBackend: bad input is refused by its name", "[resilient]") {
  using larder_tests::contains;
  CHECK(contains(larder_tests::message_of<larder::InvalidArgumentError>([] { ResilientBackend<> cache(nullptr); }),
                 "wrapped = nullptr"));
  const auto memory = std::make_shared<larder::InMemoryBackend<>>();
  CHECK_THROWS_AS(ResilientBackend<>(memory, {.attempts = 0}), larder::InvalidArgumentError);
  CHECK_THROWS_AS(ResilientBackend<>(memory, {.fallback = memory}), larder::InvalidArgumentError);
}

TEST_CASE("ResilientBackend: every error of the store becomes a miss, false or nothing", "[resilient]") {
  const auto fault = GENERATE(ChaosFault::connection, ChaosFault::timeout, ChaosFault::protocol, ChaosFault::server);
  Store store;
  store.memory->set("a", "v");
  std::vector<std::string> told;
  auto cache =
      store.resilient({.breaker = {.min_failures = 1000}, .on_error = [&](const larder::ResilientFailure& failure) {
                         if (failure.is_final) told.emplace_back(failure.operation);
                         throw std::runtime_error("the hook's own affair");
                       }});
  store.chaos->break_store(fault);
  std::vector<std::string> expected;
  for (const auto& named : larder_tests::all_calls()) {
    INFO(named.name);
    CHECK_NOTHROW(named.call(cache));
    expected.push_back(named.name);
  }
  CHECK(told == expected);
  CHECK(cache.stats().errors == expected.size());
  CHECK(cache.get("a") == nothing);
  CHECK_FALSE(cache.set("a", "w"));
  CHECK_FALSE(cache.set_if_absent("b", "w"));
  CHECK_FALSE(cache.erase("a"));
  CHECK_FALSE(cache.exists("a"));
  CHECK_FALSE(cache.touch("a", 1s));
  CHECK(cache.clear() == 0);
  CHECK(cache.keys().empty());
  CHECK_FALSE(cache.get_entry("a"));
  CHECK(cache.get_many({"a", "b"}).empty());
  CHECK(cache.set_many({{"a", "w"}}) == 0);
  CHECK(cache.erase_many({"a"}) == 0);
  CHECK_FALSE(cache.visit_entry("a", [](const larder::EntryView<Bytes>&) { FAIL("nothing is shown"); }));
  std::vector<std::optional<Bytes>> values{Bytes("from before")};
  const std::vector<std::string_view> keys{"a"};
  cache.get_many(keys, values);
  CHECK(values[0] == nothing);
  store.chaos->mend_store();
  CHECK(cache.get("a") == Bytes("v"));
}

TEST_CASE("ResilientBackend: hits and misses are keys asked, whatever became of them", "[resilient]") {
  Store store;
  auto cache = store.resilient({.attempts = 1});
  cache.set("a", "v");
  cache.get("a");
  store.chaos->fail_next(ChaosFault::timeout, 2);
  cache.get("a");
  cache.get_many({"a", "b"});
  const auto stats = cache.stats();
  CHECK(stats.hits == 1);
  CHECK(stats.misses == 3);
  CHECK(stats.errors == 2);
  CHECK(stats.sets == 1);
  CHECK(stats.current_entries == 1u);
  CHECK(cache.resilience().failures == 2);
  cache.reset_stats();
  CHECK(cache.stats().errors == 0);
  CHECK(cache.resilience().failures == 0);
}

TEST_CASE("ResilientBackend: the caller's mistakes and what is no error of the cache pass through", "[resilient]") {
  Store store;
  auto cache = store.resilient({.breaker = {.min_failures = 1}});
  store.front->once_before("get", [] { throw larder::InvalidArgumentError("the key is too long"); });
  CHECK_THROWS_AS(cache.get("k"), larder::InvalidArgumentError);
  store.front->once_before("get", [] { throw std::bad_alloc(); });
  CHECK_THROWS_AS(cache.get("k"), std::bad_alloc);
  store.front->once_before("get_entry", [] { throw larder::NotSupportedError("no entries"); });
  CHECK_THROWS_AS(cache.get_entry("k"), larder::NotSupportedError);
  CHECK(cache.stats().errors == 0);
  CHECK(cache.resilience().circuit == CircuitState::closed);
  cache.set("k", "v");
  CHECK_THROWS_AS(cache.visit_entry("k", [](const larder::EntryView<Bytes>&) { throw larder::TimeoutError("f's"); }),
                  larder::TimeoutError);
  CHECK(cache.stats().errors == 0);
}

TEST_CASE("ResilientBackend: what may be repeated is, and set_if_absent is not", "[resilient]") {
  for (const auto& named : larder_tests::all_calls()) {
    INFO(named.name);
    Store store;
    store.memory->set("a", "v");
    auto cache = store.resilient();
    store.chaos->fail_next(ChaosFault::connection);
    named.call(cache);
    const bool is_repeated = named.name != "set_if_absent";
    CHECK(store.front->calls.size() == (is_repeated ? 2u : 1u));
    CHECK(cache.stats().errors == (is_repeated ? 0u : 1u));
    CHECK(cache.resilience().retries == (is_repeated ? 1u : 0u));
  }
}

TEST_CASE("ResilientBackend: pauses are random, and twice as long each time up to a limit", "[resilient]") {
  std::vector<std::chrono::nanoseconds> longest(5);
  std::vector<std::chrono::nanoseconds> shortest(5, 1h);
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    Store store;
    auto cache = store.resilient({.deadline = 10s, .attempts = 6, .backoff = 10ms, .max_backoff = 80ms, .seed = seed});
    store.chaos->break_store();
    cache.get("k");
    REQUIRE(store.pauses.size() == 5);
    for (std::size_t i = 0; i < 5; ++i) {
      longest[i] = std::max(longest[i], store.pauses[i]);
      shortest[i] = std::min(shortest[i], store.pauses[i]);
    }
  }
  const std::chrono::nanoseconds limits[] = {10ms, 20ms, 40ms, 80ms, 80ms};
  for (std::size_t i = 0; i < 5; ++i) {
    INFO(i);
    CHECK(longest[i] < limits[i]);
    CHECK(longest[i] > limits[i] * 9 / 10);
    CHECK(shortest[i] < limits[i] / 10);
  }
}

TEST_CASE("ResilientBackend: nothing is begun after the deadline", "[resilient]") {
  Store store;
  auto cache =
      store.resilient({.deadline = 100ms, .attempts = 1000, .backoff = 10ms, .max_backoff = 10ms, .retry_burst = 1000});
  store.front->before = [&](std::string_view) {
    CHECK(store.clock.now().time_since_epoch() < 100ms);
    store.clock.advance(15ms);  // each attempt takes as long
  };
  store.chaos->break_store();
  cache.get("k");
  CHECK(store.clock.now().time_since_epoch() < 115ms);
  CHECK(store.front->calls.size() > 4);
}

TEST_CASE("ResilientBackend: there are no more retries than their budget allows", "[resilient]") {
  Store store;
  auto cache =
      store.resilient({.attempts = 2, .retry_burst = 3, .retries_per_success = 0.5, .breaker = {.min_failures = 1000}});
  store.chaos->break_store();
  for (int i = 0; i < 10; ++i) cache.get("k");
  CHECK(cache.resilience().retries == 3);
  store.chaos->mend_store();
  for (int i = 0; i < 4; ++i) cache.get("k");
  store.chaos->break_store();
  for (int i = 0; i < 10; ++i) cache.get("k");
  CHECK(cache.resilience().retries == 5);
}

TEST_CASE("ResilientBackend: after many failures the store is left alone, and tried again later", "[resilient]") {
  Store store;
  std::string changes;
  auto cache = store.resilient(
      {.attempts = 1, .breaker = {.min_failures = 3, .open_for = 1s, .on_change = [&](CircuitState, CircuitState to) {
                                    changes += std::string(to_string(to)) + " ";
                                  }}});
  store.memory->set("k", "v");
  store.chaos->break_store();
  for (int i = 0; i < 10; ++i) CHECK(cache.get("k") == nothing);
  CHECK(store.front->calls.size() == 3);
  CHECK(cache.resilience().refused == 7);
  CHECK(cache.stats().errors == 10);
  store.clock.advance(1s);
  CHECK(cache.get("k") == nothing);
  CHECK(store.front->calls.size() == 4);
  CHECK(cache.get("k") == nothing);
  CHECK(store.front->calls.size() == 4);
  store.chaos->mend_store();
  store.clock.advance(1s);
  CHECK(cache.get("k") == Bytes("v"));
  CHECK(cache.get("k") == Bytes("v"));
  CHECK(changes == "open half-open open half-open closed ");
  CHECK(cache.resilience().times_opened == 2);
}

TEST_CASE("ResilientBackend: on trial nothing is repeated", "[resilient]") {
  Store store;
  auto cache = store.resilient({.attempts = 5, .breaker = {.min_failures = 1, .open_for = 1s}});
  store.chaos->break_store();
  cache.get("k");
  store.clock.advance(1s);
  store.front->calls.clear();
  cache.get("k");
  CHECK(store.front->calls.size() == 1);
}

TEST_CASE("ResilientBackend: the fallback answers while the store fails, and no longer", "[resilient][fallback]") {
  Store store;
  const auto fallback = std::make_shared<Memory>(Memory::Options{.clock = store.clock});
  auto cache =
      store.resilient({.attempts = 1, .breaker = {.min_failures = 1000}, .fallback = fallback, .fallback_ttl = 10s});
  cache.set("k", "before");
  CHECK(fallback->stats().current_entries == 0u);
  store.chaos->break_store();
  CHECK(cache.get("k") == nothing);
  CHECK_FALSE(cache.set("k", "meanwhile", 60s, {{"a", "b"}}));  // not in the store, as far as is known
  CHECK(cache.get("k") == Bytes("meanwhile"));
  CHECK(cache.exists("k"));
  CHECK(cache.get_entry("k")->metadata == larder::Metadata{{"a", "b"}});
  CHECK(cache.keys() == std::vector<std::string>{"k"});
  CHECK(cache.get_many({"k", "l"}).size() == 1);
  CHECK(cache.set_many({{"l", "1"}, {"m", "2"}}) == 0);
  CHECK(cache.get_many({"k", "l", "m"}).size() == 3);
  CHECK(cache.visit_entry("l", [](const larder::EntryView<Bytes>& entry) { CHECK(entry.value == Bytes("1")); }));
  CHECK_FALSE(cache.erase("l"));
  CHECK(cache.get("l") == nothing);
  store.clock.advance(10s);
  CHECK(cache.get("k") == nothing);  // fallback_ttl

  SECTION("what is written to the store leaves the fallback") {
    cache.set("k", "meanwhile");
    store.chaos->mend_store();
    CHECK(cache.get("k") == Bytes("before"));
    CHECK(cache.set("k", "after"));
    store.chaos->break_store();
    CHECK(cache.get("k") == nothing);
  }
  SECTION("what the fallback cannot do is a miss, too") {
    cache.clear();
    CHECK(cache.keys().empty());
  }
}

TEST_CASE("ResilientBackend: when the circuit closes, the fallback is cleared", "[resilient][fallback]") {
  Store store;
  const auto fallback = std::make_shared<Memory>(Memory::Options{.clock = store.clock});
  auto cache = store.resilient({.attempts = 1, .breaker = {.min_failures = 1, .open_for = 1s}, .fallback = fallback});
  store.chaos->break_store();
  cache.get("k");
  cache.set("k", "meanwhile");
  CHECK(cache.get("k") == Bytes("meanwhile"));
  store.chaos->mend_store();
  store.clock.advance(1s);
  CHECK(cache.get("other") == nothing);
  CHECK(cache.resilience().circuit == CircuitState::closed);
  CHECK(fallback->stats().current_entries == 0u);
}

TEST_CASE("ResilientBackend: a fallback that fails is no error either", "[resilient][fallback]") {
  Store store;
  Store other;
  auto cache = store.resilient({.fallback = other.chaos});
  store.chaos->break_store();
  other.chaos->break_store();
  for (const auto& named : larder_tests::all_calls()) CHECK_NOTHROW(named.call(cache));
}

TEST_CASE("ResilientBackend: what is shown is the answer that counts", "[resilient]") {
  // The first answer is lost after it was shown to the layer.
  Store store;
  store.memory->set("k", "old");
  auto cache = store.resilient({.attempts = 2});
  store.front->once_after("visit_entry", [&] {
    store.memory->set("k", "new");
    throw larder::ConnectionError("the reply was lost");
  });
  std::string shown;
  CHECK(cache.visit_entry("k", [&](const larder::EntryView<Bytes>& entry) { shown.append(entry.value); }));
  CHECK(shown == "new");
}

TEST_CASE("ResilientBackend: payloads are not copied", "[resilient]") {
  Store store;
  ResilientBackend<> cache(store.memory);
  const Bytes payload(std::string(100'000, 'x'));
  cache.set("k", payload);
  const void* const address = payload.data();
  CHECK(static_cast<const void*>(cache.get("k")->data()) == address);
  cache.visit_entry("k", [&](const larder::EntryView<Bytes>& entry) {
    CHECK(static_cast<const void*>(entry.value.data()) == address);
  });
}
