/// \file entry_lists.hpp
/// EntryLists: doubly linked lists of a cache's entries, from the oldest to the newest. What most eviction policies are
/// made of.
///
/// Invariants:
/// - Each list is a ring through a place of its own; these places come before those of the entries.
/// - The links of an entry are eight bytes, eight entries a cache line, and touch nothing of the entry itself. What
///   lies there for numbers that are in no list has no meaning.
/// - While there was no `reserve`, there is no memory, and no entry.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <larder/detail/chunked_array.hpp>
#include <larder/detail/prefetch.hpp>
#include <larder/eviction/eviction_policy.hpp>

namespace larder {

/// So many lists over the same entries, of which each is in one at most. Lists are numbered from 0 on; which one an
/// entry is in, is for the user to know. Every function is O(1) where nothing else is said, and none but `reserve`
/// allocates or throws. For one thread at a time.
template <std::uint32_t Count = 1>
class EntryLists {
  static_assert(Count >= 1);

 public:
  /// Makes room for all numbers below `ids`. Amortized O(1) for each new number.
  /// \throws std::bad_alloc; nothing has changed then.
  void reserve(std::size_t ids) {
    if (ids + shift > links_.capacity()) [[unlikely]] {
      const bool is_first = links_.capacity() == 0;
      links_.reserve(ids + shift);
      if (!is_first) return;
      for (std::uint32_t list = 0; list < Count; ++list) links_[list] = {list, list};
    }
  }

  /// `no_entry` if the list is empty.
  EvictionId oldest(std::uint32_t list = 0) const noexcept {
    return links_.capacity() == 0 ? no_entry : id_at(links_[list].newer);
  }
  EvictionId newest(std::uint32_t list = 0) const noexcept {
    return links_.capacity() == 0 ? no_entry : id_at(links_[list].older);
  }
  /// The next one in an entry's list; `no_entry` if there is none.
  EvictionId newer(EvictionId id) const noexcept { return id_at(links_[place_of(id)].newer); }
  EvictionId older(EvictionId id) const noexcept { return id_at(links_[place_of(id)].older); }

  /// An entry that is in no list becomes the newest of one.
  void push(EvictionId id, std::uint32_t list = 0) noexcept { link(place_of(id), list); }

  /// An entry becomes the newest of a list, whichever it is in. Nothing is written if it is already.
  void move(EvictionId id, std::uint32_t list = 0) noexcept {
    const std::uint32_t place = place_of(id);
    if (links_[list].older == place) return;
    unlink(links_[place]);
    link(place, list);
  }

  /// Moves each of them in this order, and waits for memory thrice for many of them, and not thrice for each.
  void move_all(std::span<const EvictionId> ids, std::uint32_t list = 0) noexcept {
    for (; ids.size() > most_at_once; ids = ids.subspan(most_at_once)) move_some(ids.first(most_at_once), list);
    move_some(ids, list);
  }

  /// Takes an entry out of its list.
  void erase(EvictionId id) noexcept { unlink(links_[place_of(id)]); }

  /// Reads ahead where an entry stands.
  void prefetch(EvictionId id) const noexcept { detail::prefetch(&links_[place_of(id)]); }

  /// Empties all lists and frees the memory. O(memory).
  void clear() noexcept { links_.clear(); }

 private:
  struct Links {
    std::uint32_t newer;
    std::uint32_t older;
  };
  static_assert(sizeof(Links) == 8);

  /// Entry 1 has the first place behind those of the lists.
  static constexpr std::uint32_t shift = Count - 1;

  static std::uint32_t place_of(EvictionId id) noexcept { return id + shift; }
  static EvictionId id_at(std::uint32_t place) noexcept { return place < Count ? no_entry : place - shift; }

  void link(std::uint32_t place, std::uint32_t list) noexcept {
    const std::uint32_t newest = links_[list].older;
    links_[place] = {list, newest};
    links_[newest].newer = place;
    links_[list].older = place;
  }

  void unlink(const Links& links) noexcept {
    // Not read as one: the processor would wait where one of the two was written just now.
    const std::uint32_t newer = links.newer;
    const std::uint32_t older = links.older;
    links_[newer].older = older;
    links_[older].newer = newer;
  }

  /// So few that nothing that was read ahead is pushed out again before its use.
  static constexpr std::size_t most_at_once = 64;

  /// Finding a number's place takes longer than what is done there, so each is looked up once and kept.
  void move_some(std::span<const EvictionId> ids, std::uint32_t list) noexcept {
    if (ids.empty()) return;
    Links* links[most_at_once];
    for (std::size_t i = 0; i < ids.size(); ++i) {
      links[i] = &links_[place_of(ids[i])];
      detail::prefetch(links[i]);
    }
    for (std::size_t i = 0; i < ids.size(); ++i) {
      detail::prefetch(&links_[links[i]->newer]);
      detail::prefetch(&links_[links[i]->older]);
    }
    Links& ring = links_[list];
    std::uint32_t newest = ring.older;
    Links* newest_links = &links_[newest];
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const std::uint32_t place = place_of(ids[i]);
      if (place == newest) continue;
      unlink(*links[i]);
      *links[i] = {list, newest};
      newest_links->newer = place;
      // Written now, since unlinking the next one may change it.
      ring.older = newest = place;
      newest_links = links[i];
    }
  }

  detail::ChunkedArray<Links> links_;
};

}  // namespace larder
