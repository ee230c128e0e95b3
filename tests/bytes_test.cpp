/// \file bytes_test.cpp
#include <larder/bytes.hpp>

#include <array>
#include <compare>
#include <concepts>
#include <cstddef>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/message_of.hpp"

using larder::Bytes;
using namespace std::string_view_literals;

static_assert(std::is_nothrow_default_constructible_v<Bytes>);
static_assert(std::is_nothrow_copy_constructible_v<Bytes> && std::is_nothrow_copy_assignable_v<Bytes>);
static_assert(std::is_nothrow_move_constructible_v<Bytes> && std::is_nothrow_move_assignable_v<Bytes>);
static_assert(std::convertible_to<Bytes, std::string_view>);
static_assert(std::convertible_to<Bytes, std::span<const std::byte>>);
static_assert(std::convertible_to<std::string, Bytes> && std::convertible_to<const char*, Bytes>);
static_assert(!std::convertible_to<int, Bytes>);
static_assert(std::three_way_comparable<Bytes, std::strong_ordering>);

TEST_CASE("a default Bytes is empty and usable", "[bytes]") {
  const Bytes bytes;
  CHECK(bytes.empty());
  CHECK(bytes.size() == 0);
  CHECK(bytes.data() != nullptr);
  CHECK(bytes.begin() == bytes.end());
  CHECK(bytes == "");
  CHECK(bytes.str().empty());
  CHECK(bytes.bytes().empty());
  CHECK(Bytes(bytes) == bytes);
}

TEST_CASE("a Bytes is made from anything that is text or bytes", "[bytes]") {
  const std::string text = "text";
  const std::vector<std::byte> vector = {std::byte{'v'}, std::byte{0}, std::byte{0xff}};
  const std::array<std::byte, 2> array = {std::byte{1}, std::byte{2}};
  CHECK(Bytes("literal") == "literal");
  CHECK(Bytes(text) == text);
  CHECK(Bytes("view"sv) == "view");
  CHECK(Bytes(text.c_str()) == "text");
  CHECK(Bytes(vector) == "v\0\xff"sv);
  CHECK(Bytes(array) == "\1\2");
  CHECK(Bytes(std::span<const std::byte>(vector).first(1)) == "v");
  CHECK(Bytes(text.data(), 2) == "te");
  CHECK(Bytes(""sv).empty());
  CHECK(Bytes(nullptr, 0).empty());
}

TEST_CASE("a Bytes copies what it is made from", "[bytes]") {
  std::string text = "before";
  const Bytes bytes = text;
  text = "after!";
  CHECK(bytes == "before");
}

TEST_CASE("a Bytes keeps every byte, NUL and high ones included", "[bytes]") {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
  const Bytes bytes = all;
  REQUIRE(bytes.size() == 256);
  CHECK(bytes.str() == all);
  CHECK(bytes[0] == '\0');
  CHECK(bytes[255] == '\xff');
  CHECK(std::string(bytes.begin(), bytes.end()) == all);
  CHECK(std::to_integer<int>(bytes.bytes()[200]) == 200);
}

TEST_CASE("copying a Bytes shares the payload", "[bytes]") {
  const Bytes original = "a payload that is shared";
  const Bytes copy = original;
  Bytes assigned = "something else";
  assigned = original;
  CHECK((copy.data() == original.data()));
  CHECK((assigned.data() == original.data()));
  CHECK(copy == original);
}

TEST_CASE("a copy of a Bytes outlives the original", "[bytes]") {
  Bytes copy;
  std::string_view view;
  {
    const Bytes original = "here to stay";
    copy = original;
    view = original;
  }
  CHECK(copy == "here to stay");
  CHECK(view == "here to stay");
}

TEST_CASE("moving a Bytes leaves an empty one", "[bytes]") {
  Bytes from = "moved";
  Bytes to = std::move(from);
  CHECK(to == "moved");
  CHECK(from.empty());  // NOLINT(bugprone-use-after-move): that it is empty is promised
  CHECK((from.data() != to.data()));
  CHECK(from.data() != nullptr);
  from = "again";
  CHECK(from == "again");
  to = std::move(from);
  CHECK(to == "again");
}

TEST_CASE("a Bytes may be assigned to itself", "[bytes]") {
  Bytes bytes = "itself";
  Bytes& same = bytes;
  bytes = same;
  CHECK(bytes == "itself");
  bytes = std::move(same);
  CHECK(bytes == "itself");
}

TEST_CASE("two Bytes can be swapped", "[bytes]") {
  Bytes left = "left";
  Bytes right;
  left.swap(right);
  CHECK(left.empty());
  CHECK(right == "left");
  swap(left, right);
  CHECK(left == "left");
  CHECK(right.empty());
}

TEST_CASE("substr is a window into the same memory and keeps it alive", "[bytes]") {
  Bytes part;
  const char* where = nullptr;
  {
    const Bytes whole = "key=value";
    where = whole.data();
    part = whole.substr(4, 3);
  }
  CHECK(part == "val");
  CHECK((part.data() == where + 4));
  CHECK(part.substr(1) == "al");
  CHECK(part.substr(1, 100) == "al");
  CHECK(part.substr(3).empty());
  CHECK(part.substr(0, 0).empty());
}

TEST_CASE("substr refuses a position beyond the end, naming both numbers", "[bytes]") {
  const Bytes bytes = "abc";
  const auto message = larder_tests::message_of<larder::InvalidArgumentError>([&] { (void)bytes.substr(7); });
  CHECK(larder_tests::contains(message, "7"));
  CHECK(larder_tests::contains(message, "3"));
  CHECK(bytes == "abc");
}

TEST_CASE("Bytes compare as unsigned bytes, with each other and with text", "[bytes]") {
  CHECK(Bytes("a") == Bytes("a"));
  CHECK(Bytes("a") != Bytes("b"));
  CHECK(Bytes("a") < Bytes("b"));
  CHECK(Bytes("ab") > Bytes("a"));
  CHECK(Bytes("\x80") > Bytes("\x7f"));
  CHECK(Bytes("a\0b"sv) != Bytes("a"));
  CHECK(Bytes("a") == "a");
  CHECK("a" == Bytes("a"));
  CHECK(std::string("a") == Bytes("a"));
  CHECK(Bytes("a") < "b"sv);
  CHECK("b"sv > Bytes("a"));
}

TEST_CASE("equal Bytes hash alike, and like their text", "[bytes]") {
  CHECK(std::hash<Bytes>()(Bytes("same")) == std::hash<Bytes>()(Bytes(std::string("same"))));
  CHECK(std::hash<Bytes>()(Bytes("same")) == std::hash<std::string_view>()("same"));
  const std::unordered_set<Bytes> set = {"a", "b", "a"};
  CHECK(set.size() == 2);
  CHECK(set.count(Bytes("b")) == 1);
}

TEST_CASE("a Bytes prints its bytes", "[bytes]") {
  std::ostringstream out;
  out << Bytes("a\0b"sv) << Bytes() << Bytes("c");
  CHECK(out.str() == "a\0bc"sv);
}

TEST_CASE("generate lets the caller write the bytes in place", "[bytes]") {
  const Bytes bytes = Bytes::generate(3, [](char* to) {
    for (int i = 0; i < 3; ++i) to[i] = static_cast<char>('x' + i);
  });
  CHECK(bytes == "xyz");

  bool called = false;
  CHECK(Bytes::generate(0, [&called](char*) { called = true; }).empty());
  CHECK_FALSE(called);
}

TEST_CASE("generate passes on what the filling function throws", "[bytes]") {
  const auto refuse = [](char*) { throw std::runtime_error("refused"); };
  CHECK_THROWS_AS(Bytes::generate(8, refuse), std::runtime_error);
}

TEST_CASE("generate refuses a size that no memory can hold", "[bytes]") {
  CHECK_THROWS_AS(Bytes::generate(SIZE_MAX, [](char*) {}), std::bad_alloc);
}

TEST_CASE("one payload may be shared, read and dropped by several threads", "[bytes][threads]") {
  constexpr int rounds = 2000;
  const Bytes shared = std::string(100, 's');
  std::array<int, 3> wrong{};
  std::vector<std::thread> threads;
  for (int& mine : wrong) {
    threads.emplace_back([&mine, copy = shared] {
      for (int i = 0; i < rounds; ++i) {
        const Bytes part = Bytes(copy).substr(1, 50);
        mine += part.view() == std::string_view(copy).substr(1, 50) ? 0 : 1;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == std::array<int, 3>{});
  CHECK(shared == std::string(100, 's'));
}
