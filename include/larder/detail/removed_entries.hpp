/// \file removed_entries.hpp
/// RemovedEntries: entries that have left a cache and were not freed yet.
#pragma once

#include <cstddef>
#include <utility>

#include <larder/detail/node_head.hpp>
#include <larder/removal_cause.hpp>

namespace larder::detail {

/// Entries in the order in which they left, each with its cause, chained through the nodes themselves: nothing is
/// allocated. Its owner must take all of them out.
class RemovedEntries {
 public:
  RemovedEntries() noexcept {}  // NOLINT(cppcoreguidelines-pro-type-member-init): see last_
  RemovedEntries(const RemovedEntries&) = delete;
  RemovedEntries& operator=(const RemovedEntries&) = delete;

  void push(NodeHead& node, RemovalCause cause) noexcept {
    node.set_removal(cause);
    node.set_next_removed(nullptr);
    append(&node, &node);
  }

  /// A node whose entry goes on in another one: nobody is to be told.
  void push_superseded(NodeHead& node) noexcept {
    node.set_superseded();
    node.set_next_removed(nullptr);
    append(&node, &node);
  }

  /// Takes over all that are in `other`, behind those that are here.
  void take(RemovedEntries& other) noexcept {
    if (other.empty()) return;
    append(std::exchange(other.first_, nullptr), other.last_);
  }

  /// Takes over the one that left first of those that are in `other`, if there is any.
  void take_first(RemovedEntries& other) noexcept {
    NodeHead* const node = other.pop();
    if (node == nullptr) return;
    node->set_next_removed(nullptr);
    append(node, node);
  }

  /// The entry that left first, or null.
  NodeHead* pop() noexcept {
    NodeHead* first = first_;
    if (first != nullptr) first_ = first->next_removed();
    return first;
  }

  bool empty() const noexcept { return first_ == nullptr; }

  /// Calls f(node) for each.
  template <class Function>
  void for_each(Function&& f) const {
    for (NodeHead* node = first_; node != nullptr; node = node->next_removed()) f(*node);
  }

 private:
  void append(NodeHead* first, NodeHead* last) noexcept {
    if (first_ == nullptr) {
      first_ = first;
    } else {
      last_->set_next_removed(first);
    }
    last_ = last;
  }

  NodeHead* first_ = nullptr;
  NodeHead* last_;  // only where there is a first; most operations remove nothing, and should not pay for it
};

}  // namespace larder::detail
