/// \file hash_ring.hpp
/// HashRing: which of several servers has a key, so that few keys move when a server joins or leaves.
///
/// Consistent hashing (Karger et al., 1997) as in ketama (Richard Jones, 2007): every server has many points on a ring
/// of hashes, and a key belongs to the server of the first point at or after its own hash. A server that joins takes
/// only what it then has; of one that leaves, only what it had goes to others. Points depend on a server's name alone,
/// so the order in which servers are named does not matter.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace larder::detail {

/// A hash that is the same in every process, on every machine, for ever: FNV-1a (Fowler, Noll, Vo, 1991), whose bits
/// are mixed as in SplitMix64 (Steele, Lea, Flood, 2014).
inline std::uint64_t stable_hash(std::string_view text) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char byte : text) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3U;
  hash = (hash ^ (hash >> 30U)) * 0xbf58476d1ce4e5b9U;
  hash = (hash ^ (hash >> 27U)) * 0x94d049bb133111ebU;
  return hash ^ (hash >> 31U);
}

/// Immutable. Looking up takes O(log of the number of points).
class HashRing {
 public:
  /// With so many, the busiest of ten servers has about a fifth more than its share.
  static constexpr std::size_t points_per_server = 160;

  /// Of one server at least.
  explicit HashRing(const std::vector<std::string>& names) : servers_(names.size()) {
    points_.reserve(names.size() * points_per_server);
    for (std::size_t server = 0; server < names.size(); ++server) {
      for (std::size_t i = 0; i < points_per_server; ++i) {
        points_.push_back({stable_hash(names[server] + "-" + std::to_string(i)), server});
      }
    }
    // Where two points are one, the names decide, and not the order in which they came.
    std::sort(points_.begin(), points_.end(), [&names](const Point& left, const Point& right) {
      return left.hash != right.hash ? left.hash < right.hash : names[left.server] < names[right.server];
    });
  }

  std::size_t servers() const noexcept { return servers_; }

  /// Result: the number of the key's server.
  std::size_t server_of(std::string_view key) const noexcept {
    return servers_ == 1 ? 0 : points_[first_point(key)].server;
  }

  /// Result: the first on the way around the ring that `is_wanted(server)`; the key's own server if none is.
  template <class IsWanted>
  std::size_t server_of(std::string_view key, const IsWanted& is_wanted) const {
    const std::size_t first = first_point(key);
    std::size_t at = first;
    do {
      if (is_wanted(points_[at].server)) return points_[at].server;
      at = (at + 1) % points_.size();
    } while (at != first);
    return points_[first].server;
  }

 private:
  struct Point {
    std::uint64_t hash;
    std::size_t server;
  };

  std::size_t first_point(std::string_view key) const noexcept {
    const auto found = std::lower_bound(points_.begin(), points_.end(), stable_hash(key),
                                        [](const Point& point, std::uint64_t hash) { return point.hash < hash; });
    return found == points_.end() ? 0 : static_cast<std::size_t>(found - points_.begin());
  }

  const std::size_t servers_;
  std::vector<Point> points_;
};

}  // namespace larder::detail
