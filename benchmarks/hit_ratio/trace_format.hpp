/// \file trace_format.hpp
/// TraceFormat: how a trace is written down, and what its file's name says of that.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "usage_error.hpp"

namespace larder::replay {

enum class TraceFormat {
  fields,       ///< a line is key, size and TTL, the last two optional
  whole_lines,  ///< a line is the key
  csv,          ///< the first line names the columns
  oracle        ///< libCacheSim's binary oracleGeneral
};

/// What the columns of a CSV trace are called. Where one is not asked for, it may be missing.
struct CsvColumns {
  std::string key = "key";
  std::optional<std::string> size;
  std::optional<std::string> ttl;
};

/// \throws UsageError.
inline TraceFormat parse_format(std::string_view text) {
  if (text == "text") return TraceFormat::fields;
  if (text == "csv") return TraceFormat::csv;
  if (text == "oracle") return TraceFormat::oracle;
  detail::refuse(text, "no format: there are text, csv and oracle");
}

/// "key=NAME,size=NAME,ttl=NAME". \throws UsageError.
inline CsvColumns parse_columns(std::string_view list) {
  CsvColumns columns;
  while (!list.empty()) {
    const std::string_view item = list.substr(0, list.find(','));
    list.remove_prefix(item.size() == list.size() ? item.size() : item.size() + 1);
    const std::size_t equals = item.find('=');
    const std::string_view what = item.substr(0, equals);
    if (equals == std::string_view::npos || equals + 1 == item.size() ||
        (what != "key" && what != "size" && what != "ttl")) {
      detail::refuse(item, "no column: give key=NAME, size=NAME or ttl=NAME");
    }
    const std::string name(item.substr(equals + 1));
    if (what == "key") columns.key = name;
    if (what == "size") columns.size = name;
    if (what == "ttl") columns.ttl = name;
  }
  return columns;
}

/// Which program decompresses a file of this name; empty if none has to.
inline std::string_view decompressor_of(std::string_view file) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 3> programs{
      {{".xz", "xz"}, {".zst", "zstd"}, {".gz", "gzip"}}};
  for (const auto& [ending, program] : programs) {
    if (file.ends_with(ending)) return program;
  }
  return {};
}

/// What a file of this name is likely to hold.
inline TraceFormat format_of(std::string_view file) {
  if (!decompressor_of(file).empty()) file.remove_suffix(file.size() - file.rfind('.'));
  if (file.ends_with(".csv")) return TraceFormat::csv;
  if (file.ends_with(".oracleGeneral") || file.ends_with(".oracleGeneral.bin")) return TraceFormat::oracle;
  return TraceFormat::fields;
}

}  // namespace larder::replay
