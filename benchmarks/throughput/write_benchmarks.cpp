/// \file write_benchmarks.cpp
/// Sets into a full cache, one thread. `set_new` and `set_many_32` go round twice as many keys as the cache may
/// hold, so that each set stores a new entry and evicts the oldest; `set` draws from as many, and so overwrites too.
#include <array>
#include <cstddef>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "container_peers.hpp"
#include "harness.hpp"
#include "store_peers.hpp"
#include "subjects.hpp"

namespace larder::bench {

namespace {

template <Distribution distribution>
const Requests& churn_requests() {
  static const Requests requests = [] {
    IdSource ids(2 * sizes.churn_limit, distribution, 43);
    const std::size_t count = (distribution == Distribution::each_once ? 2 : 8) * sizes.churn_limit;
    return Requests(ids, count, KeyStyle::named);
  }();
  return requests;
}

template <Subject Type>
void write_batches(Type& subject, std::span<const Request> block) {
  constexpr std::size_t batch_size = 32;
  std::array<std::pair<std::string_view, std::string_view>, batch_size> items;
  for (; block.size() >= batch_size; block = block.subspan(batch_size)) {
    for (std::size_t i = 0; i < batch_size; ++i) items[i] = {block[i].key(), values()[block[i].id]};
    subject.cache().set_many(items);
  }
}

/// A full cache, and how far round the requests it has come.
template <Subject Type>
struct Churned {
  explicit Churned(const Requests& requests) : subject(sizes.churn_limit) {
    for (; next_block * Requests::block_size <= sizes.churn_limit; ++next_block) {
      write_block(subject, requests[next_block]);
    }
  }

  Type subject;
  std::size_t next_block = 0;
};

/// Each benchmark has an instance of its own, by the type of `write`.
template <Subject Type, Distribution distribution, class Write>
void add_churn(RateBenchmarks& all, const std::string& name, Write write) {
  const Requests& requests = churn_requests<distribution>();
  all.push_back({name, [write, &requests](benchmark::State& state) {
                   static auto& churned = *new Churned<Type>(requests);
                   std::size_t last_block = 0;
                   for (auto _ : state) {
                     last_block = churned.next_block;
                     write(churned.subject, requests[last_block]);
                     churned.next_block = requests.after(last_block);
                   }
                   // In the order of writing, so that reading leaves the order of use as it is.
                   const Sum sum = read_block(churned.subject, requests[last_block]);
                   if (churned.subject.size() > sizes.churn_limit) state.SkipWithError("the cache is over its limit");
                   finish(state, sum, requests.expected(last_block));
                 }});
}

template <Subject Type>
void add_sets(RateBenchmarks& all, const std::string& subject_name) {
  const auto write = [](Type& subject, std::span<const Request> block) { write_block(subject, block); };
  add_churn<Type, Distribution::each_once>(all, "set_new/" + subject_name, write);
  add_churn<Type, Distribution::zipf>(all, "set/" + subject_name + "/zipf", write);
  add_churn<Type, Distribution::uniform>(all, "set/" + subject_name + "/uniform", write);
}

template <Subject Type>
void add_batches_of_sets(RateBenchmarks& all, const std::string& name) {
  add_churn<Type, Distribution::each_once>(
      all, name, [](Type& subject, std::span<const Request> block) { write_batches(subject, block); });
}

}  // namespace

void add_write_benchmarks(RateBenchmarks& all) {
  add_sets<LarderUnlocked>(all, "larder_unlocked");
  add_sets<LarderDefault>(all, "larder");
  add_batches_of_sets<LarderDefault>(all, "set_many_32/larder");
  add_sets<ListAndMap<NullMutex>>(all, "list_and_map_unlocked");
  add_sets<ListAndMap<std::mutex>>(all, "list_and_map");
#if LARDER_BENCHMARK_BOOST
  add_sets<MultiIndex<NullMutex>>(all, "multi_index_unlocked");
  add_sets<MultiIndex<InMemoryTraits<>::Mutex>>(all, "multi_index");
#endif
#if LARDER_BENCHMARK_LEVELDB
  add_sets<LevelDbLru>(all, "leveldb_lru");
#endif
#if LARDER_BENCHMARK_ROCKSDB
  add_sets<RocksDbLru>(all, "rocksdb_lru");
#endif
}

}  // namespace larder::bench
