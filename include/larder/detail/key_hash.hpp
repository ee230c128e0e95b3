/// \file key_hash.hpp
/// KeyHash: what places a key in an in-memory cache.
#pragma once

#include <cstddef>
#include <cstdint>

#include <larder/hash.hpp>
#include <larder/key_view.hpp>

namespace larder::detail {

/// A key's hash, all 64 bits mixed: the upper half chooses the shard, the lower one the place in its index.
template <class Key, class Hash>
struct KeyHash {
  std::uint64_t bits;

  explicit KeyHash(KeyView<Key> key) : bits(static_cast<std::uint64_t>(Hash()(key))) {
    if constexpr (!is_mixed) bits = mix_hash(bits);
  }
  KeyHash() = default;

  std::uint32_t for_index() const noexcept { return static_cast<std::uint32_t>(bits); }
  /// Result: from 0 to below `shards`.
  std::size_t for_shard(std::size_t shards) const noexcept {
    return static_cast<std::size_t>(((bits >> 32) * shards) >> 32);
  }

 private:
  static constexpr bool is_mixed = sizeof(std::size_t) == sizeof(std::uint64_t) && requires {
    typename Hash::is_avalanching;
  };
};

}  // namespace larder::detail
