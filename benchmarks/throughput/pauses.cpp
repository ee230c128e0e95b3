/// \file pauses.cpp
/// The largest pause of one set while growing. Keys and values have 8 bytes, so that ten million fit anywhere.
///
/// A pause that the table makes comes at the same set in every run; one that the machine makes (an interrupt,
/// another process's turn) does not. So the growth is run several times, each in a fresh process, and what
/// counts for each set is the least that it took.
#if LARDER_BENCHMARK_BOOST
#include <boost/unordered/unordered_flat_map.hpp>
#endif
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <larder/in_memory_backend.hpp>
#include <optional>

#include "fresh_process.hpp"
#include "report.hpp"
#include "workload.hpp"

namespace larder::bench {

#if LARDER_BENCHMARK_BOOST

namespace {

class GrowingLarder {
 public:
  void set(std::uint64_t key, std::uint64_t value) { cache_.set(key, value); }

 private:
  InMemoryBackend<std::uint64_t, std::uint64_t> cache_{{.max_size_bytes = std::size_t{1} << 40}};
};

class GrowingFlatMap {
 public:
  void set(std::uint64_t key, std::uint64_t value) { map_.insert_or_assign(key, value); }

 private:
  boost::unordered_flat_map<std::uint64_t, std::uint64_t, Hash<std::uint64_t>> map_;
};

template <class Growing>
double largest_pause() {
  using Clock = std::chrono::steady_clock;
  const SharedArray<std::uint32_t> least(sizes.pause_entries);
  std::ranges::fill(least.elements(), UINT32_MAX);
  for (int run = 0; run < sizes.pause_runs; ++run) {
    in_fresh_process([&least] {
      auto* growing = new Growing;
      for (std::size_t i = 0; i < sizes.pause_entries; ++i) {
        const auto start = Clock::now();
        growing->set(i, i);
        const auto took = std::chrono::nanoseconds(Clock::now() - start).count();
        least[i] = std::min(least[i], static_cast<std::uint32_t>(std::min<std::int64_t>(took, UINT32_MAX)));
      }
    });
  }
  return std::ranges::max(least.elements());
}

}  // namespace

std::optional<Pauses> measure_pauses() {
  return Pauses{largest_pause<GrowingLarder>(), largest_pause<GrowingFlatMap>()};
}

#else

std::optional<Pauses> measure_pauses() { return std::nullopt; }

#endif

}  // namespace larder::bench
