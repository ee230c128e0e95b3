/// \file equal_texts.hpp
/// equal_texts: `==` of two texts, without a call of memcmp where they are short, as keys are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace larder::detail {

template <class Word>
Word word_at(const char* text) noexcept {
  Word word;
  std::memcpy(&word, text, sizeof word);
  return word;
}

/// The last word overlaps the one before it, so that no byte is left over.
inline bool equal_texts(std::string_view left, std::string_view right) noexcept {
  constexpr std::size_t longest = 64;
  const std::size_t size = left.size();
  if (size != right.size()) return false;
  const char* const a = left.data();
  const char* const b = right.data();
  if (size < sizeof(std::uint64_t) || size > longest) return size == 0 || std::memcmp(a, b, size) == 0;
  const std::size_t last = size - sizeof(std::uint64_t);
  std::uint64_t differing = word_at<std::uint64_t>(a + last) ^ word_at<std::uint64_t>(b + last);
  for (std::size_t at = 0; at < last; at += sizeof(std::uint64_t)) {
    differing |= word_at<std::uint64_t>(a + at) ^ word_at<std::uint64_t>(b + at);
  }
  return differing == 0;
}

}  // namespace larder::detail
