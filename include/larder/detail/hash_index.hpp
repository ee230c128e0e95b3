/// \file hash_index.hpp
/// HashIndex: from a hash to the entries that have it, one cache line a look-up.
///
/// An array of buckets, each exactly one cache line: seven slots with a one-byte tag of the hash for each, and
/// a byte that counts the entries which wanted this bucket, or passed by it, and found it full (the layout of
/// Facebook's F14, 2019, with pointers for elements). A look-up reads its home bucket, compares the tags in one
/// step, follows only pointers whose tag agrees, and goes on to the next bucket only where that count says so.
///
/// Invariants:
/// - A tag is 0 exactly where its slot is empty.
/// - An entry lies in the first bucket from its home on that had room when it came; `passed_by` of every
///   bucket in between counts it. A count that has reached 255 stays there (it costs time, not truth).
/// - Growing is incremental: while `old_` is there, an entry is in one of the two tables, and each insertion
///   moves two buckets of the old one, so that no single call pays for a whole table. The new table cannot fill
///   up before the old one is empty: it has twice the room, and takes at most two entries in for each that
///   `reserve_one` counted.
/// - Nothing here allocates, throws or calls user code but `reserve_one` (allocates, before anything changes)
///   and the predicate given to `find`.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include <larder/detail/prefetch.hpp>
#include <larder/detail/zeroed_memory.hpp>

namespace larder::detail {

/// A hash table of pointers to `Node`, which has a 32-bit `hash` member. The table owns no nodes.
template <class Node>
class HashIndex {
 public:
  HashIndex() = default;
  HashIndex(const HashIndex&) = delete;
  HashIndex& operator=(const HashIndex&) = delete;

  std::size_t size() const noexcept { return size_; }

  /// Makes sure that one `insert` finds room. \throws std::bad_alloc; nothing has changed then.
  void reserve_one() {
    if (size_ < table_.capacity()) return;
    Table larger(table_.bucket_count() == 0 ? 1 : table_.bucket_count() * 2);
    finish_growing();
    old_ = std::exchange(table_, std::move(larger));
    old_next_ = old_given_back_ = 0;
  }

  /// The node with this hash for which `matches(node)` holds, or null. Throws what `matches` throws.
  template <class Predicate>
  Node* find(std::uint32_t hash, Predicate&& matches) const {
    if (Node* node = table_.find(hash, matches)) return node;
    return old_.bucket_count() == 0 ? nullptr : old_.find(hash, matches);
  }

  /// Calls f(node) for each node, in no particular order. f must not change the index.
  template <class Function>
  void for_each(Function&& f) const {
    table_.for_each(f);
    old_.for_each(f);
  }

  /// Reads the home bucket ahead of a `find`.
  void prefetch_bucket(std::uint32_t hash) const noexcept { table_.prefetch_bucket(hash); }

  /// Reads the node that a `find` is likely to look at first. Worth its while once the bucket is there.
  void prefetch_node(std::uint32_t hash) const noexcept { table_.prefetch_node(hash); }

  /// Takes a node in. There must be room (`reserve_one`), and the node must not be in the table.
  void insert(Node& node) noexcept {
    table_.insert(node);
    ++size_;
    if (old_.bucket_count() != 0) move_buckets(2);
  }

  void erase(const Node& node) noexcept {
    if (!table_.erase(node)) old_.erase(node);
    --size_;
  }

  /// Puts `fresh`, which has the same hash, into the slot of `node`.
  void replace(const Node& node, Node& fresh) noexcept {
    if (!table_.replace(node, fresh)) old_.replace(node, fresh);
  }

  /// Forgets every node and frees the table.
  void clear() noexcept {
    table_ = Table();
    old_ = Table();
    size_ = 0;
  }

  void swap(HashIndex& other) noexcept {
    std::swap(table_, other.table_);
    std::swap(old_, other.old_);
    std::swap(old_next_, other.old_next_);
    std::swap(old_given_back_, other.old_given_back_);
    std::swap(size_, other.size_);
  }

 private:
  static constexpr std::size_t slots = 7;

  struct alignas(64) Bucket {
    std::uint8_t tags[slots];
    std::uint8_t passed_by;
    Node* nodes[slots];
  };
  static_assert(sizeof(void*) != 8 || sizeof(Bucket) == 64, "a bucket is one cache line");

  /// The upper bits of the hash, of which the bucket's number uses the lower ones; never 0.
  static std::uint8_t tag_of(std::uint32_t hash) noexcept { return static_cast<std::uint8_t>(hash >> 25 | 0x80u); }

  /// The slots of a bucket whose tag is `tag` (0: the empty ones), as a set that `first_slot` and `rest` walk through.
  /// Behind a tag that agrees, one may come up that differs in its lowest bit; it is no empty slot's.
  static std::uint64_t matching_slots(const Bucket& bucket, std::uint8_t tag) noexcept {
    constexpr std::uint64_t ones = 0x0101010101010101u;
    constexpr std::uint64_t high_bits = 0x0080808080808080u;  // of all but the eighth byte, which is no tag
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, &bucket, sizeof bytes);
    if constexpr (std::endian::native == std::endian::big) bytes = __builtin_bswap64(bytes);
    bytes ^= tag * ones;  // now a byte is zero where the tag agrees, and has its high bit where one of the two is 0
    return (bytes - ones) & ~bytes & high_bits;
  }
  static std::size_t first_slot(std::uint64_t matching) noexcept {
    return static_cast<std::size_t>(std::countr_zero(matching)) / 8;
  }
  static std::uint64_t rest(std::uint64_t matching) noexcept { return matching & (matching - 1); }

  class Table {
   public:
    Table() = default;

    explicit Table(std::size_t bucket_count)
        : memory_(bucket_count * sizeof(Bucket)),
          buckets_(static_cast<Bucket*>(memory_.data())),
          mask_(bucket_count - 1) {}

    Table(Table&& other) noexcept
        : memory_(std::move(other.memory_)),
          buckets_(std::exchange(other.buckets_, nullptr)),
          mask_(std::exchange(other.mask_, no_buckets)) {}
    Table& operator=(Table&& other) noexcept {
      memory_.swap(other.memory_);
      std::swap(buckets_, other.buckets_);
      std::swap(mask_, other.mask_);
      return *this;
    }

    /// Gives back the memory of the buckets from `given_back` to `end`, in which no entry lies any more, up to the
    /// first one that entries further on have passed by. Result: the first bucket that was not given back.
    std::size_t give_back(std::size_t given_back, std::size_t end) noexcept {
      constexpr std::size_t at_a_time = ZeroedMemory::piece / sizeof(Bucket);
      std::size_t next = given_back;
      while (next < end && buckets_[next].passed_by == 0) {
        if (++next % at_a_time == 0) memory_.give_back((next - at_a_time) * sizeof(Bucket));
      }
      return next;
    }

    std::size_t bucket_count() const noexcept { return mask_ + 1; }

    /// How many entries it takes before it should grow: 5.5 of 7 slots. Beyond that too many look-ups pass by.
    std::size_t capacity() const noexcept { return bucket_count() * 11 / 2; }

    Bucket& operator[](std::size_t index) const noexcept { return buckets_[index]; }

    template <class Function>
    void for_each(Function& f) const {
      for (std::size_t index = 0; index < bucket_count(); ++index) {
        for (std::size_t slot = 0; slot < slots; ++slot) {
          if (buckets_[index].tags[slot] != 0) f(*buckets_[index].nodes[slot]);
        }
      }
    }

    void prefetch_bucket(std::uint32_t hash) const noexcept {
      if (buckets_ != nullptr) prefetch(buckets_ + (hash & mask_));
    }

    void prefetch_node(std::uint32_t hash) const noexcept {
      if (buckets_ == nullptr) return;
      const Bucket& bucket = buckets_[hash & mask_];
      const std::uint64_t found = matching_slots(bucket, tag_of(hash));
      if (found == 0) return;
      const auto* node = reinterpret_cast<const char*>(bucket.nodes[first_slot(found)]);
      prefetch(node);
      prefetch(node + sizeof(Bucket));
    }

    template <class Predicate>
    Node* find(std::uint32_t hash, Predicate&& matches) const {
      if (buckets_ == nullptr) return nullptr;
      const std::uint8_t tag = tag_of(hash);
      std::size_t index = hash & mask_;
      do {
        const Bucket& bucket = buckets_[index];
        for (std::uint64_t found = matching_slots(bucket, tag); found != 0; found = rest(found)) {
          Node* node = bucket.nodes[first_slot(found)];
          if (node->hash == hash && matches(*node)) return node;
        }
        if (bucket.passed_by == 0) return nullptr;
        index = (index + 1) & mask_;
      } while (index != (hash & mask_));  // every bucket may have been passed by in its time
      return nullptr;
    }

    void insert(Node& node) noexcept {
      const std::uint8_t tag = tag_of(node.hash);
      for (std::size_t index = node.hash & mask_;; index = (index + 1) & mask_) {
        Bucket& bucket = buckets_[index];
        if (const std::uint64_t free = matching_slots(bucket, 0)) {
          const std::size_t slot = first_slot(free);
          bucket.tags[slot] = tag;
          bucket.nodes[slot] = &node;
          return;
        }
        if (bucket.passed_by != 255) ++bucket.passed_by;
      }
    }

    bool replace(const Node& node, Node& fresh) noexcept {
      std::size_t index = 0;
      const std::size_t slot = locate(node, index);
      if (slot == slots) return false;
      buckets_[index].nodes[slot] = &fresh;
      return true;
    }

    bool erase(const Node& node) noexcept {
      std::size_t index = 0;
      const std::size_t slot = locate(node, index);
      if (slot == slots) return false;
      empty_slot(index, slot, node.hash);
      return true;
    }

    void empty_slot(std::size_t index, std::size_t slot, std::uint32_t hash) noexcept {
      buckets_[index].tags[slot] = 0;
      for (std::size_t passed = hash & mask_; passed != index; passed = (passed + 1) & mask_) {
        if (buckets_[passed].passed_by != 255) --buckets_[passed].passed_by;
      }
    }

   private:
    static constexpr std::size_t no_buckets = static_cast<std::size_t>(-1);

    /// The slot in which a node lies (and its bucket's `index`), or `slots` if it is not in this table.
    std::size_t locate(const Node& node, std::size_t& index) const noexcept {
      if (buckets_ == nullptr) return slots;
      const std::uint8_t tag = tag_of(node.hash);
      index = node.hash & mask_;
      do {
        const Bucket& bucket = buckets_[index];
        for (std::uint64_t found = matching_slots(bucket, tag); found != 0; found = rest(found)) {
          if (bucket.nodes[first_slot(found)] == &node) return first_slot(found);
        }
        if (bucket.passed_by == 0) return slots;
        index = (index + 1) & mask_;
      } while (index != (node.hash & mask_));
      return slots;
    }

    ZeroedMemory memory_;
    Bucket* buckets_ = nullptr;
    std::size_t mask_ = no_buckets;  // bucket_count() == 0
  };

  void move_buckets(std::size_t count) noexcept {
    for (; count > 0 && old_next_ < old_.bucket_count(); --count, ++old_next_) {
      Bucket& bucket = old_[old_next_];
      for (std::size_t slot = 0; slot < slots; ++slot) {
        if (bucket.tags[slot] == 0) continue;
        Node& node = *bucket.nodes[slot];
        old_.empty_slot(old_next_, slot, node.hash);
        table_.insert(node);
      }
    }
    old_given_back_ = old_.give_back(old_given_back_, old_next_);
    if (old_next_ == old_.bucket_count()) old_ = Table();
  }

  void finish_growing() noexcept {
    if (old_.bucket_count() != 0) move_buckets(old_.bucket_count());
  }

  Table table_;
  Table old_;
  std::size_t old_next_ = 0;        // the first bucket of old_ that has not been moved
  std::size_t old_given_back_ = 0;  // the first whose memory may still be needed
  std::size_t size_ = 0;
};

}  // namespace larder::detail
