/// \file targets.cpp
/// The targets, and how each follows from what was measured.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "names.hpp"
#include "report.hpp"
#include "workload.hpp"

namespace larder::bench {

namespace {

enum class Need {
  at_most,   // our time over theirs
  at_least,  // the best of their times over ours; of 1: ahead
};

/// A `*` in a name stands for the distribution; a name without one is measured once.
struct RateTarget {
  std::string work;
  std::string against;
  Need need;
  double bound;
  std::string ours;
  std::vector<std::string> theirs;
  std::size_t threads = 1;  // that it takes
  std::string goal = {};    // beyond the target
};

using Names = std::vector<std::string>;

RateTarget at_most(double bound, const char* work, const char* against, const char* ours, Names theirs,
                   const char* goal = "") {
  return {work, against, Need::at_most, bound, ours, std::move(theirs), 1, goal};
}

RateTarget at_least(double bound, const char* work, const char* against, const char* ours, Names theirs,
                    std::size_t threads = 1) {
  return {work, against, Need::at_least, bound, ours, std::move(theirs), threads};
}

void add_read_targets(std::vector<RateTarget>& all) {
  const char* const bare = "`find` on a bare `boost::unordered_flat_map`";
  const char* const visit = "`visit` hit, default";
  const char* const get = "`get` hit, default";
  const char* const unlocked_visit = "`visit` hit, null mutex";
  const char* const unlocked_get = "`get` hit, null mutex";
  const Names find{"get/flat_map/*"};
  all.push_back(at_most(1.1, unlocked_visit, bare, "visit/larder_unlocked/*", find));
  all.push_back(at_most(1.35, unlocked_get, bare, "get/larder_unlocked/*", find));
  all.push_back(at_most(1.5, visit, bare, "visit/larder/*", find, ", 1.25 x is the goal"));
  all.push_back(at_most(1.5, get, bare, "get/larder/*", find, ", 1.25 x is the goal"));
  all.push_back(at_least(1.2, unlocked_get, "Boost.MultiIndex without a lock", "get/larder_unlocked/*",
                         {"get/multi_index_unlocked/*"}));
  all.push_back(at_least(1.2, get, "Boost.MultiIndex with the same lock", "get/larder/*", {"get/multi_index/*"}));
  all.push_back(at_least(2.5, get, "LevelDB `NewLRUCache`", "get/larder/*", {"get/leveldb_lru/*"}));
  all.push_back(at_least(2.5, get, "RocksDB `NewLRUCache`", "get/larder/*", {"get/rocksdb_lru/*"}));
  all.push_back(at_least(3.5, unlocked_get, "`std::list` + `std::unordered_map` without a lock",
                         "get/larder_unlocked/*", {"get/list_and_map_unlocked/*"}));
  all.push_back(at_least(3.5, get, "`std::list` + `std::unordered_map` with a `std::mutex`", "get/larder/*",
                         {"get/list_and_map/*"}));
  all.push_back(at_most(1.1, "`visit` hit, Clock", bare, "visit/larder_clock/*", find));
  all.push_back(at_most(1.1, "`visit` hit, S3Fifo", bare, "visit/larder_s3_fifo/*", find));
  const char* const loop = "a loop of 32 `find`s on the bare map";
  all.push_back(
      at_least(1.8, "`get_many` of 32, null mutex", loop, "get_many_32/larder_unlocked/*", {"get_many_32/flat_map/*"}));
  all.push_back(at_least(1.8, "`get_many` of 32, default", loop, "get_many_32/larder/*", {"get_many_32/flat_map/*"}));
  all.push_back(
      at_least(1, "`get_many` of 32, default", "a loop of 32 `get`s", "get_many_32/larder/*", {"get/larder/*"}));
  all.push_back(at_most(1.05, "`get` hit through `CacheBackend&`", "the concrete type", "get/larder_interface/*",
                        {"get/larder/*"}));
}

void add_write_targets(std::vector<RateTarget>& all) {
  all.push_back(at_least(1.5, "`set` with eviction, null mutex", "the best peer without a lock",
                         "set_new/larder_unlocked", {"set_new/multi_index_unlocked", "set_new/list_and_map_unlocked"}));
  all.push_back(
      at_least(1.5, "`set` with eviction, default", "the best peer with a lock", "set_new/larder",
               {"set_new/multi_index", "set_new/list_and_map", "set_new/leveldb_lru", "set_new/rocksdb_lru"}));
  all.push_back(at_least(1, "`set_many` of 32 with eviction, default", "a loop of 32 `set`s", "set_many_32/larder",
                         {"set_new/larder"}));
}

void add_thread_targets(std::vector<RateTarget>& all) {
  const char* const two = "two threads, 95 % `get`";
  const char* const two_sharded = "two threads, 95 % `get`, 16 shards";
  const char* const hyper_clock = "RocksDB HyperClockCache, two threads";
  const Names one{"mixed/larder/*/threads:1"};
  const Names one_sharded{"mixed/larder_16_shards/*/threads:1"};
  const Names hyper_clock_two{"mixed/rocksdb_hyper_clock/*/threads:2"};
  all.push_back(at_least(1.8, two, "one thread", "mixed/larder/*/threads:2", one));
  all.push_back(at_least(1.8, two_sharded, "one thread, 16 shards", "mixed/larder_16_shards/*/threads:2", one_sharded));
  all.push_back(at_least(1, two, hyper_clock, "mixed/larder/*/threads:2", hyper_clock_two));
  all.push_back(at_least(1, two_sharded, hyper_clock, "mixed/larder_16_shards/*/threads:2", hyper_clock_two));
  for (const auto& [policy, name] : {std::pair("Clock", "larder_clock"), std::pair("S3Fifo", "larder_s3_fifo")}) {
    for (const auto& [call, work] : {std::pair("`visit`", "visit_16/"), std::pair("`get`", "hit/")}) {
      const std::string hits = work + std::string(name) + "/*/threads:";
      all.push_back({"two threads, " + std::string(call) + " hit, " + policy,
                     "one thread",
                     Need::at_least,
                     1.9,
                     hits + "2",
                     {hits + "1"}});
    }
  }
  all.push_back(at_least(10, "sixteen threads, 95 % `get`", "one thread", "mixed/larder/*/threads:16", one, 16));
  all.push_back(at_least(10, "sixteen threads, 95 % `get`, 16 shards", "one thread, 16 shards",
                         "mixed/larder_16_shards/*/threads:16", one_sharded, 16));
}

/// The bound as one writes it: 1.1, 1.35, 10.
std::string short_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}

std::string verdict(bool met) { return met ? "met" : "missed"; }

/// Why a row has no figures.
std::string not_measured(std::size_t threads = 1) {
  const std::size_t processors = std::thread::hardware_concurrency();
  if (threads > 2 && processors < threads) return "not measured: " + std::to_string(processors) + " processors";
  return "not measured: left out of this run, or no such peer here";
}

struct Ratio {
  double value;
  std::string peer;  // the best of theirs
};

/// The ratio that the target is about, or nothing if one side was not measured.
std::optional<Ratio> ratio_of(const RateTarget& target, const char* distribution, const Report& report) {
  const Timing* ours = find(report.timings, with_distribution(target.ours, distribution));
  if (ours == nullptr) return std::nullopt;
  std::optional<Ratio> worst;
  for (const std::string& name : target.theirs) {
    const Timing* theirs = find(report.timings, with_distribution(name, distribution));
    if (theirs == nullptr) continue;
    const double value = ratio(*ours, *theirs);
    if (!worst || value > worst->value) worst = Ratio{value, name};
  }
  if (worst && target.need == Need::at_least) worst->value = 1 / worst->value;
  return worst;
}

TargetRow row_of(const RateTarget& target, const Report& report) {
  const bool at_most = target.need == Need::at_most;
  TargetRow row{target.work, target.against,
                at_most ? "at most " + short_number(target.bound) + " x its time" + target.goal
                        : (target.bound == 1 ? "ahead" : "at least " + short_number(target.bound) + " x as fast"),
                "", not_measured(target.threads)};
  bool met = true;
  for (const char* distribution : {"zipf", "uniform"}) {
    const auto measured = ratio_of(target, distribution, report);
    if (!measured) return row;
    met = met && (at_most ? measured->value <= target.bound : measured->value >= target.bound);
    row.measured += (row.measured.empty() ? "" : " / ") + number(measured->value);
    if (target.theirs.size() > 1) row.measured += " (" + label_of_subject(parse_name(measured->peer)->subject) + ")";
    if (target.ours.find('*') == std::string::npos) break;
  }
  row.verdict = verdict(met);
  return row;
}

TargetRow pause_row(const std::optional<Pauses>& pauses) {
  TargetRow row{"largest pause of one `set` while growing from empty to 10 million entries",
                "`boost::unordered_flat_map`", "at most 0.01 x its pause", "", not_measured()};
  if (!pauses) return row;
  const double ratio = pauses->larder / pauses->flat_map;
  char measured[96];
  std::snprintf(measured, sizeof measured, "%.4f (%.2f ms beside %.1f ms)", ratio, pauses->larder / 1e6,
                pauses->flat_map / 1e6);
  row.measured = measured;
  row.verdict = verdict(ratio <= 0.01);
  return row;
}

TargetRow overhead_row(const std::vector<Overhead>& overheads) {
  TargetRow row{"heap bytes an entry beyond key and value bytes", "`mallinfo2` before and after",
                "at most 64, towards 40", "", not_measured()};
  for (const Overhead& overhead : overheads) {
    if (overhead.subject.ends_with("_full")) continue;
    row.measured += (row.measured.empty() ? "" : ", ") + label_of_subject(overhead.subject) + " " +
                    short_number(std::round(overhead.bytes));
    if (overhead.subject == "larder") row.verdict = verdict(overhead.bytes <= 64);
  }
  return row;
}

/// Of each policy in a full cache, beside Lru.
TargetRow policy_overhead_row(const std::vector<Overhead>& overheads) {
  TargetRow row{"heap bytes an entry of a full cache, by policy", "`Lru`", "at most 8 more", "", not_measured()};
  const auto lru = std::ranges::find(overheads, "larder_full", &Overhead::subject);
  if (lru == overheads.end()) return row;
  bool met = true;
  for (const Overhead& overhead : overheads) {
    if (!overhead.subject.ends_with("_full")) continue;
    row.measured +=
        (row.measured.empty() ? "" : ", ") + label_of_subject(overhead.subject) + " " + number(overhead.bytes);
    met = met && overhead.bytes <= lru->bytes + 8;
  }
  row.verdict = verdict(met);
  return row;
}

/// How the ratio to the bare map changes from the smallest cache to the largest.
TargetRow growth_row(const Report& report) {
  TargetRow row{"`get` hit, default, from 10^3 to 10^7 entries", "the ratio to the bare map at 10^3",
                "rises to at most 1.1 x", "", not_measured()};
  bool met = true;
  for (const char* distribution : {"zipf", "uniform"}) {
    std::vector<double> ratios;
    for (std::size_t entries = 1000; entries <= sizes.largest_cache; entries *= 10) {
      const std::string end = std::string("/") + distribution + "/entries:" + std::to_string(entries);
      const Timing* larder = find(report.timings, "get/larder" + end);
      const Timing* flat_map = find(report.timings, "get/flat_map" + end);
      if (larder == nullptr || flat_map == nullptr) return row;
      ratios.push_back(ratio(*larder, *flat_map));
    }
    const double rise = ratios.back() / ratios.front();
    met = met && rise <= 1.1;
    row.measured += (row.measured.empty() ? "" : " / ") + number(rise) + " (" + number(ratios.front()) + " to " +
                    number(ratios.back()) + ")";
  }
  row.verdict = verdict(met);
  return row;
}

void add_adversarial_rows(const Report& report, std::vector<TargetRow>& rows) {
  constexpr std::string_view start = "adversarial/";
  constexpr std::string_view end = "/chosen";
  for (const auto& [name, timing] : report.timings) {
    if (!name.starts_with(start) || !name.ends_with(end)) continue;
    const std::string keys = name.substr(start.size(), name.size() - start.size() - end.size());
    const double measured = ratio(timing, report.timings.at(std::string(start) + keys + "/random"));
    rows.push_back({"`get` hit of 10^5 keys: " + keys, "random keys of their type and length", "at most 2 x their time",
                    number(measured), verdict(measured <= 2)});
  }
}

void add_compile_time_rows(const Report& report, std::vector<TargetRow>& rows) {
  TargetRow row{"compiling a program that includes `in_memory_backend.hpp`",
                "one that includes the standard headers it needs", "at most 1.5 x its time", "", not_measured()};
  if (report.compile_times.empty()) rows.push_back(row);
  for (const CompileTime& time : report.compile_times) {
    const double ratio = time.larder / time.standard;
    row.work = "compiling a program that includes `in_memory_backend.hpp`, " + time.compiler;
    row.measured = number(ratio) + " (" + number(time.larder) + " s beside " + number(time.standard) + " s)";
    row.verdict = verdict(ratio <= 1.5);
    rows.push_back(row);
  }
}

}  // namespace

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, value < 100 ? "%.2f" : "%.0f", value);
  return text;
}

std::vector<TargetRow> target_rows(const Report& report) {
  std::vector<TargetRow> rows;
  std::vector<RateTarget> targets;
  add_read_targets(targets);
  add_write_targets(targets);
  add_thread_targets(targets);
  for (const RateTarget& target : targets) rows.push_back(row_of(target, report));
  rows.push_back(pause_row(report.pauses));
  rows.push_back(overhead_row(report.overheads));
  rows.push_back(policy_overhead_row(report.overheads));
  rows.push_back(growth_row(report));
  add_adversarial_rows(report, rows);
  add_compile_time_rows(report, rows);
  return rows;
}

}  // namespace larder::bench
