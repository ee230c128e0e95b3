/// \file call_sampler.hpp
/// CallSampler: chooses calls at random, for next to nothing.
#pragma once

#include <cstdint>

#include <larder/hash.hpp>

namespace larder::detail {

/// Each thread counts down to the next call that is chosen, which costs a subtraction. How far is random, so that no
/// pattern of calls is always hit or always missed.
class CallSampler {
 public:
  /// One call in `interval` on average, which is at least 1.
  explicit CallSampler(std::uint32_t interval) noexcept : interval_(interval) {}

  /// Whether this call is chosen. `weight` then says how many calls it stands for.
  [[gnu::always_inline]] bool chooses(std::uint64_t& weight) const noexcept {
    if (interval_ == 1) {
      weight = 1;
      return true;
    }
    if (--countdown_ != 0) [[likely]]
      return false;
    weight = drawn_from_;
    draw();
    return true;
  }

 private:
  /// The countdown is the thread's, whose samplers may differ: the chosen call stands for as many as it was drawn from.
  [[gnu::noinline]] void draw() const noexcept {
    state_ += hash_constant_a;
    const std::uint64_t random = multiply_fold(state_ ^ reinterpret_cast<std::uintptr_t>(&state_), hash_constant_b);
    drawn_from_ = interval_;
    countdown_ = 1 + static_cast<std::uint32_t>((random >> 32) * (2 * std::uint64_t{interval_} - 1) >> 32);
  }

  static inline constinit thread_local std::uint32_t countdown_ = 1;
  static inline constinit thread_local std::uint32_t drawn_from_ = 1;
  static inline constinit thread_local std::uint64_t state_ = 0;

  std::uint32_t interval_;
};

}  // namespace larder::detail
