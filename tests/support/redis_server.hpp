/// \file redis_server.hpp
/// RedisServer: a real one on a free port of the loopback interface, which a test may stop, kill and restart.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/resp_client.hpp"
#include "tests/support/server_process.hpp"

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
class RedisServer : public ServerProcess {
 public:
  static bool available() {
    static const bool found = !find_program("redis-server").empty();
    return found;
  }

  /// Returns when the server answers. Throws std::runtime_error with its log if it does not.
  explicit RedisServer(RedisServerOptions options = {})
      : ServerProcess(
            [options](std::uint16_t port, const TemporaryFolder& folder) { return arguments(options, port, folder); },
            [options](std::uint16_t, const TemporaryFolder& folder) {
              // It opens the unix socket when it has got its port.
              connect(options, folder, RespClient::default_timeout).expect({"PING"});
            }),
        options_(std::move(options)) {}

  std::string host() const { return "127.0.0.1"; }
  /// Every server has one, without TLS.
  std::string unix_socket() const { return unix_socket(folder()); }
  const RedisServerOptions& options() const noexcept { return options_; }

  /// A connection through the unix socket, authenticated.
  RespClient client(std::chrono::milliseconds timeout = RespClient::default_timeout) const {
    return connect(options_, folder(), timeout);
  }
  /// One command on a connection of its own; `RespReply::str` of the reply. Throws std::runtime_error if that is an
  /// error.
  std::string command(const std::vector<std::string>& arguments) const { return client().expect(arguments).str(); }

 private:
  static std::string unix_socket(const TemporaryFolder& folder) { return folder.path("redis.socket"); }

  static RespClient connect(const RedisServerOptions& options, const TemporaryFolder& folder,
                            std::chrono::milliseconds timeout) {
    RespClient client(unix_socket(folder), timeout);
    if (!options.password.empty()) client.authenticate(options.username, options.password);
    return client;
  }

  static std::vector<std::string> arguments(const RedisServerOptions& options, std::uint16_t port_number,
                                            const TemporaryFolder& folder) {
    const std::string port = std::to_string(port_number);
    std::vector<std::string> all{"redis-server", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"};
    const auto add = [&all](std::initializer_list<std::string> some) { all.insert(all.end(), some); };
    add({"--daemonize", "no", "--dir", folder.path(), "--unixsocket", unix_socket(folder)});
    add({"--port", options.tls ? "0" : port});
    if (const auto& tls = options.tls) {
      add({"--tls-port", port, "--tls-cert-file", tls->certificate, "--tls-key-file", tls->key});
      add({"--tls-ca-cert-file", tls->authority});
      add({"--tls-auth-clients", tls->client_certificate_required ? "yes" : "no"});
    }
    if (!options.username.empty()) {
      add({"--user", options.username, "on", ">" + options.password, "~*", "&*", "+@all", "--user", "default", "off"});
    } else if (!options.password.empty()) {
      add({"--requirepass", options.password});
    }
    if (options.max_memory_bytes != 0) {
      add({"--maxmemory", std::to_string(options.max_memory_bytes), "--maxmemory-policy", "noeviction"});
    }
    if (options.cluster) add({"--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf"});
    all.insert(all.end(), options.extra_arguments.begin(), options.extra_arguments.end());
    return all;
  }

  const RedisServerOptions options_;
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
