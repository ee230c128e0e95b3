/// \file key_table.hpp
/// KeyTable: numbers the distinct keys of a trace, from 0 in the order in which they first come.
///
/// Built for millions of keys, of which none ever leaves: their bytes lie one after the other in one block, found
/// through a table with open addressing that holds nothing but their numbers.
///
/// Invariants: key i is the bytes from ends_[i - 1] (0 for the first) to ends_[i]; `slots_` has a power of two of
/// slots, at most half of them taken, and each key's number stands in the first slot, from the one that its hash
/// names, that was free when it came.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string_view>
#include <vector>

#include <larder/hash.hpp>

namespace larder::replay {

class KeyTable {
 public:
  /// Result: the key's number, a new one if the key is new. Amortised O(size of the key).
  /// \throws std::length_error beyond four thousand million keys.
  std::uint32_t number_of(std::string_view key) {
    std::size_t slot = slot_of(key);
    if (slots_[slot] != free_slot) return slots_[slot];
    if (ends_.size() == free_slot)
      throw std::length_error("too many distinct keys: at most 4294967295 can be told apart");
    if (2 * (ends_.size() + 1) > slots_.size()) {
      grow();
      slot = slot_of(key);
    }
    const auto number = static_cast<std::uint32_t>(ends_.size());
    bytes_.insert(bytes_.end(), key.begin(), key.end());
    ends_.push_back(bytes_.size());
    slots_[slot] = number;
    return number;
  }

  std::size_t size() const noexcept { return ends_.size(); }

 private:
  static constexpr std::uint32_t free_slot = std::numeric_limits<std::uint32_t>::max();

  std::string_view key(std::size_t number) const noexcept {
    const std::size_t begin = number == 0 ? 0 : ends_[number - 1];
    return {bytes_.data() + begin, ends_[number] - begin};
  }

  /// Result: where the key's number stands, or the free slot where it belongs.
  std::size_t slot_of(std::string_view key) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t slot = Hash<std::string_view>()(key) & mask;
    while (slots_[slot] != free_slot && this->key(slots_[slot]) != key) slot = (slot + 1) & mask;
    return slot;
  }

  void grow() {
    slots_.assign(slots_.size() * 2, free_slot);
    for (std::size_t number = 0; number < ends_.size(); ++number) {
      slots_[slot_of(key(number))] = static_cast<std::uint32_t>(number);
    }
  }

  std::vector<char> bytes_;
  std::vector<std::size_t> ends_;
  std::vector<std::uint32_t> slots_ = std::vector<std::uint32_t>(1024, free_slot);
};

}  // namespace larder::replay
