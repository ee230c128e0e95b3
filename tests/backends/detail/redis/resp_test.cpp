/// \file resp_test.cpp
#include <larder/backends/detail/redis/resp.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "tests/support/catch.hpp"
#include "tests/support/message_of.hpp"

namespace {

using larder::ProtocolError;
using larder::detail::Reply;
using larder::detail::ReplyLimits;
using larder::detail::ReplyReader;
using larder::detail::ReplyTooLarge;
using larder_tests::contains;
using larder_tests::message_of;

/// One reply, fed `step` bytes at a time.
std::optional<Reply> read(std::string_view bytes, std::size_t step, const ReplyLimits& limits = {}) {
  ReplyReader reader(limits);
  while (!bytes.empty()) {
    reader.feed(bytes.substr(0, step));
    bytes.remove_prefix(std::min(step, bytes.size()));
    if (auto reply = reader.next()) {
      CHECK(reader.unread() == 0);
      return reply;
    }
  }
  return std::nullopt;
}

std::string refusal(std::string_view bytes, const ReplyLimits& limits = {}) {
  return message_of<ProtocolError>([&] { read(bytes, bytes.size(), limits); });
}

TEST_CASE("ReplyReader: every kind of reply, in pieces of any size", "[resp]") {
  for (const std::size_t step : std::initializer_list<std::size_t>{1, 2, 3, 7, 100}) {
    CAPTURE(step);
    CHECK(read("+OK\r\n", step)->text == "OK");
    CHECK(read("+OK\r\n", step)->is(Reply::Type::status));
    CHECK(read("-ERR no\r\n", step)->is(Reply::Type::error));
    CHECK(read(":-42\r\n", step)->integer == -42);
    CHECK(read("$-1\r\n", step)->is(Reply::Type::nil));
    CHECK(read("*-1\r\n", step)->is(Reply::Type::nil));
    CHECK(read("$0\r\n\r\n", step)->is(Reply::Type::bulk));
    CHECK(read("*0\r\n", step)->elements.empty());
    CHECK(read(std::string_view("$5\r\na\r\n\0b\r\n", 11), step)->text == std::string_view("a\r\n\0b", 5));
    const auto nested = read("*3\r\n$1\r\na\r\n*2\r\n:1\r\n$-1\r\n+OK\r\n", step);
    REQUIRE(nested.has_value());
    CHECK(nested->elements.at(0).text == "a");
    CHECK(nested->elements.at(1).elements.at(0).integer == 1);
    CHECK(nested->elements.at(1).elements.at(1).is(Reply::Type::nil));
    CHECK(nested->elements.at(2).text == "OK");
  }
}

TEST_CASE("ReplyReader: one reply after the other, and what is left is known", "[resp]") {
  ReplyReader reader(ReplyLimits{});
  reader.feed("$1\r\na\r\n$1\r\nb\r\n+");
  CHECK(reader.next()->text == "a");
  CHECK(reader.next()->text == "b");
  CHECK_FALSE(reader.next().has_value());
  CHECK(reader.unread() > 0);
}

TEST_CASE("ReplyReader: what is no reply is refused", "[resp]") {
  CHECK_FALSE(refusal("HTTP/1.1 400 Bad Request\r\n").empty());
  CHECK_FALSE(refusal("$x\r\n").empty());
  CHECK_FALSE(refusal("$-2\r\n").empty());
  CHECK_FALSE(refusal("$99999999999999999999\r\n").empty());
  CHECK_FALSE(refusal("*99999999999999999999\r\n").empty());
  CHECK_FALSE(refusal("*-7\r\n").empty());
  CHECK(contains(refusal("$2\r\nabc\r\n"), "longer than it says"));
}

TEST_CASE("ReplyReader: a length is refused when it is announced, before there is memory for it", "[resp]") {
  const ReplyLimits limits{.bytes = 1000, .elements = 10, .line = 100};
  CHECK(message_of<ReplyTooLarge>([&] { read("$1001\r\n", 1, limits); }) != "");
  CHECK(contains(refusal("*11\r\n", limits), "elements"));
  CHECK(contains(refusal("*1000000000\r\n", limits), "elements"));
  // Of all arrays together.
  CHECK(contains(refusal("*6\r\n*6\r\n", limits), "elements"));
}

TEST_CASE("ReplyReader: a line that does not end is refused", "[resp]") {
  const ReplyLimits limits{.bytes = 1000, .elements = 10, .line = 100};
  CHECK(contains(refusal("+" + std::string(200, 'a'), limits), "does not end"));
  CHECK(contains(refusal(":" + std::string(200, '1'), limits), "does not end"));
  CHECK(contains(refusal("$" + std::string(200, '1'), limits), "does not end"));
}

TEST_CASE("ReplyReader: a reply of many small parts is limited, too", "[resp]") {
  const ReplyLimits limits{.bytes = 100, .elements = 1000, .line = 100};
  std::string parts = "*20\r\n";
  for (int i = 0; i < 20; ++i) parts += "$4\r\nabcd\r\n";
  for (const std::size_t step : {std::size_t{1}, std::size_t{50}, parts.size()}) {
    CAPTURE(step);
    CHECK(message_of<ReplyTooLarge>([&] { read(parts, step, limits); }) != "");
  }
  // The limit is one reply's, not the connection's.
  ReplyReader reader(limits);
  for (int i = 0; i < 50; ++i) {
    reader.feed("$4\r\nabcd\r\n");
    CHECK(reader.next()->text == "abcd");
  }
}

TEST_CASE("ReplyReader: nesting is limited", "[resp]") {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "*1\r\n";
  CHECK_FALSE(refusal(deep).empty());
}

}  // namespace
