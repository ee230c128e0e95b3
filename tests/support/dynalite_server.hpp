/// \file dynalite_server.hpp
/// DynaliteServer: a server that speaks DynamoDB (npm's dynalite) on a free port of the loopback interface.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/buffered_socket.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/tls_certificates.hpp"

namespace larder_tests {

/// Its tables are in its memory. Not for several threads at once, whatever its clients do.
class DynaliteServer {
 public:
  /// Where it was installed, as $LARDER_DYNALITE says; empty if it was not.
  static std::string program() {
    const char* path = std::getenv("LARDER_DYNALITE");
    return path != nullptr && std::filesystem::exists(path) ? path : "";
  }
  static bool available() {
    static const bool found = !program().empty() && !find_program("node").empty();
    return found;
  }

  /// Returns when the server takes connections. Throws std::runtime_error with its log if it does not.
  /// A new table can be used after so long. With a certificate it speaks TLS.
  explicit DynaliteServer(std::chrono::milliseconds creation = std::chrono::milliseconds(0),
                          std::optional<TlsCertificate> certificate = {})
      : creation_(creation), certificate_(std::move(certificate)) {
    for (int attempt = 1;; ++attempt) {
      port_ = free_port();
      if (start()) return;
      if (attempt == 10) throw std::runtime_error("dynalite does not start:\n" + log());
    }
  }
  DynaliteServer(const DynaliteServer&) = delete;
  DynaliteServer& operator=(const DynaliteServer&) = delete;

  std::uint16_t port() const noexcept { return port_; }
  std::string url() const {
    return (certificate_ ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port_);
  }

  void kill() { process_.terminate(); }
  /// Kills it if it runs; then it is back on the same port, without its tables.
  void restart() {
    kill();
    const SteadyTime deadline = after(patience);
    while (!start()) {
      if (std::chrono::steady_clock::now() > deadline) {
        throw std::runtime_error("dynalite does not restart:\n" + log());
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  /// It keeps its connections, but does nothing until `resume`. (The system still accepts connections for it.)
  void stop() { process_.stop(); }
  void resume() { process_.resume(); }
  std::string log() const { return contents_of(folder_.path("log")); }

 private:
  static constexpr std::chrono::milliseconds patience{30'000};

  std::vector<std::string> arguments() const {
    if (!certificate_) {
      return {"node",
              program(),
              "--host",
              "127.0.0.1",
              "--port",
              std::to_string(port_),
              "--createTableMs",
              std::to_string(creation_.count())};
    }
    // Its program has no option for a certificate, but the package has.
    constexpr const char* script =
        "const [folder, port, certificate, key] = process.argv.slice(1), read = require('fs').readFileSync;"
        "require(folder)({ssl: true, cert: read(certificate), key: read(key), createTableMs: 0})"
        ".listen(port, '127.0.0.1')";
    const std::string folder = std::filesystem::path(program()).parent_path();
    return {"node", "-e", script, folder, std::to_string(port_), certificate_->certificate, certificate_->key};
  }

  /// False if it has ended before it took connections: somebody else has the port, as a rule.
  bool start() {
    const std::vector<std::string> arguments = this->arguments();
    process_ = ChildProcess(arguments, folder_.path("log"));
    const SteadyTime deadline = after(patience);
    while (process_.is_running()) {
      try {
        BufferedSocket socket(connect_to_loopback(port_));
        if (certificate_) return process_.is_running();
        socket.send("GET / HTTP/1.0\r\n\r\n", deadline);
        socket.read_line(deadline);
        return process_.is_running();
      } catch (const std::exception&) {
      }
      if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("dynalite does not answer:\n" + log());
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return false;
  }

  const std::chrono::milliseconds creation_;
  const std::optional<TlsCertificate> certificate_;
  TemporaryFolder folder_;
  std::uint16_t port_ = 0;
  ChildProcess process_;
};

/// A server that is started when it is first asked for, and ended with the program. Its tables are everybody's: a test
/// takes a prefix of its own.
inline DynaliteServer& shared_dynalite_server() {
  static DynaliteServer server;
  return server;
}

/// Whether a test must go without a server, which it says then: `if (skipped_without_dynalite()) return;`.
inline bool skipped_without_dynalite() {
  if (!DynaliteServer::available()) WARN("skipped: dynalite is not installed (tests/run.sh does it)");
  return !DynaliteServer::available();
}

}  // namespace larder_tests
