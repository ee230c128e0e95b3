/// \file text.hpp
/// Numbers from text and text from numbers, whatever the process's locale says; and text of unknown origin made
/// fit for a terminal, for JSON and for XML.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <system_error>

namespace larder::replay {

/// All of `text` as a number in decimal digits, without a sign. Result: `invalid_argument` if it is none,
/// `result_out_of_range` if it is too large; else `std::errc()`.
inline std::errc parse_whole(std::string_view text, std::uint64_t& number) {
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return rest == text.data() + text.size() ? error : std::errc::invalid_argument;
}

/// A number in steps of a power of ten.
struct Decimal {
  std::uint64_t steps = 0;  ///< rounded down
  bool exact = true;        ///< nothing was lost in that
};

/// All of `text` as a number such as "12" or "0.25", in steps of 10^-places. Result: as for parse_whole.
inline std::errc parse_decimal(std::string_view text, std::size_t places, Decimal& number) {
  const std::size_t point = std::min(text.find('.'), text.size());
  std::string digits(text.substr(0, point));
  std::string_view lost;
  std::string fraction(text.substr(std::min(point + 1, text.size())));
  const bool malformed = digits.empty() || (point < text.size() && fraction.empty());
  if (malformed || fraction.find_first_not_of("0123456789") != std::string::npos) return std::errc::invalid_argument;
  if (fraction.size() > places) lost = std::string_view(fraction).substr(places);
  number.exact = lost.find_first_not_of('0') == std::string_view::npos;
  digits += fraction.substr(0, places);
  digits.append(places - std::min(places, fraction.size()), '0');
  return parse_whole(digits, number.steps);
}

/// "1,234,567"
inline std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t digits = 3; digits < text.size(); digits += 4) text.insert(text.size() - digits, 1, ',');
  return text;
}

/// A fixed number of decimals, as in "12.30".
inline std::string fixed(double number, int decimals) {
  std::array<char, 400> text{};  // holds the largest double
  std::snprintf(text.data(), text.size(), "%.*f", decimals, number);
  return text.data();
}

/// Three significant digits, or all digits before the point where those are more: "0.001", "12.5", "1250".
inline std::string significant(double number) {
  if (number >= 1000) return fixed(number, 0);
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.3g", number);
  return text.data();
}

/// "512 B", "1.50 KiB", "20.0 MiB" ...
inline std::string binary_size(std::uint64_t bytes) {
  constexpr std::array<const char*, 7> units{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  std::size_t unit = 0;
  double number = static_cast<double>(bytes);
  // From 999.5 on, three digits would not do.
  for (; number >= 999.5 && unit + 1 < units.size(); ++unit) number /= 1024;
  return fixed(number, unit == 0 || number >= 99.95 ? 0 : number >= 9.995 ? 1 : 2) + " " + units[unit];
}

/// Result: how many bytes the UTF-8 character at the start of `text` has; 0 if none is there.
inline std::size_t utf8_length(std::string_view text) {
  const auto byte = [text](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const auto continued = [&](std::size_t count) {
    if (text.size() <= count) return false;
    for (std::size_t i = 1; i <= count; ++i) {
      if ((byte(i) & 0xc0u) != 0x80u) return false;
    }
    return true;
  };
  if (text.empty()) return 0;
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first < 0xe0) return continued(1) ? 2 : 0;
  if (first >= 0xe0 && first < 0xf0 && continued(2)) {
    const unsigned code = (first & 0x0fu) << 12 | (byte(1) & 0x3fu) << 6 | (byte(2) & 0x3fu);
    // Too long a spelling, a surrogate, or no character: XML takes none of them.
    return code < 0x800 || (code >= 0xd800 && code < 0xe000) || code >= 0xfffe ? 0 : 3;
  }
  if (first >= 0xf0 && first < 0xf5 && continued(3)) {
    const unsigned code = (first & 0x07u) << 18 | (byte(1) & 0x3fu) << 12;
    return code < 0x10000 || code >= 0x110000 ? 0 : 4;
  }
  return 0;
}

/// Printable UTF-8: bytes that are none, and control characters, are spelt as in "\x1b". What is longer than
/// `longest` bytes in all ends in "...".
inline std::string plain_text(std::string_view text, std::size_t longest = std::string_view::npos) {
  std::string plain;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const unsigned first = static_cast<unsigned char>(text[0]);
    // U+0080 to U+009f are control characters, too.
    const bool control =
        first < 0x20 || first == 0x7f || (length == 2 && first == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0);
    if (length == 0 || control) {
      std::array<char, 8> spelt{};
      std::snprintf(spelt.data(), spelt.size(), "\\x%02x", first);
      plain += spelt.data();
      text.remove_prefix(1);
    } else {
      plain += text.substr(0, length);
      text.remove_prefix(length);
    }
    if (plain.size() >= longest && !text.empty()) return plain + "...";
  }
  return plain;
}

/// A JSON string, quotes included; bytes that are no UTF-8 become U+FFFD.
inline std::string json_text(std::string_view text) {
  std::string json = "\"";
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const unsigned first = static_cast<unsigned char>(text[0]);
    if (length == 0) {
      json += "\\ufffd";
    } else if (first < 0x20) {
      std::array<char, 8> spelt{};
      std::snprintf(spelt.data(), spelt.size(), "\\u%04x", first);
      json += spelt.data();
    } else {
      if (first == '"' || first == '\\') json += '\\';
      json += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return json + "\"";
}

}  // namespace larder::replay
