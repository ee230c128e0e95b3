/// \file rates.cpp
/// Runs the Google Benchmarks: in several processes one after the other, in rounds in each, every round in another
/// order. The first round builds the instances, in the order in which it comes to them, and is not counted.
#include <algorithm>
#include <cstddef>
#include <iostream>
#include <map>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "fresh_process.hpp"
#include "harness.hpp"
#include "report.hpp"

namespace larder::bench {

namespace {

/// Takes the times of one round into an array, in the order of the list of benchmarks.
class Collector : public benchmark::BenchmarkReporter {
 public:
  Collector(const RateBenchmarks& all, std::span<double> times) : times_(times) {
    for (std::size_t i = 0; i < all.size(); ++i) indices_[all[i].name] = i;
  }

  bool ReportContext(const Context&) override { return true; }

  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      const std::string& name = run.run_name.function_name;
      if (run.error_occurred) throw std::runtime_error(name + ": " + run.error_message);
      if (run.run_type != Run::RT_Iteration) continue;
      times_[indices_.at(name)] = 1e9 / run.counters.at("items_per_second").value;
    }
  }

 private:
  std::map<std::string, std::size_t> indices_;
  std::span<double> times_;
};

/// `order` is shuffled anew; times stay zero where the user's filter leaves a benchmark out.
void run_round(const RateBenchmarks& all, std::vector<std::size_t>& order, std::mt19937_64& random,
               std::span<double> times) {
  std::shuffle(order.begin(), order.end(), random);
  benchmark::ClearRegisteredBenchmarks();
  for (const std::size_t index : order) {
    const RateBenchmark& each = all[index];
    auto* registered = benchmark::RegisterBenchmark(each.name.c_str(), each.run);
    registered->Iterations(static_cast<benchmark::IterationCount>(sizes.blocks_a_run));
    if (each.threads > 0) registered->UseRealTime()->Threads(each.threads);
  }
  Collector collector(all, times);
  if (benchmark::RunSpecifiedBenchmarks(&collector) == 0) throw std::runtime_error("no benchmark matches the filter");
}

/// So that all processes share what no subject changes.
void make_requests() {
  for (const Distribution distribution : {Distribution::zipf, Distribution::uniform}) {
    requests<KeyStyle::named>(distribution);
    requests<KeyStyle::named, Presence::absent>(distribution);
    requests<KeyStyle::sixteen>(distribution);
  }
}

}  // namespace

void measure_rates(Timings& timings) {
  RateBenchmarks all;
  add_read_benchmarks(all);
  add_write_benchmarks(all);
  add_thread_benchmarks(all);
  make_requests();
  std::vector<std::size_t> order(all.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t process = 0; process < sizes.processes; ++process) {
    std::cerr << "  process " << process + 1 << " of " << sizes.processes << '\n';
    const SharedArray<double> times((1 + sizes.rounds) * all.size());
    in_fresh_process([&] {
      std::mt19937_64 random(process);
      for (std::size_t round = 0; round <= sizes.rounds; ++round) {
        run_round(all, order, random, times.elements().subspan(round * all.size(), all.size()));
      }
    });
    for (std::size_t i = all.size(); i < times.elements().size(); ++i) {
      if (times[i] > 0) timings[all[i % all.size()].name].add(process, times[i]);
    }
  }
}

}  // namespace larder::bench
