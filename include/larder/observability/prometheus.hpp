/// \file prometheus.hpp
/// A registry's caches for Prometheus: in its text format, and as OpenMetrics.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <larder/observability/detail/metric_text.hpp>
#include <larder/observability/metric_families.hpp>
#include <larder/observability/metrics_registry.hpp>

namespace larder {

/// What an HTTP answer says that it holds.
inline constexpr const char* prometheus_content_type = "text/plain; version=0.0.4; charset=utf-8";
inline constexpr const char* open_metrics_content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";

namespace detail {

class PrometheusWriter {
 public:
  explicit PrometheusWriter(bool open_metrics) : open_metrics_(open_metrics) {}

  std::string write(const std::vector<MetricFamily>& families) {
    for (const MetricFamily& family : families) write(family);
    if (open_metrics_) text_ += "# EOF\n";
    return std::move(text_);
  }

 private:
  /// A label's name as it may be called: others' characters become `_`.
  static std::string label_name(std::string_view name) {
    std::string plain;
    for (const char character : name) {
      const bool letter = (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z');
      const bool digit = character >= '0' && character <= '9';
      plain += letter || (digit && !plain.empty()) ? character : '_';
    }
    return plain;
  }

  static std::string escaped(std::string_view text, bool quotes) {
    return escaped_text(text, [quotes](char character) -> std::string {
      if (character == '\n') return "\\n";
      if (character == '\\' || (character == '"' && quotes)) return {'\\', character};
      return {};
    });
  }

  void write(const MetricFamily& family) {
    constexpr std::string_view kinds[] = {"counter", "gauge", "histogram"};
    const bool is_counter = family.kind == MetricKind::counter;
    const std::string sample_name = family.name + (is_counter ? "_total" : "");
    const std::string& described = open_metrics_ ? family.name : sample_name;
    text_ += "# HELP " + described + " " + escaped(family.help, open_metrics_) + "\n";
    text_.append("# TYPE ").append(described).append(" ").append(kinds[static_cast<std::size_t>(family.kind)]) += "\n";
    if (open_metrics_ && !family.unit.empty() && family.name.ends_with("_" + family.unit)) {
      text_ += "# UNIT " + described + " " + family.unit + "\n";
    }
    for (const MetricPoint& point : family.points) {
      if (point.histogram) {
        write_histogram(family.name, point.labels, *point.histogram);
      } else {
        write_sample(sample_name, point.labels, point.value);
      }
    }
  }

  void write_histogram(const std::string& name, const MetricLabels& labels, const MetricHistogram& histogram) {
    for (std::size_t i = 0; i < histogram.bounds.size(); ++i) {
      write_sample(name + "_bucket", with_label(labels, "le", bound_text(histogram.bounds[i])),
                   static_cast<double>(histogram.cumulative[i]));
    }
    write_sample(name + "_bucket", with_label(labels, "le", "+Inf"), static_cast<double>(histogram.count));
    write_sample(name + "_sum", labels, histogram.sum);
    write_sample(name + "_count", labels, static_cast<double>(histogram.count));
  }

  /// OpenMetrics wants a point in it.
  static std::string bound_text(double bound) {
    const std::string text = number_text(bound);
    return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
  }

  void write_sample(const std::string& name, const MetricLabels& labels, double value) {
    text_ += name;
    char separator = '{';
    for (const auto& [label, text] : labels) {
      text_ += separator + label_name(label) + "=\"" + escaped(text, true) + "\"";
      separator = ',';
    }
    text_ += "} " + number_text(value) + "\n";
  }

  bool open_metrics_;
  std::string text_;
};

}  // namespace detail

/// Result: everything that the registry's caches tell, in Prometheus's text format 0.0.4: what `/metrics` answers.
/// Names and labels of any text are escaped; what is no UTF-8 in them becomes U+FFFD. O(caches).
inline std::string prometheus_text(const MetricsRegistry& registry) {
  return detail::PrometheusWriter(false).write(metric_families(registry));
}

/// The same as OpenMetrics 1.0, for who asks for that.
inline std::string open_metrics_text(const MetricsRegistry& registry) {
  return detail::PrometheusWriter(true).write(metric_families(registry));
}

}  // namespace larder
