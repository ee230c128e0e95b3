/// \file hostile_redis.hpp
/// A Redis server that misbehaves until it is told to behave, and what a cache must make of it.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>
#include <typeinfo>
#include <utility>

#include "tests/support/catch.hpp"
#include "tests/support/redis_cache.hpp"
#include "tests/support/resident_memory.hpp"
#include "tests/support/scripted_server.hpp"

namespace larder_tests {

/// While it behaves, the value of a key is "value of " and the key, and whatever is not GET is `OK`.
class HostileRedis {
 public:
  using Connection = ScriptedServer::Connection;

  /// `attack` is run for each connection while the server does not behave.
  explicit HostileRedis(ScriptedServer::Script attack)
      : server_([this, attack = std::move(attack)](Connection& connection) {
          if (!behaves_) return attack(connection);
          behave(connection);
        }) {}

  static void behave(Connection& connection) {
    while (true) answer(connection, connection.read_command());
  }
  static void answer(Connection& connection, const ScriptedServer::Command& command) {
    if (command.at(0) != "GET") return connection.send("+OK\r\n");
    const std::string value = value_of(command.at(1));
    connection.send("$" + std::to_string(value.size()) + "\r\n" + value + "\r\n");
  }
  static std::string value_of(const std::string& key) { return "value of " + key; }

  void behave() { behaves_ = true; }
  ScriptedServer& server() { return server_; }

 private:
  std::atomic<bool> behaves_{false};
  ScriptedServer server_;
};

/// A script that answers a command with some bytes, and then waits for the client to go.
inline ScriptedServer::Script say(std::string bytes) {
  return [bytes = std::move(bytes)](ScriptedServer::Connection& connection) {
    connection.read_command();
    connection.send(bytes);
    connection.wait_closed();
  };
}

inline constexpr std::chrono::milliseconds hostile_timeout{300};
inline constexpr std::size_t hostile_max_reply = std::size_t{1} << 20;

inline larder::RedisOptions hostile_options(HostileRedis& hostile) {
  auto options = redis_at(hostile.server().port(), hostile_timeout);
  options.prefix = "p:";
  options.scan_timeout = hostile_timeout;
  options.max_reply_bytes = hostile_max_reply;
  return options;
}

/// `call(cache)` must throw an `Error`, and no other kind of it, in time, with little memory; be counted as an error
/// and as nothing else; and leave a cache that works once the server behaves. `sent` is how much memory it may take for
/// what it sends.
template <class Error, class Call>
void check_attack(const std::string& name, const ScriptedServer::Script& attack, const Call& call,
                  std::size_t sent = 0) {
  INFO(name);
  constexpr int attempts = 3;  // another program may take the processor for a moment, but not each time
  for (int attempt = 1; attempt <= attempts; ++attempt) {
    HostileRedis hostile(attack);
    RedisCache cache(hostile_options(hostile));
    const PeakMemory memory;
    const auto begin = std::chrono::steady_clock::now();
    std::string thrown = "nothing";
    bool is_right = false;
    try {
      call(cache);
    } catch (const Error& error) {
      thrown = error.what();
      is_right = true;
    } catch (const std::exception& error) {
      thrown = std::string(typeid(error).name()) + ": " + error.what();
    }
    const std::size_t growth = memory.growth();
    const auto took = std::chrono::steady_clock::now() - begin;
    INFO("thrown: " << thrown);
    CHECK(is_right);
    const auto stats = cache.stats();
    CHECK(stats.errors == 1);
    CHECK(stats.hits + stats.misses + stats.sets + stats.deletes + stats.undecodable == 0);
    hostile.behave();
    CHECK(cache.get("k") == HostileRedis::value_of("p:k"));
    const bool is_in_time = took <= hostile_timeout + std::chrono::milliseconds(50);
    const bool is_small = !PeakMemory::is_meaningful || growth <= sent + hostile_max_reply * 5 / 2 + (8U << 20U);
    if (is_in_time && is_small) return;
    if (attempt < attempts) continue;
    INFO("took " << std::chrono::duration_cast<std::chrono::milliseconds>(took).count() << " ms");
    INFO("memory grew by " << growth / 1024 << " kB");
    CHECK(is_in_time);
    CHECK(is_small);
  }
}

}  // namespace larder_tests
