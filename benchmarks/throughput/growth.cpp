/// \file growth.cpp
/// The cost of a hit as the cache grows, beside the bare map. Rounds take turns, and the median counts; time
/// is the thread's processor time, so that other programs' turns do not count.
#include <benchmark/benchmark.h>
#include <time.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <vector>

#include "container_peers.hpp"
#include "fresh_process.hpp"
#include "subjects.hpp"
#include "sweeps.hpp"

namespace larder::bench {

namespace {

double thread_nanoseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

/// Nanoseconds a request.
template <Subject Type>
double time_reads(Type& subject, const Requests& requests) {
  Sum sum = 0;
  const double start = thread_nanoseconds();
  for (std::size_t block = 0; block < requests.blocks(); ++block) {
    for (const Request& request : requests[block]) sum += subject.read(request.key());
  }
  const double took = thread_nanoseconds() - start;
  if (sum != requests.expected()) throw std::runtime_error("the bytes read are not the bytes stored");
  return took / static_cast<double>(requests.size());
}

double median(std::vector<double> numbers) {
  const auto middle = numbers.begin() + static_cast<std::ptrdiff_t>(numbers.size() / 2);
  std::nth_element(numbers.begin(), middle, numbers.end());
  return *middle;
}

GrowthPoint compare(LarderDefault& larder, FlatMap& flat_map, Distribution distribution, std::size_t entries) {
  IdSource ids(entries, distribution, 44);
  std::vector<double> larder_times;
  std::vector<double> flat_map_times;
  for (int round = -1; round < sizes.growth_rounds; ++round) {
    // Fresh requests each round: see Requests.
    const Requests requests(ids, sizes.growth_requests, KeyStyle::named);
    const double larder_time = time_reads(larder, requests);
    const double flat_map_time = time_reads(flat_map, requests);
    if (round < 0) continue;  // to warm up
    larder_times.push_back(larder_time);
    flat_map_times.push_back(flat_map_time);
  }
  return {distribution, entries, median(larder_times), median(flat_map_times)};
}

}  // namespace

std::vector<GrowthPoint> measure_growth() {
  std::vector<GrowthPoint> points;
  for (std::size_t entries = 1000; entries <= sizes.growth_last; entries *= 10) {
    const SharedArray<GrowthPoint> results(2);
    in_fresh_process([&results, entries] {
      auto larder = std::make_unique<LarderDefault>(roomy(entries));
      fill(*larder, entries, KeyStyle::named);
      auto flat_map = std::make_unique<FlatMap>(0);
      fill(*flat_map, entries, KeyStyle::named);
      results[0] = compare(*larder, *flat_map, Distribution::zipf, entries);
      results[1] = compare(*larder, *flat_map, Distribution::uniform, entries);
      larder.release();  // the process ends here; to free all entries first would be a waste
      flat_map.release();
    });
    points.push_back(results[0]);
    points.push_back(results[1]);
  }
  return points;
}

}  // namespace larder::bench
