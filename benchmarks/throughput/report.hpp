/// \file report.hpp
/// Everything that is measured, by whom, and the pages that are made of it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "timings.hpp"

namespace larder::bench {

/// Heap bytes an entry beyond the bytes of key and value.
struct Overhead {
  std::string subject;
  double bytes;
};
std::vector<Overhead> measure_overhead();

/// The largest pause of one set while growing, beside the bare map, in nanoseconds. Needs Boost.
struct Pauses {
  double larder;
  double flat_map;
};
std::optional<Pauses> measure_pauses();

/// What single sets took, in nanoseconds, the clock's own cost included.
struct Percentiles {
  double p50;
  double p99;
  double p999;
  double most;
};

struct Latency {
  std::string work;  // set_growing or set_evicting
  std::string subject;
  std::vector<Percentiles> runs;

  double median(double Percentiles::*which) const {
    std::vector<double> all;
    for (const Percentiles& run : runs) all.push_back(run.*which);
    return median_of(std::move(all));
  }
};
std::vector<Latency> measure_latencies();

/// What reading the clock twice in a row shows, in nanoseconds.
double clock_cost();

/// Adds `get`, `miss`, `mixed` and `set_new` at sizes from 10^3 on: names that end in `/entries:N`.
void measure_sizes(Timings& timings);

/// Adds hits of adversarial keys beside random ones.
void measure_adversarial_keys(Timings& timings);

/// Adds the Google Benchmarks.
void measure_rates(Timings& timings);

/// Seconds of processor time; measured by compile_time.sh.
struct CompileTime {
  std::string compiler;
  double larder;
  double standard;
};

/// How and where the figures came about.
struct Circumstances {
  std::string machine;
  std::string load;  // the machine's load average before the measurements
  std::string compiler;
  std::string flags;
  std::string peers;
  std::string command;
};
Circumstances circumstances_of(const std::string& command);

struct Report {
  Circumstances circumstances;
  Timings timings;
  std::vector<Overhead> overheads;
  std::optional<Pauses> pauses;
  std::vector<Latency> latencies;
  double clock_cost = 0;
  std::vector<CompileTime> compile_times;
};

/// A line of the table of targets.
struct TargetRow {
  std::string work;
  std::string against;
  std::string target;
  std::string measured;
  std::string verdict;  // met, missed, or why it was not measured
};

/// Holds what was measured against the targets, in the order in which they are stated.
std::vector<TargetRow> target_rows(const Report& report);

/// Work that a peer does at least as well as larder, and the two sides' figures.
struct Win {
  std::string work;
  std::string peer;
  std::string larder;    // which larder
  std::string measured;  // how many times the peer's figure larder's is; of Zipf and uniform requests, if there are
};
std::vector<Win> wins_of_peers(const Report& report);

/// A number with two digits after the point, or none where it has three before.
std::string number(double value);

std::string markdown(const Report& report);
std::string json(const Report& report);

/// Writes the tables that plots.gp makes the plots of, for those plots of which there are figures.
void write_plot_data(const Report& report, const std::string& folder);

/// \throws std::runtime_error if it cannot.
void write_file(const std::string& name, const std::string& text);

}  // namespace larder::bench
