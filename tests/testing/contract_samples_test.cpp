#include <larder/testing/contract_samples.hpp>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include <larder/bytes.hpp>

#include "tests/support/catch.hpp"

using larder::testing::SampleOf;

TEST_CASE("a text becomes a string or bytes, and the same text again") {
  using namespace std::string_literals;
  for (const std::string& text : {""s, "a\0b"s, "v"s}) {
    CHECK(SampleOf<std::string>::standard().make(text) == text);
    const auto bytes = SampleOf<larder::Bytes>::standard();
    CHECK(bytes.text(bytes.make(text)) == text);
  }
}

TEST_CASE("different texts become different integers, each the text that it was made from") {
  const auto sample = SampleOf<int>::standard();
  CHECK(sample.make("a") == sample.make("a"));
  CHECK(sample.make("a") != sample.make("b"));
  CHECK(sample.text(sample.make("b")) == "b");
  CHECK(sample.text(-1).starts_with("(unknown"));
}

TEST_CASE("an integer type with too few values says so") {
  const auto sample = SampleOf<std::int8_t>::standard();
  for (int i = 0; i < 128; ++i) sample.make(std::to_string(i));
  CHECK_THROWS_AS(sample.make("one more"), std::overflow_error);
}

TEST_CASE("other types have no standard samples") {
  CHECK_FALSE(SampleOf<std::vector<int>>::standard().make);
  CHECK_FALSE(SampleOf<bool>::standard().make);
}
