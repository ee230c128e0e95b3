/// \file server_process.hpp
/// ServerProcess: a server on a free port of the loopback interface, which a test may stop, kill and restart.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/child_process.hpp"
#include "tests/support/sockets.hpp"
#include "tests/support/temporary_folder.hpp"

namespace larder_tests {

/// Not for several threads at once, whatever its clients do.
class ServerProcess {
 public:
  /// `arguments(port, folder)` is its command line; `answers(port, folder)` asks it something, and returns or throws
  /// when it has been answered or not.
  using Arguments = std::function<std::vector<std::string>(std::uint16_t port, const TemporaryFolder& folder)>;
  using Answers = std::function<void(std::uint16_t port, const TemporaryFolder& folder)>;

  /// Returns when the server answers. Throws std::runtime_error with its log if it does not.
  ServerProcess(Arguments arguments, Answers answers) : arguments_(std::move(arguments)), answers_(std::move(answers)) {
    for (int attempt = 1;; ++attempt) {
      port_ = free_port();
      if (start()) return;
      // Somebody else has the port, as a rule.
      if (attempt == 10) throw std::runtime_error("the server does not start:\n" + log());
    }
  }
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  std::uint16_t port() const noexcept { return port_; }
  const TemporaryFolder& folder() const noexcept { return folder_; }
  std::string log() const { return contents_of(folder_.path("log")); }

  void kill() { process_.terminate(); }
  /// Kills it if it runs; then it is back on the same port, and has forgotten everything.
  void restart() {
    kill();
    const SteadyTime deadline = after(patience);
    while (!start()) {
      if (std::chrono::steady_clock::now() > deadline) {
        throw std::runtime_error("the server does not restart:\n" + log());
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  /// It keeps its connections, but does nothing until `resume`. (The system still accepts connections for it.)
  void stop() { process_.stop(); }
  void resume() { process_.resume(); }
  bool is_running() { return process_.is_running(); }

 private:
  static constexpr std::chrono::milliseconds patience{30'000};

  /// False if it has ended before it answered.
  bool start() {
    process_ = ChildProcess(arguments_(port_, folder_), folder_.path("log"));
    const SteadyTime deadline = after(patience);
    while (process_.is_running()) {
      try {
        answers_(port_, folder_);
        return process_.is_running();  // otherwise it was another one that answered
      } catch (const std::exception&) {
      }
      if (std::chrono::steady_clock::now() > deadline) {
        throw std::runtime_error("the server does not answer:\n" + log());
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }

  const Arguments arguments_;
  const Answers answers_;
  TemporaryFolder folder_;
  std::uint16_t port_ = 0;
  ChildProcess process_;
};

}  // namespace larder_tests
