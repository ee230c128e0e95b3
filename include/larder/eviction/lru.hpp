/// \file lru.hpp
/// Lru: evicts the least recently used entry, exactly.
///
/// An intrusive doubly linked ring through a sentinel: `sentinel_.older` is the newest entry and
/// `sentinel_.newer` the oldest. Every function is O(1), allocates nothing and throws nothing; the cache
/// calls them under its lock.
#pragma once

#include <larder/detail/node_head.hpp>
#include <larder/detail/prefetch.hpp>

namespace larder {

class Lru {
 public:
  Lru() noexcept { clear(); }
  Lru(const Lru&) = delete;
  Lru& operator=(const Lru&) = delete;

  /// A new entry has come: it is the newest.
  void insert(detail::NodeHead& node) noexcept {
    node.newer = &sentinel_;
    node.older = sentinel_.older;
    node.older->newer = &node;
    sentinel_.older = &node;
  }

  /// An entry was read: it becomes the newest. Nothing is written if it is already.
  void touch(detail::NodeHead& node) noexcept {
    if (sentinel_.older == &node) return;
    erase(node);
    insert(node);
  }

  /// Reads ahead what `touch` of this entry will write to.
  static void prefetch_touch(const detail::NodeHead& node) noexcept {
    detail::prefetch(node.newer);
    detail::prefetch(node.older);
  }

  /// `fresh` takes the place of `node`, which leaves; as a write is a use, it is the newest.
  void replace(detail::NodeHead& node, detail::NodeHead& fresh) noexcept {
    erase(node);
    insert(fresh);
  }

  /// An entry leaves.
  void erase(detail::NodeHead& node) noexcept {
    node.newer->older = node.older;
    node.older->newer = node.newer;
  }

  /// Result: which entry should go next, but never `spared`; null if there is no other.
  detail::NodeHead* victim(const detail::NodeHead* spared) noexcept {
    detail::NodeHead* oldest = sentinel_.newer;
    if (oldest == spared) oldest = oldest->newer;
    return oldest == &sentinel_ ? nullptr : oldest;
  }

  /// Forgets every entry and returns them as a chain linked by `newer`, oldest first, ending in null.
  detail::NodeHead* release_all() noexcept {
    detail::NodeHead* first = victim(nullptr);
    sentinel_.older->newer = nullptr;
    clear();
    return first;
  }

 private:
  void clear() noexcept { sentinel_.newer = sentinel_.older = &sentinel_; }

  detail::NodeHead sentinel_;
};

}  // namespace larder
