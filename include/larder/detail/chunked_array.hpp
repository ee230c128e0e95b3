/// \file chunked_array.hpp
/// ChunkedArray: an array that grows without moving an element, so that no call pays for all that is there already.
///
/// Invariants:
/// - The chunks are full ones, 1024 elements each as a rule, and stay where they are: references to elements stay
/// valid.
/// - Only the directory of the chunks is ever copied: eight bytes for each of them, when its size doubles.
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>
#include <vector>

namespace larder::detail {

/// It holds whatever is written to it: what was not written yet has no value. A chunk has 2^chunk_bits elements.
template <class Element, unsigned chunk_bits = 10>
class ChunkedArray {
  static_assert(std::is_trivially_copyable_v<Element> && std::is_trivially_destructible_v<Element>);

 public:
  ChunkedArray() = default;
  ChunkedArray(const ChunkedArray&) = delete;
  ChunkedArray& operator=(const ChunkedArray&) = delete;

  /// The index must be below the capacity.
  Element& operator[](std::size_t index) noexcept { return chunks_[index >> chunk_bits][index & (chunk_size - 1)]; }
  const Element& operator[](std::size_t index) const noexcept {
    return chunks_[index >> chunk_bits][index & (chunk_size - 1)];
  }

  std::size_t capacity() const noexcept { return chunks_.size() << chunk_bits; }

  /// Makes room for all indices below `count`. Amortized O(new elements).
  /// \throws std::bad_alloc; nothing has changed then.
  void reserve(std::size_t count) {
    if (count > capacity()) [[unlikely]] {
      grow(count);
    }
  }

  /// Frees everything.
  void clear() noexcept { Directory().swap(chunks_); }

  void swap(ChunkedArray& other) noexcept { chunks_.swap(other.chunks_); }

 private:
  static constexpr std::size_t chunk_size = std::size_t{1} << chunk_bits;

  using Directory = std::vector<std::unique_ptr<Element[]>>;

  [[gnu::noinline]] void grow(std::size_t count) {
    const std::size_t chunks_before = chunks_.size();
    try {
      // One by one: asking the directory for the exact room would end its doubling. And `make_unique` would fill the
      // chunk with zeros.
      while (capacity() < count) chunks_.push_back(std::unique_ptr<Element[]>(new Element[chunk_size]));
    } catch (...) {
      chunks_.resize(chunks_before);
      throw;
    }
  }

  Directory chunks_;
};

}  // namespace larder::detail
