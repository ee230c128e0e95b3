/// \file report.hpp
/// The results of a replay as a table, as JSON and as a plot.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../svg_chart.hpp"
#include "options.hpp"
#include "policies.hpp"
#include "simulation.hpp"
#include "text.hpp"
#include "trace.hpp"

namespace larder::replay {

/// All that a replay found out.
struct Report {
  Summary trace;
  Mode mode = Mode::entries;
  std::uint64_t rate = 1000;  ///< requests in a second of virtual time
  std::uint32_t promotion_interval = 1;
  std::vector<Result> results;

  /// The policies that there are results of, in their order.
  std::vector<Policy> policies() const {
    std::vector<Policy> all;
    for (const Result& result : results) {
      if (std::ranges::find(all, result.policy) == all.end()) all.push_back(result.policy);
    }
    return all;
  }

  /// Whether byte-hit ratios can be told.
  bool counts_bytes() const noexcept { return trace.has_sizes && trace.requested_bytes > 0; }

  /// From 0 to 1, and only where `counts_bytes`.
  double byte_hit_ratio(const Result& result) const noexcept {
    return static_cast<double>(result.hit_bytes) / static_cast<double>(trace.requested_bytes);
  }
};

namespace detail {

/// Result: the rows as lines, each column as wide as its widest cell and flush right.
inline std::string aligned(std::span<const std::vector<std::string>> rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += (i == 0 ? "" : "  ") + std::string(widths[i] - row[i].size(), ' ') + row[i];
    }
    text += '\n';
  }
  return text;
}

inline std::string percent(double ratio) { return fixed(ratio * 100, 2) + " %"; }

/// Millions of requests in a second of real time.
inline double speed(const Report& report, const Result& result) {
  return result.seconds > 0 ? static_cast<double>(report.trace.requests) / result.seconds / 1e6 : 0;
}

/// The seconds of virtual time from the first request to the last.
inline double span_in_seconds(const Report& report) {
  return static_cast<double>(report.trace.requests - 1) / static_cast<double>(report.rate);
}

inline std::string json_object(std::span<const std::pair<std::string_view, std::string>> members) {
  std::string json = "{";
  for (const auto& [name, value] : members) {
    json.append(json.size() == 1 ? "\"" : ", \"").append(name).append("\": ").append(value);
  }
  return json + "}";
}

inline std::string json_of(const Report& report, const Result& result) {
  using Member = std::pair<std::string_view, std::string>;
  const std::array members{
      Member{"policy", json_text(names_of(result.policy).option)},
      Member{"capacity", std::to_string(result.capacity)},
      Member{"percent_of_footprint", fixed(result.percent, 6)},
      Member{"hit_ratio", fixed(result.stats.hit_rate(), 6)},
      Member{"byte_hit_ratio", report.counts_bytes() ? fixed(report.byte_hit_ratio(result), 6) : "null"},
      Member{"hits", std::to_string(result.stats.hits)},
      Member{"misses", std::to_string(result.stats.misses)},
      Member{"hit_bytes", report.trace.has_sizes ? std::to_string(result.hit_bytes) : "null"},
      Member{"declined", std::to_string(result.declined)},
      Member{"evictions", result.policy == Policy::belady ? "null" : std::to_string(result.stats.evictions)},
      Member{"expirations", std::to_string(result.stats.expirations)},
      Member{"seconds", fixed(result.seconds, 6)},
  };
  return json_object(members);
}

/// "250", "20 k", "1.5 M" ...: ticks of an axis, in powers of a thousand.
inline std::string short_number(double number) {
  constexpr std::array<const char*, 7> units{"", " k", " M", " G", " T", " P", " E"};
  std::size_t unit = 0;
  for (; number >= 999.95 && unit + 1 < units.size(); ++unit) number /= 1000;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.4g%s", number, units[unit]);
  return text.data();
}

inline std::string short_bytes(double bytes) {
  const std::string number = short_number(bytes);
  return number + (bytes >= 999.95 ? "B" : " B");
}

}  // namespace detail

/// What was replayed: a few lines.
inline std::string headline(const Report& report) {
  const Summary& trace = report.trace;
  std::string text = plain_text(trace.name) + ": " + grouped(trace.requests) + " requests for " +
                     grouped(trace.distinct_keys) + " distinct keys";
  if (trace.has_sizes) {
    text += ", " + binary_size(trace.requested_bytes) + " for " + binary_size(trace.distinct_bytes) + " distinct";
  }
  text += "\n";
  const char* separator = "";
  for (const Policy policy : report.policies()) {
    text.append(separator).append(names_of(policy).label);
    separator = ", ";
  }
  text += ", limited in " + std::string(to_string(report.mode)) + "; the footprint is " +
          grouped(footprint_of(trace, report.mode)) + " " + to_string(report.mode) + "\n";
  if (report.promotion_interval > 1) {
    text += "one hit in " + grouped(report.promotion_interval) + " promotes its object (--promotion-interval)\n";
  }
  if (trace.has_ttls) {
    text += "TTLs on virtual time: " + grouped(report.rate) + " requests a second (--rate), the trace spans " +
            significant(detail::span_in_seconds(report)) + " s\n";
  }
  return text;
}

/// A line for each capacity and policy. Columns that have nothing to say are left out.
inline std::string table(const Report& report) {
  const bool some_declined =
      std::ranges::any_of(report.results, [](const Result& result) { return result.declined > 0; });
  const bool several = report.policies().size() > 1;
  std::vector<std::vector<std::string>> rows;
  rows.push_back({"capacity", to_string(report.mode)});
  if (several) rows[0].emplace_back("policy");
  rows[0].emplace_back("hit ratio");
  if (report.counts_bytes()) rows[0].emplace_back("byte-hit ratio");
  rows[0].emplace_back("evictions");
  if (report.trace.has_ttls) rows[0].emplace_back("of which expired");
  if (some_declined) rows[0].emplace_back("declined");
  rows[0].emplace_back("million requests/s");
  for (const Result& result : report.results) {
    auto& row = rows.emplace_back();
    const bool first = !several || result.policy == report.results[0].policy;
    row = {first ? significant(result.percent) + " %" : "", first ? grouped(result.capacity) : ""};
    if (several) row.emplace_back(names_of(result.policy).label);
    row.push_back(detail::percent(result.stats.hit_rate()));
    if (report.counts_bytes()) row.push_back(detail::percent(report.byte_hit_ratio(result)));
    // The optimum says what would be hits, and not when who leaves.
    row.push_back(result.policy == Policy::belady ? "-" : grouped(result.stats.evictions));
    if (report.trace.has_ttls) row.push_back(grouped(result.stats.expirations));
    if (some_declined) row.push_back(grouped(result.declined));
    row.push_back(fixed(detail::speed(report, result), 1));
  }
  return detail::aligned(rows);
}

/// Everything, as one JSON object. What a trace does not record is `null`.
inline std::string json(const Report& report) {
  using Member = std::pair<std::string_view, std::string>;
  const Summary& trace = report.trace;
  const auto bytes = [&trace](std::uint64_t count) { return trace.has_sizes ? std::to_string(count) : "null"; };
  const std::array members{
      Member{"name", json_text(trace.name)},
      Member{"requests", std::to_string(trace.requests)},
      Member{"distinct_keys", std::to_string(trace.distinct_keys)},
      Member{"requested_bytes", bytes(trace.requested_bytes)},
      Member{"distinct_bytes", bytes(trace.distinct_bytes)},
      Member{"has_ttls", trace.has_ttls ? "true" : "false"},
  };
  std::string text = "{\n  \"trace\": " + detail::json_object(members) + ",\n  \"mode\": \"" + to_string(report.mode) +
                     "\",\n  \"rate\": " + std::to_string(report.rate) +
                     ",\n  \"promotion_interval\": " + std::to_string(report.promotion_interval) +
                     ",\n  \"results\": [";
  const char* separator = "\n    ";
  for (const Result& result : report.results) {
    text += separator + detail::json_of(report, result);
    separator = ",\n    ";
  }
  return text + "\n  ]\n}\n";
}

namespace detail {

/// A policy's ratio over the capacity.
inline bench::LineChart::Line line_of(const Report& report, Policy policy, Plot plot, std::string label) {
  bench::LineChart::Line line{std::move(label), {}};
  for (const Result& result : report.results) {
    if (result.policy != policy) continue;
    const double ratio = plot == Plot::hits ? result.stats.hit_rate() : report.byte_hit_ratio(result);
    line.points.emplace_back(static_cast<double>(result.capacity), ratio * 100);
  }
  std::ranges::sort(line.points);
  return line;
}

}  // namespace detail

/// The hit ratios over the capacity, and of one policy the byte-hit ratios, too, unless it is said which.
/// \throws UsageError if byte-hit ratios are asked for and there are none.
inline bench::LineChart chart(const Report& report, std::optional<Plot> plot = {}) {
  constexpr std::size_t longest_name = 50;
  const bool in_bytes = report.mode == Mode::bytes;
  const std::uint64_t footprint = footprint_of(report.trace, report.mode);
  const std::string& name = report.trace.name;
  if (plot == Plot::byte_hits && !report.counts_bytes()) {
    throw UsageError("--plot byte-hits needs sizes, and " + plain_text(name) + " has none");
  }
  const std::string ratio = plot == Plot::byte_hits ? "byte-hit ratio" : "hit ratio";
  bench::LineChart chart;
  // Of a path the last part is what tells traces apart.
  chart.title = (plot == Plot::byte_hits ? "Byte-hit ratios: " : "Hit ratios: ") +
                plain_text(name.substr(name.find_last_of('/') + 1), longest_name);
  chart.x_axis = "capacity, logarithmic (footprint: " +
                 (in_bytes ? detail::short_bytes(static_cast<double>(footprint)) : grouped(footprint) + " entries") +
                 ")";
  chart.y_axis = ratio + " in %";
  chart.x_label = in_bytes ? detail::short_bytes : detail::short_number;
  const std::vector<Policy> policies = report.policies();
  for (const Policy policy : policies) {
    const std::string label = policies.size() == 1 ? ratio : std::string(names_of(policy).label);
    chart.lines.push_back(detail::line_of(report, policy, plot.value_or(Plot::hits), label));
  }
  if (policies.size() == 1 && !plot && report.counts_bytes()) {
    chart.lines.push_back(detail::line_of(report, policies[0], Plot::byte_hits, "byte-hit ratio"));
  }
  // Up to the next ten above the highest point, so that there is room between the lines.
  double most = 0;
  for (const auto& line : chart.lines) {
    for (const auto& [x, y] : line.points) most = std::max(most, y);
  }
  chart.y_most = std::clamp(std::ceil(most / 10) * 10, 10.0, 100.0);
  return chart;
}

}  // namespace larder::replay
