/// \file lru.hpp
/// Lru: evicts the least recently used entry, exactly.
///
/// This is also the shape of an eviction policy, whichever it is: it knows an entry by its number alone
/// (detail/entry_ids.hpp), keeps what it knows in arrays by numbers, and has these functions. The cache calls them
/// under its lock, and only for numbers for which it called `reserve`. None but that allocates or throws.
///
/// Invariants:
/// - The entries are a doubly linked ring through number 0: its `older` is the newest entry, its `newer` the oldest.
/// - The links of an entry are eight bytes, eight entries a cache line, and touch nothing of the entry itself. What
///   lies there for numbers that are not in the ring has no meaning.
/// - While there was no `reserve`, there is no memory, and no entry.
#pragma once

#include <cstddef>
#include <span>

#include <larder/detail/chunked_array.hpp>
#include <larder/detail/entry_ids.hpp>
#include <larder/detail/prefetch.hpp>

namespace larder {

class Lru {
 public:
  using EntryId = detail::EntryId;

  /// Makes room for all numbers below `ids`. Amortized O(1) for each new number.
  /// \throws std::bad_alloc; nothing has changed then.
  void reserve(std::size_t ids) {
    if (ids > links_.capacity()) [[unlikely]] {
      const bool is_first = links_.capacity() == 0;
      links_.reserve(ids);
      if (is_first) links_[ring] = {ring, ring};
    }
  }

  /// A new entry has come: it is the newest. O(1), as all that follows.
  void insert(EntryId id) noexcept { link(id, links_[ring].older); }

  /// An entry was read or replaced: it becomes the newest. Nothing is written if it is already.
  void touch(EntryId id) noexcept {
    const EntryId newest = links_[ring].older;
    if (newest == id) return;
    unlink(id);
    link(id, newest);
  }

  /// Touches each of them in this order, and waits for memory thrice for many of them, and not thrice for each.
  void touch_all(std::span<const EntryId> ids) noexcept {
    for (; ids.size() > most_at_once; ids = ids.subspan(most_at_once)) touch_some(ids.first(most_at_once));
    touch_some(ids);
  }

  /// An entry leaves.
  void erase(EntryId id) noexcept { unlink(id); }

  /// Result: which entry should go next, but never `spared`; 0 if there is no other.
  EntryId victim(EntryId spared) noexcept {
    if (links_.capacity() == 0) return detail::no_entry;
    const EntryId oldest = links_[ring].newer;
    return oldest == spared ? links_[oldest].newer : oldest;
  }

  /// Which entry would be the next victim when this one has gone, for who wants to get ready for it; 0 if there is none
  /// or nobody knows.
  EntryId after(EntryId victim) const noexcept { return links_[victim].newer; }

  /// Reads ahead what is kept about an entry.
  void prefetch(EntryId id) const noexcept { detail::prefetch(&links_[id]); }

  /// Forgets every entry, and frees the memory: before the next one comes, `reserve` must be called. O(memory).
  void clear() noexcept { links_.clear(); }

  void swap(Lru& other) noexcept { links_.swap(other.links_); }

 private:
  struct Links {
    EntryId newer;
    EntryId older;
  };
  static_assert(sizeof(Links) == 8);

  /// The number that no entry has: where the ring begins and ends.
  static constexpr EntryId ring = detail::no_entry;

  void link(EntryId id, EntryId newest) noexcept {
    links_[id] = {ring, newest};
    links_[newest].newer = id;
    links_[ring].older = id;
  }

  void unlink(EntryId id) noexcept { unlink(links_[id]); }

  void unlink(const Links& links) noexcept {
    // Not read as one: the processor would wait where one of the two was written just now.
    const EntryId newer = links.newer;
    const EntryId older = links.older;
    links_[newer].older = older;
    links_[older].newer = newer;
  }

  /// So few that nothing that was read ahead is pushed out again before its use.
  static constexpr std::size_t most_at_once = 64;

  /// Finding a number's place takes longer than what is done there, so each is looked up once and kept.
  void touch_some(std::span<const EntryId> ids) noexcept {
    if (ids.empty()) return;
    Links* places[most_at_once];
    for (std::size_t i = 0; i < ids.size(); ++i) {
      places[i] = &links_[ids[i]];
      detail::prefetch(places[i]);
    }
    for (std::size_t i = 0; i < ids.size(); ++i) {
      detail::prefetch(&links_[places[i]->newer]);
      detail::prefetch(&links_[places[i]->older]);
    }
    Links& sentinel = links_[ring];
    EntryId newest = sentinel.older;
    Links* newest_place = &links_[newest];
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (ids[i] == newest) continue;
      unlink(*places[i]);
      *places[i] = {ring, newest};
      newest_place->newer = ids[i];
      // Written now, since unlinking the next one may change it.
      sentinel.older = newest = ids[i];
      newest_place = places[i];
    }
  }

  detail::ChunkedArray<Links> links_;
};

}  // namespace larder
