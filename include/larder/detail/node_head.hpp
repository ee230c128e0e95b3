/// \file node_head.hpp
/// NodeHead: what every entry begins with, whatever the types of its key and value.
///
/// Who may read what, and when:
/// - `layout` and `created_at` never change: whoever keeps the node from being freed may read them.
/// - `hash` and `id` belong to who holds the shard's mutex, and only while the entry is in the cache: afterwards the
///   same bytes chain it to the next removed entry. So nobody who looks entries up without that mutex reads them.
/// - So does `removal`, which changes once.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <larder/bytes.hpp>
#include <larder/detail/entry_ids.hpp>
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
  /// 0 while the entry is in the cache, then one more than the number of its RemovalCause; or `superseded`.
  std::uint8_t removal = 0;

  /// Not the entry has left, but this node, since another one holds the entry now.
  static constexpr std::uint8_t superseded = 0xff;

  bool is_removed() const noexcept { return removal != 0; }
  RemovalCause removal_cause() const noexcept { return static_cast<RemovalCause>(removal - 1); }
  void set_removal(RemovalCause cause) noexcept { removal = static_cast<std::uint8_t>(static_cast<int>(cause) + 1); }

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
  static constexpr std::size_t place_of_next = sizeof(SharedBlock);
};

static_assert(sizeof(NodeHead*) <= sizeof(NodeHead::hash) + sizeof(NodeHead::id));

}  // namespace larder::detail
