/// \file svg_chart.hpp
/// A plot of lines over a logarithmic axis, as SVG text.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace larder::bench {

struct LineChart {
  struct Line {
    std::string label;
    std::vector<std::pair<double, double>> points;
  };

  std::string title;
  std::string x_axis;
  std::string y_axis;
  std::vector<Line> lines;                     // where x > 0 and y >= 0
  std::optional<double> y_most = {};           // where the y axis ends; by default a little above the points
  std::string (*x_label)(double x) = nullptr;  // what stands at a tick; by default the number
};

namespace detail {

/// How a line is drawn. Each differs from the others in colour (told apart with any kind of colour vision: Okabe and
/// Ito, 2008), in the mark at its points and in its dashes, so that print and copies in grey tell them apart, too.
struct LineStyle {
  const char* colour;
  const char* mark;    // a path around 0,0
  const char* dashes;  // of stroke-dasharray
};
inline constexpr std::array<LineStyle, 7> line_styles{{
    {"#0072b2", "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z", "none"},                            // circle
    {"#e69f00", "M-3.7 -3.7h7.4v7.4h-7.4z", "9 3"},                                        // square
    {"#009e73", "M0 -4.8L4.6 3.4h-9.2z", "3 3"},                                           // triangle
    {"#cc79a7", "M0 -5.2L5.2 0L0 5.2L-5.2 0z", "12 3 3 3"},                                // diamond
    {"#d55e00", "M0 4.8L4.6 -3.4h-9.2z", "6 2"},                                           // triangle upside down
    {"#222222", "M-4.5 -1.3h3.2v-3.2h2.6v3.2h3.2v2.6h-3.2v3.2h-2.6v-3.2h-3.2z", "1.5 3"},  // cross
    {"#56b4e9", "M-5 -2.5h10v5h-10z", "14 4"},                                             // bar
}};

inline std::string escaped(std::string_view text) {
  std::string out;
  for (const char character : text) {
    if (character == '&')
      out += "&amp;";
    else if (character == '<')
      out += "&lt;";
    else
      out += character;
  }
  return out;
}

/// A number with no more digits than it needs.
inline std::string label_of(double value) {
  char text[32];
  std::snprintf(text, sizeof text, value >= 1e5 ? "%.0e" : "%g", value);
  return text;
}

/// A round step that divides the range up to `most` into four to ten parts.
inline double round_step(double most) {
  const double power = std::pow(10, std::floor(std::log10(most)));
  for (const double factor : {0.1, 0.2, 0.25, 0.5}) {
    if (most / (power * factor) <= 10) return power * factor;
  }
  return power;
}

/// A power of ten as such, any other number as label_of.
inline std::string power_label_of(double value) {
  const double power = std::round(std::log10(value));
  const bool is_power = std::abs(value / std::pow(10, power) - 1) < 1e-9;
  return is_power ? "10^" + label_of(power) : label_of(value);
}

/// The ticks of a logarithmic axis, no more than labels have room: powers of ten (or every second one, every
/// third ...); where the range has fewer than three, 1, 2 and 5 times those; else equal steps.
inline std::vector<double> log_ticks(double first, double last) {
  constexpr std::size_t most = 8;
  std::vector<double> powers;
  std::vector<double> finer;
  const auto end = static_cast<int>(std::floor(std::log10(last) + 1e-9));
  for (auto power = static_cast<int>(std::floor(std::log10(first))); power <= end; ++power) {
    for (const double factor : {1, 2, 5}) {
      const double tick = factor * std::pow(10, power);
      if (tick < first * (1 - 1e-9) || tick > last * (1 + 1e-9)) continue;
      finer.push_back(tick);
      if (factor == 1) powers.push_back(tick);
    }
  }
  if (powers.size() >= 3) {
    const std::size_t stride = (powers.size() + most - 1) / most;
    std::vector<double> ticks;
    for (std::size_t i = 0; i < powers.size(); i += stride) ticks.push_back(powers[i]);
    return ticks;
  }
  if (finer.size() >= 3) return finer;
  const double step = 2 * round_step(last - first);
  std::vector<double> ticks;
  const double lowest = step * std::ceil(first / step);
  for (int i = 0; lowest + step * i <= last; ++i) ticks.push_back(lowest + step * i);
  return ticks;
}

/// What the axes of a LineChart reach over.
struct Range {
  double first = 1e300;
  double last = 0;
  double most = 0;
};

inline Range range_of(const LineChart& chart) {
  Range range;
  for (const auto& line : chart.lines) {
    for (const auto& [x, y] : line.points) {
      range.first = std::min(range.first, x);
      range.last = std::max(range.last, x);
      range.most = std::max(range.most, y);
    }
  }
  if (range.first > range.last) range.first = range.last = 1;  // no points at all
  // A single x, or as good as that, stands in the middle of an axis that is wide enough for ticks.
  if (range.last < range.first * 1.1) {
    range.first /= 2;
    range.last *= 2;
  }
  range.most = chart.y_most ? *chart.y_most : range.most > 0 ? range.most * 1.05 : 1;
  return range;
}

class Canvas {
 public:
  Canvas(double width, double height, const std::string& title) {
    char head[320];
    std::snprintf(head, sizeof head,
                  "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" height=\"%.0f\" "
                  "font-family=\"sans-serif\" font-size=\"13\" fill=\"#222\" stroke=\"none\">\n<rect width=\"100%%\" "
                  "height=\"100%%\" "
                  "fill=\"#fff\"/>\n",
                  width, height, width, height);
    out_ = head;
    text(width / 2, 24, title, "middle", "font-size=\"16\" font-weight=\"bold\"");
  }

  void text(double x, double y, const std::string& what, const char* anchor = "start", const char* style = "") {
    tag("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"", x, y);
    out_ += std::string(anchor) + "\" " + style + ">" + escaped(what) + "</text>\n";
  }

  void line(double x1, double y1, double x2, double y2, const char* style = "stroke=\"#ddd\"") {
    tag("<line x1=\"%.1f\" y1=\"%.1f\"", x1, y1);
    tag(" x2=\"%.1f\" y2=\"%.1f\" ", x2, y2);
    out_ += std::string(style) + "/>\n";
  }

  void curve(const std::vector<std::pair<double, double>>& points, const LineStyle& style) {
    out_ += "<polyline fill=\"none\" stroke-width=\"2.2\" stroke-linejoin=\"round\" stroke=\"" +
            std::string(style.colour) + "\" stroke-dasharray=\"" + style.dashes + "\" points=\"";
    for (const auto& [x, y] : points) tag("%.1f,%.1f ", x, y);
    out_ += "\"/>\n";
  }

  void mark(double x, double y, const LineStyle& style) {
    out_ += "<path fill=\"" + std::string(style.colour) + "\" d=\"" + style.mark + "\" ";
    tag("transform=\"translate(%.1f %.1f)\"/>\n", x, y);
  }

  void rotated(double x, double y, const std::string& what) {
    tag("<text text-anchor=\"middle\" transform=\"translate(%.1f %.1f) rotate(-90)\">", x, y);
    out_ += escaped(what) + "</text>\n";
  }

  std::string finish() { return std::move(out_) + "</svg>\n"; }

 private:
  void tag(const char* format, double first, double second) {
    char text[128];
    std::snprintf(text, sizeof text, format, first, second);
    out_ += text;
  }

  std::string out_;
};

}  // namespace detail

inline std::string svg(const LineChart& chart) {
  constexpr double left = 75, top = 60, width = 560, height = 340, legend = 215;
  detail::Canvas canvas(left + width + legend, top + height + 60, chart.title);
  const auto [first, last, most] = detail::range_of(chart);
  // Copies, because a lambda of C++20 cannot capture the names above.
  const auto x_of = [&, low = first, high = last](double x) {
    return left + width * std::log10(x / low) / std::log10(high / low);
  };
  const auto y_of = [&, high = most](double y) { return top + height * (1 - y / high); };
  const double step = detail::round_step(most);
  for (int i = 0; step * i <= most; ++i) {
    canvas.line(left, y_of(step * i), left + width, y_of(step * i));
    canvas.text(left - 8, y_of(step * i) + 4, detail::label_of(step * i), "end");
  }
  for (const double x : detail::log_ticks(first, last)) {
    canvas.line(x_of(x), top, x_of(x), top + height);
    canvas.text(x_of(x), top + height + 18, chart.x_label ? chart.x_label(x) : detail::power_label_of(x), "middle");
  }
  canvas.text(left + width / 2, top + height + 42, chart.x_axis, "middle");
  canvas.rotated(24, top + height / 2, chart.y_axis);
  for (std::size_t i = 0; i < chart.lines.size(); ++i) {
    const detail::LineStyle& style = detail::line_styles[i % detail::line_styles.size()];
    std::vector<std::pair<double, double>> points;
    for (const auto& [x, y] : chart.lines[i].points) points.emplace_back(x_of(x), y_of(y));
    canvas.curve(points, style);
    for (const auto& [x, y] : points) canvas.mark(x, y, style);
    const double y = top + 20 + 24 * static_cast<double>(i);
    canvas.curve({{left + width + 16, y - 4}, {left + width + 60, y - 4}}, style);
    canvas.mark(left + width + 38, y - 4, style);
    canvas.text(left + width + 70, y, chart.lines[i].label);
  }
  return canvas.finish();
}

}  // namespace larder::bench
