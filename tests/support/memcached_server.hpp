/// \file memcached_server.hpp
/// MemcachedServer: a real one on a free port of the loopback interface, which a test may stop, kill and restart.
#pragma once

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/buffered_socket.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/temporary_folder.hpp"

namespace larder_tests {

struct MemcachedServerOptions {
  std::vector<std::string> extra_arguments = {};
  bool unix_socket = false;  ///< instead of the port
  bool tls = false;          ///< then it takes longer to answer, and `extra_arguments` say with which certificate
};

/// Not for several threads at once, whatever its clients do.
class MemcachedServer {
 public:
  static bool available() {
    static const bool found = !find_program("memcached").empty();
    return found;
  }

  /// Returns when the server takes connections. Throws std::runtime_error with its log if it does not.
  explicit MemcachedServer(MemcachedServerOptions options = {}) : options_(std::move(options)) {
    for (int attempt = 1;; ++attempt) {
      port_ = free_port();
      if (start()) return;
      if (attempt == 10) throw std::runtime_error("memcached does not start:\n" + log());
    }
  }
  MemcachedServer(const MemcachedServer&) = delete;
  MemcachedServer& operator=(const MemcachedServer&) = delete;

  std::uint16_t port() const noexcept { return port_; }
  std::string unix_socket() const { return folder_.path("memcached.socket"); }
  /// As `MemcachedOptions::servers` has it.
  std::string name() const { return options_.unix_socket ? unix_socket() : "127.0.0.1:" + std::to_string(port_); }

  void kill() { process_.terminate(); }
  /// Kills it if it runs; then it is back on the same port, and empty.
  void restart() {
    kill();
    const SteadyTime deadline = after(patience);
    while (!start()) {
      if (std::chrono::steady_clock::now() > deadline) {
        throw std::runtime_error("memcached does not restart:\n" + log());
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  /// It keeps its connections, but does nothing until `resume`. (The system still accepts connections for it.)
  void stop() { process_.stop(); }
  void resume() { process_.resume(); }
  bool is_running() { return process_.is_running(); }
  std::string log() const { return contents_of(folder_.path("log")); }

  /// A connection of another client.
  BufferedSocket client() const {
    return BufferedSocket(options_.unix_socket ? connect_to_unix_socket(unix_socket()) : connect_to_loopback(port_));
  }
  /// The first line that a command is answered with, and the value in a second one if it has one. Whatever comes later
  /// than 10 s throws std::runtime_error.
  std::string command(const std::string& text) const { return command(client(), text); }
  static std::string command(BufferedSocket socket, const std::string& text) {
    const SteadyTime deadline = after(std::chrono::seconds(10));
    socket.send(text + "\r\n", deadline);
    std::string answer = socket.read_line(deadline);
    if (answer.starts_with("VA ")) answer += "\n" + socket.take(std::stoul(answer.substr(3)), deadline);
    return answer;
  }

 private:
  static constexpr std::chrono::milliseconds patience{20'000};

  std::vector<std::string> arguments() const {
    std::vector<std::string> all{"memcached", "-U", "0", "-m", "64", "-t", "2"};
    // Which the server insists on where it is root who runs it, and ignores otherwise.
    const auto add = [&all](std::initializer_list<std::string> some) { all.insert(all.end(), some); };
    add({"-u", "root"});
    if (options_.unix_socket) {
      add({"-s", unix_socket()});
    } else {
      add({"-l", "127.0.0.1", "-p", std::to_string(port_)});
    }
    all.insert(all.end(), options_.extra_arguments.begin(), options_.extra_arguments.end());
    return all;
  }

  /// False if it has ended before it took connections: somebody else has the port, as a rule.
  bool start() {
    process_ = ChildProcess(arguments(), folder_.path("log"));
    const SteadyTime deadline = after(patience);
    while (process_.is_running()) {
      try {
        // Which is answered by whichever server; another one than ours would not let ours run on.
        BufferedSocket socket = client();
        if (options_.tls) return true;
        socket.send("version\r\n", deadline);
        socket.read_line(deadline);
        return process_.is_running();
      } catch (const std::exception&) {
      }
      if (std::chrono::steady_clock::now() > deadline) {
        throw std::runtime_error("memcached does not answer:\n" + log());
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }

  MemcachedServerOptions options_;
  TemporaryFolder folder_;
  std::uint16_t port_ = 0;
  ChildProcess process_;
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
