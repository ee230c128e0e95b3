/// \file retry_budget.hpp
/// RetryBudget: so that retries never become most of the load on a store that fails because of its load.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace larder::detail {

/// A bucket of tokens: each retry takes one, each success puts a share of one back. So there are at most `burst`
/// retries and a share of the successes. Thread-safe. While the bucket is full, a success costs one load. (As in gRPC's
/// retry throttling, and Finagle's RetryBudget.)
class RetryBudget {
 public:
  RetryBudget(std::size_t burst, double share)
      : most_(static_cast<std::int64_t>(burst) * token),
        deposit_(static_cast<std::int64_t>(share * token)),
        left_(most_) {}

  void succeeded() noexcept {
    std::int64_t left = left_.load(std::memory_order_relaxed);
    while (left < most_) {
      if (left_.compare_exchange_weak(left, std::min(left + deposit_, most_), std::memory_order_relaxed)) return;
    }
  }

  /// Result: whether there was a token, which is gone.
  bool take() noexcept {
    std::int64_t left = left_.load(std::memory_order_relaxed);
    while (left >= token) {
      if (left_.compare_exchange_weak(left, left - token, std::memory_order_relaxed)) return true;
    }
    return false;
  }

 private:
  static constexpr std::int64_t token = 1'000'000;

  const std::int64_t most_;
  const std::int64_t deposit_;
  std::atomic<std::int64_t> left_;
};

}  // namespace larder::detail
