/// \file sampled_stack.hpp
/// SampledStack: keys in the order of their last use, and how much was used since then.
///
/// Each use takes the next of a row of slots, and a Fenwick tree (Fenwick, "A New Data Structure for Cumulative
/// Frequency Tables", 1994) sums up the weights of the keys by their slots. When the slots are used up, the keys move
/// together; there are twice as many slots as keys have room, so that each use pays for O(1) of that.
///
/// Invariants:
/// - `samples_` is dense; `table_` finds a sample by its hash with linear probing, and is at most half full.
/// - `sample_of_slot_[sample.slot]` is the sample's place, and `none` where no sample is.
/// - The tree holds each sample's weight at its slot, and `total_` is their sum.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace larder::detail {

/// Not thread-safe.
class SampledStack {
 public:
  /// What is known of a key. `stored_at`, `used_at` and `deadline` are the owner's.
  struct Sample {
    std::uint64_t hash = 0;
    std::uint64_t weight = 0;
    std::uint32_t slot = 0;
    std::uint32_t stored_at = 0;
    std::uint32_t used_at = 0;
    std::uint32_t deadline = 0;
  };

  /// What a key costs at most, in bytes, where there is room for so many and no more.
  static constexpr std::size_t bytes_a_key = sizeof(Sample) + 2 * (8 + 4) + 4 * 4;

  std::size_t size() const noexcept { return samples_.size(); }
  std::uint64_t total_weight() const noexcept { return total_; }
  std::size_t memory_bytes() const noexcept {
    return samples_.capacity() * sizeof(Sample) + tree_.capacity() * 8 +
           (sample_of_slot_.capacity() + table_.capacity()) * 4;
  }

  /// The key of this hash, or null. O(1). Valid until keys come or go.
  Sample* find(std::uint64_t hash) noexcept {
    if (table_.empty()) return nullptr;
    const std::uint32_t place = table_[entry_of(hash)];
    return place == none ? nullptr : &samples_[place];
  }

  /// Result: the weight of all keys that were used after this one. O(log size).
  std::uint64_t used_since(const Sample& sample) const noexcept { return total_ - sum_until(sample.slot); }

  /// The key is used: it is the last one now. O(log size).
  void touch(Sample& sample) noexcept {
    if (next_slot_ == sample_of_slot_.size()) close_gaps();
    add(sample.slot, 0 - sample.weight);
    sample_of_slot_[sample.slot] = none;
    take_slot(sample);
  }

  void set_weight(Sample& sample, std::uint64_t weight) noexcept {
    add(sample.slot, weight - sample.weight);
    total_ += weight - sample.weight;
    sample.weight = weight;
  }

  /// A new key, the last one used. Amortized O(log size). \throws std::bad_alloc; nothing has changed then.
  Sample& insert(std::uint64_t hash, std::uint64_t weight) {
    if (samples_.size() == room_) grow();
    if (next_slot_ == sample_of_slot_.size()) close_gaps();
    const auto place = static_cast<std::uint32_t>(samples_.size());
    samples_.push_back({hash, weight});
    table_[entry_of(hash)] = place;
    total_ += weight;
    take_slot(samples_.back());
    return samples_.back();
  }

  /// O(log size).
  void erase(Sample& sample) noexcept {
    add(sample.slot, 0 - sample.weight);
    total_ -= sample.weight;
    sample_of_slot_[sample.slot] = none;
    erase_entry(entry_of(sample.hash));
    const auto place = static_cast<std::uint32_t>(&sample - samples_.data());
    if (place + 1 != samples_.size()) {
      table_[entry_of(samples_.back().hash)] = place;
      sample_of_slot_[samples_.back().slot] = place;
      sample = samples_.back();
    }
    samples_.pop_back();
  }

  /// The key that was used first; there must be one. Amortized O(1) where it is erased next.
  Sample& oldest() noexcept {
    while (sample_of_slot_[first_slot_] == none) ++first_slot_;
    return samples_[sample_of_slot_[first_slot_]];
  }

  /// Erases the keys for which `leaves(sample)` holds. O(size · log size).
  template <class Predicate>
  void erase_if(const Predicate& leaves) noexcept {
    for (std::size_t i = samples_.size(); i-- > 0;) {
      if (leaves(samples_[i])) erase(samples_[i]);
    }
  }

  void clear() noexcept {
    samples_.clear();
    std::fill(table_.begin(), table_.end(), none);
    std::fill(sample_of_slot_.begin(), sample_of_slot_.end(), none);
    std::fill(tree_.begin(), tree_.end(), 0);
    total_ = 0;
    first_slot_ = next_slot_ = 0;
  }

 private:
  static constexpr std::uint32_t none = 0xffffffffu;
  static constexpr std::size_t least_room = 64;

  void take_slot(Sample& sample) noexcept {
    sample.slot = static_cast<std::uint32_t>(next_slot_++);
    sample_of_slot_[sample.slot] = static_cast<std::uint32_t>(&sample - samples_.data());
    add(sample.slot, sample.weight);
  }

  // The tree counts slots from 1 on, and modulo 2^64, so that less is added as well.
  void add(std::size_t slot, std::uint64_t weight) noexcept {
    for (std::size_t i = slot + 1; i <= tree_.size(); i += i & (~i + 1)) tree_[i - 1] += weight;
  }
  std::uint64_t sum_until(std::size_t slot) const noexcept {
    std::uint64_t sum = 0;
    for (std::size_t i = slot + 1; i > 0; i &= i - 1) sum += tree_[i - 1];
    return sum;
  }

  /// Room for twice as many keys, exactly.
  void grow() {
    const std::size_t room = std::max(least_room, 2 * room_);
    std::vector<std::uint64_t> tree(2 * room);
    std::vector<std::uint32_t> slots(2 * room, none);
    std::vector<std::uint32_t> table(4 * room, none);
    samples_.reserve(room);
    room_ = room;
    tree_.swap(tree);
    table_.swap(table);
    for (std::size_t i = 0; i < samples_.size(); ++i) {
      table_[entry_of(samples_[i].hash)] = static_cast<std::uint32_t>(i);
    }
    std::copy(sample_of_slot_.begin(), sample_of_slot_.end(), slots.begin());
    sample_of_slot_.swap(slots);
    close_gaps();
  }

  void close_gaps() noexcept {
    std::fill(tree_.begin(), tree_.end(), 0);
    std::size_t end = 0;
    for (std::size_t slot = 0; slot < sample_of_slot_.size(); ++slot) {
      const std::uint32_t place = std::exchange(sample_of_slot_[slot], none);
      if (place == none) continue;
      sample_of_slot_[end] = place;
      samples_[place].slot = static_cast<std::uint32_t>(end);
      tree_[end++] = samples_[place].weight;
    }
    // Each node hands its sum on to the next one that covers it.
    for (std::size_t i = 1; i <= tree_.size(); ++i) {
      const std::size_t covering = i + (i & (~i + 1));
      if (covering <= tree_.size()) tree_[covering - 1] += tree_[i - 1];
    }
    first_slot_ = 0;
    next_slot_ = end;
  }

  /// Where a hash stands in the table, or the free entry where it belongs.
  std::size_t entry_of(std::uint64_t hash) const noexcept {
    const std::size_t mask = table_.size() - 1;
    std::size_t entry = static_cast<std::size_t>(hash) & mask;
    while (table_[entry] != none && samples_[table_[entry]].hash != hash) entry = (entry + 1) & mask;
    return entry;
  }

  /// Who stands behind, because the entry was taken, moves up (Knuth, The Art of Computer Programming 3, 6.4, R).
  void erase_entry(std::size_t entry) noexcept {
    const std::size_t mask = table_.size() - 1;
    for (std::size_t next = (entry + 1) & mask; table_[next] != none; next = (next + 1) & mask) {
      const std::size_t home = static_cast<std::size_t>(samples_[table_[next]].hash) & mask;
      if (((next - home) & mask) < ((next - entry) & mask)) continue;
      table_[entry] = table_[next];
      entry = next;
    }
    table_[entry] = none;
  }

  std::vector<Sample> samples_;
  std::vector<std::uint64_t> tree_;
  std::vector<std::uint32_t> sample_of_slot_;
  std::vector<std::uint32_t> table_;
  std::size_t room_ = 0;
  std::uint64_t total_ = 0;
  std::size_t first_slot_ = 0;
  std::size_t next_slot_ = 0;
};

}  // namespace larder::detail
