/// \file entry_ids.hpp
/// EntryIds: the numbers of a shard's entries, which of them are taken, and the hash of each entry.
///
/// What concerns all entries and not one in particular (their order of use, for one) lies in dense arrays by these
/// numbers: half the size of pointers, and many to a cache line. A number and its hash are also how one gets from
/// such an array to the entry, through the index.
///
/// Invariants:
/// - A number that is taken has its entry's hash in `slots_`; a free one has the next free one there, or 0. So an
///   entry costs four bytes, whether it is still there or not.
/// - The numbers from 1 to `last_` have been given out, and are either taken or in the chain that begins at
///   `first_free_`. What was given back last is taken first: it is likely to be in the processor's cache.
/// - So there are never more numbers than there were entries at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include <larder/cache_error.hpp>
#include <larder/detail/chunked_array.hpp>
#include <larder/detail/prefetch.hpp>

namespace larder::detail {

/// The number of an entry in its shard, from 1 on; 0 is none.
using EntryId = std::uint32_t;

inline constexpr EntryId no_entry = 0;

/// To be used by one thread at a time.
class EntryIds {
 public:
  EntryIds() = default;
  /// `most` is how many numbers there may be.
  explicit EntryIds(EntryId most) noexcept : most_(most) {}
  EntryIds(const EntryIds&) = delete;
  EntryIds& operator=(const EntryIds&) = delete;

  /// One more than the largest number that was ever given: the next one is at most this. So an array by numbers has
  /// room for the next one if it has room for bound() + 1 elements.
  std::size_t bound() const noexcept { return std::size_t{last_} + 1; }

  /// Makes sure that one `take` finds a number. \throws std::bad_alloc; CacheError if all are taken; nothing has
  /// changed then.
  void reserve_one() {
    if (first_free_ != no_entry) return;
    if (last_ == most_) [[unlikely]] {
      refuse();
    }
    slots_.reserve(bound() + 1);
  }

  /// A number for an entry with this hash. There must be one (`reserve_one`).
  EntryId take(std::uint32_t hash) noexcept {
    EntryId id = first_free_;
    if (id != no_entry) {
      first_free_ = slots_[id];
    } else {
      id = ++last_;
    }
    slots_[id] = hash;
    return id;
  }

  /// The entry is gone, and its number may be another's.
  void give_back(EntryId id) noexcept {
    slots_[id] = first_free_;
    first_free_ = id;
  }

  /// Of an entry that is there.
  std::uint32_t hash_of(EntryId id) const noexcept { return slots_[id]; }

  /// Reads ahead the hash of an entry that is there.
  void prefetch(EntryId id) const noexcept { detail::prefetch(&slots_[id]); }

  /// Takes all numbers back, begins with 1 again, and frees the memory.
  void clear() noexcept {
    slots_.clear();
    first_free_ = last_ = no_entry;
  }

  void swap(EntryIds& other) noexcept {
    slots_.swap(other.slots_);
    std::swap(first_free_, other.first_free_);
    std::swap(last_, other.last_);
    std::swap(most_, other.most_);
  }

 private:
  [[noreturn, gnu::noinline]] void refuse() const {
    throw CacheError("InMemoryBackend: a shard holds " + std::to_string(most_) +
                     " entries, which is all that it can number; more shards can hold more");
  }

  ChunkedArray<std::uint32_t> slots_;  // that of number 0 is not used
  EntryId first_free_ = no_entry;
  EntryId last_ = no_entry;
  EntryId most_ = std::numeric_limits<EntryId>::max();
};

}  // namespace larder::detail
