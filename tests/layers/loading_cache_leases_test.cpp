/// \file loading_cache_leases_test.cpp
/// LoadingCache in several processes: by leases, one of them loads.
#include <larder/layers/loading_cache.hpp>

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <larder/call_deadline.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/lease_checks.hpp"
#include "tests/support/loading_fixture.hpp"
#include "tests/support/local_leases.hpp"

using namespace std::chrono_literals;
using larder::Bytes;
using larder::LoadingCache;
using larder::LoadingOptions;
using larder_tests::LoadingFixture;
using larder_tests::LocalLeases;

namespace {

const std::optional<Bytes> nothing;

/// Two processes that share a store and leases.
struct Processes : LoadingFixture {
  std::shared_ptr<LocalLeases> leases = std::make_shared<LocalLeases>(clock);

  std::unique_ptr<LoadingCache<>> process(LoadingOptions options = {}) {
    options.leases = leases;
    return std::make_unique<LoadingCache<>>(memory, origin.loader(), in_virtual_time(std::move(options)));
  }
};

/// A key that has no text.
using Textless = std::optional<int>;

}  // namespace

TEST_CASE("LocalLeases: keep the promises of leases", "[loading]") {
  LocalLeases leases;
  const auto token = leases.acquire("k", 1ms);
  REQUIRE(token);
  CHECK_FALSE(leases.acquire("k", 1ms));
  CHECK_FALSE(leases.release("k", "other"));
  CHECK(leases.release("k", *token));
  CHECK(leases.acquire("k", 1ms));
}

TEST_CASE("LoadingCache: of several processes one loads, the others wait for its value", "[loading][threads]") {
  Processes shared;
  auto memory = std::make_shared<larder::InMemoryBackend<>>();
  larder_tests::check_that_processes_load_once(
      [&] { return std::make_unique<LoadingCache<>>(memory, LoadingOptions{.leases = shared.leases}); }, "k");
  CHECK(shared.leases->count() == 0);
}

TEST_CASE("LoadingCache: a process that waits takes the stale value, if there is one", "[loading]") {
  Processes shared;
  auto ours = shared.process({.ttl = 10s, .stale_if_error = 1min});
  CHECK(ours->get("k") == Bytes("k:1"));
  CHECK(shared.leases->count() == 0);
  shared.clock.advance(10s);
  const auto token = shared.leases->acquire("k", 1min);  // another process loads
  CHECK(ours->get("k") == Bytes("k:1"));
  CHECK(ours->stats().stale_served == 1);
  CHECK(ours->stats().leases_refused == 1);
  CHECK(shared.origin.calls() == 1);
  CHECK(shared.leases->release("k", *token));
  CHECK(ours->get("k") == Bytes("k:2"));
}

TEST_CASE("LoadingCache: when the other process gives up or dies, one that waits takes over", "[loading]") {
  Processes shared;
  auto ours = shared.process({.lease_ttl = 5s});
  const auto token = shared.leases->acquire("k", 5s);
  const bool dies = GENERATE(false, true);
  auto waiting = std::async(std::launch::async, [&] { return ours->get("k"); });
  while (ours->stats().leases_refused == 0) std::this_thread::sleep_for(1ms);
  std::this_thread::sleep_for(10ms);
  CHECK(ours->stats().loads == 0);
  if (dies) {
    shared.clock.advance(5s);
  } else {
    CHECK(shared.leases->release("k", *token));
  }
  CHECK(waiting.get() == Bytes("k:1"));
}

TEST_CASE("LoadingCache: a caller's deadline ends the wait for another process", "[loading]") {
  Processes shared;
  auto ours = shared.process();
  const auto token = shared.leases->acquire("k", 1min);
  const larder::CallDeadline deadline(20ms);
  CHECK_THROWS_AS(ours->get("k"), larder::TimeoutError);
  CHECK(shared.leases->release("k", *token));
}

TEST_CASE("LoadingCache: a load that another process has invalidated is not kept", "[loading]") {
  const bool sets = GENERATE(false, true);
  Processes shared;
  auto ours = shared.process();
  auto theirs = shared.process();
  const auto overtaken = [&](std::string_view) {
    if (sets) {
      theirs->set("k", "set");
    } else {
      theirs->invalidate("k");
    }
    return Bytes("loaded");
  };
  CHECK(ours->get("k", overtaken) == Bytes("loaded"));
  CHECK(theirs->get_if_present("k") == (sets ? std::optional<Bytes>("set") : nothing));
  CHECK(ours->stats().overtaken == 1);
  CHECK(ours->get("j", [&](std::string_view) {
    theirs->invalidate_all();
    return Bytes("loaded");
  }) == Bytes("loaded"));
  CHECK(theirs->get_if_present("j") == nothing);
}

TEST_CASE("LoadingCache: an invalidation by another process while the value is being stored wins, too", "[loading]") {
  Processes shared;
  auto theirs = shared.process();
  LoadingOptions options = shared.in_virtual_time({});
  options.leases = shared.leases;
  LoadingCache<> ours(shared.front, options);
  shared.front->once_before("set", [&] { theirs->invalidate("k"); });
  CHECK(ours.get("k", [] { return Bytes("loaded"); }) == Bytes("loaded"));
  CHECK(theirs->get_if_present("k") == nothing);
}

TEST_CASE("LoadingCache: a lease whose time is over costs nothing but a second load", "[loading]") {
  Processes shared;
  auto ours = shared.process({.lease_ttl = 1ms});
  CHECK(ours->get("k", [&] {
    shared.clock.advance(1s);
    std::this_thread::sleep_for(2ms);
    return Bytes("slow");
  }) == Bytes("slow"));
  CHECK(ours->get_if_present("k") == Bytes("slow"));
}

TEST_CASE("LoadingCache: leases that cannot be reached keep nobody from loading", "[loading]") {
  Processes shared;
  auto ours = shared.process();
  shared.leases->break_store();
  CHECK(ours->get("k") == Bytes("k:1"));
  CHECK(ours->get_if_present("k") == Bytes("k:1"));
  CHECK_THROWS_AS(ours->invalidate("k"), larder::ConnectionError);
  shared.leases->break_store(false);
  CHECK(ours->get("j", [&] {
    shared.leases->break_store();
    return Bytes("v");
  }) == Bytes("v"));
  CHECK(ours->get_if_present("j") == Bytes("v"));
}

TEST_CASE("LoadingCache: refreshes in the background ask for a lease, and load though there is a value", "[loading]") {
  Processes shared;
  auto ours = shared.process({.ttl = 10s, .stale_while_revalidate = 1min});
  auto theirs = shared.process({.ttl = 10s, .stale_while_revalidate = 1min});
  ours->get("k");
  CHECK(ours->refresh("k"));
  shared.background.run();
  CHECK(ours->get("k") == Bytes("k:2"));
  shared.clock.advance(10s);
  CHECK(ours->get("k") == Bytes("k:2"));
  CHECK(theirs->get("k") == Bytes("k:2"));
  CHECK(shared.background.run() == 2);
  CHECK(shared.origin.calls() == 3);  // the second process saw that the first had loaded
  CHECK(theirs->get("k") == Bytes("k:3"));
}

TEST_CASE("LoadingCache: a refresh that another process forestalls tells those who wait for it nothing", "[loading]") {
  Processes shared;
  auto ours = shared.process();
  const auto token = shared.leases->acquire("k", 1min);
  CHECK(ours->refresh("k"));
  auto waiting = std::async(std::launch::async, [&] { return ours->get("k"); });
  while (ours->stats().joined == 0) std::this_thread::sleep_for(1ms);
  shared.background.run();
  while (ours->stats().leases_refused < 2) std::this_thread::sleep_for(1ms);
  CHECK(shared.leases->release("k", *token));
  CHECK(waiting.get() == Bytes("k:1"));
}

TEST_CASE("LoadingCache: coroutines of several processes load once", "[loading][threads]") {
  Processes shared;
  auto ours = shared.process();
  auto theirs = shared.process();
  std::vector<Bytes> values;
  const auto ask = [&](LoadingCache<>& cache) -> larder::detail::Detached {
    const Bytes value = co_await cache.async_get(
        "k", [&](std::string_view key) -> larder::LoadTask<Bytes> { co_return shared.origin.load(key); });
    values.push_back(value);
  };
  ask(*ours);
  ask(*theirs);
  CHECK(values.empty());  // they go on where they may wait
  CHECK(shared.background.run() == 2);
  CHECK(values == std::vector<Bytes>{Bytes("k:1"), Bytes("k:1")});
}

TEST_CASE("LoadingCache: leases are refused for keys that have no text", "[loading]") {
  auto memory = std::make_shared<larder::InMemoryBackend<Textless, int>>();
  LoadingCache<Textless, int> cache(memory);
  CHECK(cache.get(Textless{1}, [] { return 1; }) == 1);
  CHECK_THROWS_AS((LoadingCache<Textless, int>(memory, LoadingOptions{.leases = std::make_shared<LocalLeases>()})),
                  larder::InvalidArgumentError);
}
