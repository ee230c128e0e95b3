/// \file fragile_text.hpp
/// FragileText: a text whose copies, comparisons and hashes throw when a test says so. A backend that is a template is
/// put through the contract kit with it as key or value to see what it does when a user's own type throws.
#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace larder::testing {

/// What a FragileText throws.
class FragileTextBroke : public std::runtime_error {
 public:
  FragileTextBroke() : std::runtime_error("a FragileText broke") {}
};

/// While there is one, the n-th risk that this thread takes goes wrong, and no other does. Risks are what a FragileText
/// takes and, in a program that replaces the allocation function to ask for it, each allocation:
///
///     void* operator new(std::size_t size) {
///       if (larder::testing::LitFuse::goes_off()) throw std::bad_alloc();
///       ...
class LitFuse {
 public:
  explicit LitFuse(int risks) noexcept { left() = risks; }
  ~LitFuse() { left() = 0; }
  LitFuse(const LitFuse&) = delete;
  LitFuse& operator=(const LitFuse&) = delete;

  /// Takes a risk. Result: whether it goes wrong.
  static bool goes_off() noexcept { return left() > 0 && --left() == 0; }

  /// Whether too few risks were taken so far for any to go wrong.
  static bool burning() noexcept { return left() > 0; }

 private:
  static int& left() noexcept {
    thread_local int left = 0;
    return left;
  }
};

/// Copies, comparisons and hashes are risks; moves are not, as with most types.
class FragileText {
 public:
  FragileText() = default;
  explicit FragileText(std::string_view text) : text_(text) {}
  FragileText(const FragileText& other) : text_((take_risk(), other.text_)) {}
  FragileText(FragileText&&) noexcept = default;
  FragileText& operator=(const FragileText& other) {
    take_risk();
    text_ = other.text_;
    return *this;
  }
  FragileText& operator=(FragileText&&) noexcept = default;
  ~FragileText() = default;

  operator std::string_view() const noexcept { return text_; }
  std::size_t size_bytes() const noexcept { return text_.size(); }

  static void take_risk() {
    if (LitFuse::goes_off()) throw FragileTextBroke();
  }

  friend bool operator==(const FragileText& left, const FragileText& right) {
    take_risk();
    return left.text_ == right.text_;
  }
  friend std::strong_ordering operator<=>(const FragileText& left, const FragileText& right) {
    take_risk();
    return left.text_.compare(right.text_) <=> 0;  // as not every library has it for texts
  }

 private:
  std::string text_;
};

}  // namespace larder::testing

/// A risk, too.
template <>
struct std::hash<larder::testing::FragileText> {
  std::size_t operator()(const larder::testing::FragileText& text) const {
    larder::testing::FragileText::take_risk();
    return std::hash<std::string_view>()(text);
  }
};
