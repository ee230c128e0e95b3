/// \file memcached_backend_servers_test.cpp
/// MemcachedBackend with several servers, some of which fail.
#include <larder/backends/memcached_backend.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/cache_load.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/memcached_cache.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/random.hpp"
#include "tests/support/tcp_proxy.hpp"

using namespace larder_tests;
using namespace std::chrono_literals;
using larder::CacheError;
using larder::ConnectionError;
using larder::TimeoutError;

namespace {

using Steady = std::chrono::steady_clock;

struct ThreeServers {
  std::array<MemcachedServer, 3> servers;

  larder::MemcachedOptions options(std::chrono::milliseconds timeout = 2s) const {
    auto options = memcached_at(servers[0].name(), timeout);
    for (const std::size_t other : {std::size_t{1}, std::size_t{2}}) options.servers.push_back(servers[other].name());
    return options;
  }
  /// The number of the server that has a key, by what the servers themselves say.
  std::size_t server_of(const larder::MemcachedOptions& options, const std::string& key) const {
    for (std::size_t i = 0; i < servers.size(); ++i) {
      const std::string name = options.prefix + generation_of(servers[i], options) + ":" + key;
      if (servers[i].command("mg " + name).starts_with("HD")) return i;
    }
    return servers.size();
  }
  /// One key for each server.
  std::array<std::string, 3> a_key_of_each(const larder::MemcachedOptions& options) const {
    MemcachedCache cache(options);
    std::array<std::string, 3> keys;
    for (int i = 0; keys[0].empty() || keys[1].empty() || keys[2].empty(); ++i) {
      const std::string plain = "key" + std::to_string(i);
      cache.set(plain, "v");
      keys.at(server_of(options, plain)) = plain;
    }
    return keys;
  }
};

std::vector<std::pair<std::string, std::string>> numbered(std::size_t count) {
  std::vector<std::pair<std::string, std::string>> items;
  for (std::size_t i = 0; i < count; ++i) items.emplace_back("key " + std::to_string(i), "value " + std::to_string(i));
  return items;
}

template <class Items>
std::vector<std::string> keys_of(const Items& items) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : items) keys.push_back(key);
  return keys;
}

/// Kills one of three servers so often, under load, and sees how soon it is used again.
void check_kills(int times) {
  ThreeServers three;
  auto options = three.options(500ms);
  options.pool_size = 4;
  options.backoff = 10ms;
  options.max_backoff = 50ms;
  MemcachedCache cache(options);
  const auto keys = three.a_key_of_each(options);
  CacheLoad load(cache, 8);
  Random random(1);
  Steady::duration slowest{};
  for (int i = 0; i < times; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(random.below(30)));
    const auto killed = random.below(3);
    three.servers[killed].restart();
    const auto begin = Steady::now();
    for (bool is_back = false; !is_back && Steady::now() - begin < 5s;) {
      try {
        cache.get(keys[killed]);
        is_back = true;
      } catch (const CacheError&) {
        std::this_thread::sleep_for(1ms);
      }
    }
    slowest = std::max(slowest, Steady::now() - begin);
  }
  load.end();
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(slowest).count();
  CAPTURE(times, load.calls, load.errors);
  CHECK(load.wrong == 0);
  CHECK(load.calls > 0);
  CHECK(milliseconds < 1000);
  if (times > 100) {
    WARN(times << " kills: " << load.calls << " calls, " << load.errors << " errors, back within " << milliseconds
               << " ms at most");
  }
}

}  // namespace

TEST_CASE("MemcachedBackend: keys are spread over the servers, and batches collect them again") {
  if (skipped_without_memcached()) return;
  const ThreeServers three;
  const auto options = three.options();
  MemcachedCache cache(options);
  const auto items = numbered(3000);
  CHECK(cache.set_many(items) == items.size());
  std::array<std::size_t, 4> load{};
  for (const auto& [key, value] : numbered(100)) {
    const std::string plain = "plain" + key.substr(4);
    cache.set(plain, value);
    ++load.at(three.server_of(options, plain));
  }
  CHECK(load[3] == 0);
  for (const std::size_t server : {std::size_t{0}, std::size_t{1}, std::size_t{2}}) CHECK(load.at(server) > 15);
  const auto found = cache.get_many(keys_of(items));
  CHECK(found.size() == items.size());
  std::size_t right = 0;
  for (const auto& [key, value] : items) right += found.at(key) == value ? 1 : 0;
  CHECK(right == items.size());
  for (const auto& [key, value] : numbered(50)) CHECK(cache.get(key) == value);
  // Whatever the order in which somebody else names them.
  auto turned = options;
  std::swap(turned.servers[0], turned.servers[2]);
  MemcachedCache other(turned);
  CHECK(other.get_many(keys_of(items)).size() == items.size());
  CHECK(cache.clear() == 0);
  CHECK(other.get_many(keys_of(items)).empty());
  CHECK(cache.erase_many(keys_of(items)) == 0);
}

TEST_CASE("MemcachedBackend: when one of three servers is killed, only its keys fail, and it is used when it is back") {
  if (skipped_without_memcached()) return;
  ThreeServers three;
  auto options = three.options();
  options.backoff = 200ms;
  options.max_backoff = 200ms;
  const auto keys = three.a_key_of_each(options);
  MemcachedCache cache(options);
  for (const auto& key : keys) CHECK(cache.set(key, "v"));
  three.servers[1].kill();
  CHECK(cache.get(keys[0]) == "v");
  CHECK_THROWS_AS(cache.get(keys[1]), ConnectionError);
  CHECK(cache.get(keys[2]) == "v");
  // Left alone: at once, without a word to anybody.
  const auto begin = Steady::now();
  const std::string message = message_of<ConnectionError>([&] { cache.set(keys[1], "w"); });
  CHECK(contains(message, "tried again in"));
  CHECK(contains(message, three.servers[1].name()));
  CHECK(Steady::now() - begin < 100ms);
  // A batch does what it can.
  CHECK_THROWS_AS(cache.set_many({{keys[0], "1"}, {keys[1], "1"}, {keys[2], "1"}}), ConnectionError);
  CHECK(cache.stats().sets == 5);
  CHECK(cache.get(keys[0]) == "1");
  CHECK(cache.get(keys[2]) == "1");
  CHECK_THROWS_AS(cache.get_many({keys[0], keys[1]}), ConnectionError);
  CHECK_THROWS_AS(cache.erase_many({keys[0], keys[1]}), ConnectionError);
  CHECK_FALSE(cache.exists(keys[0]));
  CHECK_THROWS_AS(cache.clear(), ConnectionError);
  CHECK_FALSE(cache.exists(keys[2]));
  three.servers[1].restart();
  const auto restarted = Steady::now();
  bool is_back = false;
  while (!is_back && Steady::now() - restarted < 5s) {
    try {
      is_back = cache.set(keys[1], "back");
    } catch (const ConnectionError&) {
      std::this_thread::sleep_for(5ms);
    }
  }
  CHECK(is_back);
  CHECK(Steady::now() - restarted < 1s);
  CHECK(cache.get(keys[1]) == "back");
}

TEST_CASE("MemcachedBackend: a server that is stopped takes one call its time, and then none") {
  if (skipped_without_memcached()) return;
  ThreeServers three;
  auto options = three.options(200ms);
  options.backoff = 1s;
  const auto keys = three.a_key_of_each(options);
  MemcachedCache cache(options);
  for (const auto& key : keys) CHECK(cache.set(key, "v"));
  three.servers[0].stop();
  auto begin = Steady::now();
  CHECK_THROWS_AS(cache.get(keys[0]), TimeoutError);
  CHECK(Steady::now() - begin >= 199ms);
  begin = Steady::now();
  for (int i = 0; i < 10; ++i) CHECK_THROWS_AS(cache.get(keys[0]), ConnectionError);
  CHECK(Steady::now() - begin < 200ms);
  CHECK(cache.get(keys[1]) == "v");
  three.servers[0].resume();
  std::this_thread::sleep_for(1100ms);
  CHECK(cache.get(keys[0]) == "v");
}

TEST_CASE("MemcachedBackend: a batch that one server does not answer does not make the others look as if they failed") {
  if (skipped_without_memcached()) return;
  ThreeServers three;
  auto options = three.options(300ms);
  options.backoff = 10s;
  options.max_backoff = 10s;
  const auto keys = three.a_key_of_each(options);
  for (std::size_t stopped = 0; stopped < 3; ++stopped) {
    CAPTURE(stopped);
    MemcachedCache cache(options);
    CHECK(cache.set_many({{keys[0], "v"}, {keys[1], "v"}, {keys[2], "v"}}) == 3);
    three.servers[stopped].stop();
    const auto begin = Steady::now();
    CHECK_THROWS_AS(cache.get_many({keys[0], keys[1], keys[2]}), TimeoutError);
    CHECK(Steady::now() - begin < 400ms);
    for (std::size_t other = 0; other < 3; ++other) {
      if (other != stopped) CHECK(cache.get(keys[other]) == "v");
    }
    CHECK_THROWS_AS(cache.get(keys[stopped]), ConnectionError);
    three.servers[stopped].resume();
  }
}

TEST_CASE("MemcachedBackend: on request, the keys of a server that failed go to the others") {
  if (skipped_without_memcached()) return;
  ThreeServers three;
  auto options = three.options();
  options.backoff = 10s;
  options.max_backoff = 10s;
  options.remap_failed_servers = true;
  const auto keys = three.a_key_of_each(options);
  MemcachedCache cache(options);
  for (const auto& key : keys) CHECK(cache.set(key, "v"));
  three.servers[2].kill();
  CHECK_THROWS_AS(cache.get(keys[2]), ConnectionError);
  CHECK_FALSE(cache.get(keys[2]));
  CHECK(cache.set(keys[2], "elsewhere"));
  CHECK(cache.get(keys[2]) == "elsewhere");
  CHECK(cache.get_many({keys[0], keys[1], keys[2]}).size() == 3);
  CHECK(three.server_of(options, keys[2]) < 2);
}

TEST_CASE("MemcachedBackend: an idle connection that the server has closed is no error") {
  if (skipped_without_memcached()) return;
  MemcachedServer server;
  MemcachedCache cache(memcached_at(server.port()));
  CHECK(cache.set("k", "v"));
  for (int i = 0; i < 3; ++i) {
    server.restart();
    CHECK_FALSE(cache.get("k"));
    CHECK(cache.set("k", "v"));
    CHECK(cache.get("k") == "v");
  }
  CHECK(cache.stats().errors == 0);
}

TEST_CASE("MemcachedBackend: a connection that breaks in the middle of a batch's answers gives no wrong value") {
  if (skipped_without_memcached()) return;
  TcpProxy proxy(shared_memcached_server().port());
  auto options = memcached_at(proxy.port());
  options.backoff = 0ms;
  MemcachedCache cache(options);
  const auto items = numbered(500);
  REQUIRE(cache.set_many(items) == items.size());
  for (const std::size_t bytes : {0U, 1U, 5U, 777U, 4096U, 6000U}) {
    CAPTURE(bytes);
    proxy.cut_after(bytes);
    const auto found = cache.get_many(keys_of(items));  // for a second time
    std::size_t right = 0;
    for (const auto& [key, value] : items) right += found.contains(key) && found.at(key) == value ? 1 : 0;
    CHECK(right == items.size());
  }
  CHECK(cache.stats().errors == 0);
  for (const std::size_t bytes : {0U, 1U, 5U, 777U, 2000U}) {
    CAPTURE(bytes);
    proxy.cut_after(bytes);
    CHECK_THROWS_AS(cache.set_many(items), ConnectionError);  // which is not repeated
    CHECK(cache.get("key 1") == "value 1");
  }
  CHECK(cache.stats().errors == 5);
}

TEST_CASE("MemcachedBackend: more threads than connections, and each gets its own values", "[threads]") {
  if (skipped_without_memcached()) return;
  auto options = memcached_at(shared_memcached_server().port(), 20s);
  options.pool_size = 4;
  MemcachedCache cache(options);
  CacheLoad load(cache, 32);
  while (load.calls < 4000 && load.errors == 0) std::this_thread::sleep_for(1ms);
  load.end();
  CHECK(load.wrong == 0);
  CHECK(load.errors == 0);
}

TEST_CASE("MemcachedBackend: threads that clear and others that use the cache", "[threads]") {
  if (skipped_without_memcached()) return;
  auto options = memcached_at(shared_memcached_server().port(), 20s);
  MemcachedCache cache(options);
  MemcachedCache other(options);
  CacheLoad load(cache, 8);
  for (int i = 0; i < 200; ++i) {
    other.clear();
    const std::string key = "own " + std::to_string(i);
    CHECK(other.set(key, "v"));
    CHECK(other.get(key) == "v");
  }
  load.end();
  CHECK(load.wrong == 0);
  CHECK(load.errors == 0);
}

TEST_CASE("MemcachedBackend: batches to three servers, one connection each, while others clear", "[threads]") {
  if (skipped_without_memcached()) return;
  const ThreeServers three;
  auto options = three.options(5s);
  options.pool_size = 1;
  MemcachedCache cache(options);
  MemcachedCache other(options);
  CacheLoad load(cache, 8);
  for (int i = 0; i < 100; ++i) other.clear();
  load.end();
  CAPTURE(load.calls);
  CHECK(load.wrong == 0);
  CHECK(load.errors == 0);
}

TEST_CASE("MemcachedBackend: servers that are killed under load, and no wrong value", "[threads]") {
  if (skipped_without_memcached()) return;
  check_kills(12);
}

TEST_CASE("MemcachedBackend: servers that are killed two hundred times", "[.][campaign]") {
  if (skipped_without_memcached()) return;
  check_kills(200);
}
