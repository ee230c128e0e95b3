/// \file options.hpp
/// What the command line of replay says.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "capacity.hpp"
#include "policies.hpp"
#include "text.hpp"
#include "trace_format.hpp"
#include "usage_error.hpp"

namespace larder::replay {

inline constexpr std::string_view help_text =
    R"(usage: replay [OPTION]... FILE

Replays a trace of requests against a larder::InMemoryBackend and tells how many of them it would have answered,
at several capacities and with several eviction policies. Each request is a `get`; a miss stores the object.

FILE (- for standard input) has one request a line: KEY, or KEY SIZE, or KEY SIZE TTL, with blanks or tabs between
them; SIZE in bytes (where a key has several, the first counts), TTL in seconds. Of a name that ends in .xz, .zst or
.gz, the file is decompressed by the program xz, zstd or gzip.

  --policy LIST      comma-separated, of lru, clock, s3fifo, wtinylfu, gdsf and belady, or all; default: lru. belady,
                     the optimum, knows the future: the bound for all others in mode entries, where it is always
                     shown beside several
  --format FORMAT    text, as above; csv: the first line names the columns, of which key, size and ttl are read;
                     oracle: libCacheSim's binary oracleGeneral; default: what the file's name says (.csv,
                     .oracleGeneral, .oracleGeneral.bin), else text
  --columns LIST     what the columns of csv are called: key=NAME, and if there are any size=NAME, ttl=NAME
  --whole-lines      each whole line is a key, blanks and all: paths of an access log, say
  --capacity LIST    comma-separated; each a percentage of the footprint (0.1%), a number of entries (5000) or
                     of bytes (4096B, 512KiB, 64MiB, 1GiB, 1TiB); default: 0.1%,1%,5%,10%,25%
  --mode MODE        entries: each object weighs 1, and the footprint is the number of distinct keys;
                     bytes: each weighs its size, and the footprint is the sum of the distinct keys' sizes;
                     default: bytes if the trace has sizes, else entries
  --rate N           traces have no times: let N requests be made in a second, for the TTLs; default: 1000
  --promotion-interval N
                     let one hit in N move its object to the front (InMemoryOptions::promotion_interval); default: 1
  --json FILE        write all figures as JSON; - prints them in place of the table
  --svg FILE         plot the hit ratios over the capacity; - prints the plot in place of the table
  --plot RATIO       of hits or byte-hits; default: hits, and byte-hits, too, if there is one policy
  --help             print this

Exit status: 1 if the trace is malformed or something cannot be read or written, 2 for a wrong command line.
)";

/// Which ratio is plotted.
enum class Plot { hits, byte_hits };

struct Options {
  std::string file;
  bool whole_lines = false;
  std::optional<TraceFormat> format;  // never whole_lines
  std::optional<CsvColumns> columns;
  std::vector<Policy> policies;
  std::vector<Capacity> capacities;
  std::optional<Mode> mode;
  std::uint64_t rate = 1000;
  std::uint32_t promotion_interval = 1;
  std::string json;
  std::string svg;
  std::optional<Plot> plot;
  bool help = false;
};

namespace detail {

inline std::uint64_t parse_rate(std::string_view text) {
  std::uint64_t rate = 0;
  if (parse_whole(text, rate) == std::errc() && rate >= 1 && rate <= 1'000'000'000) return rate;
  refuse(text, "no rate: give a whole number of requests per second, from 1 to 1000000000");
}

inline std::uint32_t parse_promotion_interval(std::string_view text) {
  std::uint64_t interval = 0;
  if (parse_whole(text, interval) == std::errc() && interval >= 1 && interval <= 1'000'000'000) {
    return static_cast<std::uint32_t>(interval);
  }
  refuse(text, "no promotion interval: give a whole number of hits, from 1 to 1000000000");
}

inline Policy parse_policy(std::string_view text) {
  const auto found = std::ranges::find(all_policies, text, &PolicyNames::option);
  if (found != all_policies.end()) return found->policy;
  refuse(text, "no policy: there are lru, clock, s3fifo, wtinylfu, gdsf and belady, or all");
}

/// In the order given, each once.
inline std::vector<Policy> parse_policies(std::string_view list) {
  std::vector<Policy> policies;
  const auto add = [&policies](Policy policy) {
    if (std::ranges::find(policies, policy) == policies.end()) policies.push_back(policy);
  };
  if (list == "all") {
    // The optimum comes by itself, where there is one.
    for (const PolicyNames& names : all_policies) {
      if (names.policy != Policy::belady) add(names.policy);
    }
    return policies;
  }
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    add(parse_policy(list.substr(begin, end - begin)));
    begin = end + 1;
  }
  return policies;
}

inline Plot parse_plot(std::string_view text) {
  if (text == "hits") return Plot::hits;
  if (text == "byte-hits") return Plot::byte_hits;
  refuse(text, "no ratio to plot: there are hits and byte-hits");
}

inline constexpr std::array<std::string_view, 10> options_with_value{
    "--policy", "--format", "--columns", "--capacity", "--mode", "--rate", "--promotion-interval",
    "--json",   "--svg",    "--plot"};

inline void take_value(Options& options, std::string_view name, std::string_view value) {
  if (value.empty()) throw UsageError(std::string(name) + " needs a value that is not empty");
  if (name == "--policy") options.policies = parse_policies(value);
  if (name == "--format") options.format = parse_format(value);
  if (name == "--columns") options.columns = parse_columns(value);
  if (name == "--capacity") options.capacities = parse_capacities(value);
  if (name == "--mode") options.mode = parse_mode(value);
  if (name == "--rate") options.rate = parse_rate(value);
  if (name == "--promotion-interval") options.promotion_interval = parse_promotion_interval(value);
  if (name == "--json") options.json = value;
  if (name == "--svg") options.svg = value;
  if (name == "--plot") options.plot = parse_plot(value);
}

inline void take_file(Options& options, std::string_view file) {
  if (file.empty()) throw UsageError("the name of the trace is empty");
  if (!options.file.empty()) throw UsageError("one trace at a time: '" + plain_text(file, 60) + "' is the second");
  options.file = file;
}

/// What can be known to be wrong before the trace is read.
inline void check(const Options& options) {
  if (options.file.empty()) throw UsageError("which trace? Give a FILE, or - for standard input");
  if (options.whole_lines && options.format.value_or(TraceFormat::fields) != TraceFormat::fields) {
    throw UsageError("--whole-lines is for --format text alone");
  }
  if (options.whole_lines && options.mode == Mode::bytes) {
    throw UsageError("--mode bytes needs sizes, and with --whole-lines a trace has none");
  }
  if (options.json == "-" && options.svg == "-") throw UsageError("--json and --svg cannot both go to standard output");
  if (options.columns && options.format && options.format != TraceFormat::csv) {
    throw UsageError("--columns is for --format csv alone");
  }
  if (options.plot && options.svg.empty()) throw UsageError("--plot says what --svg FILE shows, but there is no --svg");
  if (options.mode) check_units(options.capacities, *options.mode);
  const auto has = [&options](Capacity::Unit unit) {
    return std::ranges::any_of(options.capacities, [unit](const Capacity& each) { return each.unit == unit; });
  };
  if (has(Capacity::Unit::entries) && has(Capacity::Unit::bytes)) {
    throw UsageError("--capacity has both numbers of entries and of bytes: one of them at a time");
  }
}

}  // namespace detail

/// Result: the policies to be compared in a mode. Beside several the optimum is shown where there is one.
/// \throws UsageError if the optimum is asked for where there is none.
inline std::vector<Policy> policies_in(Mode mode, std::vector<Policy> policies) {
  const bool wants_optimum = std::ranges::find(policies, Policy::belady) != policies.end();
  if (mode == Mode::bytes && wants_optimum) {
    throw UsageError("the optimum, --policy belady, is known of entries alone: give --mode entries");
  }
  if (mode == Mode::entries && !wants_optimum && policies.size() > 1) policies.push_back(Policy::belady);
  return policies;
}

/// `arguments` without the program's name; an option's value is the next argument, or follows a '='.
/// \throws UsageError.
inline Options parse_options(std::span<const std::string_view> arguments) {
  Options options;
  options.policies = {Policy::lru};
  options.capacities = parse_capacities("0.1%,1%,5%,10%,25%");
  bool only_files = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    const std::size_t equals = argument.find('=');
    const std::string_view name = argument.substr(0, equals);
    if (only_files || argument == "-" || !argument.starts_with('-')) {
      detail::take_file(options, argument);
    } else if (argument == "--") {
      only_files = true;
    } else if (argument == "--help" || argument == "-h") {
      options.help = true;
      return options;
    } else if (argument == "--whole-lines") {
      options.whole_lines = true;
    } else if (std::ranges::find(detail::options_with_value, name) != detail::options_with_value.end()) {
      const bool next = equals == std::string_view::npos;
      if (next && ++i == arguments.size()) throw UsageError(std::string(name) + " needs a value");
      detail::take_value(options, name, next ? arguments[i] : argument.substr(equals + 1));
    } else {
      throw UsageError("there is no option '" + plain_text(argument, 60) + "'");
    }
  }
  detail::check(options);
  return options;
}

}  // namespace larder::replay
