/// \file options.hpp
/// What the command line of replay says.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "text.hpp"

namespace larder::replay {

/// The command line makes no sense, or not for this trace; the message says why.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

inline constexpr std::string_view help_text =
    R"(usage: replay [OPTION]... FILE

Replays a trace of requests against a larder::InMemoryBackend and tells how many of them it would have answered,
at several capacities. Each request is a `get`; a miss stores the object.

FILE (- for standard input) has one request a line: KEY, or KEY SIZE, or KEY SIZE TTL, with blanks or tabs between
them; SIZE in bytes (where a key has several, the first counts), TTL in seconds.

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
  --help             print this

Exit status: 1 if the trace is malformed or something cannot be read or written, 2 for a wrong command line.
)";

enum class Mode { entries, bytes };

constexpr const char* to_string(Mode mode) noexcept { return mode == Mode::entries ? "entries" : "bytes"; }

/// A capacity as it was asked for.
struct Capacity {
  enum class Unit { millionths_of_a_percent, entries, bytes };

  Unit unit;
  std::uint64_t amount;  // never 0

  friend bool operator==(const Capacity&, const Capacity&) = default;
};

struct Options {
  std::string file;
  bool whole_lines = false;
  std::vector<Capacity> capacities;
  std::optional<Mode> mode;
  std::uint64_t rate = 1000;
  std::uint32_t promotion_interval = 1;
  std::string json;
  std::string svg;
  bool help = false;
};

namespace detail {

inline constexpr std::uint64_t millionths_of_the_whole = 100'000'000;

[[noreturn]] inline void refuse(std::string_view text, const std::string& why) {
  throw UsageError("'" + plain_text(text, 60) + "' is " + why);
}

inline Capacity parse_percentage(std::string_view text) {
  Decimal percent;
  const std::errc error = parse_decimal(text.substr(0, text.size() - 1), 6, percent);
  if (error == std::errc::invalid_argument || !percent.exact) {
    refuse(text, "not a percentage: give digits, at most six of them after a point, and %");
  }
  if (error != std::errc() || percent.steps == 0 || percent.steps > millionths_of_the_whole) {
    refuse(text, "no part of the footprint: a percentage is more than 0 and at most 100");
  }
  return {Capacity::Unit::millionths_of_a_percent, percent.steps};
}

}  // namespace detail

/// "0.1%", "5000", "64MiB" ... \throws UsageError.
inline Capacity parse_capacity(std::string_view text) {
  if (text.ends_with('%')) return detail::parse_percentage(text);
  constexpr std::array<std::pair<std::string_view, unsigned>, 6> units{
      {{"", 0}, {"B", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}}};
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  std::uint64_t number = 0;
  const std::errc error = parse_whole(text.substr(0, digits), number);
  for (const auto& [name, shift] : units) {
    if (error == std::errc::invalid_argument || text.substr(digits) != name) continue;
    if (error != std::errc() || number > std::numeric_limits<std::uint64_t>::max() >> shift) {
      detail::refuse(text, "too large a capacity");
    }
    if (number == 0) detail::refuse(text, "no capacity at all");
    return {name.empty() ? Capacity::Unit::entries : Capacity::Unit::bytes, number << shift};
  }
  detail::refuse(text,
                 "not a capacity: give a percentage (1%), a number of entries (5000), or bytes with B, KiB, "
                 "MiB, GiB or TiB (64MiB)");
}

/// \throws UsageError.
inline std::vector<Capacity> parse_capacities(std::string_view list) {
  std::vector<Capacity> capacities;
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    capacities.push_back(parse_capacity(list.substr(begin, end - begin)));
    begin = end + 1;
  }
  return capacities;
}

/// \throws UsageError if one of the capacities cannot be meant in this mode.
inline void check_units(std::span<const Capacity> capacities, Mode mode) {
  for (const auto& [unit, amount] : capacities) {
    if (unit == Capacity::Unit::entries && mode == Mode::bytes) {
      throw UsageError("a capacity of " + std::to_string(amount) + " entries, but sizes are counted: write " +
                       std::to_string(amount) + "B if bytes are meant, or give --mode entries");
    }
    if (unit == Capacity::Unit::bytes && mode == Mode::entries) {
      throw UsageError("a capacity of " + std::to_string(amount) +
                       " bytes, but entries are counted: --mode bytes counts bytes, if the trace has sizes");
    }
  }
}

/// Result: the capacity in entries or bytes; of a percentage that part of the footprint, rounded down, at least 1.
inline std::uint64_t absolute(const Capacity& capacity, std::uint64_t footprint) {
  if (capacity.unit != Capacity::Unit::millionths_of_a_percent) return capacity.amount;
  constexpr std::uint64_t whole = detail::millionths_of_the_whole;
  // In two steps, because the product of footprint and amount may overflow.
  const std::uint64_t part = footprint / whole * capacity.amount + footprint % whole * capacity.amount / whole;
  return std::max<std::uint64_t>(part, 1);
}

namespace detail {

inline Mode parse_mode(std::string_view text) {
  if (text == "entries") return Mode::entries;
  if (text == "bytes") return Mode::bytes;
  refuse(text, "no mode: there are entries and bytes");
}

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

inline constexpr std::array<std::string_view, 6> options_with_value{
    "--capacity", "--mode", "--rate", "--promotion-interval", "--json", "--svg"};

inline void take_value(Options& options, std::string_view name, std::string_view value) {
  if (value.empty()) throw UsageError(std::string(name) + " needs a value that is not empty");
  if (name == "--capacity") options.capacities = parse_capacities(value);
  if (name == "--mode") options.mode = parse_mode(value);
  if (name == "--rate") options.rate = parse_rate(value);
  if (name == "--promotion-interval") options.promotion_interval = parse_promotion_interval(value);
  if (name == "--json") options.json = value;
  if (name == "--svg") options.svg = value;
}

inline void take_file(Options& options, std::string_view file) {
  if (file.empty()) throw UsageError("the name of the trace is empty");
  if (!options.file.empty()) throw UsageError("one trace at a time: '" + plain_text(file, 60) + "' is the second");
  options.file = file;
}

/// What can be known to be wrong before the trace is read.
inline void check(const Options& options) {
  if (options.file.empty()) throw UsageError("which trace? Give a FILE, or - for standard input");
  if (options.whole_lines && options.mode == Mode::bytes) {
    throw UsageError("--mode bytes needs sizes, and with --whole-lines a trace has none");
  }
  if (options.json == "-" && options.svg == "-") throw UsageError("--json and --svg cannot both go to standard output");
  if (options.mode) check_units(options.capacities, *options.mode);
  const auto has = [&options](Capacity::Unit unit) {
    return std::ranges::any_of(options.capacities, [unit](const Capacity& each) { return each.unit == unit; });
  };
  if (has(Capacity::Unit::entries) && has(Capacity::Unit::bytes)) {
    throw UsageError("--capacity has both numbers of entries and of bytes: one of them at a time");
  }
}

}  // namespace detail

/// `arguments` without the program's name; an option's value is the next argument, or follows a '='.
/// \throws UsageError.
inline Options parse_options(std::span<const std::string_view> arguments) {
  Options options;
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
