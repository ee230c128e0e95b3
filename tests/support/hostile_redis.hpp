/// \file hostile_redis.hpp
/// A Redis server that misbehaves until it is told to behave, and what a cache must make of it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "tests/support/hostile_server.hpp"
#include "tests/support/redis_cache.hpp"
#include "tests/support/scripted_server.hpp"

namespace larder_tests {

/// While it behaves, the value of a key is "value of " and the key, and whatever is not GET is `OK`.
struct HostileRedis {
  using Connection = ScriptedServer::Connection;

  static void behave(Connection& connection) {
    while (true) answer(connection, connection.read_command());
  }
  static void answer(Connection& connection, const ScriptedServer::Command& command) {
    if (command.at(0) != "GET") return connection.send("+OK\r\n");
    const std::string value = value_of(command.at(1));
    connection.send("$" + std::to_string(value.size()) + "\r\n" + value + "\r\n");
  }
  static std::string value_of(const std::string& key) { return "value of " + key; }
};

/// A script that answers a command with some bytes, and then waits for the client to go.
inline ScriptedServer::Script say(std::string bytes) {
  return [bytes = std::move(bytes)](ScriptedServer::Connection& connection) {
    connection.read_command();
    connection.send(bytes);
    connection.wait_closed();
  };
}

inline larder::RedisOptions hostile_options(std::uint16_t port) {
  auto options = redis_at(port, hostile_timeout);
  options.prefix = "p:";
  options.scan_timeout = hostile_timeout;
  options.max_reply_bytes = hostile_max_reply;
  return options;
}

/// See hostile_server.hpp.
template <class Error, class Call>
void check_attack(const std::string& name, const ScriptedServer::Script& attack, const Call& call,
                  std::size_t sent = 0) {
  check_attack<Error>(
      Attack{.name = name,
             .attack = attack,
             .behaviour = [](ScriptedServer::Connection& each) { HostileRedis::behave(each); },
             .value = HostileRedis::value_of("p:k"),
             .sent = sent},
      [](std::uint16_t port) { return std::make_unique<RedisCache>(hostile_options(port)); }, call);
}

}  // namespace larder_tests
