/// \file harness.hpp
/// How a Google Benchmark drives a subject: blocks of requests, and a check that the right bytes were read.
#pragma once

#include <benchmark/benchmark.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "workload.hpp"

namespace larder::bench {

/// A benchmark of a rate, not yet registered: see rates.cpp.
struct RateBenchmark {
  std::string name;
  std::function<void(benchmark::State&)> run;
  int threads = 0;  // 0: one, and processor time counts; else so many, and real time counts
};
using RateBenchmarks = std::vector<RateBenchmark>;

void add_read_benchmarks(RateBenchmarks& all);
void add_write_benchmarks(RateBenchmarks& all);
void add_thread_benchmarks(RateBenchmarks& all);

enum class Presence { stored, absent };

/// The requests of a distribution, made once and the same for every subject.
template <KeyStyle style, Presence presence = Presence::stored>
const Requests& requests(Distribution distribution) {
  const auto make = [](Distribution wanted) {
    IdSource ids(sizes.entries, wanted, 42);
    return Requests(ids, sizes.requests, style, presence == Presence::absent ? sizes.entries : 0);
  };
  if (distribution == Distribution::zipf) {
    static const Requests zipf = make(Distribution::zipf);
    return zipf;
  }
  static const Requests uniform = make(Distribution::uniform);
  return uniform;
}

/// The one instance of a subject that holds all entries, built by the first benchmark that asks for it.
template <class Subject, KeyStyle style = KeyStyle::named>
Subject& filled() {
  static Subject& subject = [&]() -> Subject& {
    auto* made = new Subject(roomy(sizes.entries));
    fill(*made, sizes.entries, style);
    return *made;
  }();
  return subject;
}

/// Where a run begins in the array of requests. Two benchmarks may share an instance, and whoever comes second must
/// not find in the processor's caches what the first one asked for: steps of the golden ratio lead far from all of
/// the last places, and a run is an eighth of the array.
inline std::size_t some_block(const Requests& requests) {
  static std::atomic<std::uint64_t> runs{0};
  const std::uint64_t fraction = runs.fetch_add(1, std::memory_order_relaxed) * 0x9e3779b97f4a7c15u >> 32;
  return static_cast<std::size_t>(fraction * requests.blocks() >> 32);
}

inline void finish(benchmark::State& state, Sum sum, Sum expected) {
  if (sum != expected) state.SkipWithError("the bytes read are not the bytes stored");
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(Requests::block_size));
}

/// One iteration is one block, given to `use_block`, which returns the sum of what it read: what the block expects,
/// or nothing if its keys are absent.
template <Presence presence = Presence::stored, class UseBlock>
void run_blocks(benchmark::State& state, const Requests& requests, UseBlock&& use_block) {
  Sum sum = 0;
  Sum expected = 0;
  std::size_t block = some_block(requests);
  for (auto _ : state) {
    sum += use_block(requests[block]);
    if (presence == Presence::stored) expected += requests.expected(block);
    block = requests.after(block);
  }
  finish(state, sum, expected);
}

/// Adds a benchmark for each distribution, `NAME/zipf` and `NAME/uniform`. `run(state, requests)` runs it.
template <KeyStyle style = KeyStyle::named, Presence presence = Presence::stored, class Run>
void add_for_each_distribution(RateBenchmarks& all, const std::string& name, Run run) {
  for (const Distribution distribution : {Distribution::zipf, Distribution::uniform}) {
    all.push_back({name + "/" + name_of(distribution), [run, distribution](benchmark::State& state) {
                     run(state, requests<style, presence>(distribution));
                   }});
  }
}

}  // namespace larder::bench
