/// \file trace_reader.hpp
/// read_trace: a trace from a stream, in any of the formats.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "text.hpp"
#include "trace.hpp"
#include "trace_format.hpp"
#include "trace_lines.hpp"

namespace larder::replay {

namespace detail {

/// Calls `take(rest, at_end)` with what is unread: it takes off the front what it can. Result: what it has left at the
/// end. \throws TraceError.
template <class Take, class OnProgress>
void read_blocks(std::istream& in, const std::string& name, const Take& take, OnProgress& on_progress) {
  std::array<char, 1 << 16> block{};
  std::string unfinished;  // from the blocks before
  std::uint64_t bytes = 0;
  while (in.read(block.data(), block.size()), in.gcount() > 0) {
    std::string_view rest(block.data(), static_cast<std::size_t>(in.gcount()));
    bytes += rest.size();
    take(unfinished, rest);
    on_progress(bytes);
  }
  if (in.bad()) throw TraceError("cannot read " + plain_text(name) + ": the input broke off");
  take(unfinished, std::string_view());
}

/// `lines.add_line` is called with each line without its '\n'; a '\r' at its end is no part of it either.
template <class Lines, class OnProgress>
Trace read_lines(std::istream& in, const std::string& name, Lines lines, OnProgress& on_progress) {
  TraceBuilder trace(name);
  const auto add = [&](std::string_view line) {
    trace.next_line();
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.add_line(line, trace);
  };
  read_blocks(
      in, name,
      [&](std::string& unfinished, std::string_view rest) {
        if (rest.empty()) return unfinished.empty() ? void() : add(unfinished);
        for (std::size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
          add(unfinished.empty() ? rest.substr(0, end) : unfinished.append(rest.substr(0, end)));
          unfinished.clear();
          rest.remove_prefix(end + 1);
        }
        unfinished += rest;
      },
      on_progress);
  return trace.finish();
}

/// libCacheSim's oracleGeneral: records of 24 bytes, little-endian, without gaps: time (4 bytes), object (8), size (4),
/// and which request is the next for the object (8). Time and next request are not needed here.
template <class OnProgress>
Trace read_oracle(std::istream& in, const std::string& name, OnProgress& on_progress) {
  constexpr std::size_t record_bytes = 24;
  TraceBuilder trace(name, ": record ");
  const auto add = [&trace](std::string_view record) {
    trace.next_line();
    std::uint64_t size = 0;
    for (std::size_t i = 4; i-- > 0;) size = size << 8 | static_cast<unsigned char>(record[12 + i]);
    trace.add(record.substr(4, 8), size, Trace::Milliseconds::zero());
  };
  read_blocks(
      in, name,
      [&](std::string& unfinished, std::string_view rest) {
        if (rest.empty() && !unfinished.empty()) {
          trace.next_line();
          trace.fail("it breaks off after " + std::to_string(unfinished.size()) + " of 24 bytes, so that this is no " +
                     "oracleGeneral trace, or not all of one");
        }
        if (!unfinished.empty()) {
          const std::string_view more = rest.substr(0, record_bytes - unfinished.size());
          unfinished += more;
          rest.remove_prefix(more.size());
          if (unfinished.size() < record_bytes) return;
          add(unfinished);
          unfinished.clear();
        }
        for (; rest.size() >= record_bytes; rest.remove_prefix(record_bytes)) add(rest.substr(0, record_bytes));
        unfinished += rest;
      },
      on_progress);
  return trace.finish();
}

}  // namespace detail

/// Reads a trace to its end. `name` is what messages call it; `on_progress(bytes)` is called now and then with the
/// number of bytes read so far. \throws TraceError.
template <class OnProgress>
Trace read_trace(std::istream& in, const std::string& name, TraceFormat format,
                 const std::optional<CsvColumns>& columns, OnProgress&& on_progress) {
  switch (format) {
    case TraceFormat::fields: return detail::read_lines(in, name, FieldLines(), on_progress);
    case TraceFormat::whole_lines: return detail::read_lines(in, name, WholeLines(), on_progress);
    case TraceFormat::csv: return detail::read_lines(in, name, CsvLines(columns), on_progress);
    case TraceFormat::oracle: break;
  }
  return detail::read_oracle(in, name, on_progress);
}

inline Trace read_trace(std::istream& in, const std::string& name, TraceFormat format,
                        const std::optional<CsvColumns>& columns = {}) {
  return read_trace(in, name, format, columns, [](std::uint64_t) {});
}

}  // namespace larder::replay
