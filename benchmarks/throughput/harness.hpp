/// \file harness.hpp
/// How a Google Benchmark drives a subject: blocks of requests, and a check that the right bytes were read.
#pragma once

#include <benchmark/benchmark.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>

#include "workload.hpp"

namespace larder::bench {

/// The requests of a distribution, made once a process and the same for every subject.
template <KeyStyle style>
const Requests& requests(Distribution distribution) {
  const auto make = [](Distribution wanted) {
    IdSource ids(sizes.entries, wanted, 42);
    return Requests(ids, sizes.requests, style);
  };
  static const Requests zipf = make(Distribution::zipf);
  static const Requests uniform = make(Distribution::uniform);
  return distribution == Distribution::zipf ? zipf : uniform;
}

/// The one instance of a subject that holds all entries. It is never destroyed: to free millions of entries
/// one by one would only delay the program's end.
template <class Subject, KeyStyle style = KeyStyle::named>
Subject& filled() {
  static Subject& subject = [&]() -> Subject& {
    auto* made = new Subject(roomy(sizes.entries));
    fill(*made, sizes.entries, style);
    return *made;
  }();
  return subject;
}

/// Where a run begins in the array of requests: each run elsewhere.
inline std::size_t some_block(const Requests& requests) {
  static std::atomic<std::size_t> runs{0};
  return runs.fetch_add(1, std::memory_order_relaxed) * 0x9e3779b1u % requests.blocks();
}

inline void finish(benchmark::State& state, Sum sum, Sum expected) {
  if (sum != expected) state.SkipWithError("the bytes read are not the bytes stored");
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(Requests::block_size));
}

/// One iteration is one block, given to `read_block`, which returns the sum of what it read.
template <class ReadBlock>
void run_blocks(benchmark::State& state, const Requests& requests, ReadBlock&& read_block) {
  Sum sum = 0;
  Sum expected = 0;
  std::size_t block = some_block(requests);
  for (auto _ : state) {
    sum += read_block(requests[block]);
    expected += requests.expected(block);
    block = requests.after(block);
  }
  finish(state, sum, expected);
}

/// Registers a benchmark for each distribution: `NAME/zipf` and `NAME/uniform`. `run(state, requests)` runs it.
template <KeyStyle style = KeyStyle::named, class Run>
void register_for_each_distribution(const std::string& name, Run run) {
  for (const Distribution distribution : {Distribution::zipf, Distribution::uniform}) {
    benchmark::RegisterBenchmark(
        (name + "/" + name_of(distribution)).c_str(),
        [run, distribution](benchmark::State& state) { run(state, requests<style>(distribution)); });
  }
}

void register_read_benchmarks();
void register_write_benchmarks();
void register_thread_benchmarks();

}  // namespace larder::bench
