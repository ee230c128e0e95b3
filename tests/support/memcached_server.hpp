/// \file memcached_server.hpp
/// MemcachedServer: a real one on a free port of the loopback interface, which a test may stop, kill and restart.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/buffered_socket.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/server_process.hpp"

namespace larder_tests {

struct MemcachedServerOptions {
  std::vector<std::string> extra_arguments = {};
  bool unix_socket = false;  ///< instead of the port
  bool tls = false;          ///< `extra_arguments` say with which certificate
};

/// Not for several threads at once, whatever its clients do.
class MemcachedServer : public ServerProcess {
 public:
  static bool available() {
    static const bool found = !find_program("memcached").empty();
    return found;
  }

  /// Returns when the server takes connections. Throws std::runtime_error with its log if it does not.
  explicit MemcachedServer(MemcachedServerOptions options = {})
      : ServerProcess(
            [options](std::uint16_t port, const TemporaryFolder& folder) { return arguments(options, port, folder); },
            [options](std::uint16_t port, const TemporaryFolder& folder) {
              BufferedSocket socket = connect(options, port, folder);
              if (options.tls) return;
              socket.send("version\r\n", after(patience));
              socket.read_line(after(patience));
            }),
        options_(std::move(options)) {}

  /// As `MemcachedOptions::servers` has it.
  std::string name() const {
    return options_.unix_socket ? unix_socket(folder()) : "127.0.0.1:" + std::to_string(port());
  }

  /// A connection of another client.
  BufferedSocket client() const { return connect(options_, port(), folder()); }
  /// The first line that a command is answered with, and the value in a second one if it has one. Whatever comes later
  /// than 10 s throws std::runtime_error.
  std::string command(const std::string& text) const { return command(client(), text); }
  static std::string command(BufferedSocket socket, const std::string& text) {
    const SteadyTime deadline = after(patience);
    socket.send(text + "\r\n", deadline);
    std::string answer = socket.read_line(deadline);
    if (answer.starts_with("VA ")) answer += "\n" + socket.take(std::stoul(answer.substr(3)), deadline);
    return answer;
  }

 private:
  static constexpr std::chrono::milliseconds patience{10'000};

  static std::string unix_socket(const TemporaryFolder& folder) { return folder.path("memcached.socket"); }

  static BufferedSocket connect(const MemcachedServerOptions& options, std::uint16_t port,
                                const TemporaryFolder& folder) {
    return BufferedSocket(options.unix_socket ? connect_to_unix_socket(unix_socket(folder))
                                              : connect_to_loopback(port));
  }

  static std::vector<std::string> arguments(const MemcachedServerOptions& options, std::uint16_t port,
                                            const TemporaryFolder& folder) {
    // It insists on a user where it is root who runs it, and ignores it otherwise.
    std::vector<std::string> all{"memcached", "-U", "0", "-m", "64", "-t", "2", "-u", "root"};
    const std::vector<std::string> place =
        options.unix_socket ? std::vector<std::string>{"-s", unix_socket(folder)}
                            : std::vector<std::string>{"-l", "127.0.0.1", "-p", std::to_string(port)};
    all.insert(all.end(), place.begin(), place.end());
    all.insert(all.end(), options.extra_arguments.begin(), options.extra_arguments.end());
    return all;
  }

  const MemcachedServerOptions options_;
};

/// A server without options, started when it is first asked for, and ended with the program. Its keys are everybody's:
/// a test takes a prefix of its own.
inline MemcachedServer& shared_memcached_server() {
  static MemcachedServer server;
  return server;
}

/// Whether a test must go without a server, which it says then: `if (skipped_without_memcached()) return;`.
inline bool skipped_without_memcached() {
  if (!MemcachedServer::available()) WARN("skipped: memcached is not installed");
  return !MemcachedServer::available();
}

}  // namespace larder_tests
