/// \file report.hpp
/// Everything that was measured, the table that holds it against the targets, and the plots.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "sweeps.hpp"

namespace larder::bench {

/// Nanoseconds an operation, one number a repetition.
class Timing {
 public:
  void add(double nanoseconds) {
    nanoseconds_.insert(std::upper_bound(nanoseconds_.begin(), nanoseconds_.end(), nanoseconds), nanoseconds);
  }

  double median() const { return nanoseconds_[nanoseconds_.size() / 2]; }
  double least() const { return nanoseconds_.front(); }
  double most() const { return nanoseconds_.back(); }

 private:
  std::vector<double> nanoseconds_;  // sorted, never empty once in a Report
};

struct Report {
  /// By the benchmark's name, `/threads:N` included.
  std::map<std::string, Timing> timings;
  std::vector<Overhead> overheads;
  std::optional<Pauses> pauses;
  std::vector<GrowthPoint> growth;
  bool failed = false;

  const Timing* find(const std::string& name) const {
    const auto found = timings.find(name);
    return found == timings.end() ? nullptr : &found->second;
  }
};

/// Takes the results of Google Benchmark's repetitions into a Report.
class Collector : public benchmark::BenchmarkReporter {
 public:
  explicit Collector(Report& report) : report_(report) {}

  bool ReportContext(const Context&) override { return true; }

  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      const std::string& threads = run.run_name.threads;
      const std::string name = run.run_name.function_name + (threads.empty() ? "" : "/" + threads);
      if (run.error_occurred) {
        GetErrorStream() << name << ": " << run.error_message << '\n';
        report_.failed = true;
      } else if (run.run_type == Run::RT_Iteration) {
        report_.timings[name].add(1e9 / run.counters.at("items_per_second").value);
      }
    }
  }

 private:
  Report& report_;
};

/// A line of the table of targets.
struct TargetRow {
  std::string work;
  std::string against;
  std::string target;
  std::string measured;
  std::string verdict;
};

/// Holds what was measured against the targets, in the order in which they are stated.
std::vector<TargetRow> target_rows(const Report& report);

/// How and where the figures came about.
struct Circumstances {
  std::string command;
  std::string load;        // the machine's load average before the measurements
  std::string extra_rows;  // lines of the table of targets that another program measured
};

/// The machine's load average, as text.
std::string load_average();

/// Machine, compiler, flags, command, targets and all medians, in Markdown.
std::string markdown(const Report& report, const Circumstances& circumstances);

/// File name and SVG text of each plot for which there are figures.
std::map<std::string, std::string> plots(const Report& report);

}  // namespace larder::bench
