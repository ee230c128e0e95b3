/// \file trace_lines.hpp
/// Traces of lines: what a line says, as text with blanks between its fields, and as CSV.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "text.hpp"
#include "trace.hpp"
#include "trace_format.hpp"

namespace larder::replay {

namespace detail {

/// \throws TraceError.
inline std::uint64_t size_in(std::string_view text, const TraceBuilder& trace, const char* hint) {
  std::uint64_t bytes = 0;
  const std::errc error = parse_whole(text, bytes);
  if (error == std::errc::result_out_of_range) trace.fail("the size " + trace.quoted(text) + " is too large");
  if (error == std::errc::invalid_argument) {
    const bool negative = text.starts_with('-') && parse_whole(text.substr(1), bytes) != std::errc::invalid_argument;
    if (negative) trace.fail("the size " + trace.quoted(text) + " is negative");
    trace.fail("the size " + trace.quoted(text) + " is no whole number of bytes" + hint);
  }
  return bytes;
}

/// Rounded up to milliseconds. \throws TraceError.
inline Trace::Milliseconds ttl_in(std::string_view text, const TraceBuilder& trace) {
  Decimal milliseconds;
  const std::errc error = parse_decimal(text, 3, milliseconds);
  constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<Trace::Milliseconds::rep>::max() - 1);
  if (error == std::errc::result_out_of_range || milliseconds.steps > most) {
    trace.fail("the TTL " + trace.quoted(text) + " is too large");
  }
  if (error != std::errc() || (milliseconds.steps == 0 && milliseconds.exact)) {
    trace.fail("the TTL " + trace.quoted(text) + " is no positive number of seconds");
  }
  return Trace::Milliseconds(static_cast<Trace::Milliseconds::rep>(milliseconds.steps) + (milliseconds.exact ? 0 : 1));
}

}  // namespace detail

/// A line is key, size and TTL, with blanks between them.
class FieldLines {
 public:
  /// \throws TraceError.
  void add_line(std::string_view line, TraceBuilder& trace) const {
    const std::string_view key = take_field(line);
    if (key.empty()) trace.fail("the line is empty, but a request has a key");
    const std::string_view size = take_field(line);
    const std::string_view ttl = take_field(line);
    std::optional<std::uint64_t> bytes;
    if (!size.empty()) bytes = detail::size_in(size, trace, whole_lines_hint);
    const auto time = ttl.empty() ? Trace::Milliseconds::zero() : detail::ttl_in(ttl, trace);
    if (const std::string_view more = take_field(line); !more.empty()) {
      trace.fail("a fourth field, " + trace.quoted(more) + ", but a request has at most a key, a size and a TTL");
    }
    trace.add(key, bytes, time);
  }

 private:
  static constexpr const char* whole_lines_hint = " (where blanks are part of the keys, say --whole-lines)";

  /// Takes the next field off the front of the line; empty if there is none.
  static std::string_view take_field(std::string_view& line) {
    constexpr std::string_view blanks = " \t";
    line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
    const std::string_view field = line.substr(0, line.find_first_of(blanks));
    line.remove_prefix(field.size());
    return field;
  }
};

/// A line is a key.
struct WholeLines {
  void add_line(std::string_view line, TraceBuilder& trace) const {
    trace.add(line, std::nullopt, Trace::Milliseconds::zero());
  }
};

/// Comma-separated values as in RFC 4180, but that no value has a line's end in it. The first line names the columns; a
/// size or TTL that is empty is none.
class CsvLines {
 public:
  /// Where the columns are not named, those called key, size and ttl are meant, and the last two may be missing.
  explicit CsvLines(std::optional<CsvColumns> columns) : names_(std::move(columns)) {}

  /// \throws TraceError.
  void add_line(std::string_view line, TraceBuilder& trace) {
    split(line, trace);
    if (count_ == 0) return read_names(trace);
    if (values_.size() != count_) {
      trace.fail(std::to_string(values_.size()) + " values, but there are " + std::to_string(count_) + " columns");
    }
    const std::string_view size = value(size_);
    const std::string_view ttl = value(ttl_);
    std::optional<std::uint64_t> bytes;
    if (!size.empty()) bytes = detail::size_in(size, trace, "");
    trace.add(value(key_), bytes, ttl.empty() ? Trace::Milliseconds::zero() : detail::ttl_in(ttl, trace));
  }

 private:
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  std::string_view value(std::size_t column) const {
    return column == none ? std::string_view() : std::string_view(values_[column]);
  }

  void read_names(const TraceBuilder& trace) {
    count_ = values_.size();
    const CsvColumns names = names_.value_or(CsvColumns());
    key_ = column_of(names.key, true, trace);
    size_ = column_of(names.size.value_or(names_ ? "" : "size"), names.size.has_value(), trace);
    ttl_ = column_of(names.ttl.value_or(names_ ? "" : "ttl"), names.ttl.has_value(), trace);
  }

  std::size_t column_of(const std::string& name, bool needed, const TraceBuilder& trace) const {
    const auto found = std::ranges::find(values_, name);
    if (found != values_.end() && !name.empty()) return static_cast<std::size_t>(found - values_.begin());
    if (!needed) return none;
    std::string all;
    for (const std::string& each : values_) all.append(all.empty() ? "" : ", ").append(each);
    trace.fail("no column is called " + trace.quoted(name) + ", but they are " + plain_text(all, 200) +
               " (--columns key=NAME,size=NAME,ttl=NAME says which are meant)");
  }

  void split(std::string_view line, const TraceBuilder& trace) {
    values_.clear();
    for (;;) {
      values_.emplace_back();
      if (line.starts_with('"')) {
        take_quoted(line, trace);
      } else {
        const std::string_view plain = line.substr(0, line.find(','));
        values_.back() = plain;
        line.remove_prefix(plain.size());
      }
      if (line.empty()) return;
      if (line[0] != ',') trace.fail("behind a quoted value a comma should follow, but not " + trace.quoted(line));
      line.remove_prefix(1);
    }
  }

  void take_quoted(std::string_view& line, const TraceBuilder& trace) {
    line.remove_prefix(1);
    for (;;) {
      const std::size_t quote = line.find('"');
      if (quote == std::string_view::npos) trace.fail("a quote that is not closed in this line");
      values_.back() += line.substr(0, quote);
      line.remove_prefix(quote + 1);
      if (!line.starts_with('"')) return;
      values_.back() += '"';  // two are one
      line.remove_prefix(1);
    }
  }

  std::optional<CsvColumns> names_;
  std::vector<std::string> values_;
  std::size_t count_ = 0;
  std::size_t key_ = none;
  std::size_t size_ = none;
  std::size_t ttl_ = none;
};

}  // namespace larder::replay
