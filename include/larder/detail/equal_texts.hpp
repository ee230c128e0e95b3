/// \file equal_texts.hpp
/// equal_texts: `==` of two texts, without a call of memcmp where they are as long as keys mostly are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace larder::detail {

inline std::uint64_t differing_bits(const char* left, const char* right) noexcept {
  std::uint64_t left_word = 0;
  std::uint64_t right_word = 0;
  std::memcpy(&left_word, left, sizeof left_word);
  std::memcpy(&right_word, right, sizeof right_word);
  return left_word ^ right_word;
}

/// For texts too short for two words, or longer than four.
[[gnu::noinline]] inline bool equal_bytes(const char* left, const char* right, std::size_t size) noexcept {
  return size == 0 || std::memcmp(left, right, size) == 0;
}

/// The words overlap where they must, so that no byte is left over and few lengths need a branch of their own. Inlined,
/// because it is most of what a look-up does.
[[gnu::always_inline]] inline bool equal_texts(std::string_view left, std::string_view right) noexcept {
  constexpr std::size_t word = sizeof(std::uint64_t);
  const std::size_t size = right.size();
  if (size != left.size()) return false;
  const char* const a = left.data();
  const char* const b = right.data();
  if (size < word || size > 4 * word) [[unlikely]] {
    return equal_bytes(a, b, size);
  }
  std::uint64_t differing = differing_bits(a, b) | differing_bits(a + size - word, b + size - word);
  if (size > 2 * word) {
    differing |= differing_bits(a + word, b + word) | differing_bits(a + size - 2 * word, b + size - 2 * word);
  }
  return differing == 0;
}

}  // namespace larder::detail
