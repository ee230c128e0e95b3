/// \file index_table.hpp
/// IndexTable: the buckets of a HashIndex, as many as they were when it was made.
///
/// A look-up reads its home bucket, compares the tags in one step, follows only pointers whose tag agrees, and goes on
/// to the next bucket only where the count of those that passed by says so.
///
/// Invariants:
/// - The home bucket is the hash's place among all hashes, in proportion: buckets in order hold hashes in order, also
///   those of another table with more buckets.
/// - An entry lies in the first bucket from its home on that had room when it came; `passed_by` of every bucket in
///   between counts it, from before it comes until after it has gone. So readers, too, never turn back too early.
/// - Nothing here allocates, throws or calls user code but the constructor and the predicate given to `find`.
///
/// One thread at a time may write (all that is not const, and for_each), while any number read.
#pragma once

#include <cstddef>
#include <cstdint>

#include <larder/detail/index_bucket.hpp>
#include <larder/detail/prefetch.hpp>
#include <larder/detail/zeroed_memory.hpp>

namespace larder::detail {

/// On a cache line of its own: every look-up reads it, and nobody writes it.
template <class Node>
class alignas(cache_line) IndexTable {
 public:
  using Bucket = IndexBucket<Node>;
  static_assert(sizeof(void*) != 8 || sizeof(Bucket) == cache_line, "a bucket is one cache line");

  /// \throws std::bad_alloc.
  explicit IndexTable(std::size_t bucket_count)
      : memory_(bucket_count * sizeof(Bucket)),
        buckets_(static_cast<Bucket*>(memory_.data())),
        bucket_count_(bucket_count) {}
  IndexTable(const IndexTable&) = delete;
  IndexTable& operator=(const IndexTable&) = delete;

  std::size_t bucket_count() const noexcept { return bucket_count_; }

  /// How many entries so many buckets take before there should be more: 5.5 for 7 slots. Beyond that too many look-ups
  /// pass by.
  static constexpr std::size_t capacity_of(std::size_t bucket_count) noexcept { return bucket_count * 11 / 2; }

  /// The number of the bucket where the search for a hash begins.
  std::size_t home_of(std::uint32_t hash) const noexcept { return home_of(hash, bucket_count_); }
  static std::size_t home_of(std::uint32_t hash, std::size_t bucket_count) noexcept {
    return static_cast<std::size_t>((std::uint64_t{hash} * bucket_count) >> 32);
  }

  const Bucket& bucket(std::size_t index) const noexcept { return buckets_[index]; }

  /// A node for which `matches(node)` holds among those that this hash may be the hash of, or null. The predicate may
  /// be copied.
  ///
  /// As a rule the first node of the home bucket whose tag agrees is the one. That much is inlined; whatever else there
  /// is to do begins again elsewhere, so that this path has nothing to keep for it.
  template <class Predicate>
  [[gnu::always_inline]] Node* find(std::uint32_t hash, const Predicate& matches) const {
    const Bucket& home = buckets_[home_of(hash)];
    const BucketWord word = home.word();
    SlotSet found = word.with_tag(BucketWord::tag_of(hash));
    if (!found.empty()) [[likely]] {
      Node* node = home.node(found.first());
      if (is_wanted(node, matches)) [[likely]] {
        return node;
      }
      found.drop_first();
    }
    if (found.empty() && !word.passed_by()) return nullptr;
    return find_thoroughly(hash, matches);
  }

  void prefetch_bucket(std::uint32_t hash) const noexcept { prefetch(buckets_ + home_of(hash)); }

  void prefetch_node(std::uint32_t hash) const noexcept {
    const Bucket& home = buckets_[home_of(hash)];
    const SlotSet found = home.word().with_tag(BucketWord::tag_of(hash));
    if (found.empty()) return;
    const Node* node = home.node(found.first());
    if (node == nullptr) return;
    prefetch(node);
    prefetch_line(node, 1);
  }

  template <class Function>
  void for_each(Function& f) const {
    for (std::size_t index = 0; index < bucket_count_; ++index) {
      for (SlotSet used = buckets_[index].word().used(); !used.empty(); used.drop_first()) {
        f(*buckets_[index].node(used.first()));
      }
    }
  }

  /// There must be room.
  void insert(Node& node) noexcept {
    const std::uint32_t hash = node.hash;
    for (std::size_t index = home_of(hash);; index = next(index)) {
      Bucket& bucket = buckets_[index];
      const SlotSet unused = bucket.word().unused();
      if (!unused.empty()) {
        bucket.put(unused.first(), BucketWord::tag_of(hash), node);
        return;
      }
      bucket.pass();
    }
  }

  /// Result: whether it was here.
  bool replace(const Node& node, Node& fresh) noexcept {
    const Place place = locate(node);
    if (place.slot == Bucket::slots) return false;
    buckets_[place.index].replace(place.slot, fresh);
    return true;
  }

  /// Result: whether it was here.
  bool erase(const Node& node) noexcept {
    const Place place = locate(node);
    if (place.slot == Bucket::slots) return false;
    take_out(place.index, place.slot, node.hash);
    return true;
  }

  /// Empties a slot, whose node has this hash.
  void take_out(std::size_t index, std::size_t slot, std::uint32_t hash) noexcept {
    buckets_[index].take_out(slot);
    for (std::size_t passed = home_of(hash); passed != index; passed = next(passed)) buckets_[passed].unpass();
  }

  /// Gives back the memory of the buckets from `given_back` to `end`, in which no entry lies any more, up to the first
  /// one that entries further on have passed by. Result: the first bucket that was not given back. They are all zeros
  /// and stay so: no reader can tell.
  std::size_t give_back(std::size_t given_back, std::size_t end) noexcept {
    constexpr std::size_t at_a_time = ZeroedMemory::piece / sizeof(Bucket);
    std::size_t index = given_back;
    while (index < end && !buckets_[index].word().passed_by()) {
      if (++index % at_a_time == 0) memory_.give_back((index - at_a_time) * sizeof(Bucket));
    }
    return index;
  }

  IndexTable* next_retired = nullptr;  ///< for the owner, who chains the tables that are of no more use

 private:
  struct Place {
    std::size_t index;
    std::size_t slot;
  };

  std::size_t next(std::size_t index) const noexcept { return index + 1 == bucket_count_ ? 0 : index + 1; }

  /// The node may be null: then it has gone since the word was read, or is about to come.
  template <class Predicate>
  [[gnu::always_inline]] static bool is_wanted(const Node* node, const Predicate& matches) {
    if (node == nullptr) [[unlikely]] {
      return false;
    }
    // Most nodes are longer than a cache line, and what a look-up is after lies at their end. To ask for all of it before
    // the predicate has read a part saves waiting twice. That goes for the first line, too: where a node begins at the
    // end of one, its reference count may be all that is there, and a locked instruction asks for nothing in advance.
    prefetch(node);
    prefetch_line(node, 1);
    prefetch_line(node, 2);
    return matches(*node);
  }

  template <class Predicate>
  [[gnu::noinline]] Node* find_thoroughly(std::uint32_t hash, Predicate matches) const {
    const std::size_t home = home_of(hash);
    std::size_t index = home;
    do {
      const BucketWord word = buckets_[index].word();
      for (SlotSet found = word.with_tag(BucketWord::tag_of(hash)); !found.empty(); found.drop_first()) {
        Node* node = buckets_[index].node(found.first());
        if (is_wanted(node, matches)) return node;
      }
      if (!word.passed_by()) break;
      index = next(index);
    } while (index != home);  // every bucket may have been passed by in its time
    return nullptr;
  }

  /// Where a node lies. The slot is `Bucket::slots` if it is not in this table.
  Place locate(const Node& node) const noexcept {
    const std::uint32_t hash = node.hash;
    const std::size_t home = home_of(hash);
    std::size_t index = home;
    do {
      const BucketWord word = buckets_[index].word();
      for (SlotSet found = word.with_tag(BucketWord::tag_of(hash)); !found.empty(); found.drop_first()) {
        if (buckets_[index].node(found.first()) == &node) return {index, found.first()};
      }
      if (!word.passed_by()) break;
      index = next(index);
    } while (index != home);
    return {0, Bucket::slots};
  }

  ZeroedMemory memory_;
  Bucket* buckets_;
  std::size_t bucket_count_;
};

}  // namespace larder::detail
