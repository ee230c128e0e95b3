/// \file options.hpp
/// What the command line of include_scanner says.
#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace include_scanner {

/// The command line makes no sense; the message says why.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

inline constexpr std::string_view help_text =
    R"(usage: include_scanner [FOLDER] [--cache SIZE] [--include-dir DIR]... [--sample N] [--stream]

For every header under FOLDER (default: /usr/include) finds the set of files that it pulls in, with what each
file includes kept in a cache, and tells what the cache was worth. Conditions (#if) are not evaluated.

  --cache SIZE       memory for the cache: a number of bytes, or one with B, KiB, MiB or GiB (default: 64MiB)
  --include-dir DIR  where to look up includes; may be repeated (default: FOLDER, and its c++/VERSION and *-linux-*)
  --sample N         compare with the work without a cache on N headers, spread evenly (default: 1000; 0: all of them)
  --stream           print the files asked for, in that order, one path a line, and nothing else: a trace of requests
                     (of all headers, or of the sample where --sample is given)
  --help             print this
)";

struct Options {
  std::string folder = "/usr/include";
  std::size_t cache_bytes = 64 << 20;
  std::vector<std::string> include_dirs;
  std::optional<std::size_t> sample;
  bool stream = false;
  bool help = false;
};

/// "4096", "512KiB", "8MiB", "1GiB" ... \throws UsageError.
inline std::size_t parse_size(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, unsigned>, 5> units{
      {{"", 0}, {"B", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}}};
  std::size_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit = text.substr(static_cast<std::size_t>(rest - text.data()));
  for (const auto& [name, shift] : units) {
    if (error != std::errc() || number == 0 || unit != name) continue;
    if (number > std::numeric_limits<std::size_t>::max() >> shift) break;
    return number << shift;
  }
  throw UsageError("'" + std::string(text) +
                   "' is not a size: give a positive number, then nothing, B, KiB, MiB or GiB");
}

/// \throws UsageError.
inline std::size_t parse_count(std::string_view text) {
  std::size_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && rest == text.data() + text.size()) return number;
  throw UsageError("'" + std::string(text) + "' is not a number");
}

/// \throws UsageError.
inline std::string parse_folder(std::string_view text) {
  std::error_code error;
  if (std::filesystem::is_directory(text, error)) return std::string(text);
  throw UsageError("'" + std::string(text) + "' is not a folder");
}

/// `arguments` without the program's name. \throws UsageError.
inline Options parse_options(std::span<const std::string_view> arguments) {
  Options options;
  bool folder_given = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    const auto value = [&] {
      if (++i == arguments.size()) throw UsageError(std::string(argument) + " needs a value");
      return arguments[i];
    };
    if (argument == "--help" || argument == "-h") {
      options.help = true;
      return options;
    } else if (argument == "--stream") {
      options.stream = true;
    } else if (argument == "--cache") {
      options.cache_bytes = parse_size(value());
    } else if (argument == "--sample") {
      options.sample = parse_count(value());
    } else if (argument == "--include-dir") {
      options.include_dirs.push_back(parse_folder(value()));
    } else if (argument.starts_with("-")) {
      throw UsageError("there is no option '" + std::string(argument) + "'");
    } else if (folder_given) {
      throw UsageError("one folder at a time: '" + std::string(argument) + "' is the second");
    } else {
      options.folder = argument;
      folder_given = true;
    }
  }
  options.folder = parse_folder(options.folder);
  return options;
}

}  // namespace include_scanner
