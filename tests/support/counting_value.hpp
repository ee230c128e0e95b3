/// \file counting_value.hpp
/// A value that counts how often it is copied and moved.
#pragma once

#include <cstddef>
#include <utility>

namespace larder_tests {

struct ValueCounts {
  int copies = 0;
  int moves = 0;
  int alive = 0;
};

class CountingValue {
 public:
  explicit CountingValue(int number = 0) : number_(number) { ++counts_.alive; }
  CountingValue(const CountingValue& other) : number_(other.number_) {
    ++counts_.copies;
    ++counts_.alive;
  }
  CountingValue(CountingValue&& other) noexcept : number_(std::exchange(other.number_, -1)) {
    ++counts_.moves;
    ++counts_.alive;
  }
  CountingValue& operator=(const CountingValue& other) {
    number_ = other.number_;
    ++counts_.copies;
    return *this;
  }
  CountingValue& operator=(CountingValue&& other) noexcept {
    number_ = std::exchange(other.number_, -1);
    ++counts_.moves;
    return *this;
  }
  ~CountingValue() { --counts_.alive; }

  int number() const noexcept { return number_; }
  std::size_t size_bytes() const noexcept { return 1; }

  static ValueCounts counts() noexcept { return counts_; }
  /// Starts counting copies and moves anew.
  static void restart() noexcept { counts_.copies = counts_.moves = 0; }

 private:
  static inline ValueCounts counts_;

  int number_;
};

}  // namespace larder_tests
