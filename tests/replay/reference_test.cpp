/// \file reference_test.cpp
/// Real traces: the miss ratios of larder's LRU beside those that other implementations of it reach.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "benchmarks/hit_ratio/simulation.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/environment.hpp"

using namespace larder::replay;

namespace {

/// A row of reference.csv, as far as it is about LRU.
struct Row {
  Mode mode;
  bool of_bytes;  // the metric
  std::string fraction;
  std::uint64_t capacity;
  double miss_ratio;
};

/// What other implementations were seen to differ by among themselves, and the rounding of the table.
constexpr double tolerance = 0.0005;

std::string traces_folder() {
  const char* folder = std::getenv("LARDER_TRACES");
  return folder != nullptr && *folder != '\0' ? folder : LARDER_TRACES;
}

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream in(line);
  for (std::string cell; std::getline(in, cell, ',');) cells.push_back(cell);
  return cells;
}

/// The rows of each trace, by its name.
std::map<std::string, std::vector<Row>> read_rows(std::istream& in) {
  std::string line;
  std::getline(in, line);
  const std::vector<std::string> names = cells_of(line);
  std::map<std::string, std::vector<Row>> rows;
  while (std::getline(in, line)) {
    const std::vector<std::string> cells = cells_of(line);
    const auto cell = [&](const std::string& name) {
      return cells.at(static_cast<std::size_t>(std::ranges::find(names, name) - names.begin()));
    };
    rows[cell("trace")].push_back({cell("mode") == "byte" ? Mode::bytes : Mode::entries,
                                   cell("metric") == "byte_miss_ratio", cell("fraction_of_footprint"),
                                   std::stoull(cell("capacity")), std::stod(cell("miss_lru"))});
  }
  return rows;
}

/// For a shell.
std::string quoted(const std::string& text) {
  std::string word = "'";
  for (const char character : text) {
    if (character == '\'')
      word += "'\\''";
    else
      word += character;
  }
  return word + "'";
}

std::string decompress(const std::string& file) {
  std::FILE* pipe = ::popen(("xz -dc " + quoted(file)).c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot start xz");
  std::string text;
  std::vector<char> block(1 << 20);
  while (const std::size_t count = std::fread(block.data(), 1, block.size(), pipe)) text.append(block.data(), count);
  if (::pclose(pipe) != 0) throw std::runtime_error("xz cannot decompress " + file);
  return text;
}

/// "0.001" as a capacity.
Capacity fraction_of_footprint(const std::string& text) {
  Decimal fraction;
  if (parse_decimal(text, 8, fraction) != std::errc()) throw std::runtime_error("no fraction: " + text);
  return {Capacity::Unit::millionths_of_a_percent, fraction.steps};
}

void check_rows(const Trace& trace, const std::vector<Row>& rows) {
  std::map<std::pair<Mode, std::string>, Result> results;
  for (const Row& row : rows) {
    const auto key = std::pair(row.mode, row.fraction);
    if (!results.contains(key)) results[key] = simulate(trace, row.mode, fraction_of_footprint(row.fraction));
    const Result& result = results[key];
    const double requested = static_cast<double>(trace.summary.requested_bytes);
    const double hit_ratio = row.of_bytes ? static_cast<double>(result.hit_bytes) / requested : result.stats.hit_rate();
    INFO(trace.summary.name << ", " << to_string(row.mode) << ", " << (row.of_bytes ? "bytes" : "objects") << " at "
                            << row.fraction << ": " << 1 - hit_ratio << " beside " << row.miss_ratio);
    CHECK(result.capacity == row.capacity);
    CHECK(std::abs(1 - hit_ratio - row.miss_ratio) <= tolerance);
  }
}

}  // namespace

TEST_CASE("real traces have the miss ratios of other implementations", "[replay][reference]") {
  constexpr std::ptrdiff_t most_if_sanitized = 1'500'000;
  const std::string folder = traces_folder();
  std::ifstream table(folder + "/reference.csv");
  if (!table) {
    WARN("not compared with other implementations: no reference.csv in " << folder << " (LARDER_TRACES names another)");
    return;
  }
  if (std::system("xz --version > /dev/null 2>&1") != 0) {
    WARN("not compared with other implementations: xz is not installed");
    return;
  }
  const auto rows_by_trace = read_rows(table);
  REQUIRE_FALSE(rows_by_trace.empty());
  for (const auto& [name, rows] : rows_by_trace) {
    std::istringstream text(decompress(std::string(folder).append("/").append(name).append(".trace.xz")));
    if (larder_tests::sanitized) {
      const std::string lines = text.str();
      if (std::count(lines.begin(), lines.end(), '\n') >= most_if_sanitized) {
        WARN(name << " is left out under a sanitizer, for it is long");
        continue;
      }
    }
    check_rows(read_trace(text, name, LineFormat::fields), rows);
  }
}
