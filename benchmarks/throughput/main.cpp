/// \file main.cpp
/// larder_throughput: measures larder beside its peers and prints every ratio of the table of targets.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "report.hpp"
#include "workload.hpp"

namespace {

using namespace larder::bench;

constexpr const char* usage = R"(larder_throughput: larder beside its peers, and every ratio of the table of targets

  --smoke               tiny sizes, one repetition: shows that everything runs, and nothing else
  --parts=A,B           of memory, pauses, latencies, adversarial, sizes, rates; all by default
  --processes=N         measure rates, sizes and adversarial keys in so many processes, 3 by default
  --table=FILE          write the targets, where a peer wins, and all medians as Markdown
  --json=FILE           write everything that was measured as JSON
  --plot-data=FOLDER    write the tables that plots.gp makes plots of
  --compile-times=FILE  take in what compile_time.sh printed
  --command=TEXT        the command to be named in the results

and of Google Benchmark's own options --benchmark_filter=REGEX, for the part called rates.
A full run takes about twenty minutes and 8 GiB of memory. Exit status: 1 if anything read wrong bytes.
)";

struct Options {
  bool smoke = false;
  bool help = false;
  std::string parts = "memory,pauses,latencies,adversarial,sizes,rates";
  std::string processes;
  std::string table;
  std::string json;
  std::string plot_data;
  std::string compile_times;
  std::string command = "larder_throughput";

  bool has(const std::string& part) const { return ("," + parts + ",").find("," + part + ",") != std::string::npos; }
};

/// If `argument` is `name` followed by a value, takes the value.
bool take(std::string_view argument, std::string_view name, std::string& value) {
  if (!argument.starts_with(name)) return false;
  value = argument.substr(name.size());
  return true;
}

/// Reads our options; those that it does not know are left in `rest`.
Options parse(int argc, char** argv, std::vector<std::string>& rest) {
  Options options;
  for (int i = 1; i < argc; ++i) options.command += std::string(" ") + argv[i];
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--smoke") {
      options.smoke = true;
    } else if (argument == "--help") {
      options.help = true;
    } else if (!take(argument, "--parts=", options.parts) && !take(argument, "--processes=", options.processes) &&
               !take(argument, "--table=", options.table) && !take(argument, "--json=", options.json) &&
               !take(argument, "--plot-data=", options.plot_data) &&
               !take(argument, "--compile-times=", options.compile_times) &&
               !take(argument, "--command=", options.command)) {
      rest.emplace_back(argument);
    }
  }
  return options;
}

std::vector<CompileTime> read_compile_times(const std::string& name) {
  std::vector<CompileTime> times;
  std::ifstream in(name);
  if (!in) throw std::runtime_error("cannot read " + name);
  for (CompileTime time; in >> time.compiler >> time.larder >> time.standard;) times.push_back(time);
  return times;
}

/// Gives Google Benchmark the options that are not ours. Result: false for one that is not its either.
bool initialize_google_benchmark(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "larder_throughput");
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  int count = static_cast<int>(pointers.size());
  benchmark::Initialize(&count, pointers.data());
  return !benchmark::ReportUnrecognizedArguments(count, pointers.data());
}

void measure(const Options& options, Report& report) {
  const auto part = [&options](const char* name, auto&& measure_it) {
    if (!options.has(name)) return;
    std::cerr << "measuring " << name << " ...\n";
    measure_it();
  };
  // Rates come last, because the requests that they share would make every other child process larger.
  part("memory", [&] { report.overheads = measure_overhead(); });
  part("pauses", [&] { report.pauses = measure_pauses(); });
  part("latencies", [&] {
    report.clock_cost = clock_cost();
    report.latencies = measure_latencies();
  });
  part("adversarial", [&] { measure_adversarial_keys(report.timings); });
  part("sizes", [&] { measure_sizes(report.timings); });
  part("rates", [&] { measure_rates(report.timings); });
}

int run(int argc, char** argv) {
  std::vector<std::string> rest;
  const Options options = parse(argc, argv, rest);
  if (options.help) {
    std::cout << usage;
    return 0;
  }
  if (!initialize_google_benchmark(rest)) return 2;
  if (options.smoke) sizes = Sizes::smoke();
  if (!options.processes.empty()) sizes.processes = std::max<std::size_t>(std::stoul(options.processes), 1);
  sizes.largest_cache_processes = std::min(sizes.largest_cache_processes, sizes.processes);
  Report report;
  report.circumstances = circumstances_of(options.command);
  if (!options.compile_times.empty()) report.compile_times = read_compile_times(options.compile_times);
  measure(options, report);
  const std::string table = markdown(report);
  std::cout << table;
  if (options.smoke) std::cout << "\nThis was a smoke run: its figures mean nothing.\n";
  if (!options.table.empty()) write_file(options.table, table);
  if (!options.json.empty()) write_file(options.json, json(report));
  if (!options.plot_data.empty()) write_plot_data(report, options.plot_data);
  return 0;
}

}  // namespace

void larder::bench::write_file(const std::string& name, const std::string& text) {
  std::ofstream out(name, std::ios::binary);
  if (!(out << text).flush()) throw std::runtime_error("cannot write " + name);
}

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "larder_throughput: " << error.what() << '\n';
    return 1;
  }
}
