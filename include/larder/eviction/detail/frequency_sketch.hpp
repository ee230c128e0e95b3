/// \file frequency_sketch.hpp
/// FrequencySketch: about how often each key was seen lately, also of those that are not in the cache. 7 bytes for each
/// entry that the cache has.
///
/// A count-min sketch (Cormode and Muthukrishnan, "An Improved Data Stream Summary: The Count-Min Sketch and its
/// Applications", 2005) of 4-bit counters, whose counts are all halved from time to time, so that old ones fade away
/// (TinyLFU: Einziger, Friedman and Manes, ACM TOS 2017). The four counters of a key are in one cache line (blocking:
/// Putze, Sanders and Singler, "Cache-, Hash- and Space-Efficient Bloom Filters", 2007).
///
/// Nothing is halved at once: a line has the number of the halving that it has seen last, and catches up when it is
/// looked at. A line that is split is copied: both halves know as much as before, and forget what is not theirs in
/// time.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include <larder/eviction/detail/hashed_lines.hpp>

namespace larder::detail {

class FrequencySketch {
 public:
  static constexpr unsigned most = 15;

  /// Makes room for a cache with so many entries. \throws std::bad_alloc; nothing has changed then.
  void reserve(std::size_t entries) {
    const std::size_t lines = (entries * bytes_of_four_entries / 4 + sizeof(Line) - 1) / sizeof(Line);
    lines_.grow(lines, [](const Line& from, Line& to) { to = from; });
  }

  /// How often a key was seen; more rather than less. At most `most`. O(1).
  unsigned frequency(std::uint32_t hash) noexcept {
    if (lines_.empty()) return 0;
    Line& line = current_line(hash);
    const std::uint32_t bits = remix(hash);
    unsigned least = most;
    for (unsigned row = 0; row < rows; ++row) least = std::min(least, line.count(place(row, bits)));
    return least;
  }

  /// A key was seen, in a cache with so many entries. O(1).
  void count(std::uint32_t hash, std::size_t entries) noexcept {
    if (lines_.empty()) return;
    Line& line = current_line(hash);
    const std::uint32_t bits = remix(hash);
    bool counted = false;
    for (unsigned row = 0; row < rows; ++row) counted |= line.increment(place(row, bits));
    if (counted && ++seen_ >= std::max(entries, least_entries) * sample_an_entry) {
      seen_ /= 2;
      ++halvings_;
    }
  }

  /// Forgets everything, and frees the memory.
  void clear() noexcept {
    lines_.clear();
    seen_ = 0;
  }

 private:
  static constexpr std::size_t bytes_of_four_entries = 27;
  /// After how many requests an entry the counts are halved, as TinyLFU's authors propose.
  static constexpr std::size_t sample_an_entry = 10;
  static constexpr std::size_t least_entries = 16;
  static constexpr unsigned rows = 4;
  static constexpr unsigned counters_a_row = 31;

  struct alignas(64) Line {
    std::array<std::uint8_t, rows * counters_a_row / 2> pairs{};
    std::uint16_t halvings = 0;

    unsigned count(unsigned place) const noexcept { return pairs[place / 2] >> place % 2 * 4 & most; }
    bool increment(unsigned place) noexcept {
      if (count(place) == most) return false;
      pairs[place / 2] = static_cast<std::uint8_t>(pairs[place / 2] + (1u << place % 2 * 4));
      return true;
    }
    void halve(unsigned times) noexcept {
      const unsigned mask = (most >> times) * 0x11;
      for (std::uint8_t& pair : pairs) pair = static_cast<std::uint8_t>(pair >> times & mask);
    }
  };
  static_assert(sizeof(Line) == 64);

  /// Bits of another hash than that which finds the line.
  static std::uint32_t remix(std::uint32_t hash) noexcept {
    hash *= 0x9e3779b1u;  // as in MurmurHash3's finalizer (Appleby), with the golden ratio's factor
    hash ^= hash >> 15;
    hash *= 0x85ebca77u;
    return hash ^ hash >> 13;
  }

  static unsigned place(unsigned row, std::uint32_t bits) noexcept {
    return row * counters_a_row + ((bits >> row * 8 & 0xff) * counters_a_row >> 8);
  }

  Line& current_line(std::uint32_t hash) noexcept {
    Line& line = lines_.find(hash).line;
    if (line.halvings != halvings_) [[unlikely]] {
      // 16 bits of the number come again after 65,536 halvings: who was not looked at for so long counts wrong once.
      line.halve(std::min<unsigned>(static_cast<std::uint16_t>(halvings_ - line.halvings), 4));
      line.halvings = halvings_;
    }
    return line;
  }

  HashedLines<Line> lines_;
  std::size_t seen_ = 0;
  std::uint16_t halvings_ = 0;
};

}  // namespace larder::detail
