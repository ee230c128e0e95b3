/// \file markdown.cpp
/// The results as a page: where they come from, the targets, where a peer wins, and every median.
#include <cstdio>
#include <map>
#include <sstream>
#include <string>

#include "names.hpp"
#include "report.hpp"
#include "workload.hpp"

namespace larder::bench {

namespace {

std::string cell(const Timing* timing) {
  if (timing == nullptr) return "";
  char text[64];
  std::snprintf(text, sizeof text, "%.1f (%.1f to %.1f)", timing->median(), timing->least(), timing->most());
  return text;
}

std::string thousandths(double nanoseconds) {
  char text[32];
  std::snprintf(text, sizeof text, nanoseconds < 9'999.5 ? "%.0f ns" : "%.1f us",
                nanoseconds < 9'999.5 ? nanoseconds : nanoseconds / 1000);
  return text;
}

void write_head(std::ostream& out, const Circumstances& how) {
  out << "# Throughput\n\n- machine: " << how.machine << "; load average at the start " << how.load
      << "\n- compiler: " << how.compiler << "; flags: " << how.flags << "\n- peers: " << how.peers << "\n- command: `"
      << how.command << "`\n- work: " << sizes.entries
      << " entries, keys of 21 to 24 bytes (16 where there are several "
      << "threads), values of " << values().size() << " bytes; " << sizes.churn_limit << " entries for `set`\n"
      << "- every figure: from " << sizes.processes << " processes one after the other, " << sizes.rounds
      << " repetitions in each, interleaved with those of all others and in an order drawn anew; the median over "
         "processes of the median (or of the ratio of two medians) within each. All processes have had more than one "
         "thread, so that nobody's locks are left out. All that hash with a hash of our choice have larder's\n";
}

void write_targets(std::ostream& out, const Report& report) {
  out << "\n## Targets\n\nTwo figures are for Zipf(0.99) and uniform requests.\n\n"
         "| work | against | target | measured | |\n| --- | --- | --- | --- | --- |\n";
  for (const TargetRow& row : target_rows(report)) {
    out << "| " << row.work << " | " << row.against << " | " << row.target << " | " << row.measured << " | "
        << row.verdict << " |\n";
  }
}

void write_wins(std::ostream& out, const Report& report) {
  out << "\n## Where a peer wins\n\nHow many times the peer's figure larder's is, for all the work at which a peer is "
         "ahead in at least one figure: Zipf(0.99) / uniform requests, sizes in ascending order.\n\n";
  const auto wins = wins_of_peers(report);
  if (wins.empty()) out << "Nowhere in this run.\n";
  if (!wins.empty()) out << "| work | peer | beside | larder takes |\n| --- | --- | --- | --- |\n";
  for (const Win& win : wins) {
    out << "| " << win.work << " | " << win.peer << " | " << win.larder << " | " << win.measured << " x |\n";
  }
}

/// Two distributions side by side; a time that knows none stands in the first column.
void write_table(std::ostream& out, const Report& report, const char* title, bool (*belongs)(const TimingName&)) {
  std::map<TimingName, std::string> lines;
  for (const auto& [text, timing] : report.timings) {
    auto name = parse_name(text);
    if (!name || !belongs(*name) || name->distribution == "uniform") continue;
    TimingName uniform = *name;
    uniform.distribution = "uniform";
    const bool is_alone = name->distribution.empty();
    name->distribution.clear();
    std::string line = "| " + label_of_work(name->work) + " | " + label_of_subject(name->subject) + " | ";
    if (name->threads != 0) line += std::to_string(name->threads) + " | ";
    if (name->entries != 0) line += std::to_string(name->entries) + " | ";
    line += cell(&timing) + " | " + (is_alone ? "" : cell(find(report.timings, uniform.text()))) + " |\n";
    lines.emplace(*name, line);
  }
  if (lines.empty()) return;
  const TimingName& sample = lines.begin()->first;
  const std::string extra = sample.threads != 0 ? " threads |" : sample.entries != 0 ? " entries |" : "";
  out << "\n## " << title << "\n\n| work | subject |" << extra << " Zipf(0.99) | uniform, or new keys |\n"
      << "| --- | --- |" << (extra.empty() ? "" : " --- |") << " --- | --- |\n";
  for (const auto& [name, line] : lines) out << line;
}

void write_latencies(std::ostream& out, const Report& report) {
  if (report.latencies.empty()) return;
  out << "\n## Latency of single sets\n\nMedians of " << sizes.latency_runs << " runs of " << sizes.latency_sets
      << " sets, each run in a fresh process; " << sizes.latency_sets / 2 << " entries where each set evicts. Reading "
      << "the clock takes " << thousandths(report.clock_cost) << " of each. While a cache grows, one "
      << "set in a hundred is the first to touch a page of memory, and pays for that whoever makes it.\n\n"
      << "| work | subject | p50 | p99 | p99.9 | maximum |\n| --- | --- | --- | --- | --- | --- |\n";
  for (const Latency& latency : report.latencies) {
    out << "| " << label_of_work(latency.work) << " | " << label_of_subject(latency.subject);
    for (const auto member : {&Percentiles::p50, &Percentiles::p99, &Percentiles::p999, &Percentiles::most}) {
      out << " | " << thousandths(latency.median(member));
    }
    out << " |\n";
  }
}

void write_adversarial(std::ostream& out, const Report& report) {
  std::ostringstream lines;
  for (const auto& [name, timing] : report.timings) {
    if (!name.starts_with("adversarial/") || !name.ends_with("/chosen")) continue;
    const std::string keys = name.substr(0, name.rfind('/'));
    lines << "| " << keys.substr(keys.find('/') + 1) << " | " << cell(&timing) << " | "
          << cell(find(report.timings, keys + "/random")) << " |\n";
  }
  if (lines.str().empty()) return;
  out << "\n## Nanoseconds a hit of adversarial keys: median (least to most)\n\n"
      << sizes.adversarial_keys << " keys.\n\n| keys | these | random ones |\n| --- | --- | --- |\n"
      << lines.str();
}

}  // namespace

std::string markdown(const Report& report) {
  std::ostringstream out;
  write_head(out, report.circumstances);
  write_targets(out, report);
  write_wins(out, report);
  write_table(out, report, "Nanoseconds an operation, one thread: median (least to most)",
              [](const TimingName& name) { return name.threads == 0 && name.entries == 0; });
  write_table(out, report, "Nanoseconds an operation, by threads: time of all divided by operations of all",
              [](const TimingName& name) { return name.threads != 0; });
  write_table(out, report, "Nanoseconds an operation, by size: median (least to most)",
              [](const TimingName& name) { return name.entries != 0; });
  write_latencies(out, report);
  write_adversarial(out, report);
  return out.str();
}

}  // namespace larder::bench
