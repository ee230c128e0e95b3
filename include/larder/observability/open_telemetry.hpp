/// \file open_telemetry.hpp
/// A registry's caches for the meters of OpenTelemetry, which larder does not depend on: by a callback.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <larder/observability/metric_families.hpp>
#include <larder/observability/metrics_registry.hpp>

namespace larder {

/// What an instrument of OpenTelemetry shows at this moment. Valid during the callback.
struct Measurement {
  std::string_view instrument;  ///< as its conventions spell it: `larder.cache.hits`
  std::string_view description;
  std::string_view unit;  ///< of UCUM: `s`, `By` or `1`
  MetricKind kind;        ///< for an ObservableCounter, an ObservableGauge, or a histogram of explicit bounds
  std::span<const std::pair<std::string, std::string>> attributes;
  double value;                      ///< 0 for a histogram
  const MetricHistogram* histogram;  ///< null but for a histogram; its counts are cumulative
};

/// Calls `observe(const Measurement&)` for everything that the registry's caches tell: from within the callback of an
/// asynchronous instrument, or of an exporter. What it throws passes through. O(caches).
template <class Observe>
void for_each_measurement(const MetricsRegistry& registry, Observe&& observe) {
  for (const MetricFamily& family : metric_families(registry)) {
    // Conventions have the unit beside the name, and points between its words where we say what a thing is of.
    std::string name = family.name;
    const bool has_unit = family.unit == "seconds" || family.unit == "bytes";
    if (has_unit && name.ends_with("_" + family.unit)) name.resize(name.size() - family.unit.size() - 1);
    constexpr std::string_view prefix = "larder_cache_";
    if (name.starts_with(prefix)) name.replace(0, prefix.size(), "larder.cache.");
    const std::string_view unit = family.unit == "seconds" ? "s" : family.unit == "bytes" ? "By" : "1";
    for (const MetricPoint& point : family.points) {
      observe(Measurement{name, family.help, unit, family.kind, point.labels, point.value,
                          point.histogram ? &*point.histogram : nullptr});
    }
  }
}

}  // namespace larder
