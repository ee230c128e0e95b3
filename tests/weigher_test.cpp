/// \file weigher_test.cpp
#include <larder/weigher.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#if __has_include(<malloc.h>)
#include <malloc.h>
#endif

#include <larder/in_memory_backend.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/environment.hpp"

using larder::Bytes;
using larder::EntryFootprint;
using larder::Metadata;
using larder::ValueSize;
using namespace std::chrono_literals;

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

#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)

namespace {

/// What malloc has handed out and not got back.
std::size_t heap_in_use() {
  const auto info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

template <class Key, class Value>
struct Weighed : larder::InMemoryTraits<Key, Value> {
  using Weigher = EntryFootprint;
};

/// The sum of the footprints in a cache of 20,000 entries, as a multiple of what malloc says that it takes.
template <class Key, class Value, class Make>
double footprint_by_heap(Make&& make, larder::Ttl ttl = {}, const Metadata& metadata = {}) {
  constexpr std::size_t entries = 20000;
  larder::InMemoryBackend<Key, Value, Weighed<Key, Value>> cache({.max_size_bytes = std::size_t{1} << 30});
  std::size_t sum = 0;
  const std::size_t before = heap_in_use();
  for (std::size_t i = 0; i < entries; ++i) {
    std::pair<Key, Value> entry = make(i);
    sum += EntryFootprint()(larder::KeyView<Key>(entry.first), entry.second, metadata, ttl.has_value());
    cache.set(entry.first, std::move(entry.second), ttl, metadata);
  }
  const std::size_t taken = heap_in_use() - before;
  return static_cast<double>(sum) / static_cast<double>(taken);
}

template <class Value, class Make>
double footprint_under_text_keys(Make&& make_value, larder::Ttl ttl = {}, const Metadata& metadata = {}) {
  return footprint_by_heap<std::string, Value>(
      [&](std::size_t i) { return std::pair<std::string, Value>("user:" + std::to_string(i), make_value(i)); }, ttl,
      metadata);
}

auto bytes_of(std::size_t size) {
  return [size](std::size_t) { return Bytes(std::string(size, 'v')); };
}

/// Fails unless the footprint is within -10 % and +35 % of the truth.
void check_close(double ratio) {
  // Sanitizers' malloc rounds in another way, and with 32 bits pointers are shorter than what is charged for them.
  if (larder_tests::sanitized || sizeof(void*) < 8) return;
  CHECK(ratio > 0.90);
  CHECK(ratio < 1.35);
}

}  // namespace

TEST_CASE("the footprint of Bytes is close to what malloc says", "[weigher][heap]") {
  const std::size_t size = GENERATE(0u, 1u, 20u, 100u, 1000u, 1024u, 1025u, 3000u);
  CAPTURE(size);
  check_close(footprint_under_text_keys<Bytes>(bytes_of(size)));
}

TEST_CASE("the footprint of Bytes of mixed sizes is close to what malloc says", "[weigher][heap]") {
  check_close(footprint_under_text_keys<Bytes>([](std::size_t i) { return Bytes(std::string(i % 2000, 'v')); }));
}

TEST_CASE("the footprint of entries that expire is close to what malloc says", "[weigher][heap]") {
  const std::size_t size = GENERATE(20u, 1000u, 3000u);
  CAPTURE(size);
  check_close(footprint_under_text_keys<Bytes>(bytes_of(size), 1h));
}

TEST_CASE("the footprint of entries with metadata is close to what malloc says", "[weigher][heap]") {
  const Metadata metadata = {{"endpoint", "/users/profile"}, {"a name that needs the heap", std::string(100, 't')}};
  const std::size_t size = GENERATE(20u, 1000u, 3000u);
  CAPTURE(size);
  check_close(footprint_under_text_keys<Bytes>(bytes_of(size), {}, metadata));
  check_close(footprint_under_text_keys<Bytes>(bytes_of(size), 1h, metadata));
}

TEST_CASE("the footprint of plain keys and values is close to what malloc says", "[weigher][heap]") {
  check_close(footprint_by_heap<std::uint64_t, std::uint64_t>([](std::size_t i) { return std::pair(i, i); }));
  check_close(footprint_by_heap<std::uint64_t, std::uint64_t>([](std::size_t i) { return std::pair(i, i); }, 1h));
}

TEST_CASE("the footprint of Bytes under plain keys is close to what malloc says", "[weigher][heap]") {
  check_close(footprint_by_heap<std::uint64_t, Bytes>(
      [](std::size_t i) { return std::pair<std::uint64_t, Bytes>(i, std::string(50, 'v')); }));
}

TEST_CASE("the footprint of strings is close to what malloc says", "[weigher][heap]") {
  const std::size_t size = GENERATE(5u, 50u, 500u);
  CAPTURE(size);
  check_close(footprint_under_text_keys<std::string>([size](std::size_t) { return std::string(size, 'v'); }));
}

TEST_CASE("the footprint of vectors is close to what malloc says", "[weigher][heap]") {
  check_close(footprint_under_text_keys<std::vector<std::uint32_t>>(
      [](std::size_t i) { return std::vector<std::uint32_t>(i % 100); }));
}

TEST_CASE("the footprint of shared objects is close to what malloc says", "[weigher][heap]") {
  struct Session {
    char bytes[200];
  };
  using Shared = std::shared_ptr<const Session>;
  check_close(footprint_under_text_keys<Shared>([](std::size_t) { return std::make_shared<const Session>(); }));
}

TEST_CASE("the footprint of shared strings is close to what malloc says", "[weigher][heap]") {
  using Shared = std::shared_ptr<const std::string>;
  check_close(
      footprint_under_text_keys<Shared>([](std::size_t) { return std::make_shared<const std::string>(100, 'v'); }));
}

TEST_CASE("the footprint of keys that convert to a view, but are no strings, is close to what malloc says",
          "[weigher][heap]") {
  check_close(footprint_by_heap<Bytes, Bytes>(
      [](std::size_t i) { return std::pair<Bytes, Bytes>("user:" + std::to_string(i), std::string(20, 'v')); }));
}

#endif
