/// \file metric_families.hpp
/// metric_families: what a registry's caches have to say, as the counters, gauges and histograms of metric systems. The
/// exporters write down nothing else.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <larder/observability/cache_observation.hpp>
#include <larder/observability/histogram.hpp>
#include <larder/observability/metrics_registry.hpp>

namespace larder {

enum class MetricKind : unsigned char { counter, gauge, histogram };

/// A histogram's values up to each bound; what is beyond the last one is in `count` alone.
struct MetricHistogram {
  std::vector<double> bounds;             ///< each value below or at it is counted with it
  std::vector<std::uint64_t> cumulative;  ///< by bound
  std::uint64_t count = 0;
  double sum = 0;
};

struct MetricPoint {
  MetricLabels labels;
  double value = 0;                          ///< of a counter or gauge
  std::optional<MetricHistogram> histogram;  ///< of a histogram
};

struct MetricFamily {
  std::string name;  ///< in words with `_` between them, such as `larder_cache_hits`
  std::string help;
  std::string unit;  ///< "seconds", "bytes", "ratio", or empty
  MetricKind kind = MetricKind::counter;
  std::vector<MetricPoint> points;
};

namespace detail {

/// Puts points together by family.
class MetricCollector {
 public:
  void add(MetricKind kind, const char* name, const char* unit, const char* help, MetricLabels labels, double value) {
    family(kind, name, unit, help).points.push_back({std::move(labels), value, {}});
  }

  /// `a_unit`: how much of the unit a recorded 1 is. Bounds are powers of two from 2^first on, each `step` further.
  void add_histogram(const char* name, const char* help, MetricLabels labels, const Histogram& values, double a_unit,
                     unsigned first, unsigned step, unsigned last) {
    MetricHistogram histogram;
    for (unsigned power = first; power <= last; power += step) {
      histogram.bounds.push_back(static_cast<double>(std::uint64_t{1} << power) * a_unit);
      histogram.cumulative.push_back(values.count_below(std::uint64_t{1} << power));
    }
    histogram.count = values.count();
    histogram.sum = static_cast<double>(values.sum()) * a_unit;
    family(MetricKind::histogram, name, "seconds", help).points.push_back({std::move(labels), 0, std::move(histogram)});
  }

  std::vector<MetricFamily> take() { return std::move(families_); }

 private:
  MetricFamily& family(MetricKind kind, const char* name, const char* unit, const char* help) {
    for (MetricFamily& each : families_) {
      if (each.name == name) return each;
    }
    return families_.emplace_back(MetricFamily{name, help, unit, kind, {}});
  }

  std::vector<MetricFamily> families_;
};

inline MetricLabels with_label(MetricLabels labels, std::string name, std::string value) {
  labels.emplace_back(std::move(name), std::move(value));
  return labels;
}

inline void add_stats(MetricCollector& to, const MetricLabels& labels, const CacheStats& stats) {
  const auto counter = [&](const char* name, const char* help, std::uint64_t value) {
    to.add(MetricKind::counter, name, "", help, labels, static_cast<double>(value));
  };
  const auto gauge = [&](const char* name, const char* unit, const char* help,
                         const std::optional<std::uint64_t>& value) {
    if (value) to.add(MetricKind::gauge, name, unit, help, labels, static_cast<double>(*value));
  };
  counter("larder_cache_hits", "Keys that were asked for and found.", stats.hits);
  counter("larder_cache_misses", "Keys that were asked for and not found.", stats.misses);
  counter("larder_cache_sets", "Values that were stored.", stats.sets);
  counter("larder_cache_deletes", "Entries that were erased.", stats.deletes);
  counter("larder_cache_evictions", "Entries that left because of a limit or of their TTL.", stats.evictions);
  counter("larder_cache_expirations", "Entries that left because of their TTL.", stats.expirations);
  counter("larder_cache_errors", "Operations that the cache counts as failed.", stats.errors);
  counter("larder_cache_undecodable", "Stored values that could not be read back.", stats.undecodable);
  gauge("larder_cache_entries", "", "Live entries.", stats.current_entries);
  gauge("larder_cache_size_bytes", "bytes", "Bytes of the live entries' values.", stats.current_size_bytes);
  gauge("larder_cache_limit_bytes", "bytes", "The limit of these bytes.", stats.max_size_bytes);
}

inline void add_operations(MetricCollector& to, const MetricLabels& labels, const CacheObservation& observation) {
  for (std::size_t i = 0; i < cache_operation_count; ++i) {
    const CacheObservation::Operation& operation = observation.operations[i];
    const MetricLabels named = with_label(labels, "operation", to_string(static_cast<CacheOperation>(i)));
    if (operation.latency.count() > 0) {
      to.add_histogram("larder_cache_operation_duration_seconds",
                       "How long calls took that ended well; each that was timed stands for those that were not.",
                       named, operation.latency, 1e-9, 7, 1, 34);  // 128 ns to 17 s
    }
    for (std::size_t kind = 0; kind < error_kind_count; ++kind) {
      if (operation.errors[kind] == 0) continue;
      to.add(MetricKind::counter, "larder_cache_operation_errors", "", "Calls that failed, by what they failed with.",
             with_label(named, "error", to_string(static_cast<ErrorKind>(kind))),
             static_cast<double>(operation.errors[kind]));
    }
  }
}

inline void add_loads(MetricCollector& to, const MetricLabels& labels, const LoadStats& loads) {
  const auto counter = [&](const char* name, const char* help, std::uint64_t value) {
    to.add(MetricKind::counter, name, "", help, labels, static_cast<double>(value));
  };
  counter("larder_cache_loads", "Loads that were begun, a batch as one.", loads.loads);
  counter("larder_cache_load_failures", "Loads that ended with an exception.", loads.failures);
  counter("larder_cache_loads_joined", "Callers that waited for a load of somebody else.", loads.joined);
  counter("larder_cache_stale_served", "Callers that got a stale value.", loads.stale_served);
  counter("larder_cache_load_timeouts", "Callers that left before the load had ended.", loads.timeouts);
  to.add_histogram("larder_cache_load_duration_seconds", "How long loads took.", labels, loads.load_times, 1e-9, 10, 1,
                   40);  // 1 us to 18 min
}

/// "0.25", "4".
inline std::string factor_text(double factor) {
  std::string text = std::to_string(static_cast<std::uint64_t>(factor));
  const auto hundredths = static_cast<std::uint64_t>(factor * 100 + 0.5) % 100;  // NOLINT(bugprone-incorrect-roundings)
  if (hundredths == 0) return text;
  text.append(".").append(1, static_cast<char>('0' + hundredths / 10));
  if (hundredths % 10 != 0) text.append(1, static_cast<char>('0' + hundredths % 10));
  return text;
}

inline void add_observation(MetricCollector& to, const MetricLabels& labels, const CacheObservation& observation) {
  add_stats(to, labels, observation.stats);
  add_operations(to, labels, observation);
  for (const CacheObservation::Prediction& prediction : observation.predictions) {
    to.add(MetricKind::gauge, "larder_cache_predicted_hit_ratio", "ratio",
           "The share of requests that an LRU cache of this multiple of the present size would have answered.",
           with_label(labels, "size", factor_text(prediction.factor)), prediction.hit_ratio);
  }
  const auto ages = [&](const char* name, const char* help, const Histogram& values) {
    if (values.count() > 0) to.add_histogram(name, help, labels, values, 1e-3, 4, 2, 32);  // 16 ms to 50 days
  };
  ages("larder_cache_eviction_age_seconds",
       "How long nobody had used entries that a limit made leave; of sampled keys.", observation.eviction_age);
  ages("larder_cache_residency_seconds", "How long entries that left had been there; of sampled keys.",
       observation.residency);
  if (observation.loads) add_loads(to, labels, *observation.loads);
  to.add(MetricKind::counter, "larder_cache_hook_errors", "", "Exceptions that hooks have thrown.", labels,
         static_cast<double>(observation.hook_errors));
}

}  // namespace detail

/// Result: everything, by family. Each point is labelled with `cache`, the cache's name, and its own labels. A cache
/// that could not be asked has `larder_cache_up` 0, and nothing else.
inline std::vector<MetricFamily> metric_families(const MetricsRegistry& registry) {
  detail::MetricCollector collector;
  for (const MetricsRegistry::Collected& each : registry.collect()) {
    MetricLabels labels{{"cache", each.name}};
    labels.insert(labels.end(), each.labels.begin(), each.labels.end());
    collector.add(MetricKind::gauge, "larder_cache_up", "", "Whether the cache could be asked, 1 or 0.", labels,
                  each.observation ? 1 : 0);
    if (each.observation) detail::add_observation(collector, labels, *each.observation);
  }
  return collector.take();
}

}  // namespace larder
