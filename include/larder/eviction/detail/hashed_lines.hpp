/// \file hashed_lines.hpp
/// HashedLines: a hash table of cache lines that grows by one line at a time.
///
/// This is linear hashing (Litwin, "Linear Hashing: A New Tool for File and Table Addressing", VLDB 1980): of the lines
/// that there are, the first ones have been split already and are found by one bit of the hash more than the others.
/// What is in a line that is split, and in its new half, is the user's business.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include <larder/detail/chunked_array.hpp>

namespace larder::detail {

template <class Line>
class HashedLines {
 public:
  /// A line, and how many low bits of the hash were used up in finding it.
  struct Found {
    Line& line;
    unsigned used_bits;
  };

  bool empty() const noexcept { return count_ == 0; }

  /// Grows to so many lines; there are never fewer. Calls `split(from, to)` for each new line, which is empty.
  /// \throws std::bad_alloc; nothing has changed then.
  template <class Split>
  void grow(std::size_t lines, const Split& split) {
    if (lines <= count_) return;
    lines_.reserve(lines);
    if (count_ == 0) {
      lines_[0] = Line{};
      count_ = 1;
    }
    for (; count_ < lines; ++count_) {
      lines_[count_] = Line{};
      split(lines_[count_ - std::bit_floor(count_)], lines_[count_]);
    }
    mask_ = std::bit_ceil(count_) - 1;
  }

  /// The line of a hash. There must be one.
  Found find(std::uint32_t hash) noexcept {
    const std::size_t index = hash & mask_;
    const auto bits = static_cast<unsigned>(std::bit_width(mask_));
    if (index >= count_) return {lines_[index & mask_ / 2], bits - 1};
    // Its other half may not have been split off yet.
    const bool is_split = (index | (mask_ + 1) / 2) < count_;
    return {lines_[index], is_split ? bits : bits - 1};
  }

  void clear() noexcept {
    lines_.clear();
    count_ = mask_ = 0;
  }

 private:
  ChunkedArray<Line, 6> lines_;
  std::size_t count_ = 0;
  std::size_t mask_ = 0;  // the smallest of the form 2^n - 1 that is not below count_ - 1
};

}  // namespace larder::detail
