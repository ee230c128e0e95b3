/// \file thread_benchmarks.cpp
/// 95 % reads and 5 % overwrites of a million entries from one, two and (where the machine has them) sixteen
/// threads. Keys have 16 bytes, the only size that RocksDB's HyperClockCache takes.
#include <cstddef>
#include <span>
#include <string>
#include <thread>

#include "container_peers.hpp"
#include "harness.hpp"
#include "store_peers.hpp"
#include "subjects.hpp"

namespace larder::bench {

namespace {

constexpr KeyStyle style = KeyStyle::sixteen;

/// Every twentieth request writes the value that its key has already, so that all reads can be checked.
template <Subject Type>
Sum mixed_block(Type& subject, std::span<const Request> block) {
  Sum sum = 0;
  std::size_t until_write = 20;
  for (const Request& request : block) {
    if (--until_write > 0) {
      sum += subject.read(request.key());
      continue;
    }
    until_write = 20;
    const std::string_view value = values()[request.id];
    subject.write(request.key(), value);
    sum += touch(value);
  }
  return sum;
}

template <Subject Type>
void register_mixed(const std::string& name) {
  for (const Distribution distribution : {Distribution::zipf, Distribution::uniform}) {
    const auto run = [distribution](benchmark::State& state) {
      Type& subject = filled<Type, style>();
      run_blocks(state, requests<style>(distribution),
                 [&](std::span<const Request> block) { return mixed_block(subject, block); });
    };
    auto* registered = benchmark::RegisterBenchmark((name + "/" + name_of(distribution)).c_str(), run);
    registered->UseRealTime()->Threads(1)->Threads(2);
    if (std::thread::hardware_concurrency() >= 16) registered->Threads(16);
  }
}

}  // namespace

void register_thread_benchmarks() {
  register_mixed<LarderDefault>("mixed/larder");
  register_mixed<LarderSharded>("mixed/larder_16_shards");
#if LARDER_BENCHMARK_LEVELDB
  register_mixed<LevelDbLru>("mixed/leveldb_lru");
#endif
#if LARDER_BENCHMARK_ROCKSDB
  register_mixed<RocksDbLru>("mixed/rocksdb_lru");
  register_mixed<RocksDbHyperClock>("mixed/rocksdb_hyper_clock");
#endif
}

}  // namespace larder::bench
