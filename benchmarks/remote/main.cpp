/// \file main.cpp
/// Measures remote backends beside peers that speak the same bytes, in turns, and prints a table of ratios.
///
///     larder_remote [--smoke] [--rounds=N] [--table=FILE] [--command=TEXT] URL...
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <map>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "remote_benchmarks.hpp"

namespace {

using namespace larder::bench;

struct Settings {
  bool smoke = false;
  std::size_t rounds = 21;
  std::string table;
  std::string command;
  std::vector<std::string> urls;

  Settings(int count, char** arguments) {
    for (int i = 1; i < count; ++i) {
      const std::string_view argument = arguments[i];
      if (argument == "--smoke") {
        smoke = true;
        rounds = 3;
      } else if (argument.starts_with("--rounds=")) {
        rounds = std::stoul(std::string(argument.substr(9)));
      } else if (argument.starts_with("--table=")) {
        table = argument.substr(8);
      } else if (argument.starts_with("--command=")) {
        command = argument.substr(10);
      } else if (argument.starts_with("--")) {
        throw std::invalid_argument("unknown argument: " + std::string(argument));
      } else {
        urls.emplace_back(argument);
      }
    }
    if (urls.empty()) throw std::invalid_argument("which servers? Such as redis://127.0.0.1:6379");
  }
};

/// Microseconds a call, one number for each repetition.
using Times = std::map<std::string, std::vector<double>>;

class Collector : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.error_occurred) throw std::runtime_error(run.benchmark_name() + ": " + run.error_message);
      if (run.run_type != Run::RT_Iteration) continue;
      times[run.run_name.function_name].push_back(run.real_accumulated_time * 1e6 /
                                                  static_cast<double>(run.iterations));
    }
  }
  Times times;
};

double median(std::vector<double> numbers) {
  std::sort(numbers.begin(), numbers.end());
  return numbers.empty() ? 0 : numbers[numbers.size() / 2];
}

/// One iteration is one call, for entries all over. All that is read must be there.
void add(const RemotePair& pair, const std::string& who, const std::function<std::size_t(std::size_t)>& work,
         const Settings& settings) {
  const bool batch = pair.name.find("many") != std::string::npos;
  const std::size_t bytes = remote_value_size * (batch ? remote_batch : 1);
  benchmark::RegisterBenchmark((pair.name + "/" + who).c_str(),
                               [work, batch, bytes](benchmark::State& state) {
                                 std::size_t index = 0;
                                 for (auto _ : state) {
                                   index = (index + 7919) % (remote_entries - (batch ? remote_batch : 0));
                                   if (work(index) != bytes) state.SkipWithError("not the bytes stored");
                                 }
                               })
      ->Iterations(static_cast<benchmark::IterationCount>(settings.smoke ? pair.calls / 20 : pair.calls))
      ->UseRealTime();
}

/// The one and the other in turns, in an order that changes, so that whatever else the machine does falls on both.
Times measure(const std::vector<RemotePair>& pairs, const Settings& settings) {
  Times all;
  std::mt19937 random(42);
  for (std::size_t round = 0; round < settings.rounds; ++round) {
    for (const RemotePair& pair : pairs) {
      benchmark::ClearRegisteredBenchmarks();
      const bool larder_first = random() % 2 == 0;
      if (larder_first) add(pair, "larder", pair.larder, settings);
      add(pair, "peer", pair.peer, settings);
      if (!larder_first) add(pair, "larder", pair.larder, settings);
      Collector collector;
      benchmark::RunSpecifiedBenchmarks(&collector);
      for (auto& [name, times] : collector.times) all[name].push_back(times.at(0));
    }
  }
  return all;
}

std::string table(const std::vector<RemotePair>& pairs, const Times& times, const Settings& settings) {
  std::ostringstream out;
  out << std::fixed << "# Remote backends\n\n";
  if (!settings.command.empty()) out << "`" << settings.command << "`, " << settings.rounds << " rounds in turns\n\n";
  out << "| work | larder, us | peer, us | rate of larder / rate of peer | target |\n| --- | --- | --- | --- | --- |\n";
  for (const RemotePair& pair : pairs) {
    const auto& ours = times.at(pair.name + "/larder");
    const auto& theirs = times.at(pair.name + "/peer");
    std::vector<double> ratios;
    for (std::size_t i = 0; i < ours.size(); ++i) ratios.push_back(theirs[i] / ours[i]);
    out << "| " << pair.name << " | " << std::setprecision(1) << median(ours) << " | " << median(theirs) << " | "
        << std::setprecision(3) << median(ratios) << " | ";
    if (pair.target > 0) out << std::setprecision(2) << "at least " << pair.target;
    out << " |\n";
  }
  return out.str();
}

std::vector<RemotePair> pairs_of(const std::string& url) {
  if (url.starts_with("redis://")) return redis_pairs(url);
  if (url.starts_with("memcached://")) return memcached_pairs(url);
  if (url.starts_with("dynamodb://")) return dynamodb_pairs(url);
  throw std::invalid_argument("no benchmarks for " + url);
}

}  // namespace

int main(int count, char** arguments) try {
  const Settings settings(count, arguments);
  int none = 1;
  benchmark::Initialize(&none, arguments);
  std::vector<RemotePair> pairs;
  for (const std::string& url : settings.urls) {
    for (RemotePair& pair : pairs_of(url)) pairs.push_back(std::move(pair));
  }
  const std::string text = table(pairs, measure(pairs, settings), settings);
  std::cout << text;
  if (!settings.table.empty() && !(std::ofstream(settings.table) << text)) {
    throw std::runtime_error("cannot write " + settings.table);
  }
  return EXIT_SUCCESS;
} catch (const std::exception& error) {
  std::cerr << "larder_remote: " << error.what() << "\n";
  return EXIT_FAILURE;
}
