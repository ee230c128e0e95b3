/// \file redis_backend_threads_test.cpp
/// RedisBackend in many threads and in two processes, while its server lives and while it is killed.
#include <larder/backends/redis_backend.hpp>

#include <stdlib.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <fstream>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/cache_load.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/random.hpp"
#include "tests/support/redis_cache.hpp"
#include "tests/support/scripted_server.hpp"
#include "tests/support/tcp_proxy.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace larder_tests;
using namespace std::chrono_literals;

namespace {

using Steady = std::chrono::steady_clock;

/// Kills the server so often, under load, and sees how soon it is used again.
void check_kills(int times) {
  RedisServer server;
  auto options = redis_at(server.port(), 500ms);
  options.pool_size = 4;
  RedisCache cache(options);
  CacheLoad load(cache, 8);
  Steady::duration slowest{};
  Random random(1);
  for (int i = 0; i < times; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(random.below(30)));
    const std::size_t before = load.calls;
    server.restart();
    const auto begin = Steady::now();
    for (bool is_back = false; !is_back && Steady::now() - begin < 5s;) {
      try {
        cache.get("0");
        is_back = true;
      } catch (const larder::CacheError&) {
      }
    }
    slowest = std::max(slowest, Steady::now() - begin);
    while (load.calls == before && Steady::now() - begin < 5s) std::this_thread::sleep_for(1ms);
    CHECK(load.calls > before);
  }
  load.end();
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(slowest).count();
  CAPTURE(times, load.calls, load.errors, milliseconds);
  CHECK(load.wrong == 0);
  CHECK(milliseconds < 1000);
  if (times > 100) {
    WARN(times << " kills: " << load.calls << " calls, " << load.errors << " errors, back within " << milliseconds
               << " ms at most");
  }
}

}  // namespace

TEST_CASE("RedisBackend: more threads than connections, and each gets its own values", "[threads]") {
  if (skipped_without_redis()) return;
  TcpProxy proxy(shared_redis_server().port());
  auto options = redis_at(proxy.port(), 20s);
  options.pool_size = 4;
  RedisCache cache(options);
  CacheLoad load(cache, 32);
  while (load.calls < 4000 && load.errors == 0) std::this_thread::sleep_for(1ms);
  load.end();
  CHECK(load.wrong == 0);
  CHECK(load.errors == 0);
  CHECK(proxy.connections() <= 4);
}

TEST_CASE("RedisBackend: connections that break now and then bring nobody another's value", "[threads]") {
  if (skipped_without_redis()) return;
  TcpProxy proxy(shared_redis_server().port());
  auto options = redis_at(proxy.port(), 2s);
  options.pool_size = 4;
  RedisCache cache(options);
  CacheLoad load(cache, 8);
  Random random(7);
  for (int i = 0; i < 60; ++i) {
    std::this_thread::sleep_for(5ms);
    if (random.one_in(2)) {
      proxy.cut_after(random.below(20'000));
    } else if (random.one_in(2)) {
      proxy.cut_with_reset();
    } else {
      proxy.cut();
    }
  }
  const std::size_t before = load.calls;
  while (load.calls < before + 100) std::this_thread::sleep_for(1ms);
  load.end();
  CHECK(load.wrong == 0);
}

TEST_CASE("RedisBackend: calls that time out at random bring nobody another's value", "[threads]") {
  if (skipped_without_redis()) return;
  TcpProxy proxy(shared_redis_server().port());
  auto options = redis_at(proxy.port(), 20ms);
  options.connect_timeout = 1s;
  options.pool_size = 4;
  RedisCache cache(options);
  CacheLoad load(cache, 8);
  for (int i = 0; i < 20; ++i) {
    proxy.delay(30ms);
    std::this_thread::sleep_for(15ms);
    proxy.delay(0ms);
    std::this_thread::sleep_for(15ms);
  }
  load.end();
  CHECK(load.wrong == 0);
  CHECK(load.errors > 0);
  std::this_thread::sleep_for(50ms);
  options.timeout = 5s;
  RedisCache patient(options);
  CHECK(patient.set("k", "v"));
}

TEST_CASE("RedisBackend: with all connections in use, a call waits for its turn, and no longer than it may",
          "[threads]") {
  ScriptedServer server([](ScriptedServer::Connection& connection) {
    connection.read_command();
    connection.pause(500ms);
    connection.send("$1\r\nv\r\n");
    connection.read_command();
    connection.send("$1\r\nw\r\n");
    connection.wait_closed();
  });
  auto options = redis_at(server.port(), 100ms);
  options.pool_size = 1;
  RedisCache impatient(options);
  options.timeout = options.connect_timeout = 5s;
  RedisCache patient(options);
  {
    std::optional<std::string> first;
    std::string failure;
    std::thread other([&] {
      failure = message_of<larder::CacheError>([&] { first = patient.get("k"); });
    });
    while (server.commands().empty()) std::this_thread::sleep_for(1ms);
    CHECK(patient.get("k") == "w");
    other.join();
    CHECK(failure.empty());
    CHECK(first == "v");
    CHECK(server.connections() == 1);
  }
  std::vector<std::string> messages(3);
  std::vector<std::thread> threads;
  const auto begin = Steady::now();
  for (auto& message : messages) {
    threads.emplace_back([&] { message = message_of<larder::TimeoutError>([&] { impatient.get("k"); }); });
  }
  for (auto& thread : threads) thread.join();
  CHECK(Steady::now() - begin < 400ms);
  std::size_t exhausted = 0;
  for (const auto& message : messages) {
    CHECK_FALSE(message.empty());
    exhausted += contains(message, "pool_size") ? 1 : 0;
  }
  CHECK(exhausted >= 1);
  CHECK(impatient.stats().errors == 3);
}

TEST_CASE("RedisBackend: of several that store only where there is nothing, one does", "[threads]") {
  if (skipped_without_redis()) return;
  RedisCache cache(shared_redis());
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> stored{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 6; ++i) {
      threads.emplace_back([&, i] { stored += cache.set_if_absent(std::to_string(round), std::to_string(i)) ? 1 : 0; });
    }
    for (auto& thread : threads) thread.join();
    CHECK(stored == 1);
  }
}

TEST_CASE("RedisBackend: a server that is killed under load is used again as soon as it is back", "[threads]") {
  if (skipped_without_redis()) return;
  check_kills(10);
}

TEST_CASE("RedisBackend: a server that is killed 200 times", "[.][campaign]") {
  if (skipped_without_redis()) return;
  check_kills(200);
}

// The other process of the test below, which says what to do: a line for each call.
TEST_CASE("RedisBackend: the second process", "[.][second_process]") {
  const char* port = ::getenv("LARDER_SECOND_PORT");
  if (port == nullptr) return;
  larder::RedisOptions options{.port = static_cast<std::uint16_t>(std::stoi(port)), .prefix = "both:"};
  RedisCache cache(options);
  CHECK(cache.get("by first") == "1");
  CHECK(cache.get_entry("by first")->metadata.at("from") == "first");
  CHECK_FALSE(cache.set_if_absent("by first", "taken"));
  CHECK(cache.set("by second", "2", {}, {{"from", "second"}}));
  CHECK(cache.set("last writer", "second"));
  CHECK(cache.erase("erased by second"));
  // From now on, the two take turns.
  for (int turn = 1; turn < 200; turn += 2) {
    std::optional<std::string> seen;
    for (const auto end = Steady::now() + 10s; Steady::now() < end && seen != std::to_string(turn);) {
      seen = cache.get("turn");
    }
    REQUIRE(seen == std::to_string(turn));
    REQUIRE(cache.set("turn", std::to_string(turn + 1)));
  }
  CHECK(cache.clear() == 4);
}

TEST_CASE("RedisBackend: two processes see each other's writes", "[threads]") {
  if (skipped_without_redis()) return;
  const TemporaryFolder folder;
  RedisCache cache({.port = shared_redis_server().port(), .prefix = "both:"});
  cache.clear();
  CHECK(cache.set("by first", "1", {}, {{"from", "first"}}));
  CHECK(cache.set("last writer", "first"));
  CHECK(cache.set("erased by second", "1"));
  ::setenv("LARDER_SECOND_PORT", std::to_string(shared_redis_server().port()).c_str(), 1);
  ChildProcess second({"/proc/self/exe", "[second_process]"}, folder.path("log"));
  for (int turn = 0; turn < 200; turn += 2) {
    if (turn > 0) {
      std::optional<std::string> seen;
      for (const auto end = Steady::now() + 10s; Steady::now() < end && seen != std::to_string(turn);) {
        seen = cache.get("turn");
      }
      REQUIRE(seen == std::to_string(turn));
    }
    if (turn == 198) {
      CHECK(cache.get("by second") == "2");
      CHECK(cache.get_entry("by second")->metadata.at("from") == "second");
      CHECK(cache.get("last writer") == "second");
      CHECK_FALSE(cache.exists("erased by second"));
    }
    REQUIRE(cache.set("turn", std::to_string(turn + 1)));
  }
  const int exit_code = second.wait();
  INFO(contents_of(folder.path("log")));
  CHECK(exit_code == 0);
  CHECK(cache.keys().empty());
  CHECK_FALSE(cache.get("by first"));
}
