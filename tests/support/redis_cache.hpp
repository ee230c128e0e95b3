/// \file redis_cache.hpp
/// What the tests of RedisBackend have in common.
#pragma once

#include <larder/backends/redis_backend.hpp>

#include <chrono>
#include <cstdint>
#include <string>

#include "tests/support/fresh_prefix.hpp"
#include "tests/support/redis_server.hpp"

namespace larder_tests {

using RedisCache = larder::RedisBackend<std::string, std::string>;

/// For the server at a port, with a prefix that nobody else has.
inline larder::RedisOptions redis_at(std::uint16_t port, std::chrono::milliseconds timeout = std::chrono::seconds(5)) {
  return {.port = port, .prefix = fresh_prefix(), .timeout = timeout, .connect_timeout = timeout};
}

inline larder::RedisOptions shared_redis() { return redis_at(shared_redis_server().port()); }

}  // namespace larder_tests
