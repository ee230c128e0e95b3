/// \file load_lease.hpp
/// LoadLease: this process's right to load a key, as far as it can be had.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include <larder/cache_error.hpp>
#include <larder/load_leases.hpp>

namespace larder::detail {

/// Where the leases cannot be reached, everybody may load: they save work, and must not prevent any.
class LoadLease {
 public:
  using Clock = std::chrono::steady_clock;

  LoadLease(LoadLeases& leases, std::chrono::milliseconds ttl, std::string key)
      : leases_(leases), ttl_(ttl), key_(std::move(key)) {}
  LoadLease(const LoadLease&) = delete;
  LoadLease& operator=(const LoadLease&) = delete;
  ~LoadLease() { release(); }

  /// Result: false if another process has it.
  bool acquire() {
    begun_ = Clock::now();
    try {
      token_ = leases_.acquire(key_, ttl_);
      return token_.has_value();
    } catch (const CacheError&) {
      return true;
    }
  }

  /// Result: false if somebody has revoked it, and not just its time is over.
  bool stands() noexcept {
    if (!token_) return true;
    try {
      return leases_.holds(key_, *token_) || is_over();
    } catch (const CacheError&) {
      return true;
    }
  }

  /// Ends it. Result: the same.
  bool release() noexcept {
    if (!token_) return true;
    const std::string token = *std::exchange(token_, std::nullopt);
    try {
      return leases_.release(key_, token) || is_over();
    } catch (const CacheError&) {
      return true;
    }
  }

 private:
  bool is_over() const noexcept { return Clock::now() - begun_ >= ttl_; }

  LoadLeases& leases_;
  const std::chrono::milliseconds ttl_;
  const std::string key_;
  Clock::time_point begun_{};
  std::optional<std::string> token_{};
};

}  // namespace larder::detail
