/// \file echo_redis.hpp
/// A scripted Redis server whose values tell their keys, until it is told to misbehave.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "tests/support/scripted_server.hpp"

namespace larder_tests {

/// The value of every key at such a server.
inline std::string echo_value(std::string_view key) { return "value of " + std::string(key); }

inline std::string bulk(std::string_view text) {
  return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
}

/// Answers GET and MGET with `echo_value`, SET with OK, and everything else with 0, as long as `misbehave` is not set:
/// then that is what a connection is given to once it has read a command.
class EchoRedis {
 public:
  using Misbehaviour = std::function<void(ScriptedServer::Connection&, const ScriptedServer::Command&)>;

  EchoRedis() : server_([this](ScriptedServer::Connection& connection) { serve(connection); }) {}

  std::uint16_t port() const noexcept { return server_.port(); }
  std::size_t connections() const { return server_.connections(); }
  /// How often a command came.
  std::size_t count(std::string_view name) const {
    const auto commands = server_.commands();
    return static_cast<std::size_t>(std::count_if(commands.begin(), commands.end(), [name](const auto& command) {
      return !command.empty() && command.front() == name;
    }));
  }

  void misbehave(Misbehaviour how) { store(std::make_shared<const Misbehaviour>(std::move(how))); }
  void behave() { store(nullptr); }

 private:
  void store(std::shared_ptr<const Misbehaviour> how) {
    const std::lock_guard lock(mutex_);
    misbehaviour_ = std::move(how);
  }
  std::shared_ptr<const Misbehaviour> misbehaviour() const {
    const std::lock_guard lock(mutex_);
    return misbehaviour_;
  }

  void serve(ScriptedServer::Connection& connection) const {
    for (;;) {
      const auto command = connection.read_command();
      if (const auto how = misbehaviour()) {
        (*how)(connection, command);
      } else {
        connection.send(answer(command));
      }
    }
  }

  static std::string answer(const ScriptedServer::Command& command) {
    if (command.at(0) == "GET") return bulk(echo_value(command.at(1)));
    if (command.at(0) == "SET") return "+OK\r\n";
    if (command.at(0) != "MGET") return ":0\r\n";
    std::string values = "*" + std::to_string(command.size() - 1) + "\r\n";
    for (std::size_t i = 1; i < command.size(); ++i) values += bulk(echo_value(command[i]));
    return values;
  }

  mutable std::mutex mutex_;
  std::shared_ptr<const Misbehaviour> misbehaviour_;
  ScriptedServer server_;  // last, since its threads use the others
};

}  // namespace larder_tests
