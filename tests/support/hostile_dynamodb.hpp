/// \file hostile_dynamodb.hpp
/// A DynamoDB server that misbehaves until it is told to behave, and what a cache must make of it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <larder/backends/detail/base64.hpp>

#include "tests/support/dynamodb_cache.hpp"
#include "tests/support/hostile_server.hpp"
#include "tests/support/http_exchange.hpp"
#include "tests/support/scripted_server.hpp"

namespace larder_tests {

/// The attribute `k` of a key of a cache with the prefix "p:".
inline std::string dynamodb_key(const std::string& key) {
  return R"("k":{"B":")" + larder::detail::base64("p:" + key) + R"("})";
}
inline std::string dynamodb_item(const std::string& key, const std::string& value) {
  return "{" + dynamodb_key(key) + R"(,"v":{"B":")" + larder::detail::base64(value) + R"("},"created_at":{"N":"1"}})";
}
inline std::string dynamodb_reply(const std::string& key, const std::string& value) {
  return http_response(200, R"({"Item":)" + dynamodb_item(key, value) + "}");
}

/// While it behaves, the value of the key "k" is "value".
inline void behave_like_dynamodb(ScriptedServer::Connection& connection) {
  while (true) {
    const auto request = HttpRequest::read(connection);
    connection.send(request.operation() == "GetItem" ? dynamodb_reply("k", "value") : http_response(200, "{}"));
  }
}

/// A script that answers each request with some bytes, or what `answer(request)` says.
inline ScriptedServer::Script answer_http(std::function<std::string(const HttpRequest&)> answer) {
  return [answer = std::move(answer)](ScriptedServer::Connection& connection) {
    while (true) connection.send(answer(HttpRequest::read(connection)));
  };
}
/// A script that answers one request with some bytes, and ends when there is another one.
inline ScriptedServer::Script say_http(std::string bytes) {
  return [bytes = std::move(bytes)](ScriptedServer::Connection& connection) {
    HttpRequest::read(connection);
    connection.send(bytes);
    HttpRequest::read(connection);
  };
}

inline larder::DynamoDbOptions hostile_dynamodb_options(std::uint16_t port) {
  auto options = dynamodb_at(port, hostile_timeout);
  options.prefix = "p:";
  options.max_reply_bytes = hostile_max_reply;
  options.max_attempts = 1;
  return options;
}

/// See hostile_server.hpp.
template <class Error, class Call>
void check_dynamodb_attack(const std::string& name, const ScriptedServer::Script& attack, const Call& call) {
  check_attack<Error>(
      Attack{.name = name, .attack = attack, .behaviour = &behave_like_dynamodb, .value = "value"},
      [](std::uint16_t port) { return std::make_unique<DynamoDbCache>(hostile_dynamodb_options(port)); }, call);
}

}  // namespace larder_tests
