/// \file write_benchmarks.cpp
/// Sets into a full cache: keys cycle through twice as many as it may hold, so that each set stores a new
/// entry and evicts the oldest. One thread.
#include <cstddef>
#include <mutex>
#include <span>
#include <string>

#include "container_peers.hpp"
#include "harness.hpp"
#include "store_peers.hpp"
#include "subjects.hpp"

namespace larder::bench {

namespace {

const Requests& churn_requests() {
  static const Requests requests = [] {
    IdSource ids(2 * sizes.churn_limit, Distribution::each_once, 43);
    return Requests(ids, 2 * sizes.churn_limit, KeyStyle::named);
  }();
  return requests;
}

template <Subject Type>
void write_block(Type& subject, std::span<const Request> block) {
  for (const Request& request : block) subject.write(request.key(), values()[request.id]);
}

/// A full cache, and how far round the keys it has come.
template <Subject Type>
struct Churned {
  Churned() : subject(sizes.churn_limit) {
    const Requests& requests = churn_requests();
    for (; next_block * Requests::block_size <= sizes.churn_limit; ++next_block)
      write_block(subject, requests[next_block]);
  }

  Type subject;
  std::size_t next_block = 0;
};

template <Subject Type>
void register_churn(const std::string& name) {
  benchmark::RegisterBenchmark(name.c_str(), [](benchmark::State& state) {
    static auto& churned = *new Churned<Type>;
    const Requests& requests = churn_requests();
    std::size_t last_block = 0;
    for (auto _ : state) {
      last_block = churned.next_block;
      write_block(churned.subject, requests[last_block]);
      churned.next_block = requests.after(last_block);
    }
    Sum sum = 0;
    // In the order of writing, so that reading leaves the order of use as it is.
    for (const Request& request : requests[last_block]) sum += churned.subject.read(request.key());
    if (churned.subject.size() > sizes.churn_limit) state.SkipWithError("the cache is over its limit");
    finish(state, sum, requests.expected(last_block));
  });
}

}  // namespace

void register_write_benchmarks() {
  register_churn<LarderUnlocked>("set/larder_unlocked");
  register_churn<LarderDefault>("set/larder");
  register_churn<ListAndMap<NullMutex>>("set/list_and_map_unlocked");
  register_churn<ListAndMap<std::mutex>>("set/list_and_map");
#if LARDER_BENCHMARK_BOOST
  register_churn<MultiIndex<NullMutex>>("set/multi_index_unlocked");
  register_churn<MultiIndex<InMemoryTraits<>::Mutex>>("set/multi_index");
#endif
#if LARDER_BENCHMARK_LEVELDB
  register_churn<LevelDbLru>("set/leveldb_lru");
#endif
#if LARDER_BENCHMARK_ROCKSDB
  register_churn<RocksDbLru>("set/rocksdb_lru");
#endif
}

}  // namespace larder::bench
