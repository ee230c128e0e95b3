/// \file hostile_memcached.hpp
/// A Memcached server that misbehaves until it is told to behave, and what a cache must make of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/hostile_server.hpp"
#include "tests/support/memcached_cache.hpp"
#include "tests/support/scripted_server.hpp"

namespace larder_tests {

/// A command as it came: its words, and the payload of `ms`.
struct MemcachedCommand {
  std::vector<std::string> words;
  std::string payload;

  std::string key() const { return words.size() > 1 ? words[1] : ""; }
  std::string opaque() const {
    for (const std::string& word : words) {
      if (word.front() == 'O') return word.substr(1);
    }
    return "";
  }
  /// `{k}` and `{O}` replaced by the key and opaque of the command.
  std::string fill(std::string text) const {
    for (const auto& [name, value] : {std::pair<std::string, std::string>{"{k}", key()}, {"{O}", opaque()}}) {
      for (std::size_t at = 0; (at = text.find(name, at)) != std::string::npos; at += value.size()) {
        text.replace(at, name.size(), value);
      }
    }
    return text;
  }

  static MemcachedCommand read(ScriptedServer::Connection& connection) {
    MemcachedCommand command;
    std::istringstream line(connection.read_line());
    for (std::string word; line >> word;) command.words.push_back(word);
    if (!command.words.empty() && command.words[0] == "ms") {
      command.payload = connection.read_bytes(std::stoul(command.words.at(2)) + 2);
    }
    return command;
  }
};

/// While it behaves, the value of a key is "value of " and the key, but for the generation; whatever else is wanted is
/// done.
struct HostileMemcached {
  using Connection = ScriptedServer::Connection;

  static constexpr const char* generation = "AAAAAAAAAAA";

  static void behave(Connection& connection) {
    while (true) answer(connection, MemcachedCommand::read(connection));
  }
  static void answer(Connection& connection, const MemcachedCommand& command) {
    const std::string name = command.words.empty() ? "" : command.words[0];
    if (name == "get") {
      std::string all;
      for (std::size_t i = 1; i < command.words.size(); ++i) {
        const std::string value = value_of(command.words[i]);
        all += "VALUE " + command.words[i] + " 0 " + std::to_string(value.size()) + "\r\n" + value + "\r\n";
      }
      return connection.send(all + "END\r\n");
    }
    if (name != "mg") return connection.send(command.fill("HD k{k} O{O}\r\n"));
    const std::string value = value_of(command.key());
    connection.send(command.fill("VA " + std::to_string(value.size()) + " k{k} t-1 O{O}\r\n" + value + "\r\n"));
  }
  static std::string value_of(const std::string& key) {
    return key.ends_with("generation") ? generation : "value of " + key;
  }
};

/// A script that answers a command with some bytes, in which `{k}` and `{O}` are its key and opaque, and then waits for
/// the client to go.
inline ScriptedServer::Script say_to_memcached(std::string bytes) {
  return [bytes = std::move(bytes)](ScriptedServer::Connection& connection) {
    connection.send(MemcachedCommand::read(connection).fill(bytes));
    connection.wait_closed();
  };
}

/// Without generations, so that it is the first command that matters.
inline larder::MemcachedOptions hostile_memcached_options(std::uint16_t port) {
  auto options = memcached_at(port, hostile_timeout);
  options.prefix = "p:";
  options.clearable = false;
  options.backoff = std::chrono::milliseconds(0);
  options.max_value_bytes = hostile_max_reply;
  options.max_reply_bytes = hostile_max_reply;
  return options;
}

/// See hostile_server.hpp.
template <class Error, class Call>
void check_memcached_attack(const std::string& name, const ScriptedServer::Script& attack, const Call& call,
                            bool clearable = false) {
  const std::string prefix = clearable ? "p:" + std::string(HostileMemcached::generation) + ":" : "p:";
  check_attack<Error>(
      Attack{.name = name,
             .attack = attack,
             .behaviour = [](ScriptedServer::Connection& each) { HostileMemcached::behave(each); },
             .value = HostileMemcached::value_of(prefix + "k")},
      [clearable](std::uint16_t port) {
        auto options = hostile_memcached_options(port);
        options.clearable = clearable;
        return std::make_unique<MemcachedCache>(options);
      },
      call);
}

}  // namespace larder_tests
