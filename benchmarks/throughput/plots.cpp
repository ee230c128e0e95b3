/// \file plots.cpp
/// Which figures go into which plot, and what the subjects are called there.
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "../svg_chart.hpp"
#include "report.hpp"

namespace larder::bench {

namespace {

struct Bar {
  std::string name;  // of the benchmark, up to the distribution
  std::string label;
};

const std::vector<Bar> read_bars{
    {"find/flat_map", "bare boost::unordered_flat_map, find"},
    {"visit/larder_unlocked", "larder visit, null mutex"},
    {"get/larder_unlocked", "larder get, null mutex"},
    {"get/multi_index_unlocked", "Boost.MultiIndex, no lock"},
    {"get/list_and_map_unlocked", "std::list + unordered_map, no lock"},
    {"visit/larder", "larder visit"},
    {"get/larder", "larder get"},
    {"get/multi_index", "Boost.MultiIndex, larder's lock"},
    {"get/list_and_map", "std::list + unordered_map, std::mutex"},
    {"get/leveldb_lru", "LevelDB LRU"},
    {"get/rocksdb_lru", "RocksDB LRU"},
};

const std::vector<Bar> write_bars{
    {"set/larder_unlocked", "larder set, null mutex"},
    {"set/multi_index_unlocked", "Boost.MultiIndex, no lock"},
    {"set/list_and_map_unlocked", "std::list + unordered_map, no lock"},
    {"set/larder", "larder set"},
    {"set/multi_index", "Boost.MultiIndex, larder's lock"},
    {"set/list_and_map", "std::list + unordered_map, std::mutex"},
    {"set/leveldb_lru", "LevelDB LRU"},
    {"set/rocksdb_lru", "RocksDB LRU"},
};

const std::vector<Bar> thread_bars{
    {"mixed/larder", "larder"},
    {"mixed/larder_16_shards", "larder, 16 shards"},
    {"mixed/leveldb_lru", "LevelDB LRU"},
    {"mixed/rocksdb_lru", "RocksDB LRU"},
    {"mixed/rocksdb_hyper_clock", "RocksDB HyperClockCache"},
};

const std::vector<Bar> overhead_bars{
    {"larder", "larder"},
    {"flat_map", "bare boost::unordered_flat_map"},
    {"multi_index", "Boost.MultiIndex"},
    {"list_and_map", "std::list + std::unordered_map"},
    {"leveldb_lru", "LevelDB LRU"},
    {"rocksdb_lru", "RocksDB LRU"},
};

/// Adds a group for each bar of which all series were measured, `value` giving them from its timing.
template <class Value>
void add_groups(BarChart& chart, const Report& report, const std::vector<Bar>& bars,
                const std::vector<std::string>& suffixes, Value value) {
  for (const auto& [name, label] : bars) {
    BarChart::Group group{label, {}, label.starts_with("larder")};
    for (const std::string& suffix : suffixes) {
      if (const Timing* timing = report.find(name + suffix)) group.values.push_back(value(*timing));
    }
    if (group.values.size() == suffixes.size()) chart.groups.push_back(std::move(group));
  }
}

double nanoseconds(const Timing& timing) { return timing.median(); }
double millions_a_second(const Timing& timing) { return 1e3 / timing.median(); }

BarChart overhead_chart(const Report& report) {
  BarChart chart{"Memory beyond key and value", "heap bytes an entry (keys of 12 bytes, values of 64)", {"bytes"}, {}};
  for (const auto& [name, label] : overhead_bars) {
    for (const Overhead& overhead : report.overheads) {
      if (overhead.subject == name) chart.groups.push_back({label, {overhead.bytes}, label == "larder"});
    }
  }
  return chart;
}

LineChart growth_chart(const Report& report) {
  LineChart chart{"The cost of a hit as the cache grows", "entries", "nanoseconds a hit", {}};
  for (const Distribution distribution : {Distribution::uniform, Distribution::zipf}) {
    LineChart::Line larder{std::string("larder get, ") + name_of(distribution), {}};
    LineChart::Line flat_map{std::string("bare map, ") + name_of(distribution), {}};
    for (const GrowthPoint& point : report.growth) {
      if (point.distribution != distribution) continue;
      larder.points.emplace_back(static_cast<double>(point.entries), point.larder);
      flat_map.points.emplace_back(static_cast<double>(point.entries), point.flat_map);
    }
    chart.lines.push_back(std::move(larder));
    chart.lines.push_back(std::move(flat_map));
  }
  return chart;
}

}  // namespace

std::map<std::string, std::string> plots(const Report& report) {
  BarChart reads{"A hit among a million entries", "nanoseconds; less is better", {"Zipf(0.99)", "uniform"}, {}};
  add_groups(reads, report, read_bars, {"/zipf", "/uniform"}, nanoseconds);
  BarChart writes{"A set that evicts, half a million entries", "nanoseconds; less is better", {"time"}, {}};
  add_groups(writes, report, write_bars, {""}, nanoseconds);
  BarChart threads{"95 % reads, 5 % writes, Zipf(0.99)",
                   "millions of operations a second; more is better",
                   {"one thread", "two threads"},
                   {}};
  add_groups(threads, report, thread_bars, {"/zipf/threads:1", "/zipf/threads:2"}, millions_a_second);
  const BarChart overhead = overhead_chart(report);

  std::map<std::string, std::string> files;
  if (!reads.groups.empty()) files["throughput_hit.svg"] = svg(reads);
  if (!writes.groups.empty()) files["throughput_set.svg"] = svg(writes);
  if (!threads.groups.empty()) files["throughput_threads.svg"] = svg(threads);
  if (!overhead.groups.empty()) files["throughput_memory.svg"] = svg(overhead);
  if (!report.growth.empty()) files["throughput_growth.svg"] = svg(growth_chart(report));
  return files;
}

}  // namespace larder::bench
