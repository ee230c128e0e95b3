/// \file trace_test.cpp
/// Reading a trace: what a line says, and what is said of a line that makes no sense.
#include "benchmarks/hit_ratio/trace.hpp"

#include <chrono>
#include <cstdint>
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

Trace read(const std::string& text, LineFormat format = LineFormat::fields) {
  std::istringstream in(text);
  return read_trace(in, "t", format);
}

Trace read_lines(const std::string& text) { return read(text, LineFormat::whole_lines); }

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
  CHECK_THROWS_WITH(read_trace(in, "t", LineFormat::fields), ContainsSubstring("cannot read t"));
}

TEST_CASE("progress counts the bytes read", "[replay]") {
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += std::to_string(i) + "\n";
  std::istringstream in(text);
  std::vector<std::uint64_t> seen;
  const Trace trace = read_trace(in, "t", LineFormat::fields, [&seen](std::uint64_t bytes) { seen.push_back(bytes); });
  CHECK(trace.summary.distinct_keys == 50'000);
  CHECK(seen.size() > 1);
  CHECK(seen.back() == text.size());
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
