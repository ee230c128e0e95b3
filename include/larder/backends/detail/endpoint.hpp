/// \file endpoint.hpp
/// Endpoint: where a server listens.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace larder::detail {

/// A host and port, or a socket in the file system where `unix_socket` is not empty.
struct Endpoint {
  std::string host{};
  std::uint16_t port = 0;
  std::string unix_socket{};

  /// As messages and logs name it: `127.0.0.1:6379`, `[::1]:6379`, `/run/redis.sock`.
  std::string to_text() const {
    if (!unix_socket.empty()) return unix_socket;
    const bool ipv6 = host.find(':') != std::string::npos;
    return (ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
  }

  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

}  // namespace larder::detail
