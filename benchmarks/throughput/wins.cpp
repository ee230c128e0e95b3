/// \file wins.cpp
/// Where a peer wins: every figure of a peer that is better than larder's for the same work.
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "names.hpp"
#include "report.hpp"

namespace larder::bench {

namespace {

/// Whether a peer's figure is better than ours, so many times its own, by at least what is printed.
bool is_ahead(double ratio) { return ratio >= 1.005; }

/// The peers that a kind of larder is held against: those that lock, or those that do not, and always the bare map.
std::vector<std::string> peers_of(const std::string& larder) {
  if (larder == "larder_unlocked") return {"flat_map", "multi_index_unlocked", "list_and_map_unlocked"};
  if (larder == "larder" || larder == "larder_16_shards") {
    return {"flat_map", "multi_index", "list_and_map", "leveldb_lru", "rocksdb_lru", "rocksdb_hyper_clock"};
  }
  return {};
}

/// What one line of the list is about: the figures of two distributions, and of all sizes of a sweep, share one.
struct Line {
  std::string work;
  std::size_t threads;
  bool by_size;
  std::string larder;
  std::string peer;

  auto operator<=>(const Line&) const = default;
};

/// By distribution and size, how many times the peer's time larder takes.
using Ratios = std::map<std::string, std::map<std::size_t, double>, std::greater<>>;

std::map<Line, Ratios> compare_all(const Timings& timings) {
  std::map<Line, Ratios> all;
  for (const auto& [text, timing] : timings) {
    const auto ours = parse_name(text);
    if (!ours) continue;
    for (const std::string& peer : peers_of(ours->subject)) {
      TimingName theirs = *ours;
      theirs.subject = peer;
      if (ours->work == "visit") theirs.work = "get";  // which reads in place, if it is theirs
      const Timing* found = find(timings, theirs.text());
      if (found == nullptr) continue;
      const Line line{ours->work, ours->threads, ours->entries != 0, ours->subject, peer};
      all[line][ours->distribution][ours->entries] = ratio(timing, *found);
    }
  }
  return all;
}

std::string label_of(const Line& line) {
  std::string label = label_of_work(line.work);
  if (line.threads != 0) label += ", " + std::to_string(line.threads) + (line.threads == 1 ? " thread" : " threads");
  if (line.by_size) label += ", from 10^3 entries up";
  return label;
}

void add_rates(const Timings& timings, std::vector<Win>& wins) {
  for (const auto& [line, ratios] : compare_all(timings)) {
    bool wins_one = false;
    std::string measured;
    for (const auto& [distribution, by_size] : ratios) {
      if (!measured.empty()) measured += " / ";
      std::string separator;
      for (const auto& [entries, value] : by_size) {
        measured += separator + number(value);
        separator = ", ";
        wins_one = wins_one || is_ahead(value);
      }
    }
    if (!wins_one) continue;
    wins.push_back({label_of(line), label_of_subject(line.peer), label_of_subject(line.larder), measured});
  }
}

void add_latencies(const std::vector<Latency>& latencies, std::vector<Win>& wins) {
  struct Column {
    const char* name;
    double Percentiles::*member;
  };
  for (const Latency& ours : latencies) {
    if (ours.subject != "larder") continue;
    for (const Latency& theirs : latencies) {
      if (theirs.work != ours.work || theirs.subject == ours.subject) continue;
      std::string measured;
      for (const auto& [name, member] :
           {Column{"p50 ", &Percentiles::p50}, Column{"p99 ", &Percentiles::p99}, Column{"p99.9 ", &Percentiles::p999},
            Column{"maximum ", &Percentiles::most}}) {
        const double value = ours.median(member) / theirs.median(member);
        if (is_ahead(value)) measured += (measured.empty() ? "" : ", ") + std::string(name) + number(value);
      }
      if (measured.empty()) continue;
      wins.push_back({label_of_work(ours.work), label_of_subject(theirs.subject), "larder", measured});
    }
  }
}

void add_memory(const std::vector<Overhead>& overheads, std::vector<Win>& wins) {
  for (const Overhead& theirs : overheads) {
    for (const Overhead& ours : overheads) {
      if (ours.subject != "larder" || !is_ahead(ours.bytes / theirs.bytes)) continue;
      wins.push_back(
          {"heap bytes an entry", label_of_subject(theirs.subject), "larder", number(ours.bytes / theirs.bytes)});
    }
  }
}

}  // namespace

std::vector<Win> wins_of_peers(const Report& report) {
  std::vector<Win> wins;
  add_rates(report.timings, wins);
  add_latencies(report.latencies, wins);
  add_memory(report.overheads, wins);
  if (report.pauses && is_ahead(report.pauses->larder / report.pauses->flat_map)) {
    wins.push_back({"largest pause of one `set` while growing", label_of_subject("flat_map"), "larder",
                    number(report.pauses->larder / report.pauses->flat_map)});
  }
  return wins;
}

}  // namespace larder::bench
