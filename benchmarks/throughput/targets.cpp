/// \file targets.cpp
/// The targets, and how each follows from what was measured.
#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "report.hpp"

namespace larder::bench {

namespace {

enum class Need {
  at_most,   // our time over theirs
  at_least,  // the best of their times over ours
};

/// A `*` in a name stands for the distribution; a name without one is measured once.
struct RateTarget {
  std::string work;
  std::string against;
  Need need;
  double bound;
  std::string ours;
  std::vector<std::string> theirs;
};

using Names = std::vector<std::string>;

RateTarget at_most(double bound, const char* work, const char* against, const char* ours, Names theirs) {
  return {work, against, Need::at_most, bound, ours, std::move(theirs)};
}

RateTarget at_least(double bound, const char* work, const char* against, const char* ours, Names theirs) {
  return {work, against, Need::at_least, bound, ours, std::move(theirs)};
}

void add_read_targets(std::vector<RateTarget>& all) {
  const char* const bare = "`find` on a bare `boost::unordered_flat_map`";
  const char* const visit = "`visit` hit, default";
  const char* const get = "`get` hit, default";
  const char* const unlocked_visit = "`visit` hit, null mutex";
  const char* const unlocked_get = "`get` hit, null mutex";
  const Names find{"find/flat_map/*"};
  all.push_back(at_most(1.1, unlocked_visit, bare, "visit/larder_unlocked/*", find));
  all.push_back(at_most(1.35, unlocked_get, bare, "get/larder_unlocked/*", find));
  all.push_back(at_most(1.5, visit, bare, "visit/larder/*", find));
  all.push_back(at_most(1.5, get, bare, "get/larder/*", find));
  all.push_back(at_least(1.2, unlocked_get, "Boost.MultiIndex without a lock", "get/larder_unlocked/*",
                         {"get/multi_index_unlocked/*"}));
  all.push_back(at_least(1.2, get, "Boost.MultiIndex with the same lock", "get/larder/*", {"get/multi_index/*"}));
  all.push_back(at_least(2.5, get, "LevelDB `NewLRUCache`", "get/larder/*", {"get/leveldb_lru/*"}));
  all.push_back(at_least(2.5, get, "RocksDB `NewLRUCache`", "get/larder/*", {"get/rocksdb_lru/*"}));
  all.push_back(at_least(3.5, unlocked_get, "`std::list` + `std::unordered_map` without a lock",
                         "get/larder_unlocked/*", {"get/list_and_map_unlocked/*"}));
  all.push_back(at_least(3.5, get, "`std::list` + `std::unordered_map` with a `std::mutex`", "get/larder/*",
                         {"get/list_and_map/*"}));
  const char* const loop = "a loop of 32 `find`s on the bare map";
  all.push_back(
      at_least(1.8, "`get_many` of 32, null mutex", loop, "get_many_32/larder_unlocked/*", {"find_32/flat_map/*"}));
  all.push_back(at_least(1.8, "`get_many` of 32, default", loop, "get_many_32/larder/*", {"find_32/flat_map/*"}));
  all.push_back(at_most(1.05, "`get` hit through `CacheBackend&`", "the concrete type", "get/larder_interface/*",
                        {"get/larder/*"}));
}

void add_write_targets(std::vector<RateTarget>& all) {
  all.push_back(at_least(1.5, "`set` with eviction, null mutex", "the best peer without a lock", "set/larder_unlocked",
                         {"set/multi_index_unlocked", "set/list_and_map_unlocked"}));
  all.push_back(at_least(1.5, "`set` with eviction, default", "the best peer with a lock", "set/larder",
                         {"set/multi_index", "set/list_and_map", "set/leveldb_lru", "set/rocksdb_lru"}));
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
  all.push_back(at_least(10, "sixteen threads, 95 % `get`", "one thread", "mixed/larder/*/threads:16", one));
  all.push_back(at_least(10, "sixteen threads, 95 % `get`, 16 shards", "one thread, 16 shards",
                         "mixed/larder_16_shards/*/threads:16", one_sharded));
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, value < 100 ? "%.2f" : "%.0f", value);
  return text;
}

/// The bound as one writes it: 1.1, 1.35, 10.
std::string short_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}

std::string verdict(bool met) { return met ? "met" : "missed"; }

std::string with_distribution(std::string name, Distribution distribution) {
  const std::size_t star = name.find('*');
  return star == std::string::npos ? name : name.replace(star, 1, name_of(distribution));
}

struct Ratio {
  double value;
  std::string peer;  // the best of theirs
};

/// The ratio that the target is about, or nothing if one side was not measured.
std::optional<Ratio> ratio(const RateTarget& target, Distribution distribution, const Report& report) {
  const Timing* ours = report.find(with_distribution(target.ours, distribution));
  double best = std::numeric_limits<double>::infinity();
  std::string peer;
  for (const std::string& name : target.theirs) {
    const Timing* theirs = report.find(with_distribution(name, distribution));
    if (theirs == nullptr || theirs->median() >= best) continue;
    best = theirs->median();
    peer = name;
  }
  if (ours == nullptr || peer.empty()) return std::nullopt;
  return Ratio{target.need == Need::at_most ? ours->median() / best : best / ours->median(), peer};
}

TargetRow row_of(const RateTarget& target, const Report& report) {
  const bool at_most = target.need == Need::at_most;
  TargetRow row{target.work, target.against,
                at_most ? "at most " + short_number(target.bound) + " x its time"
                        : (target.bound == 1 ? "ahead" : "at least " + short_number(target.bound) + " x as fast"),
                "", "not measured"};
  bool met = true;
  for (const Distribution distribution : {Distribution::zipf, Distribution::uniform}) {
    const auto measured = ratio(target, distribution, report);
    if (!measured) return row;
    met = met && (at_most ? measured->value <= target.bound : measured->value >= target.bound);
    row.measured += (row.measured.empty() ? "" : " / ") + number(measured->value);
    if (target.theirs.size() > 1) row.measured += " (" + measured->peer + ")";
    if (target.ours.find('*') == std::string::npos) break;
  }
  row.verdict = verdict(met);
  return row;
}

TargetRow pause_row(const Pauses& pauses) {
  const double ratio = pauses.larder / pauses.flat_map;
  char measured[96];
  std::snprintf(measured, sizeof measured, "%.4f (%.2f ms beside %.1f ms)", ratio, pauses.larder / 1e6,
                pauses.flat_map / 1e6);
  return {"largest pause of one `set` while growing from empty to 10 million entries", "`boost::unordered_flat_map`",
          "at most 0.01 x its pause", measured, verdict(ratio <= 0.01)};
}

TargetRow overhead_row(const std::vector<Overhead>& overheads) {
  const double ours = overheads.front().bytes;
  std::string peers;
  for (std::size_t i = 1; i < overheads.size(); ++i) {
    char text[96];
    std::snprintf(text, sizeof text, "%s%s %.0f", i == 1 ? "" : ", ", overheads[i].subject.c_str(), overheads[i].bytes);
    peers += text;
  }
  char measured[32];
  std::snprintf(measured, sizeof measured, "%.0f", ours);
  return {"heap bytes an entry beyond key and value bytes", peers, "at most 64", measured, verdict(ours <= 64)};
}

/// How the ratio to the bare map changes from the smallest cache to the largest.
TargetRow growth_row(const std::vector<GrowthPoint>& points) {
  std::string measured;
  bool met = true;
  for (const Distribution distribution : {Distribution::zipf, Distribution::uniform}) {
    std::vector<double> ratios;
    for (const GrowthPoint& point : points) {
      if (point.distribution == distribution) ratios.push_back(point.larder / point.flat_map);
    }
    const double rise = ratios.back() / ratios.front();
    met = met && rise <= 1.1;
    measured += (measured.empty() ? "" : " / ") + number(rise) + " (" + number(ratios.front()) + " to " +
                number(ratios.back()) + ")";
  }
  return {"`get` hit, default, from 10^3 to 10^7 entries", "the ratio to the bare map at 10^3",
          "rises to at most 1.1 x", measured, verdict(met)};
}

}  // namespace

std::vector<TargetRow> target_rows(const Report& report) {
  std::vector<TargetRow> rows;
  std::vector<RateTarget> targets;
  add_read_targets(targets);
  add_write_targets(targets);
  add_thread_targets(targets);
  for (const RateTarget& target : targets) rows.push_back(row_of(target, report));
  if (report.pauses) rows.push_back(pause_row(*report.pauses));
  if (!report.overheads.empty()) rows.push_back(overhead_row(report.overheads));
  if (!report.growth.empty()) rows.push_back(growth_row(report.growth));
  return rows;
}

}  // namespace larder::bench
