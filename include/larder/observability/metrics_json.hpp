/// \file metrics_json.hpp
/// A registry's caches as JSON.
#pragma once

#include <string>

#include <larder/observability/detail/metric_text.hpp>
#include <larder/observability/metric_families.hpp>
#include <larder/observability/metrics_registry.hpp>

namespace larder {

namespace detail {

inline std::string json_of(const MetricPoint& point) {
  std::string json = "{\"labels\": {";
  const char* separator = "";
  for (const auto& [name, value] : point.labels) {
    json.append(separator).append(json_string(name)).append(": ").append(json_string(value));
    separator = ", ";
  }
  if (!point.histogram) return json + "}, \"value\": " + number_text(point.value) + "}";
  json += "}, \"count\": " + std::to_string(point.histogram->count) +
          ", \"sum\": " + number_text(point.histogram->sum) + ", \"buckets\": [";
  for (std::size_t i = 0; i < point.histogram->bounds.size(); ++i) {
    json += (i == 0 ? "{\"le\": " : ", {\"le\": ") + number_text(point.histogram->bounds[i]) +
            ", \"count\": " + std::to_string(point.histogram->cumulative[i]) + "}";
  }
  return json + "]}";
}

}  // namespace detail

/// Result: everything that the registry's caches tell, as one JSON object with a member for each metric:
///
///     {"larder_cache_hits": {"type": "counter", "help": "...", "points": [{"labels": {"cache": "a"}, "value": 1}]}}
///
/// A histogram's point has `count`, `sum` and `buckets`, which are cumulative. O(caches).
inline std::string metrics_json(const MetricsRegistry& registry) {
  constexpr const char* kinds[] = {"counter", "gauge", "histogram"};
  std::string json = "{";
  const char* separator = "";
  for (const MetricFamily& family : metric_families(registry)) {
    json.append(separator).append(detail::json_string(family.name));
    json.append(": {\"type\": \"").append(kinds[static_cast<std::size_t>(family.kind)]);
    json.append("\", \"help\": ").append(detail::json_string(family.help)).append(", \"points\": [");
    const char* point_separator = "";
    for (const MetricPoint& point : family.points) {
      json.append(point_separator).append(detail::json_of(point));
      point_separator = ", ";
    }
    json += "]}";
    separator = ", ";
  }
  return json + "}";
}

}  // namespace larder
