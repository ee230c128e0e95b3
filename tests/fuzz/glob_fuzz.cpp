/// \file glob_fuzz.cpp
/// Any pattern on any key: the same answer as from a matcher that tries everything.
#include <larder/glob.hpp>

#include <algorithm>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "tests/fuzz/input.hpp"

namespace {

struct Element {
  bool is_star = false;
  std::bitset<256> bytes{};
};

std::size_t number(char byte) { return static_cast<unsigned char>(byte); }

/// The class whose first byte behind the `[` is at `at`, which is moved behind it.
std::bitset<256> parse_class(std::string_view pattern, std::size_t& at) {
  std::bitset<256> bytes;
  const bool negated = at < pattern.size() && pattern[at] == '^';
  at += negated ? 1 : 0;
  for (; at < pattern.size() && pattern[at] != ']'; ++at) {
    if (pattern[at] == '\\' && at + 1 < pattern.size()) {
      bytes.set(number(pattern[++at]));
    } else if (at + 2 < pattern.size() && pattern[at + 1] == '-') {
      const std::size_t low = std::min(number(pattern[at]), number(pattern[at + 2]));
      const std::size_t high = std::max(number(pattern[at]), number(pattern[at + 2]));
      for (std::size_t byte = low; byte <= high; ++byte) bytes.set(byte);
      at += 2;
    } else {
      bytes.set(number(pattern[at]));
    }
  }
  at += at < pattern.size() ? 1 : 0;
  return negated ? ~bytes : bytes;
}

std::vector<Element> parse(std::string_view pattern) {
  std::vector<Element> elements;
  for (std::size_t at = 0; at < pattern.size();) {
    Element element;
    const char first = pattern[at++];
    if (first == '*') {
      element.is_star = true;
    } else if (first == '?') {
      element.bytes.set();
    } else if (first == '[') {
      element.bytes = parse_class(pattern, at);
    } else {
      element.bytes.set(number(first == '\\' && at < pattern.size() ? pattern[at++] : first));
    }
    elements.push_back(element);
  }
  return elements;
}

/// Tries everything: which beginnings of the text can the elements so far match?
bool matches(std::string_view pattern, std::string_view text) {
  std::vector<char> reached(text.size() + 1);
  reached[0] = true;
  std::size_t shortest = 0;
  for (const Element& element : parse(pattern)) {
    if (element.is_star) {
      std::fill(reached.begin() + static_cast<std::ptrdiff_t>(shortest), reached.end(), true);
      continue;
    }
    for (std::size_t i = text.size(); i > shortest; --i) {
      reached[i] = reached[i - 1] && element.bytes[number(text[i - 1])];
    }
    reached[shortest] = false;
    while (!reached[shortest]) {
      if (++shortest > text.size()) return false;
    }
  }
  return reached[text.size()];
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  larder_tests::FuzzInput input(bytes, size);
  const std::string_view pattern = input.text();
  const std::string_view text = input.rest();
  larder_tests::require(larder::glob_match(pattern, text) == matches(pattern, text), "the match of a pattern");
  larder_tests::require(larder::glob_match("*", text), "a star matches everything");
  return 0;
}
