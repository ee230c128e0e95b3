/// \file thread_index.hpp
/// thread_index: a small number for the calling thread, so that threads can keep out of each other's way.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>

namespace larder::detail {

/// Gives out the numbers 0 to 63, the lowest free one first, and takes them back from threads that end: so threads
/// that live at the same time have different ones, until there are more than 64 of them.
class ThreadIndex {
 public:
  static constexpr std::uint32_t count = 64;

  static std::uint32_t get() noexcept { return own_ < count ? own_ : claim(); }

  /// The same, or a number that is larger than all if the thread has not asked by `get` yet.
  [[gnu::always_inline]] static std::uint32_t peek() noexcept { return own_; }

 private:
  static constexpr std::uint32_t none = count;

  /// Gives the number back when its thread ends. What the thread still does after that may share it with another
  /// one: whoever works by these numbers has to lock what they stand for.
  struct Lease {
    ~Lease() {
      if (owned) taken_.fetch_and(~(std::uint64_t{1} << own_), std::memory_order_relaxed);
    }
    bool owned = false;
  };

  [[gnu::noinline]] static std::uint32_t claim() noexcept {
    static thread_local Lease lease;
    // relaxed: the numbers order nothing, see Lease.
    std::uint64_t taken = taken_.load(std::memory_order_relaxed);
    while (~taken != 0) {
      const auto lowest = static_cast<std::uint32_t>(std::countr_one(taken));
      if (taken_.compare_exchange_weak(taken, taken | std::uint64_t{1} << lowest, std::memory_order_relaxed)) {
        lease.owned = true;
        return own_ = lowest;
      }
    }
    return own_ = shared_.fetch_add(1, std::memory_order_relaxed) % count;
  }

  static inline constinit thread_local std::uint32_t own_ = none;
  static inline constinit std::atomic<std::uint64_t> taken_{0};
  static inline constinit std::atomic<std::uint32_t> shared_{0};
};

}  // namespace larder::detail
