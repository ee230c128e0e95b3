/// \file equal_texts_test.cpp
#include <larder/detail/equal_texts.hpp>

#include <cstddef>
#include <string>
#include <string_view>

#include "tests/support/catch.hpp"

using larder::detail::equal_texts;

TEST_CASE("texts of every length equal their copies", "[equal_texts]") {
  for (std::size_t length = 0; length <= 200; ++length) {
    std::string text(length, '\0');
    for (std::size_t i = 0; i < length; ++i) text[i] = static_cast<char>(i * 37 + length);
    // A copy with another alignment, and with other bytes around it.
    const std::string around = "x" + text + "y";
    CAPTURE(length);
    CHECK(equal_texts(text, std::string_view(around).substr(1, length)));
  }
}

TEST_CASE("texts that differ in one bit anywhere are not equal", "[equal_texts]") {
  for (std::size_t length = 1; length <= 100; ++length) {
    const std::string text(length, 'a');
    bool told_apart = true;
    for (std::size_t at = 0; at < length; ++at) {
      for (const int bit : {1, 0x80}) {
        std::string other = text;
        other[at] = static_cast<char>(other[at] ^ bit);
        told_apart = told_apart && !equal_texts(text, other);
      }
    }
    CAPTURE(length);
    CHECK(told_apart);
  }
}

TEST_CASE("texts of different lengths are not equal", "[equal_texts]") {
  const std::string text(100, '\0');
  for (std::size_t length = 0; length < 100; ++length) {
    CAPTURE(length);
    CHECK_FALSE(equal_texts(text, std::string_view(text).substr(0, length)));
    CHECK_FALSE(equal_texts(std::string_view(text).substr(0, length), text));
  }
  CHECK(equal_texts({}, ""));
}
