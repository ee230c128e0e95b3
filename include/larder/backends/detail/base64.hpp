/// \file base64.hpp
/// Bytes as text of RFC 4648.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <larder/bytes.hpp>

namespace larder::detail {

enum class Base64Alphabet : bool {
  standard,  ///< with `+`, `/` and padding
  url,       ///< with `-`, `_` and without
};

inline constexpr std::string_view base64_letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Appends the text for some bytes.
inline void append_base64(std::string& text, std::string_view bytes,
                          Base64Alphabet alphabet = Base64Alphabet::standard) {
  const bool url = alphabet == Base64Alphabet::url;
  const auto letter = [url](std::uint32_t bits) {
    const std::uint32_t six = bits & 63U;
    return six < base64_letters.size() ? base64_letters[six] : (url ? "-_" : "+/")[six - base64_letters.size()];
  };
  text.reserve(text.size() + (bytes.size() + 2) / 3 * 4);
  for (; !bytes.empty(); bytes.remove_prefix(std::min<std::size_t>(bytes.size(), 3))) {
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      group = group << 8U | (i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0U);
    }
    for (std::uint32_t i = 0; i < 4; ++i) {
      if (i <= bytes.size()) {
        text.push_back(letter(group >> (18U - 6U * i)));
      } else if (!url) {
        text.push_back('=');
      }
    }
  }
}

inline std::string base64(std::string_view bytes, Base64Alphabet alphabet = Base64Alphabet::standard) {
  std::string text;
  append_base64(text, bytes, alphabet);
  return text;
}

/// Result: the bytes of a text in the standard alphabet; empty if it is none: of another length, with other characters,
/// without its padding, or with bits where none can be.
inline std::optional<Bytes> from_base64(std::string_view text) {
  static constexpr auto values = [] {
    std::array<std::int8_t, 256> all{};
    all.fill(-1);
    for (std::size_t i = 0; i < base64_letters.size(); ++i) {
      all[static_cast<unsigned char>(base64_letters[i])] = static_cast<std::int8_t>(i);
    }
    all['+'] = 62;
    all['/'] = 63;
    return all;
  }();
  if (text.size() % 4 != 0) return std::nullopt;
  if (text.empty()) return Bytes();
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  const std::size_t size = text.size() / 4 * 3 - padding;
  bool is_sound = true;
  Bytes bytes = Bytes::generate(size, [&](char* to) {
    char* const end = to + size;
    for (std::size_t i = 0; i < text.size(); i += 4) {
      std::uint32_t group = 0;
      const std::size_t letters = i + 4 == text.size() ? 4 - padding : 4;
      for (std::size_t j = 0; j < 4; ++j) {
        const int value = j < letters ? values[static_cast<unsigned char>(text[i + j])] : 0;
        is_sound = is_sound && value >= 0;
        group = group << 6U | static_cast<std::uint32_t>(value & 63);
      }
      for (std::uint32_t j = 0; j < 3; ++j) {
        const auto byte = static_cast<unsigned char>(group >> (16U - 8U * j) & 255U);
        if (to != end) {
          *to++ = static_cast<char>(byte);
        } else {
          is_sound = is_sound && byte == 0;
        }
      }
    }
  });
  if (!is_sound) return std::nullopt;
  return bytes;
}

}  // namespace larder::detail
