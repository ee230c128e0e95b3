/// \file dynamodb_cache.hpp
/// What the tests of DynamoDbBackend have in common.
#pragma once

#include <larder/backends/dynamodb_backend.hpp>

#include <chrono>
#include <cstdint>
#include <string>

#include "tests/support/dynalite_server.hpp"
#include "tests/support/fresh_prefix.hpp"

namespace larder_tests {

using DynamoDbCache = larder::DynamoDbBackend<std::string, std::string>;

/// For a server at a port, with a prefix that nobody else has.
inline larder::DynamoDbOptions dynamodb_at(std::uint16_t port,
                                           std::chrono::milliseconds timeout = std::chrono::seconds(10)) {
  return {.endpoint = "http://127.0.0.1:" + std::to_string(port),
          .table = "tests",
          .credentials = {"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"},
          .prefix = fresh_prefix(),
          .timeout = timeout,
          .connect_timeout = timeout,
          .scan_timeout = timeout,
          .retry_base = std::chrono::milliseconds(1),
          .retry_cap = std::chrono::milliseconds(5)};
}

/// At the server that all tests share, whose table is there.
inline larder::DynamoDbOptions shared_dynamodb() {
  auto options = dynamodb_at(shared_dynalite_server().port());
  options.create_table = true;
  return options;
}

}  // namespace larder_tests
