/// \file cache_stats.hpp
/// CacheStats: what a cache has done, and what it holds.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
#include <optional>
#include <string>

namespace larder {

/// A snapshot of a backend's counters and gauges. A plain value: copying it does not touch the cache.
///
/// Counting rules, the same for every backend:
/// - `hits` + `misses` is the number of keys asked of `get`, `get_many`, `visit`, `visit_entry` and `visit_entries`;
///   `exists` and `get_entry` count nothing. A call that throws counts as an error and not as a miss.
/// - `sets` counts values stored, `deletes` entries removed by `erase`, `erase_many` or a `set` with a TTL
///   that is not positive. Refused sets and erasures of absent keys count nothing.
/// - `evictions` counts entries that left because of a limit or of their TTL; `expirations` counts those
///   that left because of their TTL, and is part of `evictions`. `clear` counts neither.
/// - `errors` counts operations that failed with an error, and exceptions of a removal listener.
/// - `undecodable` counts stored values that could not be read back (foreign or corrupt); each is a miss, too.
///
/// A gauge that a store does not know is empty, never invented; an empty `max_size_bytes` means no limit.
struct CacheStats {
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t sets = 0;
  std::uint64_t deletes = 0;
  std::uint64_t evictions = 0;
  std::uint64_t expirations = 0;
  std::uint64_t errors = 0;
  std::uint64_t undecodable = 0;
  /// Live entries.
  std::optional<std::uint64_t> current_entries{};
  /// Bytes of the live entries' values.
  std::optional<std::uint64_t> current_size_bytes{};
  /// The limit that `current_size_bytes` is held under.
  std::optional<std::uint64_t> max_size_bytes{};

  /// Result: hits / (hits + misses), from 0 to 1; 0 before the first request.
  double hit_rate() const noexcept {
    const double asked = static_cast<double>(hits) + static_cast<double>(misses);
    return asked > 0 ? static_cast<double>(hits) / asked : 0.0;
  }

  /// Result: current_size_bytes / max_size_bytes, from 0 to 1; 0 where either is unknown or zero.
  double utilization() const noexcept {
    if (!current_size_bytes || !max_size_bytes || *max_size_bytes == 0) return 0.0;
    return static_cast<double>(*current_size_bytes) / static_cast<double>(*max_size_bytes);
  }

  /// Zeroes the counters of this snapshot and keeps its gauges. The cache's own counters stay as they
  /// are: `CacheBackend::reset_stats` zeroes those.
  void reset() noexcept {
    hits = misses = sets = deletes = evictions = expirations = errors = undecodable = 0;
  }

  /// Every counter, gauge (where known) and ratio by its name, for logs and metric systems.
  std::map<std::string, double> to_map() const;

  /// The same as a JSON object on one line; unknown gauges are `null`, counters are exact integers.
  std::string to_json() const;

  /// The same as one readable line: `hits=1 misses=0 ... hit_rate=1.000000`; unknown gauges are left out.
  std::string to_text() const;

  friend bool operator==(const CacheStats&, const CacheStats&) = default;

 private:
  /// Calls f(name, counter) for each counter, then f(name, optional gauge) for each gauge.
  template <class Function>
  void for_each_number(Function&& f) const {
    f("hits", hits);
    f("misses", misses);
    f("sets", sets);
    f("deletes", deletes);
    f("evictions", evictions);
    f("expirations", expirations);
    f("errors", errors);
    f("undecodable", undecodable);
    f("current_entries", current_entries);
    f("current_size_bytes", current_size_bytes);
    f("max_size_bytes", max_size_bytes);
  }

  /// A ratio with six decimals and a point, whatever the process's locale says.
  static std::string ratio_text(double ratio) {
    const auto millionths = static_cast<std::uint64_t>(ratio * 1e6 + 0.5);  // NOLINT(bugprone-incorrect-roundings)
    const std::string fraction = std::to_string(millionths % 1000000);
    return std::to_string(millionths / 1000000) + "." + std::string(6 - fraction.size(), '0') + fraction;
  }
};

inline std::map<std::string, double> CacheStats::to_map() const {
  std::map<std::string, double> map;
  for_each_number([&map](const char* name, std::optional<std::uint64_t> number) {
    if (number) map.emplace(name, static_cast<double>(*number));
  });
  map.emplace("hit_rate", hit_rate());
  map.emplace("utilization", utilization());
  return map;
}

inline std::string CacheStats::to_json() const {
  std::string json = "{";
  for_each_number([&json](const char* name, std::optional<std::uint64_t> number) {
    json.append("\"").append(name).append("\": ").append(number ? std::to_string(*number) : "null").append(", ");
  });
  json.append("\"hit_rate\": ").append(ratio_text(hit_rate()));
  json.append(", \"utilization\": ").append(ratio_text(utilization())).append("}");
  return json;
}

inline std::string CacheStats::to_text() const {
  std::string text;
  for_each_number([&text](const char* name, std::optional<std::uint64_t> number) {
    if (number) text.append(name).append("=").append(std::to_string(*number)).append(" ");
  });
  return text.append("hit_rate=").append(ratio_text(hit_rate())).append(" utilization=").append(ratio_text(utilization()));
}

/// Prints `to_text()`.
template <class CharTraits>
std::basic_ostream<char, CharTraits>& operator<<(std::basic_ostream<char, CharTraits>& out, const CacheStats& stats) {
  return out << stats.to_text().c_str();
}

}  // namespace larder
