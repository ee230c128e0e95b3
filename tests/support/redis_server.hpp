/// \file redis_server.hpp
/// RedisServer: a real one on a free port of the loopback interface, which a test may stop, kill and restart.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/resp_client.hpp"
#include "tests/support/temporary_folder.hpp"

namespace larder_tests {

/// Paths of what a server that speaks TLS needs.
struct RedisTls {
  std::string certificate;
  std::string key;
  std::string authority;                     ///< that signed the clients' certificates
  bool client_certificate_required = false;  ///< otherwise none is asked for
};

struct RedisServerOptions {
  std::string password = {};  ///< if it is empty, clients need not authenticate
  std::string username = {};  ///< whom the password is for, and then the default user is off
  std::uint64_t max_memory_bytes = 0;
  std::optional<RedisTls> tls = {};  ///< then the port speaks TLS alone
  bool cluster = false;
  std::vector<std::string> extra_arguments = {};
};

/// Stores nothing on disk. Not for several threads at once, whatever its clients do.
class RedisServer {
 public:
  static bool available() {
    static const bool found = !find_program("redis-server").empty();
    return found;
  }

  /// Returns when the server answers. Throws std::runtime_error with its log if it does not.
  explicit RedisServer(RedisServerOptions options = {}) : options_(std::move(options)) {
    for (int attempt = 1;; ++attempt) {
      port_ = free_port();
      if (start()) return;
      if (!port_was_taken() || attempt == 10) throw std::runtime_error("redis-server does not start:\n" + log());
    }
  }
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  std::string host() const { return "127.0.0.1"; }
  std::uint16_t port() const noexcept { return port_; }
  /// Every server has one, without TLS.
  std::string unix_socket() const { return folder_.path("redis.socket"); }
  const RedisServerOptions& options() const noexcept { return options_; }

  void kill() { process_.terminate(); }
  /// Kills it if it runs; then it is back on the same port, and empty.
  void restart() {
    kill();
    const SteadyTime deadline = after(patience);
    while (!start()) {
      if (!port_was_taken() || std::chrono::steady_clock::now() > deadline) {
        throw std::runtime_error("redis-server does not restart:\n" + log());
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  /// It keeps its connections, but does nothing until `resume`. (The system still accepts connections for it.)
  void stop() { process_.stop(); }
  void resume() { process_.resume(); }
  bool is_running() { return process_.is_running(); }
  std::string log() const { return contents_of(folder_.path("log")); }

  /// A connection through the unix socket, authenticated.
  RespClient client(std::chrono::milliseconds timeout = RespClient::default_timeout) const {
    RespClient client(unix_socket(), timeout);
    if (!options_.password.empty()) client.authenticate(options_.username, options_.password);
    return client;
  }
  /// One command on a connection of its own; `RespReply::str` of the reply. Throws std::runtime_error if that is an
  /// error.
  std::string command(const std::vector<std::string>& arguments) const { return client().expect(arguments).str(); }

 private:
  static constexpr std::chrono::milliseconds patience{20'000};

  std::vector<std::string> arguments() const {
    const std::string port = std::to_string(port_);
    std::vector<std::string> all{"redis-server", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"};
    const auto add = [&all](std::initializer_list<std::string> some) { all.insert(all.end(), some); };
    add({"--daemonize", "no", "--dir", folder_.path(), "--unixsocket", unix_socket()});
    add({"--port", options_.tls ? "0" : port});
    if (const auto& tls = options_.tls) {
      add({"--tls-port", port, "--tls-cert-file", tls->certificate, "--tls-key-file", tls->key});
      add({"--tls-ca-cert-file", tls->authority});
      add({"--tls-auth-clients", tls->client_certificate_required ? "yes" : "no"});
    }
    if (!options_.username.empty()) {
      add({"--user", options_.username, "on", ">" + options_.password, "~*", "&*", "+@all", "--user", "default",
           "off"});
    } else if (!options_.password.empty()) {
      add({"--requirepass", options_.password});
    }
    if (options_.max_memory_bytes != 0) {
      add({"--maxmemory", std::to_string(options_.max_memory_bytes), "--maxmemory-policy", "noeviction"});
    }
    if (options_.cluster) add({"--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf"});
    all.insert(all.end(), options_.extra_arguments.begin(), options_.extra_arguments.end());
    return all;
  }

  /// False if it has ended before it answered. It opens the unix socket when it has got its port.
  bool start() {
    log_begin_ = log().size();
    process_ = ChildProcess(arguments(), folder_.path("log"));
    const SteadyTime deadline = after(patience);
    while (process_.is_running()) {
      try {
        if (client().command({"PING"}).text == "PONG") return true;
      } catch (const std::exception&) {
      }
      if (std::chrono::steady_clock::now() > deadline) {
        throw std::runtime_error("redis-server does not answer:\n" + log());
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }
  bool port_was_taken() const { return log().find("Failed listening", log_begin_) != std::string::npos; }

  RedisServerOptions options_;
  TemporaryFolder folder_;
  std::uint16_t port_ = 0;
  std::size_t log_begin_ = 0;  ///< of the last attempt
  ChildProcess process_;
};

/// A server without options, started when it is first asked for, and ended with the program. Its keys are everybody's:
/// a test takes a prefix of its own.
inline RedisServer& shared_redis_server() {
  static RedisServer server;
  return server;
}

/// Whether a test must go without a server, which it says then: `if (skipped_without_redis()) return;`.
inline bool skipped_without_redis() {
  if (!RedisServer::available()) WARN("skipped: redis-server is not installed");
  return !RedisServer::available();
}

}  // namespace larder_tests
