/// \file read_benchmarks.cpp
/// Hits on a million entries, one thread.
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

template <Subject Type, class Read>
void register_reads(const std::string& name, Read read) {
  register_for_each_distribution(name, [read](benchmark::State& state, const Requests& requests) {
    Type& subject = filled<Type>();
    run_blocks(state, requests, [&](std::span<const Request> block) {
      Sum sum = 0;
      for (const Request& request : block) sum += read(subject, request.key());
      return sum;
    });
  });
}

template <Subject Type>
void register_reads(const std::string& name) {
  register_reads<Type>(name, [](Type& subject, std::string_view key) { return subject.read(key); });
}

template <Subject Type>
void register_visits(const std::string& name) {
  register_reads<Type>(name, [](Type& subject, std::string_view key) { return subject.visit(key); });
}

/// Hides what an interface refers to, so that the compiler must make virtual calls.
CacheBackend<>& as_interface(CacheBackend<>& cache) {
  CacheBackend<>* hidden = &cache;
  benchmark::DoNotOptimize(hidden);
  return *hidden;
}

void register_reads_through_interface() {
  register_for_each_distribution("get/larder_interface", [](benchmark::State& state, const Requests& requests) {
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
void register_batches(const std::string& name) {
  register_for_each_distribution(name, [](benchmark::State& state, const Requests& requests) {
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
[[maybe_unused]] void register_loops(const std::string& name) {
  register_for_each_distribution(name, [](benchmark::State& state, const Requests& requests) {
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

void register_read_benchmarks() {
  register_visits<LarderUnlocked>("visit/larder_unlocked");
  register_visits<LarderDefault>("visit/larder");
  register_reads<LarderUnlocked>("get/larder_unlocked");
  register_reads<LarderDefault>("get/larder");
  register_reads_through_interface();
  register_batches<LarderUnlocked>("get_many_32/larder_unlocked");
  register_batches<LarderDefault>("get_many_32/larder");
  register_reads<ListAndMap<NullMutex>>("get/list_and_map_unlocked");
  register_reads<ListAndMap<std::mutex>>("get/list_and_map");
#if LARDER_BENCHMARK_BOOST
  register_reads<FlatMap>("find/flat_map");
  register_loops<FlatMap>("find_32/flat_map");
  register_reads<MultiIndex<NullMutex>>("get/multi_index_unlocked");
  register_reads<MultiIndex<InMemoryTraits<>::Mutex>>("get/multi_index");
#endif
#if LARDER_BENCHMARK_LEVELDB
  register_reads<LevelDbLru>("get/leveldb_lru");
#endif
#if LARDER_BENCHMARK_ROCKSDB
  register_reads<RocksDbLru>("get/rocksdb_lru");
#endif
}

}  // namespace larder::bench
