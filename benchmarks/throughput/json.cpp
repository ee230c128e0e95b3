/// \file json.cpp
/// Everything that was measured, as JSON: times in nanoseconds, one list of repetitions a process.
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "report.hpp"
#include "workload.hpp"

namespace larder::bench {

namespace {

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char character : text) {
    if (character == '"' || character == '\\') out += '\\';
    if (static_cast<unsigned char>(character) >= ' ') out += character;
  }
  return out + "\"";
}

std::string json_of(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

std::string json_of(const std::vector<double>& numbers) {
  std::string out = "[";
  for (const double each : numbers) out += (out.size() == 1 ? "" : ", ") + json_of(each);
  return out + "]";
}

/// Objects and arrays are made of finished members and elements.
using Parts = std::vector<std::string>;

std::string joined(const Parts& parts, char open, char close, const char* separator) {
  std::string out(1, open);
  for (const std::string& part : parts) out += (out.size() == 1 ? "" : separator) + part;
  return out + close;
}

std::string member(std::string_view name, const std::string& value) { return quoted(name) + ": " + value; }
std::string object(const Parts& members) { return joined(members, '{', '}', ", "); }

/// One element a line.
std::string list(const Parts& elements) {
  std::string out = "[";
  for (const std::string& each : elements) out += (out.size() == 1 ? "\n    " : ",\n    ") + each;
  return out + (elements.empty() ? "]" : "\n  ]");
}

template <class Range, class Function>
std::string list_of(const Range& range, Function to_json) {
  Parts elements;
  for (const auto& each : range) elements.push_back(to_json(each));
  return list(elements);
}

std::string json_of(const Circumstances& how) {
  return object({member("machine", quoted(how.machine)), member("load_average_at_start", quoted(how.load)),
                 member("compiler", quoted(how.compiler)), member("flags", quoted(how.flags)),
                 member("peers", quoted(how.peers)), member("command", quoted(how.command)),
                 member("entries", std::to_string(sizes.entries)),
                 member("value_bytes", std::to_string(values().size())),
                 member("entries_for_set", std::to_string(sizes.churn_limit)),
                 member("processes", std::to_string(sizes.processes)),
                 member("repetitions_in_each", std::to_string(sizes.rounds))});
}

std::string json_of(const TargetRow& row) {
  return object({member("work", quoted(row.work)), member("against", quoted(row.against)),
                 member("target", quoted(row.target)), member("measured", quoted(row.measured)),
                 member("verdict", quoted(row.verdict))});
}

std::string json_of(const Win& win) {
  return object({member("work", quoted(win.work)), member("peer", quoted(win.peer)),
                 member("larder", quoted(win.larder)), member("larder_takes", quoted(win.measured))});
}

std::string json_of(const std::string& name, const Timing& timing) {
  Parts processes;
  for (const auto& times : timing.processes()) processes.push_back(json_of(times));
  return object({member("name", quoted(name)), member("median", json_of(timing.median())),
                 member("least", json_of(timing.least())), member("most", json_of(timing.most())),
                 member("processes", joined(processes, '[', ']', ", "))});
}

std::string json_of(const Latency& latency) {
  Parts members{member("work", quoted(latency.work)), member("subject", quoted(latency.subject))};
  const auto add = [&](const char* name, double Percentiles::*which) {
    std::vector<double> runs;
    for (const Percentiles& run : latency.runs) runs.push_back(run.*which);
    members.push_back(
        member(name, object({member("median", json_of(median_of(runs))), member("runs", json_of(runs))})));
  };
  add("p50", &Percentiles::p50);
  add("p99", &Percentiles::p99);
  add("p99.9", &Percentiles::p999);
  add("maximum", &Percentiles::most);
  return object(members);
}

std::string json_of(const Overhead& overhead) {
  return object({member("subject", quoted(overhead.subject)), member("bytes_an_entry", json_of(overhead.bytes))});
}

std::string json_of(const CompileTime& time) {
  return object({member("compiler", quoted(time.compiler)), member("seconds", json_of(time.larder)),
                 member("seconds_of_standard_headers", json_of(time.standard))});
}

}  // namespace

std::string json(const Report& report) {
  const auto any = [](const auto& each) { return json_of(each); };
  Parts members{
      member("circumstances", json_of(report.circumstances)),
      member("targets", list_of(target_rows(report), any)),
      member("where_a_peer_wins", list_of(wins_of_peers(report), any)),
      member("nanoseconds", list_of(report.timings, [](const auto& each) { return json_of(each.first, each.second); })),
      member("clock_cost", json_of(report.clock_cost)),
      member("latencies_of_set", list_of(report.latencies, any)),
      member("memory", list_of(report.overheads, any)),
      member("compile_times", list_of(report.compile_times, any)),
  };
  if (report.pauses) {
    members.push_back(member("largest_pause", object({member("larder", json_of(report.pauses->larder)),
                                                      member("flat_map", json_of(report.pauses->flat_map))})));
  }
  std::string out = "{";
  for (const std::string& each : members) out += (out.size() == 1 ? "\n  " : ",\n  ") + each;
  return out + "\n}\n";
}

}  // namespace larder::bench
