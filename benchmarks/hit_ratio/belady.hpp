/// \file belady.hpp
/// BeladyCache: the cache that knows the future, and so the bound for all others that hold as many entries.
///
/// When there is no room, of all entries and the new one that goes which is asked for last (L. A. Belady, "A Study of
/// Replacement Algorithms for a Virtual-Storage Computer", IBM Systems Journal 5(2), 1966). The new one may go, too, as
/// it may in a cache that turns entries away; TTLs are ignored. So no cache of that many entries has more hits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <queue>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

namespace larder::replay {

class BeladyCache {
 public:
  /// For keys below `keys`. `requests` is all of the trace, O(requests).
  /// \throws std::length_error beyond four thousand million requests.
  BeladyCache(std::span<const std::uint32_t> requests, std::size_t keys, std::size_t capacity)
      : capacity_(capacity), next_(requests.size()), wanted_(keys, nowhere) {
    if (requests.size() >= nowhere) throw std::length_error("too many requests: the optimum takes 4294967293 at most");
    std::vector<std::uint32_t> seen(keys, never);
    for (std::size_t i = requests.size(); i-- > 0;) {
      next_[i] = seen[requests[i]];
      seen[requests[i]] = static_cast<std::uint32_t>(i);
    }
  }

  /// The next request of the trace, which is for this key. Result: whether it is a hit. O(log capacity), amortized.
  bool ask(std::uint32_t key) {
    const std::uint32_t next = next_[request_++];
    const bool hit = wanted_[key] != nowhere;
    if (next == never) {
      // Nobody asks for it again: that it goes now is as good as later.
      if (hit) drop(key);
      return hit;
    }
    if (!hit) ++entries_;
    wanted_[key] = next;
    latest_.push({next, key});
    if (entries_ > capacity_) drop_latest();
    return hit;
  }

 private:
  static constexpr std::uint32_t never = std::numeric_limits<std::uint32_t>::max();
  static constexpr std::uint32_t nowhere = never - 1;

  void drop(std::uint32_t key) noexcept {
    wanted_[key] = nowhere;
    --entries_;
  }

  void drop_latest() {
    for (;;) {
      const auto [next, key] = latest_.top();
      latest_.pop();
      if (wanted_[key] != next) continue;  // asked for since, or gone
      return drop(key);
    }
  }

  std::size_t capacity_;
  std::size_t entries_ = 0;
  std::size_t request_ = 0;
  std::vector<std::uint32_t> next_;    // of each request, the next one for the same key
  std::vector<std::uint32_t> wanted_;  // of each key that is there, the next request for it
  std::priority_queue<std::pair<std::uint32_t, std::uint32_t>> latest_;
};

}  // namespace larder::replay
