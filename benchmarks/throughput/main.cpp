/// \file main.cpp
/// larder_throughput: measures larder beside its peers and prints every ratio of the table of targets.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "harness.hpp"
#include "report.hpp"

namespace {

using namespace larder::bench;

constexpr const char* usage = R"(larder_throughput: larder beside its peers, and every ratio of the table of targets

  --smoke            tiny sizes, one repetition: shows that everything runs, and nothing else
  --parts=A,B        of memory, pauses, growth, rates (Google Benchmark); all by default
  --table=FILE       write the table of targets and all medians as Markdown
  --json=FILE        write Google Benchmark's results as JSON
  --plots=FOLDER     write the plots as SVG
  --extra-rows=FILE  add these lines to the table of targets
  --command=TEXT     the command to be named in the table

and Google Benchmark's own options, --benchmark_filter=REGEX and --benchmark_repetitions=N among them.
A full run takes about ten minutes and 8 GiB of memory. Exit status: 1 if anything read wrong bytes.
)";

struct Options {
  bool smoke = false;
  bool help = false;
  std::string parts = "memory,pauses,growth,rates";
  std::string table;
  std::string json;
  std::string plots;
  Circumstances circumstances;

  bool has(const std::string& part) const { return ("," + parts + ",").find("," + part + ",") != std::string::npos; }
};

std::string read_file(const std::string& name) {
  std::ifstream in(name, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + name);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const std::filesystem::path& name, const std::string& text) {
  std::ofstream out(name, std::ios::binary);
  if (!(out << text).flush()) throw std::runtime_error("cannot write " + name.string());
}

/// If `argument` is `name` followed by a value, takes the value.
bool take(std::string_view argument, std::string_view name, std::string& value) {
  if (!argument.starts_with(name)) return false;
  value = argument.substr(name.size());
  return true;
}

/// Reads our options; those that it does not know are left in `rest`.
Options parse(int argc, char** argv, std::vector<std::string>& rest) {
  Options options;
  options.circumstances.load = load_average();
  options.circumstances.command = "larder_throughput";
  for (int i = 1; i < argc; ++i) options.circumstances.command += std::string(" ") + argv[i];
  std::string extra_rows;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--smoke") {
      options.smoke = true;
    } else if (argument == "--help") {
      options.help = true;
    } else if (!take(argument, "--parts=", options.parts) && !take(argument, "--table=", options.table) &&
               !take(argument, "--json=", options.json) && !take(argument, "--plots=", options.plots) &&
               !take(argument, "--extra-rows=", extra_rows) &&
               !take(argument, "--command=", options.circumstances.command)) {
      rest.emplace_back(argument);
    }
  }
  if (!extra_rows.empty()) options.circumstances.extra_rows = read_file(extra_rows);
  return options;
}

/// Runs Google Benchmark with our defaults, which the user's own options override. Result: false for a bad option.
bool run_rates(const Options& options, const std::vector<std::string>& rest, Report& report) {
  // The program's name without its folder, since it stands in the JSON.
  std::vector<std::string> arguments{"larder_throughput", "--benchmark_enable_random_interleaving=true",
                                     options.smoke ? "--benchmark_repetitions=1" : "--benchmark_repetitions=9",
                                     options.smoke ? "--benchmark_min_time=0.001" : "--benchmark_min_time=0.2"};
  if (!options.json.empty()) {
    arguments.push_back("--benchmark_out=" + options.json);
    arguments.emplace_back("--benchmark_out_format=json");
  }
  arguments.insert(arguments.end(), rest.begin(), rest.end());
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  int count = static_cast<int>(pointers.size());
  benchmark::Initialize(&count, pointers.data());
  if (benchmark::ReportUnrecognizedArguments(count, pointers.data())) return false;
  if (!options.has("rates")) return true;
  register_read_benchmarks();
  register_write_benchmarks();
  register_thread_benchmarks();
  std::cerr << "measuring rates ...\n";
  Collector collector(report);
  benchmark::RunSpecifiedBenchmarks(&collector);
  return true;
}

/// Those that need a process as small as at the start come first.
void run_sweeps(const Options& options, Report& report) {
  if (options.has("memory")) {
    std::cerr << "measuring memory ...\n";
    report.overheads = measure_overhead();
  }
#if LARDER_BENCHMARK_BOOST
  if (options.has("pauses")) {
    std::cerr << "measuring pauses ...\n";
    report.pauses = measure_pauses();
  }
  if (options.has("growth")) {
    std::cerr << "measuring growth ...\n";
    report.growth = measure_growth();
  }
#endif
}

int run(int argc, char** argv) {
  std::vector<std::string> rest;
  const Options options = parse(argc, argv, rest);
  if (options.help) {
    std::cout << usage;
    return 0;
  }
  if (options.smoke) sizes = Sizes::smoke();
  Report report;
  run_sweeps(options, report);
  if (!run_rates(options, rest, report)) return 2;
  const std::string table = markdown(report, options.circumstances);
  std::cout << table;
  if (options.smoke) std::cout << "\nThis was a smoke run: its figures mean nothing.\n";
  if (!options.table.empty()) write_file(options.table, table);
  if (!options.plots.empty()) {
    for (const auto& [name, text] : plots(report)) write_file(std::filesystem::path(options.plots) / name, text);
  }
  return report.failed ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "larder_throughput: " << error.what() << '\n';
    return 1;
  }
}
