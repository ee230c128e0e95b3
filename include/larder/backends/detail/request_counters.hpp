/// \file request_counters.hpp
/// What a remote backend counts itself: its own requests and their outcome.
#pragma once

#include <atomic>
#include <cstdint>
#include <type_traits>

#include <larder/cache_error.hpp>
#include <larder/cache_stats.hpp>

namespace larder::detail {

/// Any number of threads may count. A snapshot taken meanwhile may have a request's hit before its set.
class RequestCounters {
 public:
  using Counter = std::atomic<std::uint64_t>;

  Counter hits{0};
  Counter misses{0};
  Counter sets{0};
  Counter deletes{0};
  Counter errors{0};
  Counter undecodable{0};

  static void add(Counter& counter, std::uint64_t count = 1) noexcept {
    counter.fetch_add(count, std::memory_order_relaxed);
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

  CacheStats snapshot() const noexcept {
    CacheStats stats;
    stats.hits = hits.load(std::memory_order_relaxed);
    stats.misses = misses.load(std::memory_order_relaxed);
    stats.sets = sets.load(std::memory_order_relaxed);
    stats.deletes = deletes.load(std::memory_order_relaxed);
    stats.errors = errors.load(std::memory_order_relaxed);
    stats.undecodable = undecodable.load(std::memory_order_relaxed);
    return stats;
  }

  void reset() noexcept {
    for (Counter* counter : {&hits, &misses, &sets, &deletes, &errors, &undecodable}) {
      counter->store(0, std::memory_order_relaxed);
    }
  }
};

}  // namespace larder::detail
