/// \file key_hash_test.cpp
/// KeyHash: hashes that are mixed, and those that need not be.
#include <larder/detail/key_hash.hpp>

#include <cstddef>
#include <cstdint>
#include <set>

#include "tests/support/catch.hpp"

namespace {

struct Identity {
  std::size_t operator()(std::uint64_t key) const noexcept { return static_cast<std::size_t>(key); }
};
struct Mixed : Identity {
  using is_avalanching = void;
};

using larder::detail::KeyHash;

}  // namespace

TEST_CASE("KeyHash: a hash that does not declare that it is avalanching is mixed, another is taken as it is",
          "[hash]") {
  if constexpr (sizeof(std::size_t) == 8) CHECK(KeyHash<std::uint64_t, Mixed>(12345).bits == 12345);
  CHECK(KeyHash<std::uint64_t, Identity>(12345).bits == larder::detail::mix_hash(12345));
}

TEST_CASE("KeyHash: keys that differ in a few bits alone are spread over shards and places", "[hash]") {
  std::set<std::size_t> shards;
  std::set<std::uint32_t> places;
  for (std::uint64_t key = 0; key < 1000; ++key) {
    const KeyHash<std::uint64_t, Identity> hash(key << (sizeof(std::size_t) * 5));
    CHECK(hash.for_shard(16) < 16);
    shards.insert(hash.for_shard(16));
    places.insert(hash.for_index());
  }
  CHECK(shards.size() == 16);
  CHECK(places.size() == 1000);
}

TEST_CASE("KeyHash: the only shard is the first", "[hash]") {
  CHECK(KeyHash<std::uint64_t, Identity>(7).for_shard(1) == 0);
}
