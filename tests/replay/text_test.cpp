/// \file text_test.cpp
/// Numbers and text of unknown origin.
#include "benchmarks/hit_ratio/text.hpp"

#include <limits>
#include <string>
#include <string_view>
#include <system_error>

#include "tests/support/catch.hpp"

using namespace larder::replay;
using namespace std::string_literals;

namespace {

/// "125" for what is exact, "125+" for what was rounded down to that, else "malformed" or "too large".
std::string decimal(std::string_view text, std::size_t places) {
  Decimal number;
  const std::errc error = parse_decimal(text, places, number);
  if (error == std::errc::invalid_argument) return "malformed";
  if (error == std::errc::result_out_of_range) return "too large";
  return std::to_string(number.steps) + (number.exact ? "" : "+");
}

}  // namespace

TEST_CASE("a whole number is digits and nothing else", "[replay]") {
  std::uint64_t number = 0;
  CHECK(parse_whole("0", number) == std::errc());
  CHECK(parse_whole("18446744073709551615", number) == std::errc());
  CHECK(number == std::numeric_limits<std::uint64_t>::max());
  CHECK(parse_whole("18446744073709551616", number) == std::errc::result_out_of_range);
  for (const char* text : {"", " 1", "1 ", "+1", "-1", "1.0", "0x1", "1e3", "99999999999999999999x"}) {
    INFO(text);
    CHECK(parse_whole(text, number) == std::errc::invalid_argument);
  }
}

TEST_CASE("a decimal number comes in steps, and says whether it was rounded", "[replay]") {
  CHECK(decimal("1", 3) == "1000");
  CHECK(decimal("0.25", 3) == "250");
  CHECK(decimal("12.3456", 3) == "12345+");
  CHECK(decimal("12.3450000", 3) == "12345");
  CHECK(decimal("0.0001", 3) == "0+");
  CHECK(decimal("007.5", 1) == "75");
  CHECK(decimal("99999999999999999999", 3) == "too large");
  for (const char* text : {"", ".", ".5", "5.", "1.2.3", "-1", "+1", "1e3", "inf", "nan", "1,5", "1. 5"}) {
    INFO(text);
    CHECK(decimal(text, 3) == "malformed");
  }
}

TEST_CASE("numbers are written for people", "[replay]") {
  CHECK(grouped(0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(1000) == "1,000");
  CHECK(grouped(1234567) == "1,234,567");
  CHECK(grouped(std::numeric_limits<std::uint64_t>::max()) == "18,446,744,073,709,551,615");
  CHECK(significant(0.1) == "0.1");
  CHECK(significant(12.345) == "12.3");
  CHECK(significant(100) == "100");
  CHECK(significant(166666.7) == "166667");
  CHECK(binary_size(0) == "0 B");
  CHECK(binary_size(999) == "999 B");
  CHECK(binary_size(1000) == "0.98 KiB");
  CHECK(binary_size(1536) == "1.50 KiB");
  CHECK(binary_size(20 << 20) == "20.0 MiB");
  CHECK(binary_size(std::uint64_t{512} << 30) == "512 GiB");
  CHECK(binary_size(std::numeric_limits<std::uint64_t>::max()) == "16.0 EiB");
}

TEST_CASE("plain text shows what a terminal must not be sent", "[replay]") {
  CHECK(plain_text("a b") == "a b");
  CHECK(plain_text("\x1b[31m\t\n\x7f") == "\\x1b[31m\\x09\\x0a\\x7f");
  CHECK(plain_text("a\0b"s) == "a\\x00b");
  CHECK(plain_text("gr\xc3\xb6\xc3\x9f\xe2\x82\xac\xf0\x9f\x98\x80") ==
        "gr\xc3\xb6\xc3\x9f\xe2\x82\xac\xf0\x9f\x98\x80");
  CHECK(plain_text("\xff\xc3") == "\\xff\\xc3");
  CHECK(plain_text("\xc2\x9b") == "\\xc2\\x9b");                    // a control character above ASCII
  CHECK(plain_text("\xc0\xaf") == "\\xc0\\xaf");                    // too long a spelling of '/'
  CHECK(plain_text("\xed\xa0\x80") == "\\xed\\xa0\\x80");           // a surrogate
  CHECK(plain_text("\xef\xbf\xbf") == "\\xef\\xbf\\xbf");           // no character, and XML refuses it
  CHECK(plain_text("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");  // beyond Unicode
  CHECK(plain_text("\xe2\x82") == "\\xe2\\x82");                    // broken off
}

TEST_CASE("long text is cut between characters", "[replay]") {
  CHECK(plain_text("12345", 5) == "12345");
  CHECK(plain_text("123456", 5) == "12345...");
  CHECK(plain_text("1234\xc3\xb6"
                   "56",
                   5) == "1234\xc3\xb6...");
}

TEST_CASE("JSON strings are escaped", "[replay]") {
  CHECK(json_text("plain /") == "\"plain /\"");
  CHECK(json_text("\"\\\n\x01") == "\"\\\"\\\\\\u000a\\u0001\"");
  CHECK(json_text("\0"s) == "\"\\u0000\"");
  CHECK(json_text("\xc3\xb6\xff") == "\"\xc3\xb6\\ufffd\"");
}
