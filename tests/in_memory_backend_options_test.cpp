/// \file in_memory_backend_options_test.cpp
/// How a cache is made, and what is refused.
#include <larder/in_memory_backend.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <type_traits>

#include "tests/support/catch.hpp"
#include "tests/support/fixture.hpp"
#include "tests/support/message_of.hpp"

using larder::InMemoryBackend;
using larder_tests::contains;
using larder_tests::Fixture;
using namespace std::chrono_literals;

static_assert(std::is_final_v<InMemoryBackend<>>);
static_assert(std::is_base_of_v<larder::CacheBackend<>, InMemoryBackend<>>);
static_assert(std::is_default_constructible_v<InMemoryBackend<>>);
// A copy or a move could leave an index that points into the original: there is none.
static_assert(!std::is_copy_constructible_v<InMemoryBackend<>> && !std::is_copy_assignable_v<InMemoryBackend<>>);
static_assert(!std::is_move_constructible_v<InMemoryBackend<>> && !std::is_move_assignable_v<InMemoryBackend<>>);

namespace {

std::string refusal_of(Fixture<>::Options options) {
  return larder_tests::message_of<larder::InvalidArgumentError>([&options] { Fixture<> f(options); });
}

}  // namespace

TEST_CASE("a default cache holds 100 MiB", "[options]") {
  InMemoryBackend<> cache;
  CHECK(cache.stats().max_size_bytes == 104857600u);
  CHECK(larder::InMemoryOptions<>().max_size_bytes == 104857600);
  CHECK(InMemoryBackend<>{}.stats().max_size_bytes == 104857600u);
}

TEST_CASE("the default options are those of the documentation", "[options]") {
  const larder::InMemoryOptions<> options;
  CHECK(options.max_entries == 0);
  CHECK(options.shards == 1);
  CHECK_FALSE(options.default_ttl.has_value());
  CHECK_FALSE(static_cast<bool>(options.on_removal));
}

TEST_CASE("a number makes a cache with that limit in bytes", "[options]") {
  InMemoryBackend<> cache{1 << 20};
  CHECK(cache.stats().max_size_bytes == 1048576u);
  InMemoryBackend<> tiny{1};
  CHECK(tiny.set("k", "v"));
  CHECK_FALSE(tiny.set("k", "vw"));
}

TEST_CASE("options are given by their names", "[options]") {
  int heard = 0;
  InMemoryBackend<> cache{{.max_size_bytes = 1 << 20,
                           .max_entries = 1000,
                           .shards = 2,
                           .default_ttl = 30s,
                           .on_removal = [&heard](std::string_view, const larder::Bytes&, larder::RemovalCause) {
                             ++heard;
                           }}};
  CHECK(cache.stats().max_size_bytes == 1048576u);
  cache.set("k", "v");
  CHECK(cache.get_entry("k")->expires_at.has_value());
  cache.erase("k");
  CHECK(heard == 1);
}

TEST_CASE("options without any limit are refused by name", "[options]") {
  const std::string message = refusal_of({.max_size_bytes = 0});
  CHECK(contains(message, "max_size_bytes = 0"));
  CHECK(contains(message, "max_entries = 0"));
  CHECK_THROWS_AS(InMemoryBackend<>{0}, larder::InvalidArgumentError);
}

TEST_CASE("no shards at all are refused by name", "[options]") { CHECK(contains(refusal_of({.shards = 0}), "shards = 0")); }

TEST_CASE("more shards than entries or bytes are refused by name", "[options]") {
  const std::string entries = refusal_of({.max_entries = 3, .shards = 4});
  CHECK(contains(entries, "shards = 4"));
  CHECK(contains(entries, "max_entries = 3"));
  const std::string bytes = refusal_of({.max_size_bytes = 3, .shards = 4});
  CHECK(contains(bytes, "shards = 4"));
  CHECK(contains(bytes, "max_size_bytes = 3"));
  CHECK(refusal_of({.max_entries = 4, .shards = 4}).empty());
}

TEST_CASE("a default TTL that is not positive is refused by name", "[options]") {
  CHECK(contains(refusal_of({.default_ttl = 0s}), "default_ttl = 0"));
  CHECK(contains(refusal_of({.default_ttl = -5s}), "default_ttl = -5000"));
  CHECK(refusal_of({.default_ttl = 1ns}).empty());
}

TEST_CASE("the refusals are CacheErrors", "[options]") {
  CHECK_THROWS_AS((InMemoryBackend<>{{.shards = 0}}), larder::CacheError);
}

TEST_CASE("the largest limits there can be overflow nothing", "[options]") {
  Fixture<> f({.max_size_bytes = SIZE_MAX, .max_entries = SIZE_MAX, .default_ttl = std::chrono::hours::max()});
  CHECK(f.cache.set("k", "v"));
  CHECK(f.cache.get("k") == "v");
  CHECK(f.cache.stats().max_size_bytes == SIZE_MAX);
}

TEST_CASE("a cache of one entry or one byte works", "[options]") {
  Fixture<> entry({.max_entries = 1});
  CHECK(entry.cache.set("a", "1"));
  CHECK(entry.cache.set("b", "1"));
  CHECK(larder_tests::sorted_keys(entry.cache) == "b");
  Fixture<> byte({.max_size_bytes = 1});
  CHECK(byte.cache.set("a", "1"));
  CHECK(byte.cache.set("b", "1"));
  CHECK(larder_tests::sorted_keys(byte.cache) == "b");
}

namespace {

struct Unlocked : larder::InMemoryTraits<> {
  using Mutex = larder::NullMutex;
};
struct StandardMutex : larder::InMemoryTraits<> {
  using Mutex = std::mutex;
};
struct RecursiveMutex : larder::InMemoryTraits<> {
  using Mutex = std::recursive_mutex;
};
struct Footprint : larder::InMemoryTraits<> {
  using Weigher = larder::EntryFootprint;
};
struct StandardHash : larder::InMemoryTraits<> {
  using Hash = std::hash<std::string_view>;
};

}  // namespace

TEMPLATE_TEST_CASE("one alias of the traits is overridden by inheriting them", "[options]", Unlocked, StandardMutex,
                   RecursiveMutex, Footprint, StandardHash) {
  InMemoryBackend<std::string, larder::Bytes, TestType> cache;
  CHECK(cache.set("k", "v", 60s, {{"name", "text"}}));
  CHECK(cache.get("k") == "v");
  CHECK(cache.keys("k*").size() == 1);
  CHECK(cache.get_entry("k")->metadata.size() == 1);
  CHECK(cache.erase("k"));
  CHECK(cache.stats().hits == 1);
}

TEST_CASE("the cache keeps a copy of the clock that it is given", "[options]") {
  larder::testing::ManualClock clock;
  clock.advance(1h);
  Fixture<>::Backend cache{{.clock = clock}};
  cache.set("k", "v", 1s);
  clock.advance(1s);
  CHECK_FALSE(cache.exists("k"));
}

TEST_CASE("a cache is used from the heap through its interface, and destroyed through it", "[options]") {
  std::unique_ptr<larder::CacheBackend<>> cache = std::make_unique<InMemoryBackend<>>();
  CHECK(cache->set("k", "v"));
  CHECK(cache->get("k") == "v");
}
