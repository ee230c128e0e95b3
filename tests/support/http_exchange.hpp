/// \file http_exchange.hpp
/// Requests of HTTP as a scripted server reads them, and its responses.
#pragma once

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "tests/support/scripted_server.hpp"

namespace larder_tests {

struct HttpRequest {
  std::string method;
  std::string path;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;

  /// Empty where there is none.
  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
  /// `GetItem` and the like.
  std::string operation() const {
    const std::string target = header("x-amz-target");
    return target.substr(target.find('.') + 1);
  }

  /// Throws std::runtime_error if it is none. A client that asks first whether to send its body is told to.
  static HttpRequest read(ScriptedServer::Connection& connection) {
    HttpRequest request;
    const std::string line = connection.read_line();
    const std::size_t path = line.find(' ') + 1;
    const std::size_t version = line.rfind(" HTTP/1.1");
    if (version == std::string::npos || path > version) throw std::runtime_error("not a request: " + line);
    request.method = line.substr(0, path - 1);
    request.path = line.substr(path, version - path);
    for (std::string header = connection.read_line(); !header.empty(); header = connection.read_line()) {
      const std::size_t colon = header.find(':');
      std::string name = header.substr(0, colon);
      std::transform(name.begin(), name.end(), name.begin(),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      const std::size_t value = std::min(header.find_first_not_of(' ', colon + 1), header.size());
      request.headers[name] = header.substr(value);
    }
    if (request.header("expect") == "100-continue") connection.send("HTTP/1.1 100 Continue\r\n\r\n");
    const std::string length = request.header("content-length");
    if (!length.empty()) request.body = connection.read_bytes(std::stoul(length));
    return request;
  }
};

inline std::string http_response(int status, std::string_view body,
                                 std::string_view headers = "Content-Type: application/x-amz-json-1.0\r\n") {
  return "HTTP/1.1 " + std::to_string(status) + " Whatever\r\n" + std::string(headers) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

/// An error as DynamoDB has them.
inline std::string dynamodb_error(int status, const std::string& code, const std::string& message = "so it is") {
  return http_response(
      status, R"({"__type":"com.amazonaws.dynamodb.v20120810#)" + code + R"(","message":")" + message + R"("})");
}

}  // namespace larder_tests
