/// \file zeroed_memory_test.cpp
#include <larder/detail/zeroed_memory.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#include <span>
#include <utility>

#include "tests/support/catch.hpp"

using larder::detail::ZeroedMemory;

namespace {

constexpr std::size_t piece = ZeroedMemory::piece;
constexpr std::size_t large = 8 * piece;

std::span<unsigned char> bytes_of(const ZeroedMemory& memory, std::size_t count) {
  return {static_cast<unsigned char*>(memory.data()), count};
}

bool all_zero(std::span<const unsigned char> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](unsigned char byte) { return byte == 0; });
}

}  // namespace

TEST_CASE("a block of any size is zeroed, writable and aligned to a cache line", "[zeroed_memory]") {
  for (const std::size_t size : {std::size_t{64}, std::size_t{4096}, piece, large - 64, large, 3 * large}) {
    CAPTURE(size);
    const ZeroedMemory memory(size);
    CHECK(reinterpret_cast<std::uintptr_t>(memory.data()) % ZeroedMemory::alignment == 0);
    const auto bytes = bytes_of(memory, size);
    CHECK(all_zero(bytes));
    std::fill(bytes.begin(), bytes.end(), static_cast<unsigned char>(0xff));
    CHECK(bytes.back() == 0xff);
  }
}

TEST_CASE("what is given back can still be read, and the rest is as it was", "[zeroed_memory]") {
  ZeroedMemory memory(large);
  const auto bytes = bytes_of(memory, large);
  std::fill(bytes.begin(), bytes.end(), static_cast<unsigned char>(7));
  memory.give_back(piece);
  CHECK(bytes[piece - 1] == 7);
  CHECK(bytes[2 * piece] == 7);
  const unsigned char inside = bytes[piece + 100];
  CHECK((inside == 0 || inside == 7));
}

TEST_CASE("a moved block goes on in its new place", "[zeroed_memory]") {
  for (const std::size_t size : {std::size_t{64}, large}) {
    ZeroedMemory from(size);
    void* const data = from.data();
    ZeroedMemory to(std::move(from));
    CHECK(to.data() == data);
    ZeroedMemory third;
    third = std::move(to);
    CHECK(third.data() == data);
    bytes_of(third, size).back() = 1;
  }
}

TEST_CASE("a block that is too large is refused", "[zeroed_memory]") {
  CHECK_THROWS_AS(ZeroedMemory(std::numeric_limits<std::size_t>::max() / 4 * 3), std::bad_alloc);
}
