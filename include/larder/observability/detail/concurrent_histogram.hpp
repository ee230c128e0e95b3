/// \file concurrent_histogram.hpp
/// ConcurrentHistogram: a Histogram that any number of threads record in.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include <larder/observability/histogram.hpp>

namespace larder::detail {

/// Everything is relaxed: a snapshot that is taken meanwhile may have a part of what another thread records just now.
class ConcurrentHistogram {
 public:
  void record(std::uint64_t value, std::uint64_t times = 1) noexcept {
    counts_[Histogram::bucket_of(value)].fetch_add(times, std::memory_order_relaxed);
    sum_.fetch_add(value * times, std::memory_order_relaxed);
  }

  Histogram snapshot() const noexcept {
    Histogram histogram;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      histogram.add_bucket(i, counts_[i].load(std::memory_order_relaxed));
    }
    histogram.add_sum(sum_.load(std::memory_order_relaxed));
    return histogram;
  }

  void reset() noexcept {
    for (auto& count : counts_) count.store(0, std::memory_order_relaxed);
    sum_.store(0, std::memory_order_relaxed);
  }

 private:
  std::array<std::atomic<std::uint64_t>, Histogram::bucket_count> counts_{};
  std::atomic<std::uint64_t> sum_{0};
};

}  // namespace larder::detail
