/// \file plot_data.cpp
/// The tables behind the plots, one file each: columns separated by tabs, their names in the first line, `?` where
/// there is no figure. plots.gp makes pictures of them.
#include <cstddef>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "names.hpp"
#include "report.hpp"

namespace larder::bench {

namespace {

using Cells = std::vector<std::string>;

std::string line_of(const Cells& cells) {
  std::string line;
  for (const std::string& cell : cells) line += (line.empty() ? "" : "\t") + cell;
  return line + "\n";
}

std::string figure(const Timing* timing) { return timing == nullptr ? "?" : number(timing->median()); }

/// Writes a table that has rows.
void write_table(const std::string& file, const Cells& head, const std::vector<Cells>& rows) {
  if (rows.empty()) return;
  std::string text = line_of(head);
  for (const Cells& row : rows) text += line_of(row);
  write_file(file, text);
}

struct Bar {
  std::string work;
  std::string subject;
};

/// A row for each bar that was measured, a column for each of `ends`, the ends of the names.
void write_bars(const Report& report, const std::string& file, const std::vector<Bar>& bars, const Cells& ends) {
  std::vector<Cells> rows;
  for (const auto& [work, subject] : bars) {
    Cells row{label_of_subject(subject)};
    if (work == "visit") row.front() += ", visit in place";
    bool any = false;
    for (const std::string& end : ends) {
      const Timing* timing = find(report.timings, work + "/" + subject + end);
      any = any || timing != nullptr;
      row.push_back(figure(timing));
    }
    if (any) rows.push_back(std::move(row));
  }
  Cells head{"subject"};
  head.insert(head.end(), ends.begin(), ends.end());
  write_table(file, head, rows);
}

/// Those of one thread, without locks first.
std::vector<Bar> bars_of(const std::string& work) {
  std::vector<Bar> bars;
  for (const char* subject : {"flat_map", "larder_unlocked", "multi_index_unlocked", "list_and_map_unlocked", "larder",
                              "multi_index", "list_and_map", "leveldb_lru", "rocksdb_lru"}) {
    bars.push_back({work, subject});
    if (work == "get" && is_larder(subject)) bars.push_back({"visit", subject});
  }
  return bars;
}

/// A column for each subject, in millions of operations a second; a row for each number of threads.
void write_threads(const Report& report, const std::string& file, const std::string& work) {
  const Cells subjects{"larder",      "larder_16_shards", "multi_index",
                       "leveldb_lru", "rocksdb_lru",      "rocksdb_hyper_clock"};
  std::vector<Cells> rows;
  for (std::size_t threads = 1; threads <= 16; threads *= 2) {
    Cells row{std::to_string(threads)};
    bool any = false;
    for (const std::string& subject : subjects) {
      const Timing* timing = find(report.timings, TimingName{work, subject, "zipf", threads}.text());
      any = any || timing != nullptr;
      row.push_back(timing == nullptr ? "?" : number(1e3 / timing->median()));
    }
    if (any) rows.push_back(std::move(row));
  }
  Cells head{"threads"};
  for (const std::string& subject : subjects) head.push_back(label_of_subject(subject));
  write_table(file, head, rows);
}

/// A column for each series of a work, a row for each size.
void write_sizes(const Report& report, const std::string& file, const std::string& work) {
  std::set<std::size_t> all_sizes;
  std::set<std::tuple<bool, std::string, std::string>> series;  // larder first: is a peer, subject, distribution
  for (const auto& [text, timing] : report.timings) {
    const auto name = parse_name(text);
    if (!name || name->work != work || name->entries == 0) continue;
    all_sizes.insert(name->entries);
    series.emplace(!is_larder(name->subject), name->subject, name->distribution);
  }
  Cells head{"entries"};
  for (const auto& [is_peer, subject, distribution] : series) {
    const std::string requests = distribution == "zipf" ? ", Zipf(0.99)" : distribution.empty() ? "" : ", uniform";
    head.push_back(label_of_subject(subject) + requests);
  }
  std::vector<Cells> rows;
  for (const std::size_t entries : all_sizes) {
    Cells row{std::to_string(entries)};
    for (const auto& [is_peer, subject, distribution] : series) {
      row.push_back(figure(find(report.timings, TimingName{work, subject, distribution, 0, entries}.text())));
    }
    rows.push_back(std::move(row));
  }
  write_table(file, head, rows);
}

/// A column for each subject, a row for each percentile.
void write_latencies(const Report& report, const std::string& file, const std::string& work) {
  Cells head{"percentile"};
  std::vector<Cells> rows{{"p50"}, {"p99"}, {"p99.9"}, {"maximum"}};
  for (const Latency& latency : report.latencies) {
    if (latency.work != work) continue;
    head.push_back(label_of_subject(latency.subject));
    rows[0].push_back(number(latency.median(&Percentiles::p50)));
    rows[1].push_back(number(latency.median(&Percentiles::p99)));
    rows[2].push_back(number(latency.median(&Percentiles::p999)));
    rows[3].push_back(number(latency.median(&Percentiles::most)));
  }
  if (head.size() > 1) write_table(file, head, rows);
}

}  // namespace

void write_plot_data(const Report& report, const std::string& folder) {
  const auto file = [&folder](const std::string& name) { return folder + "/" + name + ".tsv"; };
  write_bars(report, file("hit"), bars_of("get"), {"/zipf", "/uniform"});
  write_bars(report, file("miss"), bars_of("miss"), {"/zipf", "/uniform"});
  write_bars(report, file("set"), bars_of("set"), {"/zipf", "/uniform"});
  write_bars(report, file("set_new"), bars_of("set_new"), {""});
  for (const char* work : {"hit", "mixed"}) write_threads(report, file(std::string("threads_") + work), work);
  for (const char* work : {"get", "miss", "mixed", "set_new"}) {
    write_sizes(report, file(std::string("sizes_") + work), work);
  }
  write_latencies(report, file("latency_growing"), "set_growing");
  write_latencies(report, file("latency_evicting"), "set_evicting");
  std::vector<Cells> memory;
  for (const Overhead& overhead : report.overheads) {
    memory.push_back({label_of_subject(overhead.subject), number(overhead.bytes)});
  }
  write_table(file("memory"), {"subject", "bytes"}, memory);
}

}  // namespace larder::bench
