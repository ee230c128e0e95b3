/// \file hash.hpp
/// Hash<Key>: the library's default hash, seeded and well mixed.
///
/// Why not `std::hash`: it maps integers to themselves, so keys with a stride of 64 would all land in one
/// shard or bucket; and whoever can choose keys can compute which of them collide. This one differs from one
/// process to the next, so its values must not be stored or sent.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>

#if defined(__unix__) || defined(__APPLE__)
#include <unistd.h>
#if defined(__APPLE__)
#include <sys/random.h>
#endif
#endif

namespace larder {

namespace detail {

/// Multiplies to 128 bits and folds the halves: every bit of the result depends on every bit of both factors.
/// (The step of Wang Yi's wyhash, 2019, and of many hashes since.)
inline std::uint64_t multiply_fold(std::uint64_t left, std::uint64_t right) noexcept {
#if defined(__SIZEOF_INT128__)
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(left) * right;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
#else
  const std::uint64_t low = (left & 0xffffffffu) * (right & 0xffffffffu);
  const std::uint64_t cross1 = (left >> 32) * (right & 0xffffffffu) + (low >> 32);
  const std::uint64_t cross2 = (left & 0xffffffffu) * (right >> 32) + (cross1 & 0xffffffffu);
  const std::uint64_t high = (left >> 32) * (right >> 32) + (cross1 >> 32) + (cross2 >> 32);
  return high ^ ((cross2 << 32) | (low & 0xffffffffu));
#endif
}

// Odd numbers with about as many ones as zeros: the fractional parts of the square roots of 2, 3 and 5.
inline constexpr std::uint64_t hash_constant_a = 0x6a09e667f3bcc909u;
inline constexpr std::uint64_t hash_constant_b = 0xbb67ae8584caa73bu;
inline constexpr std::uint64_t hash_constant_c = 0x3c6ef372fe94f82bu;

struct HashSeed {
  std::uint64_t left = 0;
  std::uint64_t right = 0;
};

inline HashSeed make_hash_seed() noexcept {
  HashSeed seed;
#if defined(__unix__) || defined(__APPLE__)
  if (::getentropy(&seed, sizeof seed) == 0) return seed;
#endif
  // No entropy to be had: where the program lies in memory and when it started are what is left.
  const auto now = static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
  const auto address = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(&seed));
  seed.left = multiply_fold(now ^ hash_constant_a, address ^ hash_constant_b);
  seed.right = multiply_fold(seed.left ^ hash_constant_b, now ^ hash_constant_c);
  return seed;
}

/// Two random numbers a process, drawn before `main`, so that a look-up pays no check for "drawn already?". Two,
/// because a factor of zero would swallow the other one: so neither factor may be known to who chooses the keys.
inline const HashSeed hash_seed = make_hash_seed();

/// Twice, because numbers with a stride come out of one multiplication with a stride in their upper bits.
inline std::uint64_t mix_hash(std::uint64_t number) noexcept {
  const std::uint64_t once = multiply_fold(number ^ hash_seed.left, hash_constant_b);
  return multiply_fold(once ^ hash_seed.right, hash_constant_a);
}

inline std::uint64_t read_up_to_8(const char* from, std::size_t count) noexcept {
  std::uint64_t number = 0;
  std::memcpy(&number, from, count);
  return number;
}

/// Sixteen bytes a step; the last step re-reads bytes of the one before rather than looking at a length.
inline std::uint64_t hash_bytes(const char* data, std::size_t size) noexcept {
  std::uint64_t state = hash_seed.left;
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  if (size > 16) {
    const char* const last = data + size - 16;
    do {
      state = multiply_fold(read_up_to_8(data, 8) ^ hash_seed.right, read_up_to_8(data + 8, 8) ^ state);
      data += 16;
    } while (data < last);
    first = read_up_to_8(last, 8);
    second = read_up_to_8(last + 8, 8);
  } else if (size >= 8) {
    first = read_up_to_8(data, 8);
    second = read_up_to_8(data + size - 8, 8);
  } else if (size >= 4) {
    first = read_up_to_8(data, 4);
    second = read_up_to_8(data + size - 4, 4);
  } else if (size > 0) {
    // Up to three bytes: the first, the middle and the last one cover them all.
    const auto byte = [data](std::size_t at) { return std::uint64_t{static_cast<unsigned char>(data[at])}; };
    first = byte(0) << 16 | byte(size / 2) << 8 | byte(size - 1);
  }
  state = multiply_fold(first ^ hash_seed.right, second ^ state);
  return multiply_fold(state ^ hash_constant_a, size ^ hash_constant_c);
}

}  // namespace detail

/// The default hash of a key. O(size of the key), thread-safe; throws only what `std::hash<Key>` throws,
/// which it falls back to (and mixes) for types that are neither strings, integers, enumerations nor pointers.
template <class Key>
struct Hash {
  /// Says that all bits of the result are well mixed (the convention of Boost.Unordered and others), so that
  /// a table may use them as they are.
  using is_avalanching = void;

  std::size_t operator()(const Key& key) const {
    if constexpr (std::integral<Key> || std::is_enum_v<Key>) {
      return static_cast<std::size_t>(detail::mix_hash(static_cast<std::uint64_t>(key)));
    } else {
      return static_cast<std::size_t>(detail::mix_hash(std::hash<Key>()(key)));
    }
  }
};

/// Strings of any kind: a `std::string`, a view and a literal of the same characters hash alike.
template <>
struct Hash<std::string> {
  using is_avalanching = void;
  using is_transparent = void;

  std::size_t operator()(std::string_view text) const noexcept {
    return static_cast<std::size_t>(detail::hash_bytes(text.data(), text.size()));
  }
};

template <>
struct Hash<std::string_view> : Hash<std::string> {};

}  // namespace larder
