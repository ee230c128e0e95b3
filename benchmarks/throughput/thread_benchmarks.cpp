/// \file thread_benchmarks.cpp
/// Reads of a million entries, and 95 % reads with 5 % overwrites, from one thread and more: as many as the machine
/// has processors, sixteen at most, and always two. Keys have 16 bytes, the only size that RocksDB's HyperClockCache
/// takes.
#include <algorithm>
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

int most_threads() { return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 2, 16); }

/// Reads in place: a `get` hands out a value that outlives its entry, and so writes to the entry's reference count.
template <Subject Type>
void add_visiting_threads(RateBenchmarks& all, const std::string& subject_name) {
  for (const Distribution distribution : {Distribution::zipf, Distribution::uniform}) {
    const auto run = [distribution](benchmark::State& state) {
      Type& subject = filled<Type, style>();
      run_blocks(state, requests<style>(distribution), [&](std::span<const Request> block) {
        Sum sum = 0;
        for (const Request& request : block) sum += subject.visit(request.key());
        return sum;
      });
    };
    for (int threads = 1; threads <= most_threads(); threads *= 2) {
      all.push_back({"visit_16/" + subject_name + "/" + name_of(distribution) + "/threads:" + std::to_string(threads),
                     run, threads});
    }
  }
}

template <Subject Type>
void add_threads(RateBenchmarks& all, const std::string& subject_name) {
  const int most = most_threads();
  for (const bool mixed : {false, true}) {
    for (const Distribution distribution : {Distribution::zipf, Distribution::uniform}) {
      const auto run = [mixed, distribution](benchmark::State& state) {
        Type& subject = filled<Type, style>();
        run_blocks(state, requests<style>(distribution), [&](std::span<const Request> block) {
          return mixed ? mixed_block(subject, block) : read_block(subject, block);
        });
      };
      const std::string name = (mixed ? "mixed/" : "hit/") + subject_name + "/" + name_of(distribution);
      for (int threads = 1; threads <= most; threads *= 2) {
        all.push_back({name + "/threads:" + std::to_string(threads), run, threads});
      }
    }
  }
}

}  // namespace

void add_thread_benchmarks(RateBenchmarks& all) {
  add_threads<LarderDefault>(all, "larder");
  add_threads<LarderSharded>(all, "larder_16_shards");
  add_threads<LarderClock>(all, "larder_clock");
  add_threads<LarderS3Fifo>(all, "larder_s3_fifo");
  add_visiting_threads<LarderClock>(all, "larder_clock");
  add_visiting_threads<LarderS3Fifo>(all, "larder_s3_fifo");
#if LARDER_BENCHMARK_BOOST
  add_threads<MultiIndex<InMemoryTraits<>::Mutex>>(all, "multi_index");
#endif
#if LARDER_BENCHMARK_LEVELDB
  add_threads<LevelDbLru>(all, "leveldb_lru");
#endif
#if LARDER_BENCHMARK_ROCKSDB
  add_threads<RocksDbLru>(all, "rocksdb_lru");
  add_threads<RocksDbHyperClock>(all, "rocksdb_hyper_clock");
#endif
}

}  // namespace larder::bench
