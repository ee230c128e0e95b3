/// \file report_test.cpp
/// The table, the JSON and the plot.
#include "benchmarks/hit_ratio/report.hpp"

#include <algorithm>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/catch.hpp"

using namespace larder::replay;
using Catch::Matchers::ContainsSubstring;

namespace {

Result result_of(std::uint64_t capacity, double percent, std::uint64_t hits, std::uint64_t misses) {
  Result result;
  result.capacity = capacity;
  result.percent = percent;
  result.stats.hits = hits;
  result.stats.misses = misses;
  result.stats.evictions = misses / 2;
  result.seconds = 0.5;
  return result;
}

Report bare_report() {
  Report report{{"paths.txt", 2'000'000, 50'000, false, false, 0, 0}, Mode::entries, 1000, 1, {}};
  report.results = {result_of(50, 0.1, 200'000, 1'800'000), result_of(12'500, 25, 1'500'000, 500'000)};
  return report;
}

Report sized_report() {
  Report report{{"objects", 1'000'000, 1000, true, true, 1 << 20, 4 << 20}, Mode::bytes, 500, 1, {}};
  report.results = {result_of(1024, 0.1, 250'000, 750'000)};
  report.results[0].hit_bytes = 1 << 20;
  report.results[0].declined = 7;
  report.results[0].stats.expirations = 12;
  return report;
}

/// Why the text is no well-formed XML, as far as this looks: elements, attributes, entities. Empty if it is.
std::string flaw_in(std::string_view xml) {
  std::vector<std::string_view> open;
  while (!xml.empty()) {
    const std::size_t tag = std::min(xml.find('<'), xml.size());
    for (std::size_t i = xml.find('&'); i < tag; i = xml.find('&', i + 1)) {
      const std::string_view entity = xml.substr(i);
      if (!entity.starts_with("&amp;") && !entity.starts_with("&lt;")) return "a bare ampersand";
    }
    xml.remove_prefix(tag);
    if (xml.empty()) break;
    const std::size_t end = xml.find('>');
    if (end == std::string_view::npos) return "a tag that does not end";
    std::string_view inside = xml.substr(1, end - 1);
    xml.remove_prefix(end + 1);
    if (std::count(inside.begin(), inside.end(), '"') % 2 != 0) return "quotes that do not match";
    if (inside.find_first_of("<&") != std::string_view::npos) return "a tag within a tag";
    if (inside.starts_with('/')) {
      if (open.empty() || open.back() != inside.substr(1)) return "an end without its beginning";
      open.pop_back();
      if (open.empty() && xml != "\n") return "text behind the end";
    } else if (!inside.ends_with('/')) {
      open.push_back(inside.substr(0, inside.find(' ')));
    }
  }
  return open.empty() ? "" : "an element that does not end";
}

std::size_t count_of(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

/// All numbers that follow ` name="` anywhere.
std::vector<double> attributes(const std::string& xml, const std::string& name) {
  const std::string before = " " + name + "=\"";
  std::vector<double> numbers;
  for (std::size_t at = xml.find(before); at != std::string::npos; at = xml.find(before, at + 1)) {
    numbers.push_back(std::stod(xml.substr(at + before.size())));
  }
  return numbers;
}

/// Where the points of all lines are marked, but for those of the legend.
std::vector<std::pair<double, double>> marks(const std::string& xml) {
  const std::string before = "transform=\"translate(";
  std::vector<std::pair<double, double>> points;
  for (std::size_t at = xml.find(before); at != std::string::npos; at = xml.find(before, at + 1)) {
    std::size_t digits = 0;
    const std::string rest = xml.substr(at + before.size());
    const double x = std::stod(rest, &digits);
    const double y = std::stod(rest.substr(digits));
    if (x >= 50 && x < 640) points.emplace_back(x, y);
  }
  return points;
}

}  // namespace

TEST_CASE("a trace without sizes has a table of hit ratios", "[replay]") {
  CHECK(headline(bare_report()) ==
        "paths.txt: 2,000,000 requests for 50,000 distinct keys\n"
        "LRU, limited in entries; the footprint is 50,000 entries\n");
  CHECK(table(bare_report()) ==
        "capacity  entries  hit ratio  evictions  million requests/s\n"
        "   0.1 %       50    10.00 %    900,000                 4.0\n"
        "    25 %   12,500    75.00 %    250,000                 4.0\n");
}

TEST_CASE("byte-hit ratio, expirations and declined objects have columns where there are any", "[replay]") {
  CHECK(headline(sized_report()) ==
        "objects: 1,000,000 requests for 1,000 distinct keys, 4.00 MiB for 1.00 MiB distinct\n"
        "LRU, limited in bytes; the footprint is 1,048,576 bytes\n"
        "TTLs on virtual time: 500 requests a second (--rate), the trace spans 2000 s\n");
  CHECK(table(sized_report()) ==
        "capacity  bytes  hit ratio  byte-hit ratio  evictions  of which expired  declined  million requests/s\n"
        "   0.1 %  1,024    25.00 %         25.00 %    375,000                12         7                 2.0\n");
}

TEST_CASE("the JSON holds everything", "[replay]") {
  CHECK(json(sized_report()) ==
        R"({
  "trace": {"name": "objects", "requests": 1000000, "distinct_keys": 1000, "requested_bytes": 4194304, "distinct_bytes": 1048576, "has_ttls": true},
  "mode": "bytes",
  "rate": 500,
  "promotion_interval": 1,
  "results": [
    {"policy": "lru", "capacity": 1024, "percent_of_footprint": 0.100000, "hit_ratio": 0.250000, "byte_hit_ratio": 0.250000, "hits": 250000, "misses": 750000, "hit_bytes": 1048576, "declined": 7, "evictions": 375000, "expirations": 12, "seconds": 0.500000}
  ]
}
)");
}

TEST_CASE("what a trace does not record is null in JSON", "[replay]") {
  Report report = bare_report();
  report.trace.name = "odd \"name\"\n\xff";
  const std::string text = json(report);
  CHECK_THAT(text, ContainsSubstring(R"("name": "odd \"name\"\u000a\ufffd")"));
  CHECK_THAT(text, ContainsSubstring(R"("requested_bytes": null, "distinct_bytes": null, "has_ttls": false)"));
  CHECK(count_of(text, R"("byte_hit_ratio": null)") == 2);
  CHECK(count_of(text, R"("hit_bytes": null)") == 2);
  CHECK(count_of(text, "{") == count_of(text, "}"));
}

TEST_CASE("a byte-hit ratio of no bytes at all is left out", "[replay]") {
  Report report = sized_report();
  report.trace.requested_bytes = report.trace.distinct_bytes = 0;
  CHECK(table(report).find("byte-hit") == std::string::npos);
  CHECK_THAT(json(report), ContainsSubstring(R"("byte_hit_ratio": null)"));
  CHECK(chart(report).lines.size() == 1);
}

TEST_CASE("the plot shows each ratio over the capacity, in percent", "[replay]") {
  Report report = sized_report();
  report.results.insert(report.results.begin(), result_of(1 << 19, 50, 600'000, 400'000));
  const auto plot = chart(report);
  REQUIRE(plot.lines.size() == 2);
  CHECK(plot.lines[0].points == std::vector<std::pair<double, double>>{{1024, 25}, {1 << 19, 60}});
  CHECK(plot.lines[1].points == std::vector<std::pair<double, double>>{{1024, 25}, {1 << 19, 0}});
  const std::string text = svg(plot);
  CHECK(flaw_in(text).empty());
  CHECK(count_of(text, "<polyline") == 4);  // and in the legend
  CHECK(count_of(text, "<path") == 6);
  CHECK_THAT(text, ContainsSubstring(">60</text>") && ContainsSubstring(">0</text>"));
  CHECK_THAT(text, ContainsSubstring(">10 kB</text>") && ContainsSubstring(">byte-hit ratio</text>"));
}

TEST_CASE("several policies stand side by side, and the optimum as their bound", "[replay]") {
  Report report = bare_report();
  report.results.insert(report.results.begin() + 1, result_of(50, 0.1, 300'000, 1'700'000));
  report.results[1].policy = Policy::belady;
  report.results.push_back(result_of(12'500, 25, 1'600'000, 400'000));
  report.results[3].policy = Policy::belady;
  CHECK_THAT(headline(report), ContainsSubstring("\nLRU, optimum, limited in entries"));
  CHECK(table(report) ==
        "capacity  entries   policy  hit ratio  evictions  million requests/s\n"
        "   0.1 %       50      LRU    10.00 %    900,000                 4.0\n"
        "                   optimum    15.00 %          -                 4.0\n"
        "    25 %   12,500      LRU    75.00 %    250,000                 4.0\n"
        "                   optimum    80.00 %          -                 4.0\n");
  CHECK_THAT(json(report),
             ContainsSubstring(R"({"policy": "belady", "capacity": 50,)") && ContainsSubstring(R"("evictions": null)"));
  const auto plot = chart(report);
  REQUIRE(plot.lines.size() == 2);
  CHECK(plot.lines[0].label == "LRU");
  CHECK(plot.lines[1].label == "optimum");
  CHECK(plot.lines[1].points == std::vector<std::pair<double, double>>{{50, 15}, {12'500, 80}});
  CHECK(plot.y_most == 80);
}

TEST_CASE("of several policies one ratio is plotted, of one policy both, or the one asked for", "[replay]") {
  Report report = sized_report();
  CHECK(chart(report).lines.size() == 2);
  CHECK(chart(report, Plot::hits).lines.size() == 1);
  CHECK(chart(report, Plot::byte_hits).lines[0].label == "byte-hit ratio");
  report.results.push_back(report.results[0]);
  report.results[1].policy = Policy::gdsf;
  report.results[1].hit_bytes = 0;
  CHECK(chart(report).lines[1].points[0].second == 25);
  CHECK(chart(report, Plot::byte_hits).lines[1].points[0].second == 0);
  CHECK_THAT(svg(chart(report, Plot::byte_hits)), ContainsSubstring("Byte-hit ratios: objects"));
  CHECK_THROWS_AS(chart(bare_report(), Plot::byte_hits), UsageError);
}

TEST_CASE("each line of a plot has a colour, a mark and dashes of its own", "[replay]") {
  std::set<std::string> colours;
  std::set<std::string> marks;
  std::set<std::string> dashes;
  for (const auto& style : larder::bench::detail::line_styles) {
    colours.insert(style.colour);
    marks.insert(style.mark);
    dashes.insert(style.dashes);
  }
  const std::size_t count = larder::bench::detail::line_styles.size();
  CHECK(count > all_policies.size());
  CHECK(colours.size() == count);
  CHECK(marks.size() == count);
  CHECK(dashes.size() == count);
}

TEST_CASE("any trace's name makes a well-formed plot", "[replay]") {
  Report report = bare_report();
  report.trace.name = "folder/<a&b>\x01\xff" + std::string(200, 'x');
  const std::string text = svg(chart(report));
  CHECK(flaw_in(text).empty());
  CHECK_THAT(text, ContainsSubstring("Hit ratios: &lt;a&amp;b>\\x01\\xff") && ContainsSubstring("xxx..."));
  CHECK(text.find("folder") == std::string::npos);
  CHECK(text.find(std::string(60, 'x')) == std::string::npos);
}

TEST_CASE("one capacity, and equal ones, are plotted within the axes", "[replay]") {
  for (const std::vector<std::uint64_t>& capacities : std::vector<std::vector<std::uint64_t>>{
           {1}, {500}, {500, 500, 500}, {500, 501}, {1, 3'000'000'000'000}, {200, 900}, {1'000'000, 1'200'000}}) {
    INFO(capacities.front() << " to " << capacities.back());
    Report report = bare_report();
    report.results.clear();
    for (const std::uint64_t capacity : capacities) report.results.push_back(result_of(capacity, 1, 100, 0));
    const std::string text = svg(chart(report));
    CHECK(flaw_in(text).empty());
    CHECK(text.find("nan") == std::string::npos);
    CHECK(text.find("inf") == std::string::npos);
    CHECK(marks(text).size() == capacities.size());
    for (const auto& [x, y] : marks(text)) {
      CHECK(x >= 75);
      CHECK(x <= 635);
      CHECK(y == Approx(60));
    }
    // Vertical lines: two ticks at least, and no more than can be labelled.
    const auto upper = attributes(text, "y1");
    const auto lower = attributes(text, "y2");
    std::size_t ticks = 0;
    for (std::size_t i = 0; i < upper.size(); ++i) ticks += upper[i] == lower[i] ? 0 : 1;
    CHECK(ticks >= 2);
    CHECK(ticks <= 9);
  }
}

TEST_CASE("the ticks of a logarithmic axis fit its range", "[replay]") {
  using larder::bench::detail::log_ticks;
  CHECK(log_ticks(1000, 1e7).size() == 5);
  CHECK(log_ticks(1000, 1e7).front() == Approx(1000));
  CHECK(log_ticks(15, 450) == std::vector<double>{20, 50, 100, 200});
  CHECK(log_ticks(1, 1e15).size() == 8);
  CHECK(larder::bench::detail::power_label_of(1e4) == "10^4");
  CHECK(larder::bench::detail::power_label_of(2000) == "2000");
}

TEST_CASE("ticks are labelled in powers of a thousand", "[replay]") {
  CHECK(detail::short_number(1) == "1");
  CHECK(detail::short_number(250) == "250");
  CHECK(detail::short_number(1000) == "1 k");
  CHECK(detail::short_number(20'000) == "20 k");
  CHECK(detail::short_number(1.5e6) == "1.5 M");
  CHECK(detail::short_bytes(500) == "500 B");
  CHECK(detail::short_bytes(2e9) == "2 GB");
}
