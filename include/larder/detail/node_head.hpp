/// \file node_head.hpp
/// NodeHead: what every entry begins with, whatever the types of its key and value.
#pragma once

#include <chrono>
#include <cstdint>

#include <larder/bytes.hpp>

namespace larder::detail {

/// What the index and the eviction policies work with.
struct NodeHead {
  SharedBlock block;
  std::uint32_t hash = 0;
  /// The eviction policy's links. Once the node is removed, `newer` chains it to the next removed one.
  NodeHead* newer = nullptr;
  NodeHead* older = nullptr;
  std::chrono::system_clock::time_point created_at;
  /// What the node's tail holds; never changes, so it may be read without the lock.
  std::uint8_t layout = 0;
  /// For the eviction policy. Once the node is removed, its RemovalCause.
  std::uint8_t mark = 0;
};

}  // namespace larder::detail
