/// \file cpp_text.hpp
/// Values as C++ that can be pasted into a program (with `using namespace std::literals;`).
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <larder/cache_entry.hpp>
#include <larder/ttl.hpp>

namespace larder::testing::detail {

/// Result: `text` in quotes. Octal escapes have three digits, so that no digit behind them is taken for theirs.
inline std::string cpp_quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char character : text) {
    if (character == '"' || character == '\\' || character == '?') {  // "??" may begin a trigraph
      quoted.append(1, '\\').append(1, character);
    } else if (character == '\r') {
      quoted += "\\r";
    } else if (character == '\n') {
      quoted += "\\n";
    } else if (character >= ' ' && character <= '~') {
      quoted += character;
    } else {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\%03o",
                    static_cast<unsigned>(static_cast<unsigned char>(character)));
      quoted += escape.data();
    }
  }
  return quoted + "\"";
}

/// Result: an expression for `text`: a literal, or where it ends in a long run of one byte, a sum.
inline std::string cpp_string(std::string_view text) {
  constexpr std::size_t long_run = 48;
  if (const std::size_t differs = text.empty() ? 0 : text.find_last_not_of(text.back()) + 1;
      text.size() - differs >= long_run) {
    const std::string last = cpp_quoted(text.substr(text.size() - 1));
    const std::string character = text.back() == '\'' ? "'\\''" : "'" + last.substr(1, last.size() - 2) + "'";
    const std::string run = "std::string(" + std::to_string(text.size() - differs) + ", " + character + ")";
    return differs == 0 ? run : cpp_string(text.substr(0, differs)) + " + " + run;
  }
  // A literal ends at its first NUL where its length is not asked for.
  return cpp_quoted(text) + (text.find('\0') == std::string_view::npos ? "" : "s");
}

inline std::string cpp_duration(std::chrono::nanoseconds duration) {
  using namespace std::chrono;
  if (duration % hours(1) == nanoseconds(0) && duration != nanoseconds(0)) {
    return std::to_string(duration_cast<hours>(duration).count()) + "h";
  }
  if (duration % seconds(1) == nanoseconds(0)) return std::to_string(duration_cast<seconds>(duration).count()) + "s";
  if (duration % milliseconds(1) == nanoseconds(0)) {
    return std::to_string(duration_cast<milliseconds>(duration).count()) + "ms";
  }
  return std::to_string(duration.count()) + "ns";
}

inline std::string cpp_ttl(const Ttl& ttl) {
  using std::chrono::milliseconds;
  if (!ttl) return "{}";
  if (*ttl == milliseconds::max()) return "std::chrono::milliseconds::max()";
  if (*ttl == milliseconds::min()) return "std::chrono::milliseconds::min()";
  if (*ttl > std::chrono::hours(24 * 365 * 200) || *ttl < -std::chrono::hours(24 * 365 * 200)) {
    return "std::chrono::milliseconds(" + std::to_string(ttl->count()) + ")";
  }
  return cpp_duration(*ttl);
}

/// Result: metadata as a braced list.
inline std::string cpp_list(const Metadata& metadata) {
  std::string text = "{";
  for (const auto& [name, value] : metadata) {
    text += (text.size() > 1 ? ", {" : "{") + cpp_string(name) + ", " + cpp_string(value) + "}";
  }
  return text + "}";
}

/// Result: the keys of a batch. Nothing in braces would not tell which kind of batch it is.
inline std::string cpp_keys(const std::vector<std::string>& keys) {
  if (keys.empty()) return "std::vector<std::string>{}";
  std::string text = "{";
  for (std::size_t i = 0; i < keys.size(); ++i) text += (i == 0 ? "" : ", ") + cpp_string(keys[i]);
  return text + "}";
}

/// Result: the pairs of a batch.
inline std::string cpp_items(const std::vector<std::pair<std::string, std::string>>& items) {
  if (items.empty()) return "std::map<std::string, std::string>{}";
  std::string text = "{";
  for (std::size_t i = 0; i < items.size(); ++i) {
    text += (i == 0 ? "{" : ", {") + cpp_string(items[i].first) + ", " + cpp_string(items[i].second) + "}";
  }
  return text + "}";
}

}  // namespace larder::testing::detail
