/// \file weigher_test.cpp
#include <larder/weigher.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <larder/in_memory_backend.hpp>

#include "tests/support/catch.hpp"

using larder::Bytes;
using larder::EntryFootprint;
using larder::Metadata;
using larder::ValueSize;

namespace {

/// What is charged for the entry itself, without what malloc cannot use around it.
template <class Key, class Value>
std::size_t footprint(const Key& key, const Value& value, const Metadata& metadata = {}, bool expires = false) {
  const std::size_t weight = EntryFootprint()(key, value, metadata, expires);
  return weight - weight / (EntryFootprint::fragmentation + 1);
}

/// A value that says how large it is, itself included.
struct Picture {
  std::shared_ptr<char[]> pixels;
  std::size_t pixel_count;
  std::size_t size_bytes() const noexcept { return sizeof(Picture) + pixel_count; }
};

}  // namespace

TEST_CASE("ValueSize counts the value alone", "[weigher]") {
  const ValueSize weigh;
  CHECK(weigh("a long, long key", Bytes("12345")) == 5);
  CHECK(weigh(7, std::string("1234")) == 4);
  CHECK(weigh(7, std::vector<std::uint32_t>(3)) == 12);
  CHECK(weigh(std::string("key"), std::make_shared<const std::string>("123")) == 3);
  CHECK(weigh(7, 1.5) == sizeof(double));
  CHECK(weigh(7, Bytes()) == 0);
}

TEST_CASE("malloc's blocks are at least 32 bytes and grow in steps of sixteen", "[weigher]") {
  using larder::detail::heap_block;
  STATIC_REQUIRE(heap_block(0) == 32);
  STATIC_REQUIRE(heap_block(24) == 32);
  STATIC_REQUIRE(heap_block(25) == 48);
  STATIC_REQUIRE(heap_block(40) == 48);
  STATIC_REQUIRE(heap_block(41) == 64);
  STATIC_REQUIRE(heap_block(1000) == 1008);
}

TEST_CASE("EntryFootprint charges what policies remember, and what malloc cannot use between its blocks", "[weigher]") {
  CHECK(EntryFootprint()(std::string("key"), Bytes(std::string(100'000, 'v')), {}, false) >= 106'250);
  // A node of 24 bytes for key and value and what stands before them, in a block of malloc's; index and order; 8 more.
  CHECK(footprint(1, 2) >= 32 + 26 + 8);
}

TEST_CASE("EntryFootprint grows with the value by what malloc takes for it", "[weigher]") {
  const std::string key = "key";
  for (const std::size_t size : {0u, 10u, 100u, 1000u, 1025u, 5000u, 100000u}) {
    CAPTURE(size);
    const std::size_t weight = footprint(key, Bytes(std::string(size, 'v')));
    CHECK(weight >= size + 40);
    CHECK(weight <= size + 160);
  }
}

TEST_CASE("EntryFootprint charges plain keys and values for their own size only", "[weigher]") {
  struct Large {
    char bytes[400];
  };
  CHECK(footprint(1, 2) < 100);
  CHECK(footprint(1, Large()) >= footprint(1, 2) + 384);
  CHECK(footprint(1, Large()) <= footprint(1, 2) + 416);
}

TEST_CASE("EntryFootprint charges a string's capacity, and nothing for what it keeps inside itself", "[weigher]") {
  std::string text = "short";
  const std::size_t weight_of_short = footprint(1, text);
  CHECK(footprint(1, std::string()) == weight_of_short);
  text.reserve(1000);
  CHECK(footprint(1, text) >= weight_of_short + 1000);
}

TEST_CASE("EntryFootprint charges a container's elements", "[weigher]") {
  CHECK(footprint(1, std::vector<std::uint64_t>(100)) >= footprint(1, std::vector<std::uint64_t>()) + 800);
  CHECK(footprint(std::vector<std::uint64_t>(100), 1) >= footprint(std::vector<std::uint64_t>(), 1) + 800);
}

TEST_CASE("EntryFootprint charges what a shared_ptr points to", "[weigher]") {
  struct Large {
    char bytes[400];
  };
  const std::size_t of_null = footprint(1, std::shared_ptr<const Large>());
  CHECK(footprint(1, std::make_shared<const Large>()) >= of_null + 400);
  CHECK(of_null < 120);
}

TEST_CASE("EntryFootprint believes a size_bytes of one's own, which counts the object itself", "[weigher]") {
  const std::size_t of_none = footprint(1, Picture{nullptr, 0});
  CHECK(footprint(1, Picture{nullptr, 1000}) >= of_none + 1000);
  CHECK(footprint(1, Picture{nullptr, 1000}) <= of_none + 1024);
}

TEST_CASE("EntryFootprint charges each name and text of the metadata", "[weigher]") {
  const std::string long_text(1000, 't');
  const std::size_t none = footprint(1, 1);
  const std::size_t one = footprint(1, 1, {{"a", "1"}});
  const std::size_t two = footprint(1, 1, {{"a", "1"}, {"b", "2"}});
  CHECK(one > none + 64 + (two - one) / 2);                         // the map itself, besides its first node
  CHECK(two >= one + 2 * sizeof(std::string) + 4 * sizeof(void*));  // a node of the map
  CHECK(footprint(1, 1, {{"a", long_text}}) >= one + 1000);
  CHECK(footprint(1, 1, {{long_text, "1"}}) >= one + 1000);
}

TEST_CASE("EntryFootprint charges a deadline", "[weigher]") {
  CHECK(footprint(1, 1, {}, true) >= footprint(1, 1, {}, false) + 16);
  CHECK(footprint(std::string("key"), Bytes("value"), {}, true) > footprint(std::string("key"), Bytes("value")));
}

TEST_CASE("EntryFootprint takes a view of a key for the string that is stored", "[weigher]") {
  const std::string key(100, 'k');
  CHECK(footprint(std::string_view(key), Bytes("value")) == footprint(key, Bytes("value")));
}
