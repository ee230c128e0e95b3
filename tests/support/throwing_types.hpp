/// \file throwing_types.hpp
/// Keys and values whose copies, moves, hashes and comparisons throw when a test says so.
#pragma once

#include <cstddef>
#include <functional>
#include <ostream>
#include <utility>

namespace larder_tests {

struct Thrown {};

/// Throws at the n-th risk that is taken, counted from `light(n)` on; unlit, it lets everything pass.
class Fuse {
 public:
  static void light(int risks) noexcept { left_ = risks; }
  static void put_out() noexcept { left_ = 0; }
  /// Whether it is still burning: it was lit, and too few risks were taken to make it go off.
  static bool burning() noexcept { return left_ > 0; }

  static void take_risk() {
    if (left_ > 0 && --left_ == 0) throw Thrown();
  }

 private:
  static inline int left_ = 0;
};

/// Copies and moves are risks; so is asking for its size.
class ThrowingValue {
 public:
  ThrowingValue(int number = 0) : number_(number) { ++alive_; }  // NOLINT(google-explicit-constructor)
  ThrowingValue(const ThrowingValue& other) : number_(other.number_) {
    Fuse::take_risk();
    ++alive_;
  }
  ThrowingValue(ThrowingValue&& other) noexcept(false) : number_(other.number_) {
    Fuse::take_risk();
    other.number_ = -1;
    ++alive_;
  }
  ThrowingValue& operator=(const ThrowingValue& other) {
    Fuse::take_risk();
    number_ = other.number_;
    return *this;
  }
  ThrowingValue& operator=(ThrowingValue&& other) noexcept(false) {
    Fuse::take_risk();
    number_ = std::exchange(other.number_, -1);
    return *this;
  }
  ~ThrowingValue() { --alive_; }

  std::size_t size_bytes() const {
    Fuse::take_risk();
    return 10;
  }

  int number() const noexcept { return number_; }

  /// How many there are at present: none may be lost in a throw.
  static int alive() noexcept { return alive_; }

  friend bool operator==(const ThrowingValue& left, const ThrowingValue& right) noexcept {
    return left.number_ == right.number_;
  }
  friend std::ostream& operator<<(std::ostream& out, const ThrowingValue& value) { return out << value.number_; }

 private:
  static inline int alive_ = 0;

  int number_;
};

/// Copies, comparisons and hashes are risks.
class ThrowingKey {
 public:
  ThrowingKey(int number = 0) : number_(number) { ++alive_; }  // NOLINT(google-explicit-constructor)
  ThrowingKey(const ThrowingKey& other) : number_(other.number_) {
    Fuse::take_risk();
    ++alive_;
  }
  ThrowingKey& operator=(const ThrowingKey& other) {
    Fuse::take_risk();
    number_ = other.number_;
    return *this;
  }
  ~ThrowingKey() { --alive_; }

  int number() const noexcept { return number_; }

  static int alive() noexcept { return alive_; }

  friend bool operator==(const ThrowingKey& left, const ThrowingKey& right) {
    Fuse::take_risk();
    return left.number_ == right.number_;
  }
  friend bool operator<(const ThrowingKey& left, const ThrowingKey& right) noexcept {
    return left.number_ < right.number_;
  }
  friend std::ostream& operator<<(std::ostream& out, const ThrowingKey& key) { return out << key.number_; }

  struct Hash {
    std::size_t operator()(const ThrowingKey& key) const {
      Fuse::take_risk();
      // Few hashes for many keys, so that the comparison is asked, too.
      return static_cast<std::size_t>(key.number_ % 2);
    }
  };

 private:
  static inline int alive_ = 0;

  int number_;
};

}  // namespace larder_tests

/// What `std::unordered_map`, the result of `get_many`, hashes by.
template <>
struct std::hash<larder_tests::ThrowingKey> : larder_tests::ThrowingKey::Hash {};
