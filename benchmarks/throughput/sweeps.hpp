/// \file sweeps.hpp
/// What is measured outside Google Benchmark, because it is not a rate: heap bytes, pauses, cost by size.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "workload.hpp"

namespace larder::bench {

/// Heap bytes an entry beyond the bytes of key and value.
struct Overhead {
  std::string subject;
  double bytes;
};
std::vector<Overhead> measure_overhead();

// The next two compare with the bare map, and are there only where Boost is.

/// The largest pause of one set while growing from empty, in nanoseconds.
struct Pauses {
  double larder;
  double flat_map;
};
Pauses measure_pauses();

/// Nanoseconds a hit on so many entries.
struct GrowthPoint {
  Distribution distribution;
  std::size_t entries;
  double larder;
  double flat_map;
};
std::vector<GrowthPoint> measure_growth();

}  // namespace larder::bench
