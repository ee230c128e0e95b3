/// \file hostile_server.hpp
/// A server that misbehaves until it is told to behave, and what a cache must make of it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <typeinfo>
#include <utility>

#include "tests/support/catch.hpp"
#include "tests/support/resident_memory.hpp"
#include "tests/support/scripted_server.hpp"

namespace larder_tests {

class HostileServer {
 public:
  using Script = ScriptedServer::Script;

  /// `attack` is run for each connection while the server does not behave, `behaviour` from then on.
  HostileServer(Script attack, Script behaviour)
      : server_([this, attack = std::move(attack),
                 behaviour = std::move(behaviour)](ScriptedServer::Connection& connection) {
          behaves_ ? behaviour(connection) : attack(connection);
        }) {}

  void behave() { behaves_ = true; }
  ScriptedServer& server() { return server_; }

 private:
  std::atomic<bool> behaves_{false};
  ScriptedServer server_;
};

inline constexpr std::chrono::milliseconds hostile_timeout{300};
inline constexpr std::size_t hostile_max_reply = std::size_t{1} << 20;

/// What a kind of backend has to do with a server that attacks it.
struct Attack {
  std::string name;
  HostileServer::Script attack;
  HostileServer::Script behaviour;
  /// Of the key "k", once the server behaves.
  std::string value;
  /// How much memory a call may take for what it sends.
  std::size_t sent = 0;
  /// How long it may take.
  std::chrono::milliseconds timeout = hostile_timeout;
};

/// `call(cache)` must throw an `Error`, and no other kind of it, in time, with little memory; be counted as an error
/// and as nothing else; and leave a cache that works once the server behaves. `make(port)` makes the cache, with
/// `hostile_timeout` and `hostile_max_reply`.
template <class Error, class Make, class Call>
void check_attack(const Attack& attack, const Make& make, const Call& call) {
  INFO(attack.name);
  constexpr int attempts = 3;  // another program may take the processor for a moment, but not each time
  for (int attempt = 1; attempt <= attempts; ++attempt) {
    HostileServer hostile(attack.attack, attack.behaviour);
    const auto cache = make(hostile.server().port());
    const PeakMemory memory;
    const auto begin = std::chrono::steady_clock::now();
    std::string thrown = "nothing";
    bool is_right = false;
    try {
      call(*cache);
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
    const auto stats = cache->stats();
    CHECK(stats.errors == 1);
    CHECK(stats.hits + stats.misses + stats.sets + stats.deletes + stats.undecodable == 0);
    hostile.behave();
    CHECK(cache->get("k") == attack.value);
    const bool is_in_time = took <= attack.timeout + std::chrono::milliseconds(50);
    const bool is_small = !PeakMemory::is_meaningful || growth <= attack.sent + hostile_max_reply * 5 / 2 + (8U << 20U);
    if (is_in_time && is_small) return;
    if (attempt < attempts) continue;
    INFO("took " << std::chrono::duration_cast<std::chrono::milliseconds>(took).count() << " ms");
    INFO("memory grew by " << growth / 1024 << " kB");
    CHECK(is_in_time);
    CHECK(is_small);
  }
}

}  // namespace larder_tests
