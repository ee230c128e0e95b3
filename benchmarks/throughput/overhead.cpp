/// \file overhead.cpp
/// Heap bytes an entry: what malloc says before and after, for 12-byte keys and 64-byte values.
#include <malloc.h>
#include <unistd.h>

#include <cstddef>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "container_peers.hpp"
#include "fresh_process.hpp"
#include "report.hpp"
#include "store_peers.hpp"
#include "subjects.hpp"

namespace larder::bench {

namespace {

constexpr std::size_t key_bytes = 12;
constexpr std::size_t value_bytes = 64;

/// What malloc has given out, and what was mapped without asking it: all of the process's data but malloc's own.
std::size_t heap_bytes_in_use() {
  std::ifstream statm("/proc/self/statm");
  std::size_t pages = 0;
  for (int field = 0; field < 6; ++field) statm >> pages;  // the sixth: data and stack
  if (!statm) throw std::runtime_error("cannot read /proc/self/statm");
  const struct mallinfo2 info = ::mallinfo2();
  const std::size_t data = pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return info.uordblks + (data - info.arena);
}

/// Of a cache with room for `room` entries, in which `stored` were stored.
template <Subject Type>
double overhead_of(std::size_t room = roomy(sizes.memory_entries), std::size_t stored = sizes.memory_entries) {
  const SharedArray<double> result(1);
  in_fresh_process([&result, room, stored] {
    const Values short_values(value_bytes);
    const std::size_t before = heap_bytes_in_use();
    auto* subject = new Type(room);
    for (std::size_t id = 0; id < stored; ++id) {
      const Request request(KeyStyle::twelve, id);
      subject->write(request.key(), short_values[id]);
    }
    const auto bytes = static_cast<double>(heap_bytes_in_use() - before);
    if (subject->size() != sizes.memory_entries) throw std::runtime_error("not all entries are there");
    result[0] = bytes / static_cast<double>(sizes.memory_entries) - key_bytes - value_bytes;
  });
  return result[0];
}

/// Of a cache that is full for long: what its policy keeps of entries that have left is there, too.
template <Subject Type>
double overhead_of_full() {
  return overhead_of<Type>(sizes.memory_entries, 4 * sizes.memory_entries);
}

}  // namespace

std::vector<Overhead> measure_overhead() {
  std::vector<Overhead> all{
      {"larder", overhead_of<LarderDefault>()},
      {"larder_full", overhead_of_full<LarderDefault>()},
      {"larder_clock_full", overhead_of_full<LarderClock>()},
      {"larder_s3_fifo_full", overhead_of_full<LarderS3Fifo>()},
      {"larder_w_tiny_lfu_full", overhead_of_full<LarderWTinyLfu>()},
      {"larder_gdsf_full", overhead_of_full<LarderGdsf>()},
      {"list_and_map_unlocked", overhead_of<ListAndMap<NullMutex>>()},
  };
#if LARDER_BENCHMARK_BOOST
  all.push_back({"flat_map", overhead_of<FlatMap>()});
  all.push_back({"multi_index_unlocked", overhead_of<MultiIndex<NullMutex>>()});
#endif
#if LARDER_BENCHMARK_LEVELDB
  all.push_back({"leveldb_lru", overhead_of<LevelDbLru>()});
#endif
#if LARDER_BENCHMARK_ROCKSDB
  all.push_back({"rocksdb_lru", overhead_of<RocksDbLru>()});
#endif
  return all;
}

}  // namespace larder::bench
