/// \file redis_slots.hpp
/// Which slot of a Redis Cluster a key belongs to, and which server has which slots.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <larder/backends/detail/endpoint.hpp>
#include <larder/backends/detail/redis/resp.hpp>
#include <larder/cache_error.hpp>

namespace larder::detail {

inline constexpr std::size_t redis_slots = 16384;

/// CRC-16/XMODEM: polynomial 0x1021, from 0, most significant bit first.
inline std::uint16_t crc16(std::string_view bytes) noexcept {
  static constexpr auto table = [] {
    std::array<std::uint16_t, 256> made{};
    for (unsigned i = 0; i < 256; ++i) {
      unsigned remainder = i << 8U;
      for (int bit = 0; bit < 8; ++bit) remainder = (remainder << 1U) ^ ((remainder & 0x8000U) != 0 ? 0x1021U : 0U);
      made[i] = static_cast<std::uint16_t>(remainder);
    }
    return made;
  }();
  unsigned crc = 0;
  for (const char byte : bytes) {
    crc = ((crc << 8U) ^ table[((crc >> 8U) ^ static_cast<unsigned char>(byte)) & 0xffU]) & 0xffffU;
  }
  return static_cast<std::uint16_t>(crc);
}

/// Result: the slot of a key. What stands between its first `{` and the next `}`, if anything, is all that counts, so
/// that keys can be kept together.
inline std::size_t redis_slot_of(std::string_view key) noexcept {
  const std::size_t open = key.find('{');
  if (open != std::string_view::npos) {
    const std::size_t close = key.find('}', open + 1);
    if (close != std::string_view::npos && close != open + 1) key = key.substr(open + 1, close - open - 1);
  }
  return crc16(key) % redis_slots;
}

/// What CLUSTER SLOTS says: slots from `first` to `last` are at a master.
struct SlotRange {
  std::size_t first = 0;
  std::size_t last = 0;
  Endpoint master{};
  std::vector<Endpoint> replicas{};

  friend bool operator==(const SlotRange&, const SlotRange&) = default;
};

/// Where a server of a cluster is, which may leave out its host, and then means the one that was asked.
inline Endpoint cluster_endpoint(std::string_view host, std::uint16_t port, const Endpoint& asked) {
  if (!host.empty() && host != "?") return {.host = std::string(host), .port = port};
  // What was asked through a socket in the file system is on this machine.
  return {.host = asked.unix_socket.empty() ? asked.host : "127.0.0.1", .port = port};
}

inline Endpoint node_endpoint(const Reply& node, const Endpoint& asked) {
  const auto& parts = node.elements;
  const bool is_one = node.is(Reply::Type::array) && parts.size() >= 2 &&
                      (parts[0].is(Reply::Type::bulk) || parts[0].is(Reply::Type::nil)) &&
                      parts[1].is(Reply::Type::integer) && parts[1].integer >= 1 && parts[1].integer <= 65535;
  if (!is_one) {
    throw ProtocolError("redis " + asked.to_text() + ": CLUSTER SLOTS names a server that is none");
  }
  return cluster_endpoint(parts[0].text, static_cast<std::uint16_t>(parts[1].integer), asked);
}

/// Result: ranges that do not overlap, with fewer replicas in all than there are slots. \throws ProtocolError.
inline std::vector<SlotRange> parse_cluster_slots(const Reply& reply, const Endpoint& asked) {
  std::vector<SlotRange> ranges;
  std::vector<bool> is_taken(redis_slots);
  std::size_t replicas = 0;
  if (!reply.is(Reply::Type::array)) throw ProtocolError("redis " + asked.to_text() + ": CLUSTER SLOTS is no array");
  for (const Reply& each : reply.elements) {
    const auto& parts = each.elements;
    const bool is_range = each.is(Reply::Type::array) && parts.size() >= 3 && parts[0].is(Reply::Type::integer) &&
                          parts[1].is(Reply::Type::integer) && parts[0].integer >= 0 &&
                          parts[0].integer <= parts[1].integer &&
                          parts[1].integer < static_cast<long long>(redis_slots);
    if (!is_range) throw ProtocolError("redis " + asked.to_text() + ": CLUSTER SLOTS has a range that is none");
    SlotRange range{.first = static_cast<std::size_t>(parts[0].integer),
                    .last = static_cast<std::size_t>(parts[1].integer),
                    .master = node_endpoint(parts[2], asked)};
    for (std::size_t slot = range.first; slot <= range.last; ++slot) {
      if (is_taken[slot]) throw ProtocolError("redis " + asked.to_text() + ": CLUSTER SLOTS has a slot twice");
      is_taken[slot] = true;
    }
    replicas += parts.size() - 3;
    if (replicas >= redis_slots) throw ProtocolError("redis " + asked.to_text() + ": CLUSTER SLOTS has no end");
    for (std::size_t i = 3; i < parts.size(); ++i) range.replicas.push_back(node_endpoint(parts[i], asked));
    ranges.push_back(std::move(range));
  }
  return ranges;
}

/// An answer that sends a command elsewhere: `MOVED 3999 127.0.0.1:6381`, `ASK ...`.
struct Redirect {
  bool is_for_good = false;
  std::size_t slot = 0;
  Endpoint endpoint{};

  /// Result: empty if the reply is none. \throws ProtocolError if it is one that makes no sense.
  static std::optional<Redirect> from(const Reply& reply, const Endpoint& asked) {
    if (!reply.is(Reply::Type::error)) return std::nullopt;
    std::string_view text = reply.text;
    Redirect redirect;
    if (text.starts_with("MOVED ")) {
      redirect.is_for_good = true;
      text.remove_prefix(6);
    } else if (text.starts_with("ASK ")) {
      text.remove_prefix(4);
    } else {
      return std::nullopt;
    }
    const std::size_t space = std::min(text.find(' '), text.size());
    const std::size_t colon = text.rfind(':');
    const bool is_whole = colon != std::string_view::npos && colon > space;
    if (!is_whole || !parse(text.substr(0, space), redirect.slot) || redirect.slot >= redis_slots ||
        !parse(text.substr(colon + 1), redirect.endpoint.port) || redirect.endpoint.port == 0) {
      throw ProtocolError("redis " + asked.to_text() + ": a redirection to nowhere");
    }
    redirect.endpoint = cluster_endpoint(text.substr(space + 1, colon - space - 1), redirect.endpoint.port, asked);
    return redirect;
  }

 private:
  template <class Number>
  static bool parse(std::string_view text, Number& number) noexcept {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size();
  }
};

}  // namespace larder::detail
