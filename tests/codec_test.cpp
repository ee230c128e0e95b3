/// \file codec_test.cpp
#include <larder/codec.hpp>

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/catch.hpp"

namespace {

using larder::Bytes;
using larder::CodecFor;
using larder::DefaultCodec;
using larder::KeyCodec;

struct Point {
  std::int32_t x = 0;
  std::int32_t y = 0;
  friend bool operator==(const Point&, const Point&) = default;
};

/// A codec of a user's, which takes a view and throws.
struct ListCodec {
  std::string encode(const std::vector<int>& list) const {
    std::string text;
    for (const int each : list) text += std::to_string(each) + ",";
    return text;
  }
  std::vector<int> decode(std::string_view text) const {
    std::vector<int> list;
    for (; !text.empty(); text.remove_prefix(text.find(',') + 1)) list.push_back(std::stoi(std::string(text)));
    return list;
  }
};

static_assert(CodecFor<DefaultCodec<Bytes>, Bytes>);
static_assert(CodecFor<DefaultCodec<std::string>, std::string>);
static_assert(CodecFor<DefaultCodec<double>, double>);
static_assert(CodecFor<DefaultCodec<Point>, Point>);
static_assert(CodecFor<ListCodec, std::vector<int>>);
static_assert(!CodecFor<ListCodec, std::string>);
// Whose bytes are elsewhere.
static_assert(!larder::detail::IsPlainObject<const char*> && !larder::detail::IsPlainObject<int Point::*>);
static_assert(!larder::detail::IsPlainObject<std::string_view> && !larder::detail::IsPlainObject<std::span<int>>);
static_assert(!larder::detail::IsOwnedText<std::string_view>);

template <class Value>
std::optional<Value> there_and_back(const Value& value) {
  const DefaultCodec<Value> codec;
  const auto& encoded = codec.encode(value);
  return codec.decode(Bytes(std::string_view(encoded)));
}

TEST_CASE("DefaultCodec: texts are stored as they are", "[codec]") {
  const std::string nasty("\0\r\n\xff", 4);
  CHECK(DefaultCodec<std::string>().encode(nasty) == nasty);
  CHECK(DefaultCodec<Bytes>().encode(Bytes(nasty)) == nasty);
  CHECK(there_and_back(nasty) == nasty);
  CHECK(there_and_back(Bytes(nasty)) == Bytes(nasty));
  CHECK(there_and_back(std::string()) == std::string());
  CHECK(there_and_back(Bytes()) == Bytes());
}

TEST_CASE("DefaultCodec: Bytes are decoded without a copy", "[codec]") {
  Bytes stored("a value");
  const char* data = stored.data();
  const auto decoded = DefaultCodec<Bytes>().decode(std::move(stored));
  REQUIRE(decoded.has_value());
  CHECK(decoded->data() == data);
}

TEST_CASE("DefaultCodec: plain objects are their bytes, and nothing else is one", "[codec]") {
  CHECK(there_and_back(Point{3, -4}) == Point{3, -4});
  CHECK(there_and_back(std::numeric_limits<std::int64_t>::min()) == std::numeric_limits<std::int64_t>::min());
  CHECK(there_and_back(std::array<char, 3>{'a', '\0', 'b'}) == std::array<char, 3>{'a', '\0', 'b'});
  const DefaultCodec<std::int32_t> codec;
  CHECK(codec.encode(7).size() == 4);
  CHECK_FALSE(codec.decode("").has_value());
  CHECK_FALSE(codec.decode("123").has_value());
  CHECK_FALSE(codec.decode("12345").has_value());
}

TEST_CASE("KeyCodec: a text is itself, an integer its decimal digits", "[codec]") {
  CHECK(KeyCodec<std::string>::encode(std::string_view("user:1")) == "user:1");
  CHECK(KeyCodec<std::string>::decode("user:1") == "user:1");
  CHECK(KeyCodec<Bytes>::encode(Bytes("k")) == "k");
  CHECK(KeyCodec<int>::encode(-42) == "-42");
  CHECK(KeyCodec<int>::decode("-42") == -42);
  CHECK(KeyCodec<std::uint64_t>::decode("18446744073709551615") == std::numeric_limits<std::uint64_t>::max());
}

TEST_CASE("KeyCodec: what is no integer's own spelling is no key", "[codec]") {
  for (const char* text : {"", "x", "1x", " 1", "01", "+1", "-0", "1.0", "99999999999999999999"}) {
    INFO("text: \"" << text << "\"");
    CHECK_FALSE(KeyCodec<int>::decode(text).has_value());
  }
  CHECK_FALSE(KeyCodec<std::uint8_t>::decode("256").has_value());
  CHECK_FALSE(KeyCodec<unsigned>::decode("-1").has_value());
}

}  // namespace
