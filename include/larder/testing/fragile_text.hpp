/// \file fragile_text.hpp
/// FragileText: a text whose copies, comparisons and hashes throw when a test says so. A backend that is a template is
/// put through the contract kit with it as key or value to see what it does when a user's own type throws.
#pragma once

#include <atomic>
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

/// While there is one, the n-th risk that is taken throws, by whichever FragileText of this thread; then no other does.
class LitFuse {
 public:
  explicit LitFuse(int risks) noexcept { left() = risks; }
  ~LitFuse() { left() = 0; }
  LitFuse(const LitFuse&) = delete;
  LitFuse& operator=(const LitFuse&) = delete;

  static void take_risk() {
    if (left() > 0 && --left() == 0) throw FragileTextBroke();
  }

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
  FragileText(const FragileText& other) : text_((LitFuse::take_risk(), other.text_)) {}
  FragileText(FragileText&&) noexcept = default;
  FragileText& operator=(const FragileText& other) {
    LitFuse::take_risk();
    text_ = other.text_;
    return *this;
  }
  FragileText& operator=(FragileText&&) noexcept = default;
  ~FragileText() = default;

  operator std::string_view() const noexcept { return text_; }
  std::size_t size_bytes() const noexcept { return text_.size(); }

  friend bool operator==(const FragileText& left, const FragileText& right) {
    LitFuse::take_risk();
    return left.text_ == right.text_;
  }
  friend std::strong_ordering operator<=>(const FragileText& left, const FragileText& right) {
    LitFuse::take_risk();
    return left.text_ <=> right.text_;
  }

 private:
  std::string text_;
};

}  // namespace larder::testing

/// A risk, too.
template <>
struct std::hash<larder::testing::FragileText> {
  std::size_t operator()(const larder::testing::FragileText& text) const {
    larder::testing::LitFuse::take_risk();
    return std::hash<std::string_view>()(text);
  }
};
