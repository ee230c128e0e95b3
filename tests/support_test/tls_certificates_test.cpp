#include "tests/support/tls_certificates.hpp"

#include <string>
#include <vector>

#include "tests/support/redis_server.hpp"

using namespace larder_tests;

namespace {

RedisServerOptions with_certificate(const TlsCertificate& certificate, bool client_certificate_required = false) {
  return {.tls = RedisTls{certificate.certificate, certificate.key, tls_certificates().authority,
                          client_certificate_required}};
}

/// Why another client of TLS does not accept a server; "ok" if it does.
std::string opinion_of(const RedisServer& server) {
  const TemporaryFolder folder;
  const std::string address = "localhost:" + std::to_string(server.port());
  ChildProcess client({"openssl", "s_client", "-connect", address, "-CAfile", tls_certificates().authority,
                       "-verify_hostname", "localhost", "-verify_return_error"},
                      folder.path("log"));
  if (client.wait() == 0) return "ok";
  const std::string log = contents_of(folder.path("log"));
  const std::size_t begin = log.find("verify error:");
  return begin == std::string::npos ? log : log.substr(begin, log.find('\n', begin) - begin);
}

/// Whether a server answers redis-cli with this client's certificate, or without any.
bool answers(const RedisServer& server, const TlsCertificate* certificate) {
  const TemporaryFolder folder;
  std::vector<std::string> arguments{"redis-cli", "-p",       std::to_string(server.port()),
                                     "--tls",     "--cacert", tls_certificates().authority};
  if (certificate != nullptr) {
    arguments.insert(arguments.end(), {"--cert", certificate->certificate, "--key", certificate->key});
  }
  arguments.push_back("PING");
  ChildProcess client(arguments, folder.path("log"));
  return client.wait() == 0 && contents_of(folder.path("log")) == "PONG\n";
}

bool skipped() { return skipped_without_openssl() || skipped_without_redis(); }

}  // namespace

TEST_CASE("TlsCertificates: the server's is accepted") {
  if (skipped()) return;
  RedisServer server(with_certificate(tls_certificates().server));
  CHECK(opinion_of(server) == "ok");
  CHECK(answers(server, nullptr));
  CHECK(server.command({"PING"}) == "PONG");
}

TEST_CASE("TlsCertificates: a wrong one is refused for the reason in its name") {
  if (skipped()) return;
  CHECK(opinion_of(RedisServer(with_certificate(tls_certificates().wrong_host))) ==
        "verify error:num=62:hostname mismatch");
  CHECK(opinion_of(RedisServer(with_certificate(tls_certificates().self_signed))) ==
        "verify error:num=18:self-signed certificate");
  CHECK(opinion_of(RedisServer(with_certificate(tls_certificates().expired))) ==
        "verify error:num=10:certificate has expired");
}

TEST_CASE("TlsCertificates: a server that wants a client's certificate accepts the client's") {
  if (skipped()) return;
  RedisServer server(with_certificate(tls_certificates().server, true));
  CHECK(answers(server, &tls_certificates().client));
  CHECK_FALSE(answers(server, nullptr));
  CHECK_FALSE(answers(server, &tls_certificates().self_signed));
}
