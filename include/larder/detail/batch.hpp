/// \file batch.hpp
/// Batch: the keys of a batch operation that are worked on together, shard by shard.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace larder::detail {

/// So many keys that the cache misses of one hide behind those of the others, and so few that nothing that was read
/// ahead is pushed out again. Sets of them are the bits of a number.
template <class Store>
struct Batch {
  static constexpr std::size_t most = 32;

  typename Store::KeyHash hashes[most];

  /// Calls f(shard, keys) for each shard in which any of the first `count` keys live, with the set of those keys.
  template <class Function>
  void for_each_shard(const Store& store, std::size_t count, Function&& f) const {
    std::uint64_t left = (std::uint64_t{1} << count) - 1;
    while (left != 0) {
      auto& shard = store.shard_of(hashes[std::countr_zero(left)]);
      std::uint64_t here = 0;
      for_each(left, [&](std::size_t i) {
        if (&store.shard_of(hashes[i]) == &shard) here |= std::uint64_t{1} << i;
      });
      f(shard, here);
      left &= ~here;
    }
  }

  /// Calls f(i) for each key of a set.
  template <class Function>
  static void for_each(std::uint64_t keys, Function&& f) {
    for (; keys != 0; keys &= keys - 1) f(static_cast<std::size_t>(std::countr_zero(keys)));
  }
};

}  // namespace larder::detail
