/// \file allocation_count_test.cpp
/// What allocates nothing.
#include <larder/in_memory_backend.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "tests/allocation/allocation_hooks.hpp"
#include "tests/support/catch.hpp"

using larder::Bytes;
using larder_tests::allocations_of;
using namespace std::chrono_literals;

namespace {

// Longer than what a std::string keeps inside itself, so that a temporary one would be seen.
constexpr const char* inside_key = "a key that is longer than a small string";
constexpr const char* shared_key = "another key that is longer than a small string";
constexpr const char* missing_key = "a key that is longer than a small string, and missing";

struct Filled {
  larder::InMemoryBackend<> cache;

  Filled() {
    cache.set(inside_key, "a short value", 1h, {{"name", "text"}});
    cache.set(shared_key, std::string(5000, 's'));
  }
};

void check_lookups_allocate_nothing(auto& cache) {
  CHECK(allocations_of([&] { return cache.get(inside_key); }) == 0);
  CHECK(allocations_of([&] { return cache.get(shared_key); }) == 0);
  CHECK(allocations_of([&] { return cache.get(missing_key); }) == 0);
  CHECK(allocations_of([&] { return cache.exists(inside_key); }) == 0);
  CHECK(allocations_of([&] { return cache.exists(missing_key); }) == 0);
  CHECK(allocations_of([&] { return cache.stats(); }) == 0);
  CHECK(allocations_of([&] { return cache.erase(missing_key); }) == 0);
  CHECK(allocations_of([&] { return cache.erase_many({inside_key, missing_key}); }) == 0);
  CHECK(allocations_of([&] { return cache.erase(shared_key); }) == 0);
  CHECK_FALSE(cache.exists(inside_key));
  CHECK_FALSE(cache.exists(shared_key));
}

void check_positional_get_many_allocates_nothing(auto& cache) {
  const std::array<std::string_view, 4> keys = {inside_key, missing_key, shared_key, inside_key};
  std::array<std::optional<Bytes>, 4> values;
  const std::size_t count = allocations_of([&] {
    cache.get_many(keys, values);
    return 0;
  });
  CHECK(count == 0);
  CHECK(values[0] == Bytes("a short value"));
  CHECK(values[2]->size() == 5000);
}

}  // namespace

TEST_CASE("the counting counts", "[allocation]") {
  // What is allocated is shown to the outside, or the compiler might leave the allocation out.
  const void* volatile shown = nullptr;
  const auto make_string = [&shown] {
    const std::string text(100, 'x');
    shown = text.data();
    return true;
  };
  void* memory = nullptr;
  const auto allocate = [&shown, &memory] {
    shown = memory = ::operator new(1);
    return true;
  };
  CHECK(allocations_of(make_string) == 1);
  CHECK(allocations_of(allocate) == 1);
  CHECK(allocations_of([] { return 0; }) == 0);
  ::operator delete(memory);
}

TEST_CASE("a get of Bytes and a look-up by a literal allocate nothing", "[allocation]") {
  Filled filled;
  SECTION("on the cache itself") { check_lookups_allocate_nothing(filled.cache); }
  SECTION("through the interface") {
    check_lookups_allocate_nothing(static_cast<larder::CacheBackend<>&>(filled.cache));
  }
}

TEST_CASE("a visit allocates nothing", "[allocation]") {
  Filled filled;
  std::size_t size = 0;
  const auto visit = [&](const char* key) {
    return filled.cache.visit(key, [&size](const Bytes& value) { size += value.size(); });
  };
  CHECK(allocations_of([&] { return visit(inside_key); }) == 0);
  CHECK(allocations_of([&] { return visit(shared_key); }) == 0);
  CHECK(allocations_of([&] { return visit(missing_key); }) == 0);
  CHECK(size == 5013);
}

TEST_CASE("a positional get_many allocates nothing", "[allocation][batch]") {
  Filled filled;
  SECTION("on the cache itself") { check_positional_get_many_allocates_nothing(filled.cache); }
  SECTION("through the interface") {
    check_positional_get_many_allocates_nothing(static_cast<larder::CacheBackend<>&>(filled.cache));
  }
}

TEST_CASE("a positional get_many of many keys and over many shards allocates nothing", "[allocation][batch]") {
  larder::InMemoryBackend<> cache{{.shards = 7}};
  std::array<std::string, 300> names;
  std::array<std::string_view, 300> keys;
  for (std::size_t i = 0; i < names.size(); ++i) {
    names[i] = "a key that is longer than a small string " + std::to_string(i);
    keys[i] = names[i];
    if (i % 3 != 0) cache.set(names[i], "v");
  }
  std::array<std::optional<Bytes>, 300> values;
  const std::size_t count = allocations_of([&] {
    cache.get_many(keys, values);
    return 0;
  });
  CHECK(count == 0);
  CHECK(cache.stats().hits == 200);
}

TEST_CASE("copying and cutting Bytes allocates nothing", "[allocation][bytes]") {
  const Bytes bytes = std::string(1000, 'b');
  CHECK(allocations_of([&] { return Bytes(bytes); }) == 0);
  CHECK(allocations_of([&] { return bytes.substr(10, 100); }) == 0);
  CHECK(allocations_of([&] { return bytes == std::string_view("b"); }) == 0);
  CHECK(allocations_of([] { return Bytes(""); }) == 0);
  CHECK(allocations_of([] { return Bytes("not empty"); }) == 1);
}

TEST_CASE("letting entries expire, clearing and destroying a cache allocates nothing", "[allocation]") {
  std::optional<larder::InMemoryBackend<>> cache(std::in_place);
  for (int i = 0; i < 100; ++i) cache->set("a key that is longer than a small string " + std::to_string(i), "v", 1h);
  CHECK(allocations_of([&] { return cache->clear(); }) == 0);
  cache->set(inside_key, "v");
  CHECK(allocations_of([&] {
          cache.reset();
          return 0;
        }) == 0);
}

TEST_CASE("a set in place of an entry allocates one block for the new one", "[allocation]") {
  larder::InMemoryBackend<> cache;
  const Bytes short_value = "short";
  const Bytes long_value = std::string(5000, 'l');
  cache.set(inside_key, short_value);
  CHECK(allocations_of([&] { return cache.set(inside_key, short_value); }) <= 1);
  CHECK(allocations_of([&] { return cache.set(inside_key, long_value, 1h); }) <= 1);
  CHECK(allocations_of([&] { return cache.set(inside_key, short_value, 0s); }) == 0);
}
