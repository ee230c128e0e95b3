/// \file endpoint.hpp
/// Endpoint: where a server listens.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <system_error>

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

  /// From `host`, `host:port`, `[IPv6]` or `[IPv6]:port`; empty if it is none of these.
  static std::optional<Endpoint> from_text(std::string_view text, std::uint16_t default_port) {
    Endpoint endpoint{.port = default_port};
    std::string_view rest = text.substr(std::min(text.find(':'), text.size()));
    endpoint.host = text.substr(0, text.size() - rest.size());
    if (text.starts_with('[')) {
      const std::size_t bracket = std::min(text.find(']'), text.size() - 1);
      endpoint.host = text.substr(1, bracket - 1);
      rest = text.substr(bracket + 1);
      if (text[bracket] != ']') return std::nullopt;
    }
    if (endpoint.host.empty()) return std::nullopt;
    if (rest.empty()) return endpoint;
    const std::string_view digits = rest.substr(1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), endpoint.port);
    if (rest.front() != ':' || error != std::errc() || end != digits.data() + digits.size() || endpoint.port == 0) {
      return std::nullopt;
    }
    return endpoint;
  }

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
  friend bool operator<(const Endpoint& left, const Endpoint& right) noexcept {
    return std::tie(left.host, left.port, left.unix_socket) < std::tie(right.host, right.port, right.unix_socket);
  }
};

}  // namespace larder::detail
