/// \file index_bucket.hpp
/// IndexBucket: one cache line of a HashIndex, which one thread at a time writes while any number read it.
///
/// It has seven slots. One word holds a tag of seven bits of the hash for each, and `passed_by`, a count of the entries
/// that wanted this bucket, or came by it, and found it full; seven pointers hold the entries. (The layout of
/// Facebook's F14, 2019, with pointers for elements.) Zeroed memory is an empty bucket.
///
/// Invariants:
/// - To the writer, a slot's tag is 0 exactly where its pointer is null.
/// - To readers, a slot's entry is there exactly while its pointer is. The tag, by which they find the pointer, comes
///   before it and goes after it. So an entry that stays is found by all, and a pointer that is not null is that of an
///   entry which is in the slot at the moment when it is read, no matter which one the tag was read for.
/// - An empty bucket that nothing has passed by is all zeros again, pointers too.
///
/// Memory order: every store is a release and every load that readers make an acquire, so that
/// - who reads a pointer sees the whole entry behind it, and the tag that leads there;
/// - who sees an entry gone, or a count gone down, sees all that the writer did before it took the entry out. That is
///   where the entry has moved to (see HashIndex), and that it is in this slot no more.
/// Nothing here needs one order of stores to different places for all threads (sequential consistency): a look-up
/// relies on what the one writer did before the store whose value it has read, and on nothing else.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include <larder/detail/prefetch.hpp>

namespace larder::detail {

/// Slots of a bucket, to be walked through.
class SlotSet {
 public:
  /// The top bits of the slots' bytes.
  explicit SlotSet(std::uint64_t top_bits) noexcept : top_bits_(top_bits) {}

  bool empty() const noexcept { return top_bits_ == 0; }
  std::size_t first() const noexcept {
    // An unsigned number of 32 bits is one of 64 without an instruction.
    return static_cast<unsigned>(std::countr_zero(top_bits_)) / 8;
  }
  void drop_first() noexcept { top_bits_ &= top_bits_ - 1; }

 private:
  std::uint64_t top_bits_;
};

/// The tags and the count of a bucket, at one moment. Byte `slot` from the low end is that slot's tag, the top byte is
/// the count: so numerically, whatever the order of bytes in memory.
class BucketWord {
 public:
  explicit BucketWord(std::uint64_t bits) noexcept : bits_(bits) {}

  std::uint64_t bits() const noexcept { return bits_; }

  /// The lowest bits of the hash, of which the bucket's number uses the upper ones. Never 0.
  static std::uint8_t tag_of(std::uint32_t hash) noexcept { return static_cast<std::uint8_t>(hash | 0x80u); }

  SlotSet used() const noexcept { return SlotSet(bits_ & top_bits); }
  SlotSet unused() const noexcept { return SlotSet(~bits_ & top_bits); }

  /// Behind a tag that agrees, one may come up that differs in its lowest bit; it is no unused slot's.
  SlotSet with_tag(std::uint8_t tag) const noexcept {
    constexpr std::uint64_t ones = 0x0101010101010101u;
    const std::uint64_t bytes = bits_ ^ tag * ones;  // zero where the tag agrees; the top bit is set where one is 0
    return SlotSet((bytes - ones) & ~bytes & top_bits);
  }

  bool passed_by() const noexcept { return bits_ >= one_pass; }

  BucketWord add(std::size_t slot, std::uint8_t tag) const noexcept {
    return BucketWord(bits_ | std::uint64_t{tag} << 8 * slot);
  }
  BucketWord remove(std::size_t slot) const noexcept { return BucketWord(bits_ & ~(std::uint64_t{0xff} << 8 * slot)); }

  /// A count that has reached its end stays there: it costs time, not truth.
  BucketWord pass() const noexcept { return BucketWord(passes_are_lost() ? bits_ : bits_ + one_pass); }
  BucketWord unpass() const noexcept { return BucketWord(passes_are_lost() ? bits_ : bits_ - one_pass); }

 private:
  static constexpr std::uint64_t top_bits = 0x0080808080808080u;  // of all bytes but that of the count
  static constexpr std::uint64_t one_pass = std::uint64_t{1} << 56;

  bool passes_are_lost() const noexcept { return bits_ >= one_pass * 255; }

  std::uint64_t bits_;
};

template <class Node>
class alignas(cache_line) IndexBucket {
 public:
  static constexpr std::size_t slots = 7;

  BucketWord word() const noexcept { return BucketWord(word_.load(std::memory_order_acquire)); }

  /// A reader may get null for a slot whose tag it has seen: then the entry is not there yet, or has gone.
  Node* node(std::size_t slot) const noexcept { return nodes_[slot].load(std::memory_order_acquire); }

  /// For the writer.
  void put(std::size_t slot, std::uint8_t tag, Node& node) noexcept {
    set_word(word().add(slot, tag));
    nodes_[slot].store(&node, std::memory_order_release);
  }
  void replace(std::size_t slot, Node& fresh) noexcept { nodes_[slot].store(&fresh, std::memory_order_release); }
  void take_out(std::size_t slot) noexcept {
    nodes_[slot].store(nullptr, std::memory_order_release);
    set_word(word().remove(slot));
  }
  void pass() noexcept { set_word(word().pass()); }
  void unpass() noexcept { set_word(word().unpass()); }

 private:
  void set_word(BucketWord word) noexcept { word_.store(word.bits(), std::memory_order_release); }

  std::atomic<std::uint64_t> word_;
  std::atomic<Node*> nodes_[slots];

  static_assert(sizeof(word_) == sizeof(std::uint64_t) && sizeof(nodes_) == sizeof(Node* [slots]),
                "zeroed memory is an empty bucket only where an atomic is its value and nothing else");
};

}  // namespace larder::detail
