/// \file test_your_backend.cpp
/// A backend of one's own, proved in ten lines: the contract kit finds the bug in this one and explains it.
#include <larder/testing/backend_contract.hpp>
#include <larder/testing/manual_clock.hpp>

#include <chrono>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

using larder::testing::ManualClock;

/// A cache over a std::map for one thread, that forgets nothing but what has expired. It looks right.
class MapBackend final : public larder::CacheBackend<> {
 public:
  /// What it does not promise.
  static constexpr larder::BackendCapabilities capabilities{.entries = false,
                                                            .conditional_set = false,
                                                            .touch = false,
                                                            .request_counters = false,
                                                            .removal_counters = false,
                                                            .resettable_stats = false,
                                                            .exact_size_accounting = false,
                                                            .concurrent_use = false};

  /// `careful`: without the bug.
  MapBackend(ManualClock clock, bool careful) : clock_(std::move(clock)), careful_(careful) {}

 private:
  std::optional<larder::Bytes> do_get(std::string_view key) override {
    const auto found = live().find(key);
    return found != slots_.end() ? std::optional(found->second.value) : std::nullopt;
  }

  bool do_set(std::string_view key, larder::Bytes value, larder::Ttl ttl, larder::Metadata) override {
    Slot& slot = live()[std::string(key)];
    slot.value = std::move(value);
    if (careful_) slot.expires_at = ManualClock::time_point::max();
    // The bug: a slot that is overwritten without a TTL keeps the time at which its old value was to expire.
    if (ttl) slot.expires_at = clock_.now() + std::min(*ttl, century);
    return true;
  }

  bool do_erase(std::string_view key) override { return live().erase(std::string(key)) > 0; }
  bool do_exists(std::string_view key) override { return live().contains(key); }
  std::size_t do_clear() override { return std::exchange(live(), {}).size(); }
  larder::CacheStats do_stats() const override { return {}; }

  bool do_can_list_keys() const noexcept override { return true; }
  std::vector<std::string> do_keys(std::string_view pattern) override {
    std::vector<std::string> keys;
    for (const auto& [key, slot] : live()) {
      if (larder::glob_match(pattern, key)) keys.push_back(key);
    }
    return keys;
  }

  struct Slot {
    larder::Bytes value;
    ManualClock::time_point expires_at = ManualClock::time_point::max();
  };
  using Slots = std::map<std::string, Slot, std::less<>>;

  /// The map, freed of what has expired.
  Slots& live() {
    std::erase_if(slots_, [now = clock_.now()](const auto& slot) { return now >= slot.second.expires_at; });
    return slots_;
  }

  static constexpr std::chrono::milliseconds century = std::chrono::hours(24 * 36525);  // more would overflow the clock
  ManualClock clock_;
  bool careful_;
  Slots slots_;
};

/// The ten lines.
bool keeps_the_contract(bool careful) {
  ManualClock clock;
  const larder::testing::BackendContract<> contract({
      .name = careful ? "MapBackend, mended" : "MapBackend",
      .make = [clock, careful] { return std::make_unique<MapBackend>(clock, careful); },
      .clock = clock,
  });
  return contract.run(std::cout, larder::testing::Report::failures);
}

int main() {
  const bool with_bug = keeps_the_contract(false);
  const bool mended = keeps_the_contract(true);
  return !with_bug && mended ? 0 : 1;
}
