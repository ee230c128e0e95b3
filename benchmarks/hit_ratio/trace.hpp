/// \file trace.hpp
/// Trace: the requests of a file, read once, each key as a number.
///
/// Invariants: `requests` is never empty and names keys below `summary.distinct_keys`; `sizes` has one element
/// for each key, or none where the trace records no sizes; `ttls` has one for each request, or none where no
/// request has a TTL.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <istream>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "key_table.hpp"
#include "text.hpp"

namespace larder::replay {

/// The trace cannot be read, or a line makes no sense; the message names it.
class TraceError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What a trace is, in a few numbers.
struct Summary {
  std::string name;
  std::uint64_t requests = 0;
  std::uint64_t distinct_keys = 0;
  bool has_sizes = false;
  bool has_ttls = false;
  std::uint64_t distinct_bytes = 0;   ///< of each key once
  std::uint64_t requested_bytes = 0;  ///< of each request
};

struct Trace {
  using Milliseconds = std::chrono::milliseconds;

  Summary summary;
  std::vector<std::uint32_t> requests;
  std::vector<std::uint64_t> sizes;
  std::vector<Milliseconds> ttls;  ///< zero: none
};

/// How a line is understood.
enum class LineFormat {
  fields,      ///< key, size and TTL, the last two optional
  whole_lines  ///< the line is the key
};

/// Takes a trace line by line.
class TraceParser {
 public:
  TraceParser(std::string name, LineFormat format) : format_(format) { trace_.summary.name = std::move(name); }

  /// `line` without its '\n'; a '\r' at its end is no part of it either. \throws TraceError.
  void add_line(std::string_view line) {
    ++line_number_;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (format_ == LineFormat::whole_lines) {
      trace_.requests.push_back(keys_.number_of(line));
    } else {
      add_fields(line);
    }
  }

  /// Result: the trace; the parser is empty then. \throws TraceError if there was no request.
  Trace finish() {
    if (trace_.requests.empty()) {
      throw TraceError(plain_text(trace_.summary.name) + ": the trace is empty: there is no request in it");
    }
    trace_.summary.requests = trace_.requests.size();
    trace_.summary.distinct_keys = keys_.size();
    trace_.summary.has_sizes = !trace_.sizes.empty();
    trace_.summary.has_ttls = !trace_.ttls.empty();
    if (trace_.summary.has_ttls) trace_.ttls.resize(trace_.requests.size(), Trace::Milliseconds::zero());
    keys_ = {};
    return std::exchange(trace_, {});
  }

 private:
  static constexpr std::size_t longest_quote = 40;
  static constexpr const char* whole_lines_hint = " (where blanks are part of the keys, say --whole-lines)";

  /// Takes the next field off the front of the line; empty if there is none.
  static std::string_view take_field(std::string_view& line) {
    constexpr std::string_view blanks = " \t";
    line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
    const std::string_view field = line.substr(0, line.find_first_of(blanks));
    line.remove_prefix(field.size());
    return field;
  }

  void add_fields(std::string_view line) {
    const std::string_view key = take_field(line);
    if (key.empty()) fail("the line is empty, but a request has a key");
    const std::string_view size = take_field(line);
    const std::string_view ttl = take_field(line);
    const std::uint64_t bytes = size.empty() ? 0 : size_in(size);
    const Trace::Milliseconds time = ttl.empty() ? Trace::Milliseconds::zero() : ttl_in(ttl);
    if (const std::string_view more = take_field(line); !more.empty()) {
      fail("a fourth field, " + quoted(more) + ", but a request has at most a key, a size and a TTL");
    }
    if (trace_.requests.empty()) {
      records_sizes_ = !size.empty();
    } else if (records_sizes_ == size.empty()) {
      fail(size.empty() ? "no size after the key " + quoted(key) + ", but the lines before have sizes"
                        : "a size, " + quoted(size) + ", but the lines before have none");
    }
    add_request(keys_.number_of(key), bytes, time);
  }

  void add_request(std::uint32_t key, std::uint64_t bytes, Trace::Milliseconds ttl) {
    if (records_sizes_) {
      if (key == trace_.sizes.size()) {
        trace_.sizes.push_back(bytes);
        trace_.summary.distinct_bytes += bytes;  // of which there are at most as many as are requested
      }
      std::uint64_t& sum = trace_.summary.requested_bytes;
      if (trace_.sizes[key] > std::numeric_limits<std::uint64_t>::max() - sum) {
        fail("with this request's size, the bytes requested are too many to count");
      }
      sum += trace_.sizes[key];
    }
    if (ttl != Trace::Milliseconds::zero()) {
      trace_.ttls.resize(trace_.requests.size(), Trace::Milliseconds::zero());
      trace_.ttls.push_back(ttl);
    }
    trace_.requests.push_back(key);
  }

  std::uint64_t size_in(std::string_view text) const {
    std::uint64_t bytes = 0;
    const std::errc error = parse_whole(text, bytes);
    if (error == std::errc::result_out_of_range) fail("the size " + quoted(text) + " is too large");
    if (error == std::errc::invalid_argument) {
      const bool negative = text.starts_with('-') && parse_whole(text.substr(1), bytes) != std::errc::invalid_argument;
      if (negative) fail("the size " + quoted(text) + " is negative");
      fail("the size " + quoted(text) + " is no whole number of bytes" + whole_lines_hint);
    }
    return bytes;
  }

  Trace::Milliseconds ttl_in(std::string_view text) const {
    Decimal milliseconds;
    const std::errc error = parse_decimal(text, 3, milliseconds);
    constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<Trace::Milliseconds::rep>::max() - 1);
    if (error == std::errc::result_out_of_range || milliseconds.steps > most) {
      fail("the TTL " + quoted(text) + " is too large");
    }
    if (error != std::errc() || (milliseconds.steps == 0 && milliseconds.exact)) {
      fail("the TTL " + quoted(text) + " is no positive number of seconds");
    }
    return Trace::Milliseconds(static_cast<Trace::Milliseconds::rep>(milliseconds.steps) +
                               (milliseconds.exact ? 0 : 1));
  }

  static std::string quoted(std::string_view text) { return "'" + plain_text(text, longest_quote) + "'"; }

  [[noreturn]] void fail(const std::string& what) const {
    throw TraceError(plain_text(trace_.summary.name) + ":" + std::to_string(line_number_) + ": " + what);
  }

  LineFormat format_;
  std::uint64_t line_number_ = 0;
  bool records_sizes_ = false;
  KeyTable keys_;
  Trace trace_;
};

/// Reads a trace to its end. `name` is what messages call it; `on_progress(bytes)` is called now and then with the
/// number of bytes read so far. \throws TraceError.
template <class OnProgress>
Trace read_trace(std::istream& in, const std::string& name, LineFormat format, OnProgress&& on_progress) {
  TraceParser parser(name, format);
  std::array<char, 1 << 16> block{};
  std::string unfinished;  // line, from the blocks before
  std::uint64_t bytes = 0;
  while (in.read(block.data(), block.size()), in.gcount() > 0) {
    std::string_view rest(block.data(), static_cast<std::size_t>(in.gcount()));
    bytes += rest.size();
    for (std::size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
      if (unfinished.empty()) {
        parser.add_line(rest.substr(0, end));
      } else {
        parser.add_line(unfinished.append(rest.substr(0, end)));
        unfinished.clear();
      }
      rest.remove_prefix(end + 1);
    }
    unfinished += rest;
    on_progress(bytes);
  }
  if (in.bad()) throw TraceError("cannot read " + plain_text(name) + ": the input broke off");
  if (!unfinished.empty()) parser.add_line(unfinished);
  return parser.finish();
}

inline Trace read_trace(std::istream& in, const std::string& name, LineFormat format) {
  return read_trace(in, name, format, [](std::uint64_t) {});
}

}  // namespace larder::replay
