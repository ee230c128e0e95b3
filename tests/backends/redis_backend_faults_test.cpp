/// \file redis_backend_faults_test.cpp
/// RedisBackend when the network or the server fails: every call ends in time, and never with a wrong value.
#include <larder/backends/redis_backend.hpp>

#include <signal.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/redis_cache.hpp"
#include "tests/support/scripted_server.hpp"
#include "tests/support/tcp_proxy.hpp"

using namespace larder_tests;
using namespace std::chrono_literals;
using larder::ConnectionError;
using larder::TimeoutError;

namespace {

using Steady = std::chrono::steady_clock;

/// A cache behind a proxy.
struct Proxied {
  TcpProxy proxy{shared_redis_server().port()};
  larder::RedisOptions options;
  RedisCache cache;

  explicit Proxied(std::chrono::milliseconds timeout = 5s) : options(redis_at(proxy.port(), timeout)), cache(options) {}
};

std::vector<std::pair<std::string, std::string>> numbered(std::size_t count) {
  std::vector<std::pair<std::string, std::string>> items;
  for (std::size_t i = 0; i < count; ++i) items.emplace_back("key " + std::to_string(i), "value " + std::to_string(i));
  return items;
}

/// `call()` throws a TimeoutError, when its time is over: not sooner, nor much later.
template <class Call>
void check_times_out(std::chrono::milliseconds timeout, const Call& call) {
  for (int attempt = 1; attempt <= 3; ++attempt) {
    const auto begin = Steady::now();
    CHECK_THROWS_AS(call(), TimeoutError);
    const auto took = Steady::now() - begin;
    CHECK(took >= timeout - 1ms);
    if (took <= timeout + 50ms) return;
  }
  FAIL_CHECK("three times more than 50 ms late");
}

std::atomic<int> broken_pipes{0};

}  // namespace

TEST_CASE("RedisBackend: a connection that breaks in the middle of a batch's replies gives no wrong value") {
  if (skipped_without_redis()) return;
  Proxied proxied;
  const auto items = numbered(500);
  std::vector<std::string> keys;
  for (const auto& [key, value] : items) keys.push_back(key);
  REQUIRE(proxied.cache.set_many(items) == items.size());
  for (const std::size_t bytes : {0U, 1U, 5U, 777U, 4096U, 6000U}) {
    CAPTURE(bytes);
    proxied.proxy.cut_after(bytes);
    const auto found = proxied.cache.get_many(keys);  // for a second time
    CHECK(found.size() == items.size());
    std::size_t right = 0;
    for (const auto& [key, value] : items) right += found.contains(key) && found.at(key) == value ? 1 : 0;
    CHECK(right == items.size());
  }
  CHECK(proxied.cache.stats().errors == 0);
  for (const std::size_t bytes : {0U, 1U, 5U, 777U, 2000U}) {
    CAPTURE(bytes);
    proxied.proxy.cut_after(bytes);
    const auto sets = proxied.cache.stats().sets;
    CHECK_THROWS_AS(proxied.cache.set_many(items), ConnectionError);
    CHECK(proxied.cache.stats().sets == sets);
    CHECK(proxied.cache.get("key 499") == "value 499");
  }
  CHECK(proxied.cache.stats().errors == 5);
}

TEST_CASE("RedisBackend: a server that stops ends calls at their deadline, and may go on later") {
  if (skipped_without_redis()) return;
  RedisServer server;
  RedisCache cache(redis_at(server.port(), 150ms));
  CHECK(cache.set("a", "of a"));
  CHECK(cache.set("b", "of b"));
  server.stop();
  check_times_out(150ms, [&] { cache.get("a"); });
  check_times_out(150ms, [&] { cache.set("a", "late"); });
  check_times_out(150ms, [&] { cache.get_many({"a", "b"}); });
  server.resume();
  for (int i = 0; i < 10; ++i) {
    CHECK(cache.get("b") == "of b");
    CHECK(cache.get_many({"b"}).at("b") == "of b");
  }
  // What became of the write is unknown, but it is one of the two.
  const auto value = cache.get("a");
  CHECK((value == "of a" || value == "late"));
}

TEST_CASE("RedisBackend: a slow network does not prolong a call") {
  if (skipped_without_redis()) return;
  Proxied proxied(200ms);
  CHECK(proxied.cache.set("k", std::string(1000, 'v')));
  proxied.proxy.drip(1, 10ms);
  check_times_out(200ms, [&] { proxied.cache.get("k"); });
  proxied.proxy.drip(500, 10ms);
  CHECK(proxied.cache.get("k") == std::string(1000, 'v'));
  proxied.proxy.drip(0, 0ms);
  proxied.proxy.delay(50ms);
  CHECK(proxied.cache.get("k") == std::string(1000, 'v'));
  proxied.proxy.delay(1s);
  check_times_out(200ms, [&] { proxied.cache.get("k"); });
}

TEST_CASE("RedisBackend: a network that swallows everything, and then does not") {
  if (skipped_without_redis()) return;
  Proxied proxied(150ms);
  CHECK(proxied.cache.set("k", "v"));
  proxied.proxy.freeze();
  check_times_out(150ms, [&] { proxied.cache.get("k"); });  // on an old connection
  check_times_out(150ms, [&] { proxied.cache.get("k"); });  // on a new one
  proxied.proxy.thaw();
  CHECK(proxied.cache.get("k") == "v");
}

TEST_CASE("RedisBackend: a server that accepts nobody ends connecting at its deadline") {
  // A queue that is full, behind which the system drops whoever wants to connect.
  FileDescriptor full = bind_to_loopback(0);
  REQUIRE(::listen(full.get(), 0) == 0);
  std::vector<FileDescriptor> queued;
  for (int i = 0; i < 3; ++i) {
    queued.push_back(FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)));
    const sockaddr_in address = loopback_address(port_of(full));
    static_cast<void>(::connect(queued.back().get(), reinterpret_cast<const sockaddr*>(&address), sizeof address));
  }
  auto options = redis_at(port_of(full), 2s);
  options.connect_timeout = 150ms;
  RedisCache cache(options);
  check_times_out(150ms, [&] { cache.get("k"); });
  check_times_out(150ms, [&] { cache.set("k", "v"); });
}

TEST_CASE("RedisBackend: nobody listens") {
  auto options = redis_at(free_port());
  RedisCache cache(options);
  CHECK(contains(message_of<ConnectionError>([&] { cache.get("k"); }), std::to_string(options.port)));
  CHECK_THROWS_AS(cache.set("k", "v"), ConnectionError);
  CHECK_THROWS_AS(cache.get_many({"k", "l"}), ConnectionError);
  CHECK_THROWS_AS(cache.keys(), ConnectionError);
  options.host = "no-such-host.invalid";
  CHECK_THROWS_AS(RedisCache(options).get("k"), larder::CacheError);
}

TEST_CASE("RedisBackend: a server that was restarted is spoken to at once, writes included") {
  if (skipped_without_redis()) return;
  RedisServer server;
  RedisCache cache(redis_at(server.port()));
  for (int i = 0; i < 3; ++i) {
    CHECK(cache.set("k", "v"));
    CHECK(cache.get("k") == "v");
    server.restart();
    if (i == 1) CHECK_FALSE(cache.get("k"));
    if (i == 2) CHECK(cache.set_many({{"k", "v"}}) == 1);
  }
  CHECK(cache.stats().errors == 0);
}

TEST_CASE("RedisBackend: reads are repeated once on a connection that broke, and writes never") {
  ScriptedServer server([](ScriptedServer::Connection& connection) {
    connection.read_command();
    connection.close();
  });
  RedisCache cache(redis_at(server.port()));
  const auto count = [&](const auto& call) {
    const std::size_t before = server.commands().size();
    CHECK_THROWS_AS(call(), ConnectionError);
    return server.commands().size() - before;
  };
  CHECK(count([&] { cache.get("k"); }) == 2);
  CHECK(count([&] { cache.get_many({"k", "l"}); }) == 2);
  CHECK(count([&] { cache.get_entry("k"); }) == 2);
  CHECK(count([&] { cache.exists("k"); }) == 2);
  CHECK(count([&] { cache.keys(); }) == 2);
  CHECK(count([&] { cache.set("k", "v"); }) == 1);
  CHECK(count([&] { cache.set_if_absent("k", "v"); }) == 1);
  CHECK(count([&] { cache.touch("k", 1s); }) == 1);
  CHECK(count([&] { cache.erase("k"); }) == 1);
  CHECK(count([&] { cache.set_many({{"k", "v"}}); }) == 1);
  CHECK(count([&] { cache.erase_many({"k"}); }) == 1);
  CHECK(cache.stats().errors == 11);
}

TEST_CASE("RedisBackend: writing to a connection that was closed raises no signal") {
  struct sigaction counting {};
  struct sigaction before {};
  counting.sa_handler = [](int) { ++broken_pipes; };
  REQUIRE(::sigaction(SIGPIPE, &counting, &before) == 0);
  ScriptedServer server([](ScriptedServer::Connection& connection) {
    connection.read_bytes(20'000);
    if (connection.number() % 2 == 0) connection.reset();
  });
  RedisCache cache(redis_at(server.port()));
  const std::string large(12'000'000, 'v');
  for (int i = 0; i < 4; ++i) CHECK_THROWS_AS(cache.set("k", large), ConnectionError);
  CHECK(broken_pipes == 0);
  ::sigaction(SIGPIPE, &before, nullptr);
}

TEST_CASE("RedisBackend: a reply lost is a write whose outcome is unknown, and an error") {
  if (skipped_without_redis()) return;
  Proxied proxied;
  CHECK(proxied.cache.set("k", "v"));
  proxied.proxy.cut_after(0);
  CHECK_THROWS_AS(proxied.cache.erase("k"), ConnectionError);
  CHECK_FALSE(proxied.cache.exists("k"));  // it was carried out
  proxied.proxy.cut_after(0);
  CHECK_FALSE(proxied.cache.get("k"));  // asked again
  CHECK(proxied.cache.stats().errors == 1);
}
