/// \file base64_test.cpp
#include <larder/backends/detail/base64.hpp>

#include <string>
#include <string_view>

#include "tests/support/catch.hpp"

namespace {

using larder::detail::base64;
using larder::detail::Base64Alphabet;
using larder::detail::from_base64;

TEST_CASE("base64: the examples of RFC 4648", "[base64]") {
  CHECK(base64("").empty());
  CHECK(base64("f") == "Zg==");
  CHECK(base64("fo") == "Zm8=");
  CHECK(base64("foo") == "Zm9v");
  CHECK(base64("foobar") == "Zm9vYmFy");
  CHECK(base64("\xfb\xff") == "+/8=");
  CHECK(base64("\xfb\xff", Base64Alphabet::url) == "-_8");
}

TEST_CASE("base64: every byte comes back, at every place", "[base64]") {
  for (std::size_t size = 0; size < 70; ++size) {
    std::string bytes;
    for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>(i * 89 + size * 31));
    const auto back = from_base64(base64(bytes));
    REQUIRE(back);
    CHECK(*back == bytes);
  }
}

TEST_CASE("base64: what is none is refused", "[base64]") {
  for (const std::string_view text : {"A", "AA", "AAA", "====", "A===", "AA=A", "AB==", "AAB=", "AA==AAAA", "AA A",
                                      "AA\n=", "-_8=", "AAAAA", "AAA\x80", "=AAA"}) {
    CAPTURE(text);
    CHECK_FALSE(from_base64(text));
  }
  CHECK_FALSE(from_base64(std::string_view("AA\0A", 4)));
}

}  // namespace
