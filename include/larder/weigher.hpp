/// \file weigher.hpp
/// Weighers: what an entry counts for against `max_size_bytes`.
///
/// A weigher is a default-constructible function object, called before the cache takes its lock, as
/// `weigher(key, value)` or as `weigher(key, value, metadata, expires)`, whichever it offers.
#pragma once

#include <concepts>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <type_traits>

#include <larder/bytes.hpp>
#include <larder/cache_entry.hpp>
#include <larder/detail/entry_node.hpp>
#include <larder/key_view.hpp>
#include <larder/value_size.hpp>

namespace larder {

namespace detail {

/// What glibc's malloc takes for a block: eight bytes of its own, in steps of sixteen, 32 at least.
constexpr std::size_t heap_block(std::size_t bytes) noexcept {
  return bytes + 8 <= 32 ? 32 : (bytes + 8 + 15) / 16 * 16;
}

inline std::size_t heap_bytes(const std::string& text) noexcept {
  return text.capacity() <= std::string().capacity() ? 0 : heap_block(text.capacity() + 1);
}

/// The heap memory that a value holds besides itself, as far as its size tells.
template <class Value>
std::size_t heap_bytes(const Value& value) {
  if constexpr (requires { value.size_bytes(); }) {
    const std::size_t size = value.size_bytes();
    return size > sizeof(Value) ? heap_block(size - sizeof(Value)) : 0;
  } else if constexpr (std::is_trivially_copyable_v<Value>) {
    return 0;
  } else {
    const std::size_t size = value_size(value);
    return size == 0 ? 0 : heap_block(size);
  }
}

inline std::size_t metadata_bytes(const Metadata& metadata) noexcept {
  if (metadata.empty()) return 0;
  constexpr std::size_t tree_node = heap_block(4 * sizeof(void*) + sizeof(Metadata::value_type));
  std::size_t bytes = heap_block(sizeof(Metadata));
  for (const auto& [name, text] : metadata) bytes += tree_node + heap_bytes(name) + heap_bytes(text);
  return bytes;
}

}  // namespace detail

/// The default: an entry weighs the bytes of its value (`value_size`). `max_size_bytes` then means what
/// `current_size_bytes` counts, but many small entries may take several times as much memory.
struct ValueSize {
  template <class Key, class Value>
  std::size_t operator()(const Key&, const Value& value) const {
    return value_size(value);
  }
};

/// An entry weighs the memory that it takes: key, value, metadata, bookkeeping and its share of the index,
/// each as malloc rounds it, so that `max_size_bytes` bounds what the cache adds to the process.
struct EntryFootprint {
  /// A bucket of the index is 64 bytes and holds 2.75 to 5.5 entries while the table grows.
  static constexpr std::size_t index_share = 16;

  template <class Key, class Value>
  std::size_t operator()(const Key& key, const Value& value, const Metadata& metadata, bool expires) const {
    using StoredKey = std::conditional_t<std::convertible_to<Key, std::string_view>, std::string, Key>;
    using Node = detail::EntryNode<StoredKey, Value, true>;
    std::size_t bytes = index_share + detail::heap_block(Node::node_bytes(key, value, expires, !metadata.empty()));
    if constexpr (!Node::key_inline) bytes += detail::heap_bytes(key);
    if constexpr (!Node::bytes_inline) {
      bytes += detail::heap_bytes(value);
    } else if (value.size() > Node::inline_limit) {
      bytes += detail::heap_block(sizeof(detail::SharedBlock) + value.size());
    }
    return bytes + detail::metadata_bytes(metadata);
  }
};

}  // namespace larder
