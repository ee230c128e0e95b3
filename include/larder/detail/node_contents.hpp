/// \file node_contents.hpp
/// What users see of an entry's node in an in-memory cache. To be called where the node is kept from being freed.
#pragma once

#include <larder/cache_entry.hpp>
#include <larder/ttl.hpp>

namespace larder::detail {

/// Empty metadata where there are none.
template <class Value, class Node>
const Metadata& metadata_of(const Node& node) {
  const Metadata* metadata = node.metadata();
  return metadata != nullptr ? *metadata : EntryView<Value>::no_metadata();
}

/// How long an entry has to live from the time on at which an access found it; empty for ever.
template <class Timeline, class Node, class Access>
Ttl ttl_of(const Node& node, const Access& access) {
  if (!node.expires()) return {};
  return Timeline::left_until(node.timer().deadline, access.elapsed());
}

/// A copy of all that there is. Throws what copying key and value throws; std::bad_alloc.
template <class Key, class Value, class Node, class Timeline>
CacheEntry<Key, Value> entry_of(Node& node, const Timeline& timeline) {
  CacheEntry<Key, Value> entry{.key = Key(node.key()),
                               .value = node.copy_value(),
                               .created_at = node.created_at.get(),
                               .expires_at = {},
                               .size_bytes = node.size(),
                               .metadata = metadata_of<Value>(node)};
  if (node.expires()) entry.expires_at = timeline.wall_time_of(node.timer().deadline);
  return entry;
}

}  // namespace larder::detail
