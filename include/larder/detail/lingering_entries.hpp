/// \file lingering_entries.hpp
/// LingeringEntries: removed entries that stay for a while, so that readers are waited for once in many removals.
#pragma once

#include <cstddef>

#include <larder/detail/node_head.hpp>
#include <larder/detail/removed_entries.hpp>

namespace larder::detail {

/// Its owner must take all of them out (`release`).
template <class Node>
class LingeringEntries {
 public:
  /// Takes over all of `removed`, if nobody can tell when they are freed and there is room. Result: whether it did;
  /// then `removed` is what nobody can be looking at any more, one for each, as allocators like it best.
  bool take_over(RemovedEntries& removed) noexcept {
    std::size_t count = count_;
    bool can = true;
    removed.for_each([&](const NodeHead& head) {
      can = can && static_cast<const Node&>(head).can_linger();
      ++count;
    });
    if (!can || count > most) return false;
    lingering_.take(removed);
    for (; count_ < count; ++count_) removed.take_first(unread_);
    return true;
  }

  /// All readers that may have looked at one of them have left.
  void forget_readers() noexcept {
    unread_.take(lingering_);
    count_ = 0;
  }

  /// Hands out all that there are. No reader may be left.
  void release(RemovedEntries& removed) noexcept {
    removed.take(lingering_);
    removed.take(unread_);
    count_ = 0;
  }

 private:
  /// How many removed entries may stay until readers are waited for, and as many again until they are freed: a few
  /// kilobytes as a rule, 70 at most.
  static constexpr std::size_t most = 32;

  RemovedEntries lingering_;  // removed, but there may be readers
  std::size_t count_ = 0;
  RemovedEntries unread_;  // the same later: nobody reads them, and they are freed one for each that begins to linger
};

}  // namespace larder::detail
