/// \file chunked_array_test.cpp
#include <larder/detail/chunked_array.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "tests/support/catch.hpp"

using larder::detail::ChunkedArray;

using Numbers = ChunkedArray<std::uint32_t>;

static_assert(!std::is_copy_constructible_v<Numbers> && !std::is_copy_assignable_v<Numbers>);

namespace {

/// An array with the number `first + i` at each index i below `count`.
struct Filled {
  Numbers numbers;

  Filled(std::size_t count, std::uint32_t first) {
    numbers.reserve(count);
    for (std::size_t i = 0; i < count; ++i) numbers[i] = first + static_cast<std::uint32_t>(i);
  }

  bool holds(std::size_t count, std::uint32_t first) const {
    for (std::size_t i = 0; i < count; ++i) {
      if (numbers[i] != first + static_cast<std::uint32_t>(i)) return false;
    }
    return true;
  }
};

}  // namespace

TEST_CASE("a new array has no room", "[chunked_array]") {
  const Numbers numbers;
  CHECK(numbers.capacity() == 0);
}

TEST_CASE("reserve makes room for so many elements, and for less than a chunk more", "[chunked_array]") {
  for (const std::size_t count : {1u, 2u, 1023u, 1024u, 1025u, 2048u, 2049u, 100000u}) {
    CAPTURE(count);
    Numbers numbers;
    numbers.reserve(count);
    CHECK(numbers.capacity() >= count);
    CHECK(numbers.capacity() < count + 1024);
  }
}

TEST_CASE("reserve does nothing where there is room", "[chunked_array]") {
  Filled f(1500, 7);
  const std::size_t capacity = f.numbers.capacity();
  f.numbers.reserve(0);
  f.numbers.reserve(1500);
  f.numbers.reserve(capacity);
  CHECK(f.numbers.capacity() == capacity);
  CHECK(f.holds(1500, 7));
}

TEST_CASE("elements keep their values and their places while the array grows", "[chunked_array]") {
  Numbers numbers;
  std::vector<const std::uint32_t*> places;
  for (std::uint32_t i = 0; i < 5000; ++i) {
    numbers.reserve(i + 1);
    numbers[i] = i * 3;
    places.push_back(&numbers[i]);
  }
  numbers.reserve(200000);
  std::size_t wrong = 0;
  for (std::uint32_t i = 0; i < 5000; ++i) wrong += places[i] == &numbers[i] && numbers[i] == i * 3 ? 0 : 1;
  CHECK(wrong == 0);
}

TEST_CASE("the elements of a chunk lie side by side", "[chunked_array]") {
  Filled f(2048, 0);
  CHECK(&f.numbers[1023] - &f.numbers[0] == 1023);
  CHECK(&f.numbers[2047] - &f.numbers[1024] == 1023);
}

TEST_CASE("a cleared array has no room, and can be filled again", "[chunked_array]") {
  Filled f(3000, 1);
  f.numbers.clear();
  CHECK(f.numbers.capacity() == 0);
  f.numbers.reserve(1);
  f.numbers[0] = 5;
  CHECK(f.numbers[0] == 5);
  CHECK(f.numbers.capacity() == 1024);
}

TEST_CASE("swap exchanges all elements", "[chunked_array]") {
  Filled left(3000, 10);
  Filled right(500, 20);
  Filled none(0, 0);
  left.numbers.swap(right.numbers);
  CHECK(left.holds(500, 20));
  CHECK(right.holds(3000, 10));
  right.numbers.swap(none.numbers);
  CHECK(none.holds(3000, 10));
  CHECK(right.numbers.capacity() == 0);
}
