/// \file metric_text_test.cpp
#include <larder/observability/detail/metric_text.hpp>

#include <string>
#include <string_view>

#include "tests/support/catch.hpp"

using namespace larder::detail;

TEST_CASE("UTF-8 is told from what is none", "[metrics]") {
  CHECK(utf8_length("a") == 1);
  CHECK(utf8_length("\xc3\xa4") == 2);
  CHECK(utf8_length("\xe2\x82\xac") == 3);
  CHECK(utf8_length("\xf0\x9f\x98\x80") == 4);
  for (const std::string_view none :
       {"", "\x80", "\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff"}) {
    CHECK(utf8_length(none) == 0);
  }
}

TEST_CASE("JSON strings of any text are well-formed", "[metrics]") {
  CHECK(json_string("a \"b\" \\ \n\x01\xc3\xa4\xff") == "\"a \\\"b\\\" \\\\ \\u000a\\u0001\xc3\xa4\xef\xbf\xbd\"");
  CHECK(json_string("") == "\"\"");
}

TEST_CASE("numbers are short and exact", "[metrics]") {
  CHECK(number_text(0) == "0");
  CHECK(number_text(12345678901.0) == "12345678901");
  CHECK(number_text(1.28e-7) == "1.28e-07");
  CHECK(number_text(0.25) == "0.25");
}
