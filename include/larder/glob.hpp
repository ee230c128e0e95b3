/// \file glob.hpp
/// Key patterns in Redis's dialect, so that `keys("user:*")` means the same on every backend.
///
///     *        any run of bytes, also none          [abc]  one of these        \x  the byte x itself
///     ?        any one byte                         [a-z]  one of this range   (inside [...], too)
///                                                   [^x]   any but these
///
/// The whole key must match. There are no braces. As in Redis 7: an unterminated `[` is closed by the end of
/// the pattern (`[ab` matches `a`), an empty class `[]` matches nothing and `[^]` any byte, `[z-a]` is `[a-z]`,
/// a `-` that has no byte on both sides stands for itself, and a trailing `\` is a backslash. Ranges compare
/// unsigned bytes. Unlike Redis's matcher, an empty key is matched by `**` as it is by `*`.
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>

namespace larder {

namespace detail {

/// Matches one byte against the class that begins behind `[` at `pattern[at]`, and moves `at` behind it.
inline bool glob_class_matches(std::string_view pattern, std::size_t& at, unsigned char byte) noexcept {
  const auto byte_at = [pattern](std::size_t index) { return static_cast<unsigned char>(pattern[index]); };
  const bool negated = at < pattern.size() && pattern[at] == '^';
  if (negated) ++at;
  bool found = false;
  while (at < pattern.size() && pattern[at] != ']') {
    if (pattern[at] == '\\' && at + 1 < pattern.size()) {
      found |= byte_at(at + 1) == byte;
      at += 2;
    } else if (at + 2 < pattern.size() && pattern[at + 1] == '-') {
      auto [low, high] = std::pair(byte_at(at), byte_at(at + 2));
      if (low > high) std::swap(low, high);
      found |= low <= byte && byte <= high;
      at += 3;
    } else {
      found |= byte_at(at) == byte;
      ++at;
    }
  }
  if (at < pattern.size()) ++at;  // the closing bracket
  return found != negated;
}

/// Matches one byte against the pattern's element at `at`, which is no star, and moves `at` behind it.
inline bool glob_element_matches(std::string_view pattern, std::size_t& at, unsigned char byte) noexcept {
  const char element = pattern[at++];
  if (element == '?') return true;
  if (element == '[') return glob_class_matches(pattern, at, byte);
  if (element == '\\' && at < pattern.size()) return static_cast<unsigned char>(pattern[at++]) == byte;
  return static_cast<unsigned char>(element) == byte;
}

}  // namespace detail

/// Result: whether the whole of `text` matches `pattern`. Never fails: every pattern means something.
///
/// When an element does not match, only the last star needs to take one byte more: a match that gave more to
/// an earlier star could be rearranged to give it to the last. So nothing is stacked or tried twice, and the
/// time is at most pattern.size() * text.size(): linear in the text for each star. Allocates nothing.
inline bool glob_match(std::string_view pattern, std::string_view text) noexcept {
  constexpr std::size_t none = std::string_view::npos;
  std::size_t at = 0;
  std::size_t after_star = none;  // the pattern's position behind the last star
  std::size_t star_end = 0;       // where the text that this star has taken ends
  for (std::size_t i = 0; i < text.size();) {
    if (at < pattern.size() && pattern[at] == '*') {
      after_star = ++at;
      star_end = i;
      if (at == pattern.size()) return true;
    } else if (at < pattern.size() && detail::glob_element_matches(pattern, at, static_cast<unsigned char>(text[i]))) {
      ++i;
    } else if (after_star != none) {
      at = after_star;
      i = ++star_end;
    } else {
      return false;
    }
  }
  while (at < pattern.size() && pattern[at] == '*') ++at;
  return at == pattern.size();
}

}  // namespace larder
