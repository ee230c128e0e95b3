/// \file metric_text.hpp
/// Text of unknown origin, and numbers, as metric systems take them.
#pragma once

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace larder::detail {

/// Result: how many bytes the UTF-8 character at the start of `text` has; 0 if none is there.
inline std::size_t utf8_length(std::string_view text) noexcept {
  const auto byte = [text](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto continues = [&](std::size_t i) { return (byte(i) & 0xc0u) == 0x80u; };
  const unsigned first = byte(0);
  if (text.empty()) return 0;
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first < 0xe0) return continues(1) ? 2 : 0;
  if (first >= 0xe0 && first < 0xf0) {
    // Too long a spelling, or a surrogate.
    const bool forbidden = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) >= 0xa0);
    return !forbidden && continues(1) && continues(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first < 0xf5) {
    const bool forbidden = (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) >= 0x90);
    return !forbidden && continues(1) && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

/// Result: the text with each character as `escape(character)` spells it; where that is empty, as it is. Bytes that are
/// no UTF-8 become U+FFFD.
template <class Escape>
std::string escaped_text(std::string_view text, const Escape& escape) {
  std::string out;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const std::string spelt = length == 1 ? escape(text[0]) : std::string();
    if (length == 0) {
      out += "\xef\xbf\xbd";
    } else {
      out += spelt.empty() ? text.substr(0, length) : std::string_view(spelt);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

/// As a string in JSON, quotes included.
inline std::string json_string(std::string_view text) {
  return '"' +
         escaped_text(text,
                      [](char character) -> std::string {
                        if (character == '"' || character == '\\') return {'\\', character};
                        if (static_cast<unsigned char>(character) >= 0x20) return {};
                        constexpr std::string_view digits = "0123456789abcdef";
                        return {'\\',
                                'u',
                                '0',
                                '0',
                                digits[static_cast<std::size_t>(character) / 16],
                                digits[static_cast<std::size_t>(character) % 16]};
                      }) +
         '"';
}

/// The shortest text that is the same number again, whatever the locale says.
inline std::string number_text(double number) {
  std::array<char, 32> text{};
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), number).ptr};
}

}  // namespace larder::detail
