/// \file random.hpp
/// Random numbers that are the same on every platform, so that a seed printed on one repeats on another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace larder::testing::detail {

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): one word of state, and any seed is a good one.
class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : state_(seed) {}

  std::uint64_t next() noexcept {
    std::uint64_t mixed = state_ += 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
  }

  /// A number from 0 to `bound` - 1. The slight bias of the remainder does not matter here.
  std::size_t below(std::size_t bound) noexcept { return static_cast<std::size_t>(next() % bound); }

  /// A number from 0 up to, but not including, 1.
  double fraction() noexcept { return static_cast<double>(next() >> 11) * 0x1p-53; }

  /// True once in `times` calls, on average.
  bool one_in(std::size_t times) noexcept { return below(times) == 0; }

  /// At most `longest` characters, each one of `alphabet`.
  std::string text(std::string_view alphabet, std::size_t longest) {
    std::string text(below(longest + 1), ' ');
    for (char& character : text) character = alphabet[below(alphabet.size())];
    return text;
  }

 private:
  std::uint64_t state_;
};

}  // namespace larder::testing::detail
