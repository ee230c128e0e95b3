/// \file tls_options_test.cpp
/// TlsOptions: how the query of a URL sets them.
#include <larder/backends/tls_options.hpp>

#include <string>

#include "tests/support/catch.hpp"
#include "tests/support/message_of.hpp"

using larder::TlsOptions;

TEST_CASE("TlsOptions: the defaults verify the server, but only where there is TLS at all", "[tls]") {
  const TlsOptions options;
  CHECK_FALSE(options.enabled);
  CHECK(options.verify);
}

TEST_CASE("TlsOptions: a URL's query sets each of them by its name", "[tls]") {
  TlsOptions options;
  CHECK(options.set_from_url("verify", "false"));
  CHECK(options.set_from_url("ca_file", "/ca.pem"));
  CHECK(options.set_from_url("ca_folder", "/certificates"));
  CHECK(options.set_from_url("server_name", "cache.example.org"));
  CHECK(options.set_from_url("certificate_file", "/own.pem"));
  CHECK(options.set_from_url("key_file", "/own.key"));
  CHECK_FALSE(options.verify);
  CHECK(options.ca_file == "/ca.pem");
  CHECK(options.ca_folder == "/certificates");
  CHECK(options.server_name == "cache.example.org");
  CHECK(options.certificate_file == "/own.pem");
  CHECK(options.key_file == "/own.key");
}

TEST_CASE("TlsOptions: other names are somebody else's, and a flag is true or false", "[tls]") {
  TlsOptions options;
  CHECK_FALSE(options.set_from_url("colour", "red"));
  const auto maybe = [&options] { options.set_from_url("verify", "perhaps"); };
  CHECK(larder_tests::contains(larder_tests::message_of<larder::InvalidArgumentError>(maybe), "perhaps"));
  CHECK(options.verify);
}
