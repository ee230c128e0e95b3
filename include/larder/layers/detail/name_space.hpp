/// \file name_space.hpp
/// NameSpace: how the keys of a namespace are spelt in the cache that it is in.
///
/// A key is spelt `name:key`. In the name, `\` and `:` have a `\` before them. So the first `:` without one ends the
/// name, and no namespace's keys are among those of another one.
#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace larder::detail {

/// A text put together from two; without an allocation if it is short. Neither copied nor moved.
class JoinedText {
 public:
  JoinedText(std::string_view left, std::string_view right) {
    const std::size_t size = left.size() + right.size();
    char* to = short_.data();
    if (size > short_.size()) {
      long_.resize(size);
      to = long_.data();
    }
    std::memcpy(to, left.data(), left.size());
    // An empty view may point to nothing.
    if (!right.empty()) std::memcpy(to + left.size(), right.data(), right.size());
    view_ = {to, size};
  }
  JoinedText(const JoinedText&) = delete;
  JoinedText& operator=(const JoinedText&) = delete;

  std::string_view view() const noexcept { return view_; }

 private:
  std::array<char, 192> short_;  // not initialised, since only what is written is read
  std::string long_;
  std::string_view view_;
};

/// Many texts with the same beginning.
class JoinedTexts {
 public:
  template <class Elements, class TextOf>
  JoinedTexts(std::string_view prefix, const Elements& elements, const TextOf& text_of) {
    std::size_t size = 0;
    for (const auto& each : elements) size += prefix.size() + text_of(each).size();
    bytes_.reserve(size);  // so that the views stay
    views_.reserve(elements.size());
    for (const auto& each : elements) {
      const std::size_t begin = bytes_.size();
      bytes_.append(prefix).append(text_of(each));
      views_.push_back(std::string_view(bytes_).substr(begin));
    }
  }
  JoinedTexts(const JoinedTexts&) = delete;
  JoinedTexts& operator=(const JoinedTexts&) = delete;

  const std::vector<std::string_view>& views() const noexcept { return views_; }

 private:
  std::string bytes_;
  std::vector<std::string_view> views_;
};

/// What the keys of the namespace with this name begin with.
inline std::string name_space_prefix(std::string_view name) {
  std::string prefix;
  for (const char character : name) {
    if (character == '\\' || character == ':') prefix.push_back('\\');
    prefix.push_back(character);
  }
  prefix.push_back(':');
  return prefix;
}

/// Result: a pattern that matches this text and nothing else (see glob.hpp).
inline std::string literal_pattern(std::string_view text) {
  std::string pattern;
  for (const char character : text) {
    if (std::string_view("*?[]\\^").find(character) != std::string_view::npos) pattern.push_back('\\');
    pattern.push_back(character);
  }
  return pattern;
}

}  // namespace larder::detail
