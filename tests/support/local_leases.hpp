/// \file local_leases.hpp
/// LocalLeases: load leases of "processes" that are all in this one, which expire by a test's clock and may fail.
#pragma once

#include <larder/load_leases.hpp>

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include <larder/cache_error.hpp>
#include <larder/testing/manual_clock.hpp>

namespace larder_tests {

class LocalLeases final : public larder::LoadLeases {
 public:
  explicit LocalLeases(larder::testing::ManualClock clock = {}) : clock_(std::move(clock)) {}

  std::optional<std::string> acquire(std::string_view key, std::chrono::milliseconds ttl) override {
    const std::lock_guard lock(mutex_);
    fail_if_broken();
    Lease& lease = leases_[std::string(key)];
    if (!lease.token.empty() && clock_.now() < lease.end) return std::nullopt;
    lease = {std::to_string(++tokens_), clock_.now() + ttl};
    return lease.token;
  }
  bool holds(std::string_view key, std::string_view token) override {
    const std::lock_guard lock(mutex_);
    fail_if_broken();
    return is_held(key, token);
  }
  bool release(std::string_view key, std::string_view token) override {
    const std::lock_guard lock(mutex_);
    fail_if_broken();
    if (!is_held(key, token)) return false;
    leases_.erase(std::string(key));
    return true;
  }
  void revoke(std::string_view key) override {
    const std::lock_guard lock(mutex_);
    fail_if_broken();
    leases_.erase(std::string(key));
  }
  void revoke_all() override {
    const std::lock_guard lock(mutex_);
    fail_if_broken();
    leases_.clear();
  }

  void break_store(bool broken = true) {
    const std::lock_guard lock(mutex_);
    broken_ = broken;
  }
  std::size_t count() {
    const std::lock_guard lock(mutex_);
    return leases_.size();
  }

 private:
  struct Lease {
    std::string token;
    larder::testing::ManualClock::time_point end;
  };

  void fail_if_broken() const {
    if (broken_) throw larder::ConnectionError("the leases cannot be reached");
  }
  bool is_held(std::string_view key, std::string_view token) {
    const auto found = leases_.find(std::string(key));
    return found != leases_.end() && found->second.token == token && clock_.now() < found->second.end;
  }

  larder::testing::ManualClock clock_;
  std::mutex mutex_;
  std::map<std::string, Lease> leases_;
  int tokens_ = 0;
  bool broken_ = false;
};

}  // namespace larder_tests
