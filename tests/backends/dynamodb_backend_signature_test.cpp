/// \file dynamodb_backend_signature_test.cpp
/// Whether DynamoDbBackend's requests are signed as AWS wants it, by a computation of the tests' own.
#include <larder/backends/dynamodb_backend.hpp>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <map>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/aws_signature.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/dynamodb_cache.hpp"
#include "tests/support/http_exchange.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/scoped_variable.hpp"
#include "tests/support/scripted_server.hpp"

using namespace larder_tests;
using namespace std::chrono_literals;
using larder::AwsCredentials;
using larder::InvalidArgumentError;

namespace {

constexpr const char* secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// Keeps what it is asked, and has nothing.
class Listener {
 public:
  Listener()
      : server_([this](ScriptedServer::Connection& connection) {
          while (true) {
            auto request = HttpRequest::read(connection);
            {
              const std::lock_guard lock(mutex_);
              requests_.push_back(std::move(request));
            }
            connection.send(http_response(200, "{}"));
          }
        }) {}
  std::uint16_t port() const { return server_.port(); }
  std::size_t connections() const { return server_.connections(); }
  std::vector<HttpRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<HttpRequest> requests_;
  ScriptedServer server_;
};

std::string between(const std::string& text, const std::string& begin, const std::string& end) {
  const std::size_t from = text.find(begin);
  if (from == std::string::npos) throw std::runtime_error("no " + begin + " in " + text);
  const std::size_t start = from + begin.size();
  return text.substr(start, std::min(text.find(end, start), text.size()) - start);
}

/// The signature is right, and it is of all that matters.
void check_signature(const HttpRequest& request, const AwsCredentials& credentials, const std::string& region) {
  const std::string authorization = request.header("authorization");
  CAPTURE(authorization);
  CHECK(request.method == "POST");
  CHECK(request.path == "/");
  CHECK(request.header("content-type") == "application/x-amz-json-1.0");
  CHECK(authorization.starts_with("AWS4-HMAC-SHA256 Credential=" + credentials.access_key_id + "/"));
  const std::string time = request.header("x-amz-date");
  const AwsSignature signature{.secret = credentials.secret_access_key,
                               .date = time.substr(0, 8),
                               .time = time,
                               .region = region,
                               .service = "dynamodb"};
  CHECK(between(authorization, "Credential=", ",") == credentials.access_key_id + "/" + signature.scope());
  std::map<std::string, std::string> headers;
  std::istringstream names(between(authorization, "SignedHeaders=", ","));
  for (std::string name; std::getline(names, name, ';');) headers[name] = request.header(name);
  for (const char* name : {"host", "x-amz-date", "x-amz-target", "content-type"}) {
    CAPTURE(name);
    CHECK(headers.count(name) == 1);
  }
  CHECK(headers.count("x-amz-security-token") == (credentials.session_token.empty() ? 0U : 1U));
  CHECK(request.header("x-amz-security-token") == credentials.session_token);
  CHECK(between(authorization, "Signature=", ",") == signature.sign("POST", headers, request.body));
  std::tm parts{};
  CHECK(::strptime(time.c_str(), "%Y%m%dT%H%M%SZ", &parts) != nullptr);
  CHECK(std::abs(std::difftime(std::time(nullptr), ::timegm(&parts))) < 60);
  for (const auto& [name, value] : request.headers) CHECK_FALSE(contains(value, credentials.secret_access_key));
  CHECK_FALSE(contains(request.body, credentials.secret_access_key));
}

}  // namespace

TEST_CASE("DynamoDbBackend: requests of all kinds and sizes are signed, on one connection", "[signature]") {
  const Listener listener;
  auto options = dynamodb_at(listener.port());
  options.region = "eu-central-1";
  options.max_value_bytes = 4'000'000;
  DynamoDbCache cache(options);
  cache.get("k");
  cache.set("k", "v", 10s, {{"type", "user"}});
  cache.set("k", std::string("\0\r\n\xff", 4));
  cache.set(std::string("\0 key \xff", 8), std::string(300'000, '\0'));
  cache.set_if_absent("k", "v");
  cache.touch("k", 10s);
  cache.touch("k", {});
  cache.erase("k");
  cache.exists("k");
  cache.keys();
  cache.clear();
  cache.get_many({"a", "b"});
  std::vector<std::pair<std::string, std::string>> items;
  for (int i = 0; i < 20; ++i) items.emplace_back(std::to_string(i), std::string(100'000, 'v'));
  cache.set_many(items);
  CHECK(cache.stats().errors == 0);
  const auto requests = listener.requests();
  CHECK(requests.size() == 13);
  for (const auto& request : requests) {
    INFO(request.operation() << ", " << request.body.size() << " bytes");
    check_signature(request, {"AKIDEXAMPLE", secret}, "eu-central-1");
  }
  CHECK(requests.back().body.size() > 2'000'000);
  CHECK(listener.connections() == 1);
}

TEST_CASE("DynamoDbBackend: session tokens are sent and signed, long ones too", "[signature]") {
  const Listener listener;
  for (const std::string& token : {std::string("token"), std::string(9000, 't'), std::string("a/b+c==")}) {
    auto options = dynamodb_at(listener.port());
    options.credentials = AwsCredentials{"ASIAEXAMPLE", secret, token};
    DynamoDbCache cache(options);
    cache.get("k");
    check_signature(listener.requests().back(), {"ASIAEXAMPLE", secret, token}, "us-east-1");
  }
}

TEST_CASE("DynamoDbBackend: credentials are asked for before each request", "[signature]") {
  const Listener listener;
  auto options = dynamodb_at(listener.port());
  int asked = 0;
  options.credentials = [&asked] {
    ++asked;
    return AwsCredentials{"ID" + std::to_string(asked), "secret" + std::to_string(asked),
                          "token" + std::to_string(asked)};
  };
  DynamoDbCache cache(options);
  for (int i = 1; i <= 3; ++i) {
    cache.get("k");
    const std::string number = std::to_string(i);
    check_signature(listener.requests().back(), {"ID" + number, "secret" + number, "token" + number}, "us-east-1");
  }
  options.credentials = []() -> AwsCredentials { throw std::runtime_error("no credentials today"); };
  DynamoDbCache other(options);
  CHECK_THROWS_WITH(other.get("k"), "no credentials today");
  CHECK(listener.requests().size() == 3);
}

TEST_CASE("DynamoDbBackend: credentials of the environment, and none at all", "[signature]") {
  const Listener listener;
  auto options = dynamodb_at(listener.port());
  options.credentials = {};
  DynamoDbCache cache(options);
  const ScopedVariable id("AWS_ACCESS_KEY_ID", nullptr);
  const ScopedVariable key("AWS_SECRET_ACCESS_KEY", nullptr);
  const ScopedVariable token("AWS_SESSION_TOKEN", nullptr);
  const std::string message = message_of<InvalidArgumentError>([&] { cache.get("k"); });
  CHECK(contains(message, "AWS_ACCESS_KEY_ID"));
  CHECK(cache.stats().errors == 1);
  CHECK(listener.requests().empty());
  {
    const ScopedVariable set_id("AWS_ACCESS_KEY_ID", "AKIDENV");
    const ScopedVariable set_key("AWS_SECRET_ACCESS_KEY", "env-secret");
    const ScopedVariable set_token("AWS_SESSION_TOKEN", "env-token");
    cache.get("k");
    check_signature(listener.requests().back(), {"AKIDENV", "env-secret", "env-token"}, "us-east-1");
  }
}

TEST_CASE("DynamoDbBackend: credentials that could not stand in a request are refused, and not shown", "[signature]") {
  const Listener listener;
  for (const AwsCredentials& bad :
       {AwsCredentials{"id\r\nX: y", "secret"}, AwsCredentials{"id", "sec\nret"},
        AwsCredentials{"id", "secret", "tok en\r\n"}, AwsCredentials{"", "secret"}, AwsCredentials{"id", ""}}) {
    auto options = dynamodb_at(listener.port());
    options.credentials = bad;
    DynamoDbCache cache(options);
    const std::string message = message_of<InvalidArgumentError>([&] { cache.get("k"); });
    CHECK(contains(message, "credentials"));
    for (const char* part : {"sec\n", "X: y", "tok en"}) CHECK_FALSE(contains(message, part));
  }
  CHECK(listener.requests().empty());
}

TEST_CASE("DynamoDbBackend: no error tells a secret", "[signature]") {
  ScriptedServer server([](ScriptedServer::Connection& connection) {
    HttpRequest::read(connection);
    connection.send(
        dynamodb_error(400, "UnrecognizedClientException", "The security token included in the request is invalid."));
    connection.close();
  });
  for (const std::uint16_t port : {server.port(), std::uint16_t{1}}) {
    auto options = dynamodb_at(port, 500ms);
    options.credentials = AwsCredentials{"AKIDHIDDEN", "hidden-secret", "hidden-token"};
    DynamoDbCache cache(options);
    const std::string message = message_of<larder::CacheError>([&] { cache.get("k"); });
    CHECK_FALSE(message.empty());
    for (const char* part : {"AKIDHIDDEN", "hidden"}) CHECK_FALSE(contains(message, part));
  }
}
