/// \file node_head.hpp
/// NodeHead: what every entry begins with, whatever the types of its key and value.
///
/// Who may read what, and when:
/// - `layout` and `created_at` never change: whoever keeps the node from being freed may read them.
/// - `hash` and `id` belong to who holds the shard's mutex, and only while the entry is in the cache: afterwards the
///   same bytes chain it to the next removed entry. So nobody who looks entries up without that mutex reads them.
/// - `state` says whether the entry has left, which the same may read, and how often it was used, which readers count
///   without a lock (eviction/eviction_policy.hpp).
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <larder/bytes.hpp>
#include <larder/detail/entry_ids.hpp>
#include <larder/eviction/eviction_policy.hpp>
#include <larder/removal_cause.hpp>

namespace larder::detail {

/// A point of time that needs no alignment to eight bytes: four bytes an entry less.
class CompactTime {
 public:
  using Clock = std::chrono::system_clock;

  explicit CompactTime(Clock::time_point time) noexcept {
    const auto count = static_cast<std::uint64_t>(time.time_since_epoch().count());
    low_ = static_cast<std::uint32_t>(count);
    high_ = static_cast<std::uint32_t>(count >> 32);
  }

  Clock::time_point get() const noexcept {
    const std::uint64_t count = std::uint64_t{high_} << 32 | low_;
    return Clock::time_point(Clock::duration(static_cast<Clock::rep>(count)));
  }

 private:
  std::uint32_t low_;
  std::uint32_t high_;
};

/// What the index, the eviction policies and the lists of removed entries work with.
struct NodeHead {
  NodeHead() noexcept : NodeHead(0, {}) {}
  NodeHead(std::uint32_t entry_hash, CompactTime::Clock::time_point created) noexcept
      : hash(entry_hash), created_at(created) {}

  SharedBlock block;
  std::uint32_t hash;
  EntryId id = 0;
  CompactTime created_at;
  /// What the node's tail holds.
  std::uint8_t layout = 0;
  /// The low bits: 0 while the entry is in the cache, then one more than the number of its RemovalCause, or
  /// `superseded`. Above them the uses that were marked. Everything here is relaxed: nothing else depends on it.
  std::atomic<std::uint8_t> state{0};

  bool is_removed() const noexcept { return removal() != 0; }
  /// Not the entry has left, but this node, since another one holds the entry now.
  bool is_superseded() const noexcept { return removal() == superseded; }
  RemovalCause removal_cause() const noexcept { return static_cast<RemovalCause>(removal() - 1); }
  void set_removal(RemovalCause cause) noexcept { leave(static_cast<unsigned>(cause) + 1); }
  void set_superseded() noexcept { leave(superseded); }

  unsigned uses() const noexcept { return state.load(std::memory_order_relaxed) >> MarkedEntry::shift; }
  /// Counts a use, up to so many; a few more where several readers do it at once. `shared`: whether there may be.
  template <bool shared>
  [[gnu::always_inline]] void mark_use(unsigned most) noexcept {
    const std::uint8_t now = state.load(std::memory_order_relaxed);
    if (now >> MarkedEntry::shift >= most) return;
    if constexpr (shared) {
      state.fetch_add(one_use, std::memory_order_relaxed);
    } else {
      state.store(static_cast<std::uint8_t>(now + one_use), std::memory_order_relaxed);
    }
  }
  void copy_uses(const NodeHead& other) noexcept {
    state.store(static_cast<std::uint8_t>(other.uses() * one_use), std::memory_order_relaxed);
  }

  /// The next removed entry. Takes the place of `hash` and `id`.
  NodeHead* next_removed() const noexcept {
    NodeHead* next = nullptr;
    std::memcpy(&next, reinterpret_cast<const std::byte*>(this) + place_of_next, sizeof next);
    return next;
  }
  void set_next_removed(NodeHead* next) noexcept {
    std::memcpy(reinterpret_cast<std::byte*>(this) + place_of_next, &next, sizeof next);
  }

 private:
  static constexpr std::uint8_t one_use = 1 << MarkedEntry::shift;
  static constexpr unsigned removal_mask = one_use - 1;
  static constexpr unsigned superseded = removal_mask;

  unsigned removal() const noexcept { return state.load(std::memory_order_relaxed) & removal_mask; }
  /// A use that is marked meanwhile may be lost.
  void leave(unsigned why) noexcept {
    state.store(static_cast<std::uint8_t>(state.load(std::memory_order_relaxed) | why), std::memory_order_relaxed);
  }

  static constexpr std::size_t place_of_next = sizeof(SharedBlock);
};

static_assert(sizeof(NodeHead*) <= sizeof(NodeHead::hash) + sizeof(NodeHead::id));

}  // namespace larder::detail
