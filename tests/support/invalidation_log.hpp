/// \file invalidation_log.hpp
/// InvalidationEvents that are written down.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <larder/invalidation.hpp>

namespace larder_tests {

/// Thread-safe.
template <class Key = std::string>
class InvalidationLog final : public larder::InvalidationEvents<Key> {
 public:
  static constexpr std::chrono::seconds patience{20};

  void on_armed() override { add("armed"); }
  void on_lost() override { add("lost"); }
  void on_invalidated(larder::KeyView<Key> key) override {
    std::ostringstream text;
    text << '[' << key << ']';
    add(text.str());
  }

  /// "armed", "lost", and keys in brackets.
  std::vector<std::string> events() const {
    const std::lock_guard lock(mutex_);
    return events_;
  }
  /// How often this was told.
  std::size_t count(const std::string& event) const {
    const std::lock_guard lock(mutex_);
    return count_locked(event);
  }
  /// Waits until it was told so often. Whether it was.
  bool waits_for(const std::string& event, std::size_t times = 1) const {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, std::chrono::steady_clock::now() + patience,
                               [&] { return count_locked(event) >= times; });
  }

 private:
  void add(std::string event) {
    {
      const std::lock_guard lock(mutex_);
      events_.push_back(std::move(event));
    }
    changed_.notify_all();
  }
  std::size_t count_locked(const std::string& event) const {
    return static_cast<std::size_t>(std::count(events_.begin(), events_.end(), event));
  }

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<std::string> events_;
};

}  // namespace larder_tests
