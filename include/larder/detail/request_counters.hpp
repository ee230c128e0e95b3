/// \file request_counters.hpp
/// What a remote backend or a layer counts itself: its own requests and their outcome.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <larder/cache_error.hpp>
#include <larder/cache_stats.hpp>
#include <larder/detail/thread_index.hpp>

namespace larder::detail {

/// Any number of threads may count, each mostly in a cache line of its own. A snapshot taken meanwhile may have a
/// request's hit before its set.
class RequestCounters {
 public:
  enum Counter : unsigned char { hits, misses, sets, deletes, errors, undecodable };

  void add(Counter counter, std::uint64_t count = 1) noexcept {
    stripes_[ThreadIndex::get() % stripes_.size()].counts[counter].fetch_add(count, std::memory_order_relaxed);
  }

  /// Result: what `call` returns. What it throws passes through, and is counted if it is an error of the cache.
  template <class Call>
  std::invoke_result_t<const Call&> counting_errors(const Call& call) {
    try {
      return call();
    } catch (const CacheError&) {
      add(errors);
      throw;
    }
  }

  std::uint64_t sum(Counter counter) const noexcept {
    std::uint64_t sum = 0;
    for (const Stripe& stripe : stripes_) sum += stripe.counts[counter].load(std::memory_order_relaxed);
    return sum;
  }

  CacheStats snapshot() const noexcept {
    CacheStats stats;
    stats.hits = sum(hits);
    stats.misses = sum(misses);
    stats.sets = sum(sets);
    stats.deletes = sum(deletes);
    stats.errors = sum(errors);
    stats.undecodable = sum(undecodable);
    return stats;
  }

  void reset() noexcept {
    for (Stripe& stripe : stripes_) {
      for (auto& count : stripe.counts) count.store(0, std::memory_order_relaxed);
    }
  }

 private:
  struct alignas(64) Stripe {
    std::array<std::atomic<std::uint64_t>, undecodable + 1> counts{};
  };

  std::array<Stripe, 8> stripes_{};
};

}  // namespace larder::detail
