/// \file load_leases.hpp
/// LoadLeases: who of several processes loads a value that all of them miss.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace larder {

/// Of all who ask for the lease of a key, one gets it, until it is released or its time is over. It is a matter of
/// thrift and not of safety: a lease that is lost means one load more.
///
/// Thread-safe. Functions throw CacheError where the store cannot be reached or answers with an error.
class LoadLeases {
 public:
  LoadLeases() = default;
  LoadLeases(const LoadLeases&) = delete;
  LoadLeases& operator=(const LoadLeases&) = delete;
  virtual ~LoadLeases() = default;

  /// Result: a token that proves the lease, which nobody else gets for `ttl`; empty if somebody has it.
  virtual std::optional<std::string> acquire(std::string_view key, std::chrono::milliseconds ttl) = 0;
  /// Result: whether this token's lease still stands.
  virtual bool holds(std::string_view key, std::string_view token) = 0;
  /// Ends the lease, if it is this token's, in one atomic step. Result: whether it was.
  virtual bool release(std::string_view key, std::string_view token) = 0;
  /// Ends whoever's lease: what is being loaded is out of date.
  virtual void revoke(std::string_view key) = 0;
  /// The same for all keys.
  virtual void revoke_all() = 0;
};

}  // namespace larder
