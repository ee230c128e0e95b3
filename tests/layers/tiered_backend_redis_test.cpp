/// \file tiered_backend_redis_test.cpp
/// TieredBackend in front of a real Redis: two processes, links that break, and a server that is down, slow and back.
#include <larder/layers/tiered_backend.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <larder/backends/redis_backend.hpp>
#include <larder/backends/redis_invalidation_listener.hpp>
#include <larder/call_deadline.hpp>
#include <larder/in_memory_backend.hpp>
#include <larder/layers/resilient_backend.hpp>
#include <larder/layers/tagged_backend.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/redis_cache.hpp"
#include "tests/support/scoped_variable.hpp"
#include "tests/support/tcp_proxy.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace larder_tests;
using namespace std::chrono_literals;
using larder::Bytes;
using larder::RedisOptions;
using larder::TieredBackend;
using larder::TieredOptions;

namespace {

using Steady = std::chrono::steady_clock;

/// Memory in front of Redis, told of changes over a link of its own.
std::unique_ptr<TieredBackend<>> tiered(const std::shared_ptr<larder::CacheBackend<>>& far, const RedisOptions& link,
                                        std::chrono::milliseconds heartbeat = 1s) {
  auto cache = std::make_unique<TieredBackend<>>(
      std::make_shared<larder::InMemoryBackend<>>(), far,
      TieredOptions<>{.near_ttl = 1h, .invalidation = [link, heartbeat](larder::InvalidationEvents<>& events) {
                        return std::make_unique<larder::RedisInvalidationListener<>>(
                            link, events, larder::RedisInvalidationOptions{heartbeat});
                      }});
  REQUIRE(cache->invalidation()->wait_until_armed(20s));
  return cache;
}

std::unique_ptr<TieredBackend<>> tiered(const RedisOptions& options) {
  return tiered(std::make_shared<larder::RedisBackend<>>(options), options);
}

std::string now_text() { return std::to_string(Steady::now().time_since_epoch().count()); }

/// How long ago that was.
Steady::duration age_of(const Bytes& time) {
  return Steady::now().time_since_epoch() - Steady::duration(std::stoll(time.str()));
}

/// Result: what a read answers as soon as it answers something else; or the old value after a long time.
Bytes wait_for_change(larder::CacheBackend<>& cache, std::string_view key, const Bytes& old) {
  for (const auto end = Steady::now() + 20s; Steady::now() < end;) {
    if (const auto value = cache.get(key); value && *value != old) return *value;
    std::this_thread::yield();
  }
  return old;
}

/// Reads a key until its copy stays; the first ones may go, since the key was written just before.
void hold(TieredBackend<>& cache, std::string_view key) {
  for (int stays = 0; stays < 2;) {
    const auto hits = cache.tiers().near.hits;
    cache.get(key);
    stays = cache.tiers().near.hits > hits ? stays + 1 : 0;
    std::this_thread::sleep_for(20ms);
  }
}

/// A near cache that is not trusted is left alone at once, and emptied by the thread that found the link lost.
bool becomes_empty(const TieredBackend<>& cache) {
  for (const auto end = Steady::now() + 20s; cache.tiers().near.current_entries != 0;) {
    if (Steady::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

constexpr int writes = 200;

}  // namespace

// What the other process runs.
TEST_CASE("the process that writes", "[.writer]") {
  RedisOptions options{.port = static_cast<std::uint16_t>(std::stoi(std::getenv("LARDER_TEST_PORT"))),
                       .prefix = std::getenv("LARDER_TEST_PREFIX")};
  const auto cache = tiered(options);
  for (int i = 0; i < writes; ++i) {
    std::this_thread::sleep_for(3ms);
    cache->set("k", now_text());
  }
  cache->set("done", "yes");
  CHECK(cache->get("done") == Bytes("yes"));
}

namespace {

/// Result: how old each value was that another process wrote, when it was first read here, in order.
std::vector<Steady::duration> ages_of_writes() {
  const RedisOptions options = shared_redis();
  const auto cache = tiered(options);
  cache->set("k", "0");
  const TemporaryFolder folder;
  const std::string port = std::to_string(options.port);
  const ScopedVariable port_variable("LARDER_TEST_PORT", port.c_str());
  const ScopedVariable prefix_variable("LARDER_TEST_PREFIX", options.prefix.c_str());
  ChildProcess writer({"/proc/self/exe", "[.writer]"}, folder.path("log"));
  std::vector<Steady::duration> ages;
  Bytes last = "0";
  // Some may be overtaken by the next one, where this process does not get to run.
  while (static_cast<int>(ages.size()) < writes && !cache->get("done")) {
    const Bytes value = wait_for_change(*cache, "k", last);
    if (value == last) break;
    ages.push_back(age_of(value));
    last = value;
  }
  CHECK(writer.wait() == 0);
  CHECK(cache->tiers().near.hits > 0);
  CHECK(cache->tiers().losses == 0);
  std::sort(ages.begin(), ages.end());
  return ages;
}

double milliseconds(Steady::duration time) { return std::chrono::duration<double, std::milli>(time).count(); }

void check_lost_links(int times) {
  const auto heartbeat = 500ms;
  TcpProxy link(shared_redis_server().port());
  const RedisOptions options = shared_redis();
  RedisOptions over_link = options;
  over_link.port = link.port();
  const auto far = std::make_shared<larder::RedisBackend<>>(options);
  const auto cache = tiered(far, over_link, heartbeat);
  larder::RedisBackend<> elsewhere(options);
  for (int i = 0; i < times; ++i) {
    const bool frozen = i % 2 == 0;
    elsewhere.set("k", "old");
    REQUIRE(cache->invalidation()->wait_until_armed(20s));
    hold(*cache, "k");
    const auto losses = cache->tiers().losses;
    if (frozen) {
      link.freeze();
    } else {
      link.refuse();
      link.cut();
    }
    const auto changed = Steady::now();
    elsewhere.set("k", "new");
    CHECK(wait_for_change(*cache, "k", "old") == Bytes("new"));
    // The slack is for a machine that has other things to do.
    CHECK(Steady::now() - changed < heartbeat + 500ms);
    CHECK(cache->tiers().losses > losses);
    CHECK(becomes_empty(*cache));
    if (frozen) {
      link.cut();
      link.thaw();
    } else {
      link.accept();
    }
  }
}

}  // namespace

TEST_CASE("TieredBackend: what another process writes is seen within a heartbeat", "[tiered][threads]") {
  const auto ages = ages_of_writes();
  CHECK(ages.size() > writes / 4);
  CHECK(ages.back() < 1s);
}

TEST_CASE("TieredBackend: how soon another process's write is seen", "[.latency]") {
  std::vector<Steady::duration> all;
  for (int i = 0; i < 20; ++i) {
    const auto ages = ages_of_writes();
    all.insert(all.end(), ages.begin(), ages.end());
  }
  std::sort(all.begin(), all.end());
  const auto at = [&all](double share) {
    return milliseconds(all[static_cast<std::size_t>(share * static_cast<double>(all.size() - 1))]);
  };
  WARN(all.size() << " writes of another process, milliseconds until they were read here: p50 " << at(0.5) << ", p90 "
                  << at(0.9) << ", p99 " << at(0.99) << ", most " << at(1));
  CHECK(at(0.99) < 50);
}

TEST_CASE("TieredBackend: when the link is cut, nothing is served that changed a heartbeat ago", "[tiered][threads]") {
  check_lost_links(4);
}

TEST_CASE("TieredBackend: a link that is cut a hundred times", "[.][campaign]") { check_lost_links(100); }

TEST_CASE("a stack over a Redis that is down, slow and back", "[full_stack][threads]") {
  TcpProxy proxy(shared_redis_server().port());
  RedisOptions options = shared_redis();
  options.port = proxy.port();
  const auto redis = std::make_shared<larder::RedisBackend<>>(options);
  const auto resilient = std::make_shared<larder::ResilientBackend<>>(
      redis, larder::ResilientOptions<>{.deadline = 200ms, .breaker = {.min_failures = 2, .open_for = 300ms}});
  const auto near_and_far = std::shared_ptr<TieredBackend<>>(tiered(resilient, options, 400ms));
  larder::TaggedBackend<> cache(near_and_far);
  // Where the machine stands still for longer than the deadline, a call is given up: then, and only then, again.
  const auto works = [&resilient](auto&& operation) {
    for (const auto begin = Steady::now(); Steady::now() - begin < 20s;) {
      const std::uint64_t errors = resilient->stats().errors;
      if (operation()) return true;
      if (resilient->stats().errors == errors) return false;
    }
    return false;
  };
  CHECK(works([&] { return cache.set("k", "v", 1h, {{"tags", "red"}}); }));
  CHECK(works([&] { return cache.get("k") == Bytes("v"); }));

  const bool slow = GENERATE(false, true);
  if (slow) {
    proxy.freeze();
  } else {
    proxy.refuse();
    proxy.cut();
  }
  // The near cache serves until the link is known to be lost, and no longer.
  const auto down = Steady::now();
  while (cache.get("k") && Steady::now() - down < 20s) std::this_thread::sleep_for(1ms);
  CHECK(Steady::now() - down < 2s);
  for (int i = 0; i < 20; ++i) {
    const auto begin = Steady::now();
    CHECK_FALSE(cache.get("k"));
    CHECK_FALSE(cache.set("l", "w"));
    CHECK_FALSE(cache.erase_tag("red"));
    CHECK(cache.get_many({"k", "l"}).empty());
    CHECK(Steady::now() - begin < 4 * 200ms + 700ms);
  }
  CHECK(resilient->resilience().refused > 20);
  if (slow) {
    proxy.thaw();
  } else {
    proxy.accept();
  }
  const auto back = Steady::now();
  while (!cache.get("k") && Steady::now() - back < 20s) std::this_thread::sleep_for(10ms);
  CHECK(works([&] { return cache.get("k") == Bytes("v"); }));
  REQUIRE(near_and_far->invalidation()->wait_until_armed(20s));
  CHECK(works([&] { return cache.set("l", "w"); }));
  CHECK(works([&] { return cache.get("l") == Bytes("w"); }));
  CHECK(works([&] { return cache.erase_tag("red"); }));
  CHECK_FALSE(cache.get("k"));
}

TEST_CASE("CallDeadline: it cuts the time-out of the calls in it", "[call_deadline]") {
  TcpProxy proxy(shared_redis_server().port());
  RedisOptions options = shared_redis();
  options.port = proxy.port();
  options.timeout = 60s;
  larder::RedisBackend<> cache(options);
  cache.set("k", "v");
  proxy.freeze();
  const auto begin = Steady::now();
  {
    const larder::CallDeadline outer(200ms);
    const larder::CallDeadline inner(10min);
    CHECK_THROWS_AS(cache.get("k"), larder::TimeoutError);
    CHECK_THROWS_AS(cache.get_many({"k"}), larder::TimeoutError);  // it has passed
  }
  CHECK(Steady::now() - begin < 2s);
  CHECK(Steady::now() - begin >= 200ms);
  proxy.thaw();
  CHECK(cache.get("k") == Bytes("v"));
  {
    const larder::CallDeadline lazy(larder::CallDeadline::FromFirstCall{500ms});
    CHECK_FALSE(lazy.first_call());
    std::this_thread::sleep_for(600ms);
    CHECK(cache.get("k") == Bytes("v"));
    CHECK(lazy.first_call());
  }
}
