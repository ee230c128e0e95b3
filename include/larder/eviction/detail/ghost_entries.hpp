/// \file ghost_entries.hpp
/// GhostEntries: remembers of which keys an entry was evicted not long ago. A FIFO queue of fingerprints, 7 bytes for
/// each entry that the cache has.
///
/// "Not long ago" is measured in what was evicted since, as a share of the cache's capacity: so it needs no queue, but
/// a time for each ghost. The ghosts of one hash are in one cache line of 16 slots, in no order. A slot has the time in
/// 12 bits, and 20 bits of the hash that have not led to the line. Of these 13 are compared: the others tell, whenever
/// the line is split, which ghost moves (quotienting: Knuth, The Art of Computer Programming, volume 3, 6.4, exercise
/// 13; so no hash has to be stored whole). Hence a key that was never here is taken for a ghost about once in 1,000
/// times; beyond 2^19 lines (5 million entries a shard) more often, since hashes have 32 bits.
///
/// Invariants:
/// - `total_` is the sum of `shares_`, and at most `most`.
/// - A slot is a ghost if it is not 0 and its time is between `oldest_` and `now_`.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include <larder/eviction/detail/hashed_lines.hpp>

namespace larder::detail {

class GhostEntries {
 public:
  /// The whole capacity of a cache, as a share.
  static constexpr std::uint64_t whole = std::uint64_t{1} << 31;

  /// `most`: how much of the capacity the ghosts took when they were entries.
  explicit GhostEntries(std::uint64_t most) noexcept : most_(most) {}

  /// Makes room for the ghosts of a cache with so many entries. \throws std::bad_alloc; nothing has changed then.
  void reserve(std::size_t entries) {
    if (shares_ == nullptr) shares_ = std::make_unique<std::uint32_t[]>(times);
    lines_.grow(std::max(least_lines, (entries * bytes_of_four_entries / 4 + sizeof(Line) - 1) / sizeof(Line)), split);
    ghosts_a_time_ = static_cast<std::uint32_t>(std::max<std::size_t>(1, entries * most_ghosts_an_entry / times));
  }

  /// An entry of this hash, which took such a share of the capacity, was evicted. O(1), amortized in ghosts.
  void insert(std::uint32_t hash, std::uint64_t share) noexcept {
    if (share > most_) return;
    while (total_ + share > most_) forget_oldest();
    if (++inserted_now_ >= ghosts_a_time_) {
      inserted_now_ = 0;
      ++now_;
    }
    while (now_ - oldest_ >= times - 1) forget_oldest();
    shares_[now_ % times] += static_cast<std::uint32_t>(share);
    total_ += share;
    const auto [line, used_bits] = lines_.find(hash);
    const std::uint32_t slot = hash >> used_bits << time_bits | now_ % times;
    free_slot(line) = slot != 0 ? slot : unmatched;
  }

  /// Whether an entry of this hash is remembered; then it is no more. `share` is what it takes now. O(1).
  bool take(std::uint32_t hash, std::uint64_t share) noexcept {
    if (lines_.empty()) return false;
    const auto [line, used_bits] = lines_.find(hash);
    for (std::uint32_t& slot : line.slots) {
      if (slot == 0 || ((slot >> time_bits ^ hash >> used_bits) & compared_mask) != 0 || !is_ghost(slot)) continue;
      std::uint32_t& at_its_time = shares_[slot % times];
      const std::uint64_t taken = std::min<std::uint64_t>(at_its_time, share);
      at_its_time -= static_cast<std::uint32_t>(taken);
      total_ -= taken;
      slot = 0;
      return true;
    }
    return false;
  }

  /// Forgets everything, and frees the memory.
  void clear() noexcept {
    lines_.clear();
    shares_.reset();
    total_ = 0;
    now_ = oldest_ = inserted_now_ = 0;
  }

 private:
  struct alignas(64) Line {
    std::array<std::uint32_t, 16> slots{};
  };

  static constexpr unsigned time_bits = 12;
  static constexpr std::uint32_t times = 1u << time_bits;
  static constexpr std::uint32_t compared_mask = (1u << 13) - 1;
  /// A slot that is not 0, for the ghost whose own would be: of the bits that are not compared.
  static constexpr std::uint32_t unmatched = 1u << 31;

  static constexpr std::size_t bytes_of_four_entries = 26;
  /// In small caches some lines would overflow while others have room, and a few large entries may leave many ghosts of
  /// small ones.
  static constexpr std::size_t least_lines = 64;
  /// Small entries leave more ghosts in a share of the capacity than there are entries.
  static constexpr std::size_t most_ghosts_an_entry = 4;

  /// The lowest bit of a slot's hash is the one that finds the line from now on.
  static void split(Line& from, Line& to) noexcept {
    std::size_t moved = 0;
    for (std::uint32_t& slot : from.slots) {
      if (slot == 0) continue;
      const bool moves = (slot >> time_bits & 1) != 0;
      const std::uint32_t shorter = slot >> (time_bits + 1) << time_bits | slot % times;
      slot = moves ? 0 : shorter;
      if (moves) to.slots[moved++] = shorter;
    }
  }

  bool is_ghost(std::uint32_t slot) const noexcept { return (slot - oldest_) % times <= now_ - oldest_; }

  void forget_oldest() noexcept {
    std::uint32_t& share = shares_[oldest_ % times];
    total_ -= share;
    share = 0;
    if (oldest_ == now_) ++now_;
    ++oldest_;
  }

  /// Where there is none, the oldest ghost of the line makes way.
  std::uint32_t& free_slot(Line& line) noexcept {
    std::uint32_t* oldest = nullptr;
    for (std::uint32_t& slot : line.slots) {
      if (slot == 0 || !is_ghost(slot)) return slot;
      if (oldest == nullptr || (now_ - slot) % times > (now_ - *oldest) % times) oldest = &slot;
    }
    return *oldest;
  }

  HashedLines<Line> lines_;
  std::unique_ptr<std::uint32_t[]> shares_;  // by time
  const std::uint64_t most_;
  std::uint64_t total_ = 0;
  std::uint32_t now_ = 0;
  std::uint32_t oldest_ = 0;
  std::uint32_t inserted_now_ = 0;
  std::uint32_t ghosts_a_time_ = 1;
};

}  // namespace larder::detail
