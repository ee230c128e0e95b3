/// \file include_parser.hpp
/// parse_includes: the #include directives of a C or C++ file.
///
/// Comments, string literals and character literals are passed over, as a compiler would; conditions are not
/// evaluated, so that both sides of an `#if` count. Any bytes are taken: at worst there is nothing to be found.
#pragma once

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace include_scanner {

struct IncludeDirective {
  std::string name;
  bool quoted = false;  ///< "name" rather than <name>
  bool next = false;    ///< #include_next

  friend bool operator==(const IncludeDirective&, const IncludeDirective&) = default;
};

struct ParsedIncludes {
  std::vector<IncludeDirective> directives;
  /// Directives that name no file: `#include MACRO`, and malformed ones.
  std::size_t unresolved = 0;
};

/// Joins each line that ends in a backslash to the next one.
inline void splice_lines(std::string& text) {
  std::size_t to = std::min(text.find('\\'), text.size());
  for (std::size_t from = to; from < text.size();) {
    std::size_t end = from + 1;
    if (text[from] == '\\' && end < text.size() && text[end] == '\r') ++end;
    if (text[from] == '\\' && end < text.size() && text[end] == '\n') {
      from = end + 1;
    } else {
      text[to++] = text[from++];
    }
  }
  text.resize(to);
}

/// One pass over a text whose lines are spliced.
class IncludeParser {
 public:
  explicit IncludeParser(std::string_view text) : text_(text) {}

  ParsedIncludes parse() {
    while (at_ < text_.size()) {
      skip_blanks();
      if (peek() == '#') parse_directive();
      skip_rest_of_line();
    }
    return std::move(result_);
  }

 private:
  /// The byte at some distance from the next one; a newline where there is none, for it ends whatever it meets.
  char peek(std::size_t distance = 0) const { return distance < text_.size() - at_ ? text_[at_ + distance] : '\n'; }

  void skip_to(std::size_t position) { at_ = std::min(position, text_.size()); }

  void skip_comment() {
    const std::size_t end = text_.find("*/", at_ + 2);
    skip_to(end == std::string_view::npos ? end : end + 2);
  }

  void skip_blanks() {
    while (at_ < text_.size()) {
      if (peek() == '/' && peek(1) == '*') {
        skip_comment();
      } else if (peek() != '\n' && is_space(peek())) {
        ++at_;
      } else {
        return;
      }
    }
  }

  void parse_directive() {
    ++at_;  // the hash
    skip_blanks();
    const std::size_t begin = at_;
    while (is_word(peek())) ++at_;
    const std::string_view word = text_.substr(begin, at_ - begin);
    if (word != "include" && word != "include_next") return;
    skip_blanks();
    parse_name(word == "include_next");
  }

  void parse_name(bool next) {
    const bool quoted = peek() == '"';
    const char closing = quoted ? '"' : '>';
    const std::size_t begin = at_ + 1;
    std::size_t end = begin;
    while (end < text_.size() && text_[end] != closing && text_[end] != '\n') ++end;
    const bool opened = quoted || peek() == '<';
    if (!opened || end == begin || end >= text_.size() || text_[end] != closing) {
      ++result_.unresolved;
      return;
    }
    result_.directives.push_back({std::string(text_.substr(begin, end - begin)), quoted, next});
    at_ = end + 1;
  }

  void skip_rest_of_line() {
    while (at_ < text_.size()) {
      // Nearly all bytes are none of these.
      while (at_ < text_.size() && !stops[static_cast<unsigned char>(text_[at_])]) ++at_;
      if (peek() == '\n') {
        skip_to(at_ + 1);
        return;
      }
      if (peek() == '/') {
        skip_slash();
      } else if (peek() == '"' && skip_raw_string()) {
        // It may have had lines of its own.
      } else if (peek() == '\'' && is_digit_separator()) {
        ++at_;
      } else {
        skip_literal();
      }
    }
  }

  void skip_slash() {
    if (peek(1) == '*') {
      skip_comment();
    } else if (peek(1) == '/') {
      skip_to(text_.find('\n', at_));
    } else {
      ++at_;
    }
  }

  /// A literal that is not closed ends with its line (`#error don't`).
  void skip_literal() {
    const char quote = text_[at_++];
    while (at_ < text_.size() && peek() != '\n') {
      const char c = text_[at_++];
      if (c == quote) return;
      if (c == '\\' && peek() != '\n') ++at_;
    }
  }

  /// R"x( ... )x", with or without a prefix for the encoding. Result: whether there was one.
  bool skip_raw_string() {
    std::size_t begin = at_;
    while (begin > 0 && at_ - begin < 4 && is_word(text_[begin - 1])) --begin;
    const std::string_view prefix = text_.substr(begin, at_ - begin);
    constexpr std::array<std::string_view, 5> prefixes{"R", "LR", "uR", "UR", "u8R"};
    if (std::find(prefixes.begin(), prefixes.end(), prefix) == prefixes.end()) return false;
    const std::size_t open = text_.find_first_of("(\n\"", at_ + 1);
    if (open >= text_.size() || text_[open] != '(') return false;
    const std::string close = ")" + std::string(text_.substr(at_ + 1, open - at_ - 1)) + "\"";
    const std::size_t end = text_.find(close, open);
    if (end == std::string_view::npos) return false;
    skip_to(end + close.size());
    return true;
  }

  /// 1'000'000: not the beginning of a character literal, which would be closed two bytes on.
  bool is_digit_separator() const {
    return at_ > 0 && is_hex_digit(text_[at_ - 1]) && is_hex_digit(peek(1)) && peek(2) != '\'';
  }

  static bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }
  static bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }
  static bool is_hex_digit(char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; }

  static constexpr std::array<bool, 256> stops = [] {
    std::array<bool, 256> table{};
    for (const char c : {'\n', '/', '"', '\''}) table[static_cast<unsigned char>(c)] = true;
    return table;
  }();

  std::string_view text_;
  std::size_t at_ = 0;
  ParsedIncludes result_;
};

/// Result: the directives of a file's text, in the order in which they stand there.
inline ParsedIncludes parse_includes(std::string text) {
  splice_lines(text);
  return IncludeParser(text).parse();
}

}  // namespace include_scanner
