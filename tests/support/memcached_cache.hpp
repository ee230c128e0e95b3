/// \file memcached_cache.hpp
/// What the tests of MemcachedBackend have in common.
#pragma once

#include <larder/backends/memcached_backend.hpp>

#include <chrono>
#include <cstdint>
#include <string>

#include "tests/support/fresh_prefix.hpp"
#include "tests/support/memcached_server.hpp"

namespace larder_tests {

using MemcachedCache = larder::MemcachedBackend<std::string, std::string>;

/// For a server by its name, with a prefix that nobody else has.
inline larder::MemcachedOptions memcached_at(std::string server,
                                             std::chrono::milliseconds timeout = std::chrono::seconds(5)) {
  return {.servers = {std::move(server)}, .prefix = fresh_prefix(), .timeout = timeout, .connect_timeout = timeout};
}
inline larder::MemcachedOptions memcached_at(std::uint16_t port,
                                             std::chrono::milliseconds timeout = std::chrono::seconds(5)) {
  return memcached_at("127.0.0.1:" + std::to_string(port), timeout);
}

inline larder::MemcachedOptions shared_memcached() { return memcached_at(shared_memcached_server().port()); }

/// What the server has as the generation of a backend's keys.
inline std::string generation_of(const MemcachedServer& server, const larder::MemcachedOptions& options) {
  const std::string answer = server.command("mg " + options.prefix + "generation v");
  return answer.substr(answer.find('\n') + 1);
}

}  // namespace larder_tests
