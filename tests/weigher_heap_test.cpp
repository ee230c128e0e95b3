/// \file weigher_heap_test.cpp
/// What EntryFootprint charges, beside what malloc says: glibc's, since sanitizers' malloc rounds in another way.
#include <larder/weigher.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#if __has_include(<malloc.h>)
#include <malloc.h>
#endif

#include <larder/in_memory_backend.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/environment.hpp"

#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33) && !defined(LARDER_TESTS_SANITIZED)

using larder::Bytes;
using larder::EntryFootprint;
using larder::Metadata;
using namespace std::chrono_literals;

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
  // With 32 bits pointers are shorter than what is charged for them.
  if (sizeof(void*) < 8) return;
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
