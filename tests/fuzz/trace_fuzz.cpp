/// \file trace_fuzz.cpp
/// Any bytes as a trace, in any of the formats: requests that add up, or a TraceError whose message is printable.
#include "benchmarks/hit_ratio/trace_reader.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>

#include "tests/fuzz/input.hpp"

using namespace larder::replay;
using larder_tests::FuzzInput;
using larder_tests::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  FuzzInput input(bytes, size);
  constexpr TraceFormat formats[] = {TraceFormat::fields, TraceFormat::whole_lines, TraceFormat::csv,
                                     TraceFormat::oracle};
  const TraceFormat format = formats[input.below(4)];
  std::optional<CsvColumns> columns;
  if (input.flag()) columns = CsvColumns{.key = "k", .size = "s", .ttl = "t"};
  std::istringstream in{std::string(input.rest())};
  Trace trace;
  try {
    trace = read_trace(in, "t", format, columns);
  } catch (const TraceError& error) {
    const std::string message = error.what();
    require(std::all_of(message.begin(), message.end(), [](unsigned char byte) { return byte >= ' ' && byte != 127; }),
            "a message is printable");
    return 0;
  }
  const Summary& summary = trace.summary;
  require(!trace.requests.empty() && trace.requests.size() == summary.requests, "requests are counted");
  const std::uint32_t most = *std::max_element(trace.requests.begin(), trace.requests.end());
  require(most + 1 == summary.distinct_keys, "keys are numbered");
  require(trace.sizes.size() == (summary.has_sizes ? summary.distinct_keys : 0), "each key has a size, or none");
  require(trace.ttls.size() == (summary.has_ttls ? summary.requests : 0), "each request has a TTL, or none");
  std::uint64_t requested = 0;
  for (const std::uint32_t key : trace.requests) requested += trace.sizes.empty() ? 0 : trace.sizes[key];
  require(requested == summary.requested_bytes, "bytes are counted");
  return 0;
}
