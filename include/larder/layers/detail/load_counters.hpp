/// \file load_counters.hpp
/// LoadCounters: counts what LoadStats tells.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include <larder/layers/load_stats.hpp>

namespace larder::detail {

/// Thread-safe. None of it is counted by a hit.
class LoadCounters {
 public:
  using Member = std::uint64_t LoadStats::*;

  void add(Member member) noexcept { counter_of(member).fetch_add(1, std::memory_order_relaxed); }
  void add_load_time(std::chrono::nanoseconds time) noexcept {
    nanoseconds_.fetch_add(time.count(), std::memory_order_relaxed);
    load_times_[LoadStats::bucket_of(time)].fetch_add(1, std::memory_order_relaxed);
  }

  LoadStats snapshot() const noexcept {
    LoadStats stats;
    for (std::size_t i = 0; i < members.size(); ++i) stats.*members[i] = counters_[i].load(std::memory_order_relaxed);
    stats.load_time = std::chrono::nanoseconds(nanoseconds_.load(std::memory_order_relaxed));
    for (std::size_t i = 0; i < load_times_.size(); ++i) {
      stats.load_times[i] = load_times_[i].load(std::memory_order_relaxed);
    }
    return stats;
  }

  void reset() noexcept {
    for (auto& counter : counters_) counter.store(0, std::memory_order_relaxed);
    nanoseconds_.store(0, std::memory_order_relaxed);
    for (auto& count : load_times_) count.store(0, std::memory_order_relaxed);
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
  std::atomic<std::int64_t> nanoseconds_{0};
  std::array<std::atomic<std::uint64_t>, decltype(LoadStats::load_times)().size()> load_times_{};
};

}  // namespace larder::detail
