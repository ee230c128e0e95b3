/// \file remote_benchmarks.hpp
/// What the benchmarks of the remote backends share: entries, and pairs of works that are compared.
#pragma once

#include <benchmark/benchmark.h>

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace larder::bench {

/// One work, done by larder and by a peer that speaks the same bytes.
struct RemotePair {
  std::string name;
  /// How many calls are one measurement.
  std::size_t calls;
  /// The least that larder's rate may be of the peer's; 0 if there is no target.
  double target;
  /// Each does its work once, for entry number `index` or those from there on, and returns the bytes that it read, or
  /// stored.
  std::function<std::size_t(std::size_t index)> larder;
  std::function<std::size_t(std::size_t index)> peer;
};

inline constexpr std::size_t remote_entries = 10'000;
inline constexpr std::size_t remote_batch = 1'000;
inline constexpr std::size_t remote_value_size = 100;

inline std::string remote_key(std::size_t index) { return "larder-bench:" + std::to_string(1'000'000'000 + index); }
inline std::string remote_value(std::size_t index) {
  std::string value = std::to_string(index);
  value.resize(remote_value_size, 'v');
  return value;
}

/// The pairs for a server at this URL, which they fill.
std::vector<RemotePair> redis_pairs(const std::string& url);
std::vector<RemotePair> memcached_pairs(const std::string& url);
std::vector<RemotePair> dynamodb_pairs(const std::string& url);

}  // namespace larder::bench
