/// \file value_size_test.cpp
#include <larder/value_size.hpp>

#include <array>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <larder/bytes.hpp>

#include "tests/support/catch.hpp"

using larder::value_size;

namespace {

struct Picture {
  std::size_t width;
  std::size_t height;
  constexpr std::size_t size_bytes() const noexcept { return width * height * 4; }
};

struct Plain {
  std::uint64_t first;
  std::uint64_t second;
};

}  // namespace

TEST_CASE("bytes and text count their length", "[value_size]") {
  CHECK(value_size(larder::Bytes("hello")) == 5);
  CHECK(value_size(larder::Bytes()) == 0);
  CHECK(value_size(std::string("hello")) == 5);
  CHECK(value_size(std::string_view("hello")) == 5);
  CHECK(value_size(std::string(5000, 'x')) == 5000);
}

TEST_CASE("a contiguous container counts its elements' bytes", "[value_size]") {
  CHECK(value_size(std::vector<std::uint32_t>(10)) == 40);
  CHECK(value_size(std::vector<std::uint32_t>()) == 0);
  CHECK(value_size(std::array<double, 4>{}) == 32);
  CHECK(value_size(std::u16string(3, u'x')) == 6);
}

TEST_CASE("a type's own size_bytes is believed", "[value_size]") {
  CHECK(value_size(Picture{10, 20}) == 800);
  CHECK(value_size(std::vector<Plain>(3)) == 3 * sizeof(Plain));
}

TEST_CASE("a smart pointer counts what it points to", "[value_size]") {
  CHECK(value_size(std::make_shared<const Plain>()) == sizeof(Plain));
  CHECK(value_size(std::make_shared<const Picture>(Picture{1, 2})) == 8);
  CHECK(value_size(std::make_shared<std::string>("four")) == 4);
  CHECK(value_size(std::make_unique<int>(1)) == sizeof(int));
  CHECK(value_size(std::shared_ptr<const Plain>()) == 0);
}

TEST_CASE("anything else counts its own size", "[value_size]") {
  CHECK(value_size(7) == sizeof(int));
  CHECK(value_size(Plain{}) == sizeof(Plain));
  CHECK(value_size(std::list<int>{1, 2, 3}) == sizeof(std::list<int>));
  CHECK(value_size(std::vector<std::string>{"a", "b"}) == sizeof(std::vector<std::string>));
  CHECK(value_size(std::shared_ptr<void>()) == sizeof(std::shared_ptr<void>));
}

TEST_CASE("a size can be computed by the compiler", "[value_size]") {
  STATIC_REQUIRE(value_size(std::string_view("abc")) == 3);
  STATIC_REQUIRE(value_size(Picture{2, 2}) == 16);
}
