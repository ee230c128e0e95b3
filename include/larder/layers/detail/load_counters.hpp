/// \file load_counters.hpp
/// LoadCounters: counts what LoadStats tells.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include <larder/layers/load_stats.hpp>
#include <larder/observability/detail/concurrent_histogram.hpp>

namespace larder::detail {

/// Thread-safe. None of it is counted by a hit.
class LoadCounters {
 public:
  using Member = std::uint64_t LoadStats::*;

  void add(Member member) noexcept { counter_of(member).fetch_add(1, std::memory_order_relaxed); }
  void add_load_time(std::chrono::nanoseconds time) noexcept {
    load_times_.record(static_cast<std::uint64_t>(time.count() > 0 ? time.count() : 0));
  }

  LoadStats snapshot() const noexcept {
    LoadStats stats;
    for (std::size_t i = 0; i < members.size(); ++i) stats.*members[i] = counters_[i].load(std::memory_order_relaxed);
    stats.load_times = load_times_.snapshot();
    stats.load_time = std::chrono::nanoseconds(stats.load_times.sum());
    return stats;
  }

  void reset() noexcept {
    for (auto& counter : counters_) counter.store(0, std::memory_order_relaxed);
    load_times_.reset();
  }

 private:
  static constexpr std::array<Member, 11> members = {
      &LoadStats::loads,     &LoadStats::failures,       &LoadStats::cancelled,     &LoadStats::refreshes,
      &LoadStats::joined,    &LoadStats::timeouts,       &LoadStats::stale_served,  &LoadStats::early_refreshes,
      &LoadStats::overtaken, &LoadStats::leases_refused, &LoadStats::store_failures};

  std::atomic<std::uint64_t>& counter_of(Member member) noexcept {
    std::size_t index = 0;
    while (members[index] != member) ++index;
    return counters_[index];
  }

  std::array<std::atomic<std::uint64_t>, members.size()> counters_{};
  ConcurrentHistogram load_times_;
};

}  // namespace larder::detail
