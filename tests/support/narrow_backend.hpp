/// \file narrow_backend.hpp
/// NarrowBackend: a sound backend that can do little, and declares it: short keys, small values, a clock of whole
/// seconds, no listing, no metadata, no times of creation, no statistics. Or none of these, and no TTLs either.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <larder/backend_capabilities.hpp>
#include <larder/cache_backend.hpp>
#include <larder/testing/manual_clock.hpp>

namespace larder_tests {

class NarrowBackend final : public larder::CacheBackend<> {
 public:
  static constexpr larder::BackendCapabilities capabilities{.enumerable_keys = false,
                                                            .metadata = false,
                                                            .creation_times = false,
                                                            .ttl_granularity = std::chrono::seconds(1),
                                                            .largest_key = 30,
                                                            .largest_value = 100,
                                                            .clear_count = false,
                                                            .request_counters = false,
                                                            .removal_counters = false,
                                                            .resettable_stats = false,
                                                            .exact_size_accounting = false};
  static constexpr larder::BackendCapabilities capabilities_without_ttl = [] {
    larder::BackendCapabilities without = capabilities;
    without.expiry = false;
    without.ttl_granularity = std::chrono::milliseconds(1);
    return without;
  }();

  explicit NarrowBackend(larder::testing::ManualClock clock, bool expires = true,
                         std::size_t largest_key = capabilities.largest_key)
      : clock_(std::move(clock)), expires_(expires), largest_key_(largest_key) {}

 private:
  using Seconds = std::chrono::seconds;

  struct Slot {
    larder::Bytes value;
    std::optional<Seconds> deadline;
  };
  using Slots = std::map<std::string, Slot, std::less<>>;

  std::optional<larder::Bytes> do_get(std::string_view key) override {
    const std::lock_guard lock(mutex_);
    const Slot* slot = find(key);
    return slot == nullptr ? std::nullopt : std::optional(slot->value);
  }

  bool do_set(std::string_view key, larder::Bytes value, larder::Ttl ttl, larder::Metadata) override {
    const std::lock_guard lock(mutex_);
    check(key);
    check(ttl);
    slots_.erase(std::string(key));
    if (value.size() > capabilities.largest_value) return false;
    slots_.emplace(key, Slot{std::move(value), deadline_of(ttl)});
    return true;
  }

  bool do_set_if_absent(std::string_view key, larder::Bytes value, larder::Ttl ttl, larder::Metadata) override {
    const std::lock_guard lock(mutex_);
    check(ttl);
    if (find(key) != nullptr || value.size() > capabilities.largest_value) return false;
    slots_.emplace(key, Slot{std::move(value), deadline_of(ttl)});
    return true;
  }

  bool do_touch(std::string_view key, larder::Ttl ttl) override {
    const std::lock_guard lock(mutex_);
    check(ttl);
    Slot* slot = find(key);
    if (slot != nullptr) slot->deadline = deadline_of(ttl);
    return slot != nullptr;
  }

  std::size_t do_set_many(std::span<item> items, larder::Ttl ttl) override {
    for (const auto& [key, value] : items) check(key);  // before anything changes
    std::size_t stored = 0;
    for (auto& [key, value] : items) stored += do_set(key, std::move(value), ttl, {}) ? 1 : 0;
    return stored;
  }

  std::size_t do_erase_many(std::span<const std::string_view> keys) override {
    for (const std::string_view key : keys) check(key);
    std::size_t erased = 0;
    for (const std::string_view key : keys) erased += do_erase(key) ? 1 : 0;
    return erased;
  }

  bool do_erase(std::string_view key) override {
    const std::lock_guard lock(mutex_);
    return find(key) != nullptr && slots_.erase(std::string(key)) > 0;
  }

  bool do_exists(std::string_view key) override {
    const std::lock_guard lock(mutex_);
    return find(key) != nullptr;
  }

  std::optional<larder::CacheEntry<>> do_get_entry(std::string_view key) override {
    const std::lock_guard lock(mutex_);
    const Slot* slot = find(key);
    if (slot == nullptr) return std::nullopt;
    larder::CacheEntry<> entry{.key = std::string(key), .value = slot->value, .created_at = {}};
    if (slot->deadline) entry.expires_at = std::chrono::system_clock::now() + (*slot->deadline - now());
    return entry;
  }

  std::size_t do_clear() override {
    const std::lock_guard lock(mutex_);
    slots_.clear();
    return 0;
  }

  larder::CacheStats do_stats() const override { return {}; }

  /// What it is asked for beyond its means.
  void check(std::string_view key) const {
    if (key.size() > largest_key_) throw larder::InvalidArgumentError("NarrowBackend: the key is too long");
  }

  void check(const larder::Ttl& ttl) const {
    if (ttl && !expires_) throw larder::NotSupportedError("NarrowBackend: there are no TTLs here");
  }

  std::optional<Seconds> deadline_of(const larder::Ttl& ttl) const {
    constexpr Seconds far = std::chrono::hours(24 * 365 * 100);
    if (!ttl) return std::nullopt;
    return now() + (*ttl < far ? std::chrono::ceil<Seconds>(*ttl) : far);
  }

  /// Whole seconds have passed since the clock began.
  Seconds now() const { return std::chrono::floor<Seconds>(clock_.now().time_since_epoch()); }

  /// The live entry of a key, or null.
  Slot* find(std::string_view key) {
    check(key);
    const auto found = slots_.find(key);
    if (found == slots_.end()) return nullptr;
    if (!found->second.deadline || now() < *found->second.deadline) return &found->second;
    slots_.erase(found);
    return nullptr;
  }

  larder::testing::ManualClock clock_;
  bool expires_;
  std::size_t largest_key_;
  std::mutex mutex_;
  Slots slots_;
};

}  // namespace larder_tests
