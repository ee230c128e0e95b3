/// \file eviction_policy.hpp
/// EvictionPolicy: what a cache asks of whoever chooses the entries that leave, and so how to write one of your own.
#pragma once

#include <algorithm>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>

#include <larder/detail/entry_ids.hpp>

namespace larder {

/// The number of an entry in its shard, from 1 on, and its own while it is there. Numbers are given again, so that they
/// stay below the largest number of entries that there ever were at once: what a policy knows of entries, it keeps in
/// arrays by numbers.
using EvictionId = detail::EntryId;
inline constexpr EvictionId no_entry = detail::no_entry;

/// What a policy is told of an entry.
struct EvictionEntry {
  EvictionId id = no_entry;
  std::uint32_t hash = 0;  ///< of its key; each bit is as good as any other
  std::size_t weight = 0;  ///< what it counts for against `max_size_bytes`; may be 0
};

/// How much a shard may hold; SIZE_MAX where there is no limit.
struct EvictionLimits {
  std::size_t weight;
  std::size_t entries;
};

/// Why an entry has to leave.
struct EvictionNeed {
  EvictionId spared;     ///< the entry that must stay, since it is being written; or none
  bool by_weight;        ///< which limit is in the way: that of the weights, or that of the number of entries
  std::size_t capacity;  ///< that limit
  std::size_t incoming;  ///< what a new entry takes of it, beside those that the policy has
};

/// The largest number of uses that an entry's mark can count.
inline constexpr unsigned most_marked_uses = 31;

/// An entry and its mark: how often it was used, as hits have counted it (up to the policy's `most_uses`).
class MarkedEntry : public EvictionEntry {
 public:
  MarkedEntry(const EvictionEntry& entry, std::atomic<std::uint8_t>& mark) noexcept
      : EvictionEntry(entry), mark_(&mark) {}

  unsigned uses() const noexcept { return mark_->load(std::memory_order_relaxed) >> shift; }
  /// One that a hit counts in between may be lost.
  void set_uses(unsigned uses) const noexcept {
    // relaxed: a mark is a number and nothing else.
    const unsigned others = mark_->load(std::memory_order_relaxed) & ((1u << shift) - 1);
    mark_->store(static_cast<std::uint8_t>(uses << shift | others), std::memory_order_relaxed);
  }

  /// The bits below are somebody else's.
  static constexpr unsigned shift = 3;

 private:
  std::atomic<std::uint8_t>* mark_;
};

/// How much there is in a part of the cache.
struct EvictionLoad {
  std::size_t entries = 0;
  std::size_t weight = 0;

  void add(const EvictionEntry& entry) noexcept {
    ++entries;
    weight += entry.weight;
  }
  void drop(const EvictionEntry& entry) noexcept {
    --entries;
    weight -= entry.weight;
  }
  std::size_t in(bool by_weight) const noexcept { return by_weight ? weight : entries; }
};

namespace detail {

/// What a policy looks entries up in, for the concept.
struct AnyEntries {
  MarkedEntry operator[](EvictionId id) const noexcept;
  std::uint32_t hash_of(EvictionId id) const noexcept;
};

}  // namespace detail

/// A policy for which a hit only marks the entry: no hit ever waits for a lock that somebody else holds, and none is
/// told of. `Policy::most_uses`, from 1 to `most_marked_uses`, is where marks stop counting.
template <class Policy>
concept MarkingEvictionPolicy = requires {
  requires Policy::most_uses >= 1 && Policy::most_uses <= most_marked_uses;
};

/// Whoever chooses the entries that leave. Each shard of a cache has one of its own, made by default, and calls it
/// under the shard's lock. None of the functions may throw but `reserve`, and none may allocate but that and `set_limits`.
///
/// - `reserve(ids)`: makes room for numbers below `ids`; called before an entry of a new number comes. May throw
///   std::bad_alloc and has changed nothing then.
/// - `insert(entry)`: it has come. It has no uses.
/// - `touch(entry)`: it was read or replaced. Not asked of who marks uses (`most_uses`).
/// - `erase(entry)`: it leaves: as the victim, or for another reason.
/// - `victim(need, entries)`: which entry should go, but never `need.spared`. Called again until there is room; there
///   is always another entry. `entries[id]` is a MarkedEntry, and costs a few cache misses; `entries.hash_of(id)` one.
/// - `clear()`: forgets every entry, and frees the memory: before the next one comes, `reserve` is called.
///
/// What it may have besides:
///
/// - `set_limits(EvictionLimits)`: called once, before all else.
/// - `admit(entry, entries)`: before a new one comes, and before any leaves for it. Its number is not known yet. False
///   turns it away: the cache's `set` returns false. Otherwise `insert` follows, unless there is no memory for it.
/// - `replace(old, fresh)`: an entry gets another weight. `touch` follows, or the entry's mark is kept and counts one
///   use more.
/// - `touch_all(ids)`: touches many at once, so that what has to be fetched from memory is fetched at the same time.
/// - `after(id)`: which entry is likely to be the next victim when this one has gone, and `prefetch(id)`: so that the
///   cache can get ready for it.
template <class Policy>
concept EvictionPolicy =
    std::default_initializable<Policy> &&
    requires(Policy policy, const EvictionEntry& entry, const EvictionNeed& need, const detail::AnyEntries& entries) {
      policy.reserve(std::size_t{});
      policy.insert(entry);
      policy.erase(entry);
      { policy.victim(need, entries) } -> std::convertible_to<EvictionId>;
      policy.clear();
      requires MarkingEvictionPolicy<Policy> || requires { policy.touch(entry); };
    };

}  // namespace larder
