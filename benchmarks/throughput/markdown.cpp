/// \file markdown.cpp
/// The results as a page: where they come from, the targets, and every median.
#if LARDER_BENCHMARK_BOOST
#include <boost/version.hpp>
#endif
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#if LARDER_BENCHMARK_LEVELDB
#include <leveldb/db.h>
#endif
#if LARDER_BENCHMARK_ROCKSDB
#include <rocksdb/version.h>
#endif

#include "report.hpp"

namespace larder::bench {

namespace {

/// What follows `name` and a colon in a file of /proc, or nothing.
std::string proc_field(const char* file, const std::string& name) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(name)) continue;
    const std::size_t begin = line.find_first_not_of(" \t", line.find(':') + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return "";
}

std::string machine() {
  const std::string model = proc_field("/proc/cpuinfo", "model name");
  const long long kibibytes = std::atoll(proc_field("/proc/meminfo", "MemTotal").c_str());
  return (model.empty() ? "unknown processor" : model) + ", " + std::to_string(std::thread::hardware_concurrency()) +
         " processors, " + std::to_string((kibibytes + (1 << 19)) >> 20) + " GiB of memory";
}

std::string compiler() {
#if defined(__clang__)
  return "clang " __clang_version__;
#else
  return "g++ " __VERSION__;
#endif
}

std::string peers() {
  std::string names = "the standard library";
#if LARDER_BENCHMARK_BOOST
  names += ", Boost " + std::to_string(BOOST_VERSION / 100000) + "." + std::to_string(BOOST_VERSION / 100 % 1000);
#endif
#if LARDER_BENCHMARK_LEVELDB
  names += ", LevelDB " + std::to_string(leveldb::kMajorVersion) + "." + std::to_string(leveldb::kMinorVersion);
#endif
#if LARDER_BENCHMARK_ROCKSDB
  names += ", RocksDB " + std::to_string(ROCKSDB_MAJOR) + "." + std::to_string(ROCKSDB_MINOR) + "." +
           std::to_string(ROCKSDB_PATCH);
#endif
  return names;
}

std::string cell(const Timing* timing) {
  if (timing == nullptr) return "";
  char text[64];
  std::snprintf(text, sizeof text, "%.1f (%.1f to %.1f)", timing->median(), timing->least(), timing->most());
  return text;
}

/// Two distributions side by side; what knows none stands in the first column.
void write_medians(std::ostream& out, const Report& report) {
  out << "\n## Nanoseconds an operation: median (least to most)\n\n| | Zipf(0.99) | uniform |\n| --- | --- | --- |\n";
  for (const auto& [name, timing] : report.timings) {
    const std::size_t zipf = name.find("/zipf");
    if (zipf == std::string::npos) {
      if (name.find("/uniform") == std::string::npos) out << "| " << name << " | " << cell(&timing) << " | |\n";
      continue;
    }
    const std::string before = name.substr(0, zipf);
    const std::string after = name.substr(zipf + 5);
    out << "| " << before << after << " | " << cell(&timing) << " | " << cell(report.find(before + "/uniform" + after))
        << " |\n";
  }
  out << "\nWith several threads, the time of all divided by the operations of all.\n";
}

void write_growth(std::ostream& out, const Report& report) {
  out << "\n## Nanoseconds a hit as the cache grows\n\n| requests | entries | larder `get` | bare map | ratio |\n"
      << "| --- | --- | --- | --- | --- |\n";
  for (const GrowthPoint& point : report.growth) {
    char text[160];
    std::snprintf(text, sizeof text, "| %s | %zu | %.1f | %.1f | %.2f |\n", name_of(point.distribution), point.entries,
                  point.larder, point.flat_map, point.larder / point.flat_map);
    out << text;
  }
}

}  // namespace

std::string load_average() {
  double averages[1] = {0};
  char text[32] = "unknown";
  if (::getloadavg(averages, 1) == 1) std::snprintf(text, sizeof text, "%.1f", averages[0]);
  return text;
}

std::string markdown(const Report& report, const Circumstances& circumstances) {
  std::ostringstream out;
  out << "# Throughput\n\n- machine: " << machine() << "; load average at the start " << circumstances.load << '\n'
      << "- compiler: " << compiler() << "; flags: " LARDER_BENCHMARK_FLAGS "\n- peers: " << peers() << "\n- command: `"
      << circumstances.command << "`\n- work: " << sizes.entries << " entries, keys of 21 to 24 bytes, values of "
      << values().size() << " bytes; " << sizes.churn_limit << " entries for `set` with eviction\n"
      << "\nEvery figure is a ratio of medians of interleaved repetitions in one run. Two figures are for Zipf(0.99) "
         "and uniform requests.\n\n| work | against | target | measured | |\n| --- | --- | --- | --- | --- |\n";
  for (const TargetRow& row : target_rows(report)) {
    out << "| " << row.work << " | " << row.against << " | " << row.target << " | " << row.measured << " | "
        << row.verdict << " |\n";
  }
  out << circumstances.extra_rows;
  if (!report.timings.empty()) write_medians(out, report);
  if (!report.growth.empty()) write_growth(out, report);
  return out.str();
}

}  // namespace larder::bench
