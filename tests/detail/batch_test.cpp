/// \file batch_test.cpp
#include <larder/detail/batch.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tests/support/catch.hpp"

namespace {

/// Three shards, chosen by the rest.
struct Store {
  struct KeyHash {
    KeyHash() = default;
    explicit KeyHash(std::uint64_t key) : bits(key) {}

    std::uint64_t bits;
  };

  struct Node {
    using Owner = Node*;
  };
  using Shard = std::vector<std::size_t>;
  using Deadline = int;

  mutable std::array<Shard, 3> shards;

  Shard& shard_of(KeyHash hash) const { return shards[static_cast<std::size_t>(hash.bits % 3)]; }
};

using Batch = larder::detail::Batch<Store>;

}  // namespace

TEST_CASE("each key of a batch is met once, with its shard, in its order", "[batch]") {
  const Store store;
  for (const std::size_t count : {0u, 1u, 2u, 31u, 32u}) {
    INFO(count << " keys");
    std::vector<std::uint64_t> keys;
    for (std::size_t i = 0; i < count; ++i) keys.push_back(i * i + 1);
    const Batch batch{std::span(keys)};
    for (auto& shard : store.shards) shard.clear();
    std::size_t calls = 0;
    batch.for_each_shard(store, [&calls](Store::Shard& shard, std::uint64_t here) {
      ++calls;
      Batch::for_each(here, [&shard](std::size_t i) { shard.push_back(i); });
    });
    std::array<std::vector<std::size_t>, 3> expected;
    std::size_t shards_with_keys = 0;
    for (std::size_t i = 0; i < count; ++i) expected[(i * i + 1) % 3].push_back(i);
    for (const auto& those : expected) shards_with_keys += those.empty() ? 0 : 1;
    CHECK(store.shards == expected);
    CHECK(calls == shards_with_keys);
  }
}
