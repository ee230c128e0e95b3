/// \file redis_backend_tls_test.cpp
/// RedisBackend through TLS, to servers that prove who they are and to others.
#include <larder/backends/redis_backend.hpp>

#include <chrono>
#include <fstream>
#include <string>

#include "tests/support/catch.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/redis_cache.hpp"
#include "tests/support/scripted_server.hpp"
#include "tests/support/tcp_proxy.hpp"
#include "tests/support/tls_certificates.hpp"

using namespace larder_tests;
using namespace std::chrono_literals;
using larder::ConnectionError;
using larder::InvalidArgumentError;

namespace {

bool skipped() { return skipped_without_redis() || skipped_without_openssl(); }

RedisTls tls_of(const TlsCertificate& certificate, bool client_certificate_required = false) {
  return {certificate.certificate, certificate.key, tls_certificates().authority, client_certificate_required};
}

larder::RedisOptions trusting(const RedisServer& server) {
  auto options = redis_at(server.port());
  options.tls = {.enabled = true, .ca_file = tls_certificates().authority};
  return options;
}

/// Why a server with this certificate is refused, to which a client that does not ask for any gets all the same.
std::string refusal(const TlsCertificate& certificate) {
  RedisServer server({.tls = tls_of(certificate)});
  auto options = trusting(server);
  RedisCache cache(options);
  const std::string why = message_of<ConnectionError>([&] { cache.set("k", "v"); });
  CHECK(cache.stats().errors == 1);
  options.tls.verify = false;
  RedisCache trustful(options);
  CHECK(trustful.set("k", "v"));
  CHECK(trustful.get("k") == "v");
  return why;
}

}  // namespace

TEST_CASE("RedisBackend: through TLS, values of all sizes") {
  if (skipped()) return;
  RedisServer server({.password = "secret", .tls = tls_of(tls_certificates().server)});
  for (const std::string host : {"127.0.0.1", "localhost"}) {
    auto options = trusting(server);
    options.password = "secret";
    options.host = host;
    RedisCache cache(options);
    for (const std::size_t size : {0U, 1U, 16'383U, 16'384U, 16'385U, 3'000'000U}) {
      const std::string value(size, 'v');
      CHECK(cache.set("k", value));
      CHECK(cache.get("k") == value);
    }
    std::vector<std::pair<std::string, std::string>> items;
    for (int i = 0; i < 1500; ++i) items.emplace_back(std::to_string(i), std::string(2000, 'v') + std::to_string(i));
    CHECK(cache.set_many(items) == items.size());
    const auto found = cache.get_many({"0", "777", "1499"});
    CHECK(found.size() == 3);
    CHECK(found.at("777") == items[777].second);
    CHECK(cache.clear() == items.size() + 1);

    CHECK(cache.stats().errors == 0);
  }
}

TEST_CASE("RedisBackend: connections through TLS are used again") {
  if (skipped()) return;
  RedisServer server({.tls = tls_of(tls_certificates().server)});
  TcpProxy proxy(server.port());
  auto options = trusting(server);
  options.port = proxy.port();
  RedisCache cache(options);
  for (int i = 0; i < 20; ++i) CHECK(cache.set("k", std::to_string(i)));
  CHECK(proxy.connections() == 1);
  proxy.cut();
  CHECK(cache.get("k") == "19");
  CHECK(proxy.connections() == 2);
  proxy.freeze();
  options.timeout = options.connect_timeout = 100ms;
  RedisCache impatient(options);
  CHECK_THROWS_AS(impatient.get("k"), larder::TimeoutError);
}

TEST_CASE("RedisBackend: a server that cannot prove who it is gets nothing") {
  if (skipped()) return;
  const auto& certificates = tls_certificates();
  CHECK(contains(refusal(certificates.wrong_host), "IP address mismatch"));
  CHECK(contains(refusal(certificates.expired), "expired"));
  CHECK(contains(refusal(certificates.self_signed), "self-signed"));
}

TEST_CASE("RedisBackend: a server that another authority vouches for gets nothing") {
  if (skipped()) return;
  RedisServer server({.tls = tls_of(tls_certificates().server)});
  auto options = trusting(server);
  options.tls.ca_file.clear();  // that of the system
  CHECK(contains(message_of<ConnectionError>([&] { RedisCache(options).get("k"); }), "not trusted"));
  const TlsCertificates others;
  options.tls.ca_file = others.authority;
  CHECK(contains(message_of<ConnectionError>([&] { RedisCache(options).get("k"); }), "not trusted"));
}

TEST_CASE("RedisBackend: a server's name may be given") {
  if (skipped()) return;
  RedisServer server({.tls = tls_of(tls_certificates().wrong_host)});
  auto options = trusting(server);
  options.host = "localhost";
  CHECK(contains(message_of<ConnectionError>([&] { RedisCache(options).get("k"); }), "hostname mismatch"));
  options.tls.server_name = "elsewhere.invalid";
  CHECK(RedisCache(options).set("k", "v"));
}

TEST_CASE("RedisBackend: a certificate of our own, where the server wants one") {
  if (skipped()) return;
  const auto& certificates = tls_certificates();
  RedisServer server({.tls = tls_of(certificates.server, true)});
  auto options = trusting(server);
  RedisCache nameless(options);
  CHECK_THROWS_AS(nameless.set("k", "v"), ConnectionError);
  options.tls.certificate_file = certificates.client.certificate;
  options.tls.key_file = certificates.client.key;
  RedisCache cache(options);
  CHECK(cache.set("k", "v"));
  CHECK(cache.get("k") == "v");
}

TEST_CASE("RedisBackend: one side speaks TLS and the other does not") {
  if (skipped()) return;
  RedisServer secure({.tls = tls_of(tls_certificates().server)});
  ScriptedServer silent([](ScriptedServer::Connection& connection) { connection.wait_closed(); });
  ScriptedServer garbage([](ScriptedServer::Connection& connection) {
    connection.send(std::string(100, '\x16'));
    connection.wait_closed();
  });
  auto plain = redis_at(secure.port(), 300ms);
  auto encrypted = redis_at(shared_redis_server().port(), 300ms);
  encrypted.tls = {.enabled = true, .ca_file = tls_certificates().authority};
  auto to_silence = encrypted;
  to_silence.port = silent.port();
  auto to_garbage = encrypted;
  to_garbage.port = garbage.port();
  for (const auto& options : {plain, encrypted, to_silence, to_garbage}) {
    RedisCache cache(options);
    const auto begin = std::chrono::steady_clock::now();
    CHECK_THROWS_AS(cache.get("k"), larder::CacheError);
    CHECK(std::chrono::steady_clock::now() - begin < 1s);
    CHECK(cache.stats().errors == 1);
  }
}

TEST_CASE("RedisBackend: files for TLS that cannot be used are found out at once") {
  if (skipped()) return;
  const auto& certificates = tls_certificates();
  using Tls = larder::TlsOptions;
  const auto message = [](const Tls& tls) {
    return message_of<InvalidArgumentError>([&] { RedisCache cache({.tls = tls}); });
  };
  CHECK(contains(message({.enabled = true, .ca_file = "/absent.pem"}), "tls.ca_file = \"/absent.pem\""));
  const TemporaryFolder folder;
  std::ofstream(folder.path("empty.pem")) << "nothing\n";
  CHECK(contains(message({.enabled = true, .ca_file = folder.path("empty.pem")}), "tls.ca_file"));
  Tls tls{.enabled = true, .certificate_file = "/absent.pem", .key_file = certificates.client.key};
  CHECK(contains(message(tls), "tls.certificate_file"));
  tls.certificate_file = certificates.client.certificate;
  tls.key_file = "/absent.pem";
  CHECK(contains(message(tls), "tls.key_file"));
  tls.key_file = certificates.server.key;  // of another certificate
  CHECK(contains(message(tls), "tls.key_file"));
}
