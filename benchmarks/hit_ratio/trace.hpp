/// \file trace.hpp
/// Trace: the requests of a file, read once, each key as a number; and TraceBuilder, which makes one of requests.
///
/// Invariants: `requests` is never empty and names keys below `summary.distinct_keys`; `sizes` has one element
/// for each key, or none where the trace records no sizes; `ttls` has one for each request, or none where no
/// request has a TTL.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
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

/// Takes a trace request by request.
class TraceBuilder {
 public:
  /// `name` is what messages call the trace; what comes between it and the number of a line or record is
  /// `before_number`.
  explicit TraceBuilder(std::string name, const char* before_number = ":") : before_number_(before_number) {
    trace_.summary.name = std::move(name);
  }

  /// What is added now, or wrong, is in the next line or record.
  void next_line() noexcept { ++line_; }

  /// Either all requests have sizes, or none has. A `ttl` of zero is none. \throws TraceError.
  void add(std::string_view key, const std::optional<std::uint64_t>& size, Trace::Milliseconds ttl) {
    if (trace_.requests.empty()) {
      records_sizes_ = size.has_value();
    } else if (records_sizes_ != size.has_value()) {
      fail(size ? "a size, '" + std::to_string(*size) + "', but the lines before have none"
                : "no size after the key " + quoted(key) + ", but the lines before have sizes");
    }
    const std::uint32_t number = keys_.number_of(key);
    if (size) count_bytes(number, *size);
    if (ttl != Trace::Milliseconds::zero()) {
      trace_.ttls.resize(trace_.requests.size(), Trace::Milliseconds::zero());
      trace_.ttls.push_back(ttl);
    }
    trace_.requests.push_back(number);
  }

  /// Result: the trace; the builder is empty then. \throws TraceError if there was no request.
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

  [[noreturn]] void fail(const std::string& what) const {
    throw TraceError(plain_text(trace_.summary.name) + before_number_ + std::to_string(line_) + ": " + what);
  }

  /// For messages: short and printable.
  static std::string quoted(std::string_view text) { return "'" + plain_text(text, longest_quote) + "'"; }

 private:
  static constexpr std::size_t longest_quote = 40;

  void count_bytes(std::uint32_t key, std::uint64_t bytes) {
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

  const char* before_number_;
  std::uint64_t line_ = 0;
  bool records_sizes_ = false;
  KeyTable keys_;
  Trace trace_;
};

}  // namespace larder::replay
