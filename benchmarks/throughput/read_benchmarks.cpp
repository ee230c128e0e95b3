/// \file read_benchmarks.cpp
/// Hits and misses of a cache of a million entries, one thread.
#include <array>
#include <cstddef>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "container_peers.hpp"
#include "harness.hpp"
#include "store_peers.hpp"
#include "subjects.hpp"

namespace larder::bench {

namespace {

template <Subject Type>
void add_reads(RateBenchmarks& all, const std::string& name) {
  add_for_each_distribution(all, name, [](benchmark::State& state, const Requests& requests) {
    Type& subject = filled<Type>();
    run_blocks(state, requests, [&](std::span<const Request> block) { return read_block(subject, block); });
  });
}

template <Subject Type>
void add_visits(RateBenchmarks& all, const std::string& name) {
  add_for_each_distribution(all, name, [](benchmark::State& state, const Requests& requests) {
    Type& subject = filled<Type>();
    run_blocks(state, requests, [&](std::span<const Request> block) {
      Sum sum = 0;
      for (const Request& request : block) sum += subject.visit(request.key());
      return sum;
    });
  });
}

template <Subject Type>
void add_misses(RateBenchmarks& all, const std::string& name) {
  constexpr auto absent = Presence::absent;
  add_for_each_distribution<KeyStyle::named, absent>(all, name, [](benchmark::State& state, const Requests& requests) {
    Type& subject = filled<Type>();
    run_blocks<absent>(state, requests, [&](std::span<const Request> block) { return read_block(subject, block); });
  });
}

template <Subject Type>
void add_hits_and_misses(RateBenchmarks& all, const std::string& subject) {
  add_reads<Type>(all, "get/" + subject);
  add_misses<Type>(all, "miss/" + subject);
}

/// Hides what an interface refers to, so that the compiler must make virtual calls.
CacheBackend<>& as_interface(CacheBackend<>& cache) {
  CacheBackend<>* hidden = &cache;
  benchmark::DoNotOptimize(hidden);
  return *hidden;
}

void add_reads_through_interface(RateBenchmarks& all) {
  add_for_each_distribution(all, "get/larder_interface", [](benchmark::State& state, const Requests& requests) {
    CacheBackend<>& cache = as_interface(filled<LarderDefault>().cache());
    run_blocks(state, requests, [&](std::span<const Request> block) {
      Sum sum = 0;
      for (const Request& request : block) {
        const auto value = cache.get(request.key());
        sum += value ? touch(*value) : 0;
      }
      return sum;
    });
  });
}

constexpr std::size_t batch = 32;

/// Calls `read_batch` with the keys of 32 requests at a time.
template <class ReadBatch>
Sum in_batches(std::span<const Request> block, ReadBatch&& read_batch) {
  Sum sum = 0;
  std::array<std::string_view, batch> keys;
  for (; block.size() >= batch; block = block.subspan(batch)) {
    for (std::size_t i = 0; i < batch; ++i) keys[i] = block[i].key();
    sum += read_batch(std::span<const std::string_view>(keys));
  }
  return sum;
}

template <Subject Type>
void add_batches(RateBenchmarks& all, const std::string& name) {
  add_for_each_distribution(all, name, [](benchmark::State& state, const Requests& requests) {
    Type& subject = filled<Type>();
    std::array<std::optional<Bytes>, batch> found;
    run_blocks(state, requests, [&](std::span<const Request> block) {
      return in_batches(block, [&](std::span<const std::string_view> keys) {
        subject.cache().get_many(keys, found);
        Sum sum = 0;
        for (const auto& value : found) sum += value ? touch(*value) : 0;
        return sum;
      });
    });
  });
}

template <Subject Type>
[[maybe_unused]] void add_loops(RateBenchmarks& all, const std::string& name) {
  add_for_each_distribution(all, name, [](benchmark::State& state, const Requests& requests) {
    Type& subject = filled<Type>();
    run_blocks(state, requests, [&](std::span<const Request> block) {
      return in_batches(block, [&](std::span<const std::string_view> keys) {
        Sum sum = 0;
        for (const std::string_view key : keys) sum += subject.read(key);
        return sum;
      });
    });
  });
}

}  // namespace

void add_read_benchmarks(RateBenchmarks& all) {
  add_visits<LarderUnlocked>(all, "visit/larder_unlocked");
  add_visits<LarderDefault>(all, "visit/larder");
  add_hits_and_misses<LarderUnlocked>(all, "larder_unlocked");
  add_hits_and_misses<LarderDefault>(all, "larder");
  add_visits<LarderClock>(all, "visit/larder_clock");
  add_visits<LarderS3Fifo>(all, "visit/larder_s3_fifo");
  add_reads<LarderClock>(all, "get/larder_clock");
  add_reads<LarderS3Fifo>(all, "get/larder_s3_fifo");
  add_reads<LarderWTinyLfu>(all, "get/larder_w_tiny_lfu");
  add_reads_through_interface(all);
  add_batches<LarderUnlocked>(all, "get_many_32/larder_unlocked");
  add_batches<LarderDefault>(all, "get_many_32/larder");
  add_hits_and_misses<ListAndMap<NullMutex>>(all, "list_and_map_unlocked");
  add_hits_and_misses<ListAndMap<std::mutex>>(all, "list_and_map");
#if LARDER_BENCHMARK_BOOST
  add_hits_and_misses<FlatMap>(all, "flat_map");
  add_loops<FlatMap>(all, "get_many_32/flat_map");
  add_hits_and_misses<MultiIndex<NullMutex>>(all, "multi_index_unlocked");
  add_hits_and_misses<MultiIndex<InMemoryTraits<>::Mutex>>(all, "multi_index");
#endif
#if LARDER_BENCHMARK_LEVELDB
  add_hits_and_misses<LevelDbLru>(all, "leveldb_lru");
#endif
#if LARDER_BENCHMARK_ROCKSDB
  add_hits_and_misses<RocksDbLru>(all, "rocksdb_lru");
#endif
}

}  // namespace larder::bench
