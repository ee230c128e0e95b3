/// \file watched_mutex.hpp
/// A mutex that knows whether the present thread holds it, and a value that looks whenever it is used.
#pragma once

#include <cstddef>
#include <mutex>
#include <utility>

namespace larder_tests {

class WatchedMutex {
 public:
  void lock() {
    mutex_.lock();
    ++held_;
  }
  bool try_lock() {
    if (!mutex_.try_lock()) return false;
    ++held_;
    return true;
  }
  void unlock() {
    --held_;
    mutex_.unlock();
  }

  /// Whether this thread holds any WatchedMutex.
  static bool held() noexcept { return held_ > 0; }

 private:
  static inline thread_local int held_ = 0;

  std::mutex mutex_;
};

/// Counts the copies, moves, destructions and weighings of its kind that happen under a lock.
class WatchfulValue {
 public:
  explicit WatchfulValue(int number = 0) : number_(number) {}
  WatchfulValue(const WatchfulValue& other) : number_(other.number_) { look(); }
  WatchfulValue(WatchfulValue&& other) noexcept : number_(std::exchange(other.number_, -1)) { look(); }
  WatchfulValue& operator=(const WatchfulValue& other) {
    number_ = other.number_;
    look();
    return *this;
  }
  WatchfulValue& operator=(WatchfulValue&& other) noexcept {
    number_ = std::exchange(other.number_, -1);
    look();
    return *this;
  }
  ~WatchfulValue() { look(); }

  std::size_t size_bytes() const noexcept {
    look();
    return 10;
  }
  int number() const noexcept { return number_; }

  static int used_under_lock() noexcept { return used_under_lock_; }
  static void restart() noexcept { used_under_lock_ = 0; }

 private:
  static void look() noexcept { used_under_lock_ += WatchedMutex::held() ? 1 : 0; }

  static inline int used_under_lock_ = 0;

  int number_;
};

}  // namespace larder_tests
