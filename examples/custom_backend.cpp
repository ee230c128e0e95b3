/// \file custom_backend.cpp
/// A cache of your own in six small functions, here over a std::map. Copy it and put your store in the map's
/// place; batches, argument checks and TTLs of any unit come with CacheBackend.
#include <larder/cache_backend.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <iostream>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

using namespace std::chrono_literals;

/// Keeps everything until it expires: how much a store holds is its own affair.
class MapBackend final : public larder::CacheBackend<> {
 private:
  std::optional<larder::Bytes> do_get(std::string_view key) override {
    const std::lock_guard lock(mutex_);
    const auto found = live().find(key);
    ++(found != slots_.end() ? stats_.hits : stats_.misses);
    return found != slots_.end() ? std::optional(found->second.value) : std::nullopt;
  }

  // Metadata may be left out; get_entry() then says that it is not supported.
  bool do_set(std::string_view key, larder::Bytes value, larder::Ttl ttl, larder::Metadata) override {
    const std::lock_guard lock(mutex_);
    const auto expires_at = ttl ? Clock::now() + std::min(*ttl, century) : Clock::time_point::max();
    live().insert_or_assign(std::string(key), Slot{std::move(value), expires_at});
    ++stats_.sets;
    return true;
  }

  bool do_erase(std::string_view key) override {
    const std::lock_guard lock(mutex_);
    const auto found = live().find(key);
    if (found == slots_.end()) return false;
    slots_.erase(found);
    ++stats_.deletes;
    return true;
  }

  bool do_exists(std::string_view key) override {
    const std::lock_guard lock(mutex_);
    return live().contains(key);
  }

  std::size_t do_clear() override {
    const std::lock_guard lock(mutex_);
    return std::exchange(live(), {}).size();
  }

  // Gauges that are not known, such as the number of entries, stay empty.
  larder::CacheStats do_stats() const override {
    const std::lock_guard lock(mutex_);
    return stats_;
  }

  using Clock = std::chrono::steady_clock;
  struct Slot {
    larder::Bytes value;
    Clock::time_point expires_at;
  };
  using Slots = std::map<std::string, Slot, std::less<>>;

  /// The map, freed of what has expired: so every function sees live entries only.
  Slots& live() {
    const auto expired = std::erase_if(slots_, [](const auto& slot) { return Clock::now() >= slot.second.expires_at; });
    stats_.evictions += expired;
    stats_.expirations += expired;
    return slots_;
  }

  static constexpr std::chrono::milliseconds century = 24h * 36525;  // more might overflow the clock
  mutable std::mutex mutex_;
  Slots slots_;
  larder::CacheStats stats_;
};

/// Works with any cache and need not know which.
void greet(larder::CacheBackend<>& cache) {
  std::cout << "Stored " << cache.set_many({{"user:1", "Alice"}, {"user:2", "Bob"}}, 1h) << "\n";
  for (const auto& [key, name] : cache.get_many({"user:1", "user:2", "user:3"})) {
    std::cout << key << " is " << name << "\n";
  }
  std::cout << "Erased " << cache.erase_many({"user:1", "user:3"}) << "\n" << cache.stats() << "\n";
}

int main() {
  MapBackend cache;
  greet(cache);
}
