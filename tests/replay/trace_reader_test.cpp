/// \file trace_reader_test.cpp
/// Reading a trace: what a line or record says, and what is said of one that makes no sense.
#include "benchmarks/hit_ratio/trace_reader.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "benchmarks/hit_ratio/key_table.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/random.hpp"

using namespace larder::replay;
using namespace std::chrono_literals;
using namespace std::string_literals;
using Catch::Matchers::ContainsSubstring;
using Ids = std::vector<std::uint32_t>;
using Sizes = std::vector<std::uint64_t>;

namespace {

Trace read(const std::string& text, TraceFormat format = TraceFormat::fields) {
  std::istringstream in(text);
  return read_trace(in, "t", format);
}

Trace read_lines(const std::string& text) { return read(text, TraceFormat::whole_lines); }

Trace read_csv(const std::string& text, const std::optional<CsvColumns>& columns = {}) {
  std::istringstream in(text);
  return read_trace(in, "t", TraceFormat::csv, columns);
}

/// A record of oracleGeneral.
std::string record(std::uint64_t object, std::uint32_t size) {
  std::string bytes(4, '\1');  // the time
  for (unsigned i = 0; i < 8; ++i) bytes += static_cast<char>(object >> 8 * i);
  for (unsigned i = 0; i < 4; ++i) bytes += static_cast<char>(size >> 8 * i);
  return bytes + std::string(8, '\xff');  // the next request
}

Trace read_oracle(const std::string& bytes) { return read(bytes, TraceFormat::oracle); }

}  // namespace

TEST_CASE("keys are numbered as they come", "[replay]") {
  const Trace trace = read("b\na\nb\nc\n");
  CHECK(trace.requests == Ids{0, 1, 0, 2});
  CHECK(trace.summary.name == "t");
  CHECK(trace.summary.requests == 4);
  CHECK(trace.summary.distinct_keys == 3);
  CHECK_FALSE(trace.summary.has_sizes);
  CHECK_FALSE(trace.summary.has_ttls);
  CHECK(trace.sizes.empty());
  CHECK(trace.ttls.empty());
}

TEST_CASE("of a key with several sizes the first one counts", "[replay]") {
  const Trace trace = read("a 10\nb 5\na 700\n");
  CHECK(trace.sizes == Sizes{10, 5});
  CHECK(trace.summary.has_sizes);
  CHECK(trace.summary.distinct_bytes == 15);
  CHECK(trace.summary.requested_bytes == 25);
}

TEST_CASE("a TTL belongs to its request, and is rounded up to milliseconds", "[replay]") {
  const Trace trace = read("a 1\nb 1 2\na 1 0.0005\nb 1 1.25\nb 1\n");
  CHECK(trace.summary.has_ttls);
  CHECK(trace.ttls == std::vector<std::chrono::milliseconds>{0ms, 2s, 1ms, 1250ms, 0ms});
}

TEST_CASE("fields are separated by any blanks, lines by either line end", "[replay]") {
  const Trace trace = read("  a \t 10\r\n\tb\t5  \r\na 1");
  CHECK(trace.requests == Ids{0, 1, 0});
  CHECK(trace.sizes == Sizes{10, 5});
  CHECK(read("a\nb").summary.requests == 2);
  CHECK(read("a\nb\n").summary.requests == 2);
}

TEST_CASE("a whole line may be the key", "[replay]") {
  const Trace trace = read_lines("/a b\n/a\n /a b\n/a b\r\n\n\n/a b 1 2 3");
  CHECK(trace.requests == Ids{0, 1, 2, 0, 3, 3, 4});
  CHECK_FALSE(trace.summary.has_sizes);
}

TEST_CASE("a key is any bytes", "[replay]") {
  CHECK(read("\0\n\xff\xfe\n\0\n\r\r\n"s).requests == Ids{0, 1, 0, 2});
  const std::string lengthy(300'000, 'x');
  CHECK(read(lengthy + "\n" + lengthy + "y\n" + lengthy + "\n").requests == Ids{0, 1, 0});
}

TEST_CASE("a malformed line is named by its number, and quoted", "[replay]") {
  const auto message = [](const std::string& text) {
    return larder_tests::message_of<TraceError>([&text] { read(text); });
  };
  CHECK_THAT(message("a 1\nb many\n"), ContainsSubstring("t:2: the size 'many' is no whole number of bytes"));
  CHECK_THAT(message("a 1\nb many\n"), ContainsSubstring("--whole-lines"));
  CHECK_THAT(message("GET /index.html HTTP/1.1 200\n"), ContainsSubstring("t:1: the size '/index.html'"));
  CHECK_THAT(message("a 1.5\n"), ContainsSubstring("t:1: the size '1.5' is no whole number"));
  CHECK(message("a 1\na 1\nb -5\n") == "t:3: the size '-5' is negative");
  CHECK(message("a 18446744073709551616\n") == "t:1: the size '18446744073709551616' is too large");
  CHECK_THAT(message("a 18446744073709551615\nb 1\n"), ContainsSubstring("t:2: "));
  CHECK_THAT(message("a 1 1\nb 1 1 zz\n"), ContainsSubstring("t:2: a fourth field, 'zz'"));
  CHECK_THAT(message("a\n\nb\n"), ContainsSubstring("t:2: the line is empty"));
  CHECK_THAT(message("a\n \t\nb\n"), ContainsSubstring("t:2: the line is empty"));
  CHECK_THAT(message("\r\n"), ContainsSubstring("t:1: the line is empty"));
  CHECK_THAT(message("a 1\nb\n"), ContainsSubstring("t:2: no size after the key 'b'"));
  CHECK_THAT(message("a\nb 1\n"), ContainsSubstring("t:2: a size, '1', but the lines before have none"));
  for (const std::string ttl : {"0", "0.000", "-1", "nan", "inf", "1e3", "soon", "5."}) {
    CHECK(message("a 1 1\nb 1 " + ttl) == "t:2: the TTL '" + ttl + "' is no positive number of seconds");
  }
  CHECK(message("a 1 99999999999999999999") == "t:1: the TTL '99999999999999999999' is too large");
  CHECK(message("a 1 18446744073709551") == "t:1: the TTL '18446744073709551' is too large");
}

TEST_CASE("what a message quotes is short and printable", "[replay]") {
  CHECK_THROWS_WITH(read("a \x1b[2J\n"), ContainsSubstring("'\\x1b[2J'"));
  CHECK_THROWS_WITH(read("a " + std::string(5000, 'x')), ContainsSubstring("'" + std::string(40, 'x') + "...'"));
}

TEST_CASE("an empty trace is an error", "[replay]") {
  CHECK_THROWS_WITH(read(""), ContainsSubstring("t: the trace is empty"));
  CHECK_THROWS_WITH(read_lines(""), ContainsSubstring("t: the trace is empty"));
}

TEST_CASE("input that breaks off is an error", "[replay]") {
  std::istringstream in("a\nb\n");
  in.setstate(std::ios::badbit);
  CHECK_THROWS_WITH(read_trace(in, "t", TraceFormat::fields), ContainsSubstring("cannot read t"));
}

TEST_CASE("progress counts the bytes read", "[replay]") {
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += std::to_string(i) + "\n";
  std::istringstream in(text);
  std::vector<std::uint64_t> seen;
  const Trace trace =
      read_trace(in, "t", TraceFormat::fields, {}, [&seen](std::uint64_t bytes) { seen.push_back(bytes); });
  CHECK(trace.summary.distinct_keys == 50'000);
  CHECK(seen.size() > 1);
  CHECK(seen.back() == text.size());
}

TEST_CASE("of CSV the columns called key, size and ttl are read, wherever they stand", "[replay]") {
  const Trace trace = read_csv("time,size,key,ttl\r\n1,10,a b,2\n2,5,\"x, \"\"y\"\"\",\n3,10,a b,0.5\n");
  CHECK(trace.requests == Ids{0, 1, 0});
  CHECK(trace.sizes == Sizes{10, 5});
  CHECK(trace.ttls == std::vector<std::chrono::milliseconds>{2s, 0ms, 500ms});
  CHECK(read_csv("key\na\na\n").summary.requests == 2);
  CHECK_FALSE(read_csv("key\na\n").summary.has_sizes);
  CHECK(read_csv("key\n\"\"\n").summary.distinct_keys == 1);
}

TEST_CASE("the columns of CSV may be called anything", "[replay]") {
  const std::string text = "id,bytes,size\nq,7,1\n";
  CHECK(read_csv(text, parse_columns("key=id,size=bytes")).sizes == Sizes{7});
  CHECK_FALSE(read_csv(text, parse_columns("key=id")).summary.has_sizes);
  CHECK(read_csv("a=b\nq\n", parse_columns("key=a=b")).summary.requests == 1);
}

TEST_CASE("what is no CSV, or has no such column, is named", "[replay]") {
  const auto message = [](const std::string& text, const std::optional<CsvColumns>& columns = {}) {
    return larder_tests::message_of<TraceError>([&] { read_csv(text, columns); });
  };
  CHECK_THAT(message("id,size\na,1\n"), ContainsSubstring("t:1: no column is called 'key', but they are id, size"));
  CHECK_THAT(message("key\na\n", parse_columns("key=key,size=bytes")), ContainsSubstring("is called 'bytes'"));
  CHECK_THAT(message("key,size\na,1\nb\n"), ContainsSubstring("t:3: 1 values, but there are 2 columns"));
  CHECK_THAT(message("key,size\na,1,2\n"), ContainsSubstring("t:2: 3 values"));
  CHECK_THAT(message("key\n\"a\n"), ContainsSubstring("t:2: a quote that is not closed"));
  CHECK_THAT(message("key\n\"a\"b\n"), ContainsSubstring("t:2: behind a quoted value"));
  CHECK_THAT(message("key,size\na,x\n"), ContainsSubstring("t:2: the size 'x'"));
  CHECK_THAT(message("key,size\na,1\nb,\n"), ContainsSubstring("t:3: no size after the key 'b'"));
  CHECK_THAT(message("key\n"), ContainsSubstring("t: the trace is empty"));
  for (const char* list : {"size", "name=x", "key=", "=x", "key=a,,size=b"}) {
    INFO(list);
    CHECK_THROWS_WITH(parse_columns(list), ContainsSubstring("no column"));
  }
}

TEST_CASE("oracleGeneral has an object and a size in each record", "[replay]") {
  const Trace trace = read_oracle(record(7, 10) + record(1ull << 63, 4'000'000'000u) + record(7, 99));
  CHECK(trace.requests == Ids{0, 1, 0});
  CHECK(trace.sizes == Sizes{10, 4'000'000'000});
  CHECK_FALSE(trace.summary.has_ttls);
}

TEST_CASE("oracleGeneral records lie across the blocks that are read", "[replay]") {
  std::string bytes;
  for (std::uint64_t i = 0; i < 10'000; ++i) bytes += record(i % 5'000, static_cast<std::uint32_t>(i % 5'000));
  const Trace trace = read_oracle(bytes);
  CHECK(trace.summary.requests == 10'000);
  CHECK(trace.summary.distinct_keys == 5'000);
  for (std::uint32_t i = 0; i < 10'000; ++i) REQUIRE(trace.requests[i] == i % 5'000);
}

TEST_CASE("a part of a record is an error", "[replay]") {
  CHECK_THROWS_WITH(read_oracle(record(7, 10) + "x"), ContainsSubstring("t: record 2: it breaks off after 1 of 24"));
  CHECK_THROWS_WITH(read_oracle("a 10\nb 5\n"), ContainsSubstring("no oracleGeneral trace"));
  CHECK_THROWS_WITH(read_oracle(""), ContainsSubstring("t: the trace is empty"));
}

TEST_CASE("a file's name says what it holds", "[replay]") {
  CHECK(format_of("a.trace") == TraceFormat::fields);
  CHECK(format_of("a.csv") == TraceFormat::csv);
  CHECK(format_of("a.csv.xz") == TraceFormat::csv);
  CHECK(format_of("a.oracleGeneral.zst") == TraceFormat::oracle);
  CHECK(format_of("a.oracleGeneral.bin") == TraceFormat::oracle);
  CHECK(format_of("csv") == TraceFormat::fields);
  CHECK(decompressor_of("a.trace.zst") == "zstd");
  CHECK(decompressor_of("a.gz") == "gzip");
  CHECK(decompressor_of("a.trace").empty());
}

TEST_CASE("the table of keys tells apart what a map does", "[replay]") {
  larder_tests::Random random(20240607);
  KeyTable table;
  std::unordered_map<std::string, std::uint32_t> expected;
  for (int i = 0; i < 20'000; ++i) {
    const std::string key = random.text("ab\0"s, 12);
    const auto number = static_cast<std::uint32_t>(expected.size());
    REQUIRE(table.number_of(key) == expected.try_emplace(key, number).first->second);
  }
  CHECK(table.size() == expected.size());
}
