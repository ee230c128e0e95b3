/// \file mutex.hpp
/// The locks that `InMemoryTraits::Mutex` may name. Any type with `lock` and `unlock` will do, `std::mutex` too.
#pragma once

#include <atomic>
#include <chrono>

#include <larder/detail/this_thread.hpp>

namespace larder {

/// No lock at all: for a cache that one thread uses, or that the caller locks.
struct NullMutex {
  void lock() noexcept {}
  bool try_lock() noexcept { return true; }
  void unlock() noexcept {}
};

/// The default lock: one byte, held for tens of nanoseconds at a time.
///
/// Unlocking is a plain store, where `std::mutex` needs a second locked instruction, which would also keep the
/// processor from overlapping the cache misses of one look-up with those of the next. The price is that a
/// waiter cannot be woken: it spins for a moment, then yields, then sleeps for growing fractions of a
/// millisecond, so that a holder that lost its processor gets it back.
class SpinMutex {
 public:
  SpinMutex() = default;
  SpinMutex(const SpinMutex&) = delete;
  SpinMutex& operator=(const SpinMutex&) = delete;

  // Both inlined, which compilers would not do by themselves: a call costs half as much as the lock.
  [[gnu::always_inline]] void lock() noexcept {
    if (!try_lock()) [[unlikely]] {
      wait_and_lock();
    }
  }

  [[gnu::always_inline]] bool try_lock() noexcept {
    // acquire: pairs with the release in unlock, so that all that the last holder wrote is seen.
    return !locked_.exchange(true, std::memory_order_acquire);
  }

  void unlock() noexcept { locked_.store(false, std::memory_order_release); }

 private:
  [[gnu::noinline]] void wait_and_lock() noexcept {
    constexpr int spins = 200;
    constexpr int yields = 20;
    constexpr auto longest_sleep = std::chrono::microseconds(1000);
    auto sleep = std::chrono::microseconds(20);
    for (int round = 0;; ++round) {
      // Waiting on a plain read leaves the line shared until it changes.
      if (!locked_.load(std::memory_order_relaxed) && try_lock()) return;
      if (round < spins) {
        pause();
      } else if (round < spins + yields) {
        detail::yield_thread();
      } else {
        detail::sleep_thread(sleep);
        if (sleep < longest_sleep) sleep *= 2;
      }
    }
  }

  static void pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("isb" ::: "memory");
#endif
  }

  std::atomic<bool> locked_{false};
};

}  // namespace larder
