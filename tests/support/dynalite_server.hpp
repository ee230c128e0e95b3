/// \file dynalite_server.hpp
/// DynaliteServer: a server that speaks DynamoDB (npm's dynalite) on a free port of the loopback interface.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/buffered_socket.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/server_process.hpp"
#include "tests/support/tls_certificates.hpp"

namespace larder_tests {

/// Its tables are in its memory. Not for several threads at once, whatever its clients do.
class DynaliteServer : public ServerProcess {
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

  /// A new table can be used after so long. With a certificate it speaks TLS.
  /// Returns when the server takes connections. Throws std::runtime_error with its log if it does not.
  explicit DynaliteServer(std::chrono::milliseconds creation = std::chrono::milliseconds(0),
                          std::optional<TlsCertificate> certificate = {})
      : ServerProcess(
            [creation, certificate](std::uint16_t port, const TemporaryFolder&) {
              return certificate ? arguments(*certificate, port) : arguments(creation, port);
            },
            [is_secure = certificate.has_value()](std::uint16_t port, const TemporaryFolder&) {
              BufferedSocket socket(connect_to_loopback(port));
              if (is_secure) return;
              socket.send("GET / HTTP/1.0\r\n\r\n", after(std::chrono::seconds(10)));
              socket.read_line(after(std::chrono::seconds(10)));
            }),
        scheme_(certificate ? "https" : "http") {}

  std::string url() const { return scheme_ + "://127.0.0.1:" + std::to_string(port()); }

 private:
  static std::vector<std::string> arguments(std::chrono::milliseconds creation, std::uint16_t port) {
    return {"node",
            program(),
            "--host",
            "127.0.0.1",
            "--port",
            std::to_string(port),
            "--createTableMs",
            std::to_string(creation.count())};
  }
  /// Its program has no option for a certificate, but the package has.
  static std::vector<std::string> arguments(const TlsCertificate& certificate, std::uint16_t port) {
    constexpr const char* script =
        "const [folder, port, certificate, key] = process.argv.slice(1), read = require('fs').readFileSync;"
        "require(folder)({ssl: true, cert: read(certificate), key: read(key), createTableMs: 0})"
        ".listen(port, '127.0.0.1')";
    const std::string folder = std::filesystem::path(program()).parent_path();
    return {"node", "-e", script, folder, std::to_string(port), certificate.certificate, certificate.key};
  }

  const std::string scheme_;
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
