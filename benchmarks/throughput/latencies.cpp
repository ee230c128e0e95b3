/// \file latencies.cpp
/// How long single sets take: while the cache grows from empty to a million entries, and then in a full one, where
/// each set evicts. Every run of every subject is in a fresh process; the median of the runs counts, so that an
/// interrupt in one of them does not.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "container_peers.hpp"
#include "fresh_process.hpp"
#include "report.hpp"
#include "store_peers.hpp"
#include "subjects.hpp"

namespace larder::bench {

namespace {

using SteadyTime = std::chrono::steady_clock;

double nanoseconds_since(SteadyTime::time_point start) {
  return std::chrono::duration<double, std::nano>(SteadyTime::now() - start).count();
}

/// Stores entries `first`, `first + 1` ... and times each.
template <Subject Type>
Percentiles time_sets(Type& subject, std::size_t first, std::size_t count) {
  constexpr std::size_t chunk = 4096;  // of requests, made before the clock starts
  std::vector<double> samples;
  samples.reserve(count);
  std::vector<Request> requests;
  while (samples.size() < count) {
    requests.clear();
    const std::size_t next = first + samples.size();
    for (std::size_t i = 0; i < std::min(chunk, count - samples.size()); ++i) {
      requests.emplace_back(KeyStyle::named, next + i);
    }
    for (const Request& request : requests) {
      const auto start = SteadyTime::now();
      subject.write(request.key(), values()[request.id]);
      samples.push_back(nanoseconds_since(start));
    }
  }
  if (subject.read(requests.back().key()) != touch(values()[requests.back().id])) {
    throw std::runtime_error("the bytes read are not the bytes stored");
  }
  std::ranges::sort(samples);
  const auto at = [&samples](double part) {
    return samples[static_cast<std::size_t>(part * static_cast<double>(samples.size() - 1))];
  };
  return {at(0.5), at(0.99), at(0.999), samples.back()};
}

template <Subject Type>
Percentiles time_growth() {
  auto& subject = *new Type(roomy(sizes.latency_sets));
  return time_sets(subject, 0, sizes.latency_sets);
}

template <Subject Type>
Percentiles time_eviction() {
  const std::size_t limit = sizes.latency_sets / 2;
  auto& subject = *new Type(limit);
  fill(subject, 2 * limit, KeyStyle::named);
  return time_sets(subject, 2 * limit, sizes.latency_sets);
}

struct Candidate {
  Latency latency;
  Percentiles (*measure)();
};

template <Subject Type>
void add(std::vector<Candidate>& all, const std::string& name) {
  all.push_back({{"set_growing", name, {}}, time_growth<Type>});
  all.push_back({{"set_evicting", name, {}}, time_eviction<Type>});
}

}  // namespace

std::vector<Latency> measure_latencies() {
  std::vector<Candidate> all;
  add<LarderDefault>(all, "larder");
  add<ListAndMap<std::mutex>>(all, "list_and_map");
#if LARDER_BENCHMARK_BOOST
  add<MultiIndex<InMemoryTraits<>::Mutex>>(all, "multi_index");
  all.push_back({{"set_growing", "flat_map", {}}, time_growth<FlatMap>});
#endif
#if LARDER_BENCHMARK_LEVELDB
  add<LevelDbLru>(all, "leveldb_lru");
#endif
#if LARDER_BENCHMARK_ROCKSDB
  add<RocksDbLru>(all, "rocksdb_lru");
#endif
  for (std::size_t run = 0; run < sizes.latency_runs; ++run) {
    for (Candidate& candidate : all) {
      const SharedArray<Percentiles> result(1);
      in_fresh_process([&] { result[0] = candidate.measure(); });
      candidate.latency.runs.push_back(result[0]);
    }
  }
  std::vector<Latency> latencies;
  for (Candidate& candidate : all) latencies.push_back(std::move(candidate.latency));
  std::ranges::stable_sort(latencies, std::greater<>(), &Latency::work);  // growing, then evicting
  return latencies;
}

double clock_cost() {
  std::vector<double> samples(10'000);
  for (double& sample : samples) sample = nanoseconds_since(SteadyTime::now());
  return median_of(std::move(samples));
}

}  // namespace larder::bench
