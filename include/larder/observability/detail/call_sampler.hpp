/// \file call_sampler.hpp
/// CallSampler: chooses calls at random, for next to nothing.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include <larder/detail/thread_index.hpp>
#include <larder/hash.hpp>

namespace larder::detail {

/// Each thread counts down to the next call that is chosen, mostly on a cache line of its own. How far is random, so
/// that no pattern of calls is always hit or always missed. Threads that share a line may lose a count: nothing depends
/// on one, and so everything is relaxed.
class CallSampler {
 public:
  /// One call in `interval` on average, which is at least 1.
  explicit CallSampler(std::uint32_t interval) noexcept : interval_(interval) {
    for (Stripe& stripe : stripes_) draw(stripe);
  }

  /// Whether this call is chosen. `weight` then says how many calls it stands for.
  [[gnu::always_inline]] bool chooses(std::uint64_t& weight) noexcept {
    if (interval_ != 1) {
      Stripe& stripe = stripes_[ThreadIndex::get() % stripes_.size()];
      const std::uint64_t left = stripe.countdown.load(std::memory_order_relaxed);
      if (left > 1) [[likely]] {
        stripe.countdown.store(left - 1, std::memory_order_relaxed);
        return false;
      }
      draw(stripe);
    }
    weight = interval_;
    return true;
  }

 private:
  struct alignas(64) Stripe {
    std::atomic<std::uint64_t> countdown{1};
    std::atomic<std::uint64_t> drawn{0};
  };

  [[gnu::noinline]] void draw(Stripe& stripe) noexcept {
    const std::uint64_t drawn = stripe.drawn.fetch_add(1, std::memory_order_relaxed);
    const std::uint64_t random =
        mix_hash(drawn * stripes_.size() + static_cast<std::size_t>(&stripe - stripes_.data()));
    // Uniform from 1 to 2 * interval - 1, whose mean is the interval.
    const std::uint64_t countdown = 1 + ((random >> 32) * (2 * std::uint64_t{interval_} - 1) >> 32);
    stripe.countdown.store(countdown, std::memory_order_relaxed);
  }

  std::uint32_t interval_;
  std::array<Stripe, 16> stripes_;
};

}  // namespace larder::detail
