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
#include <string_view>
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

/// The heap memory that a value holds besides itself, as far as it tells: by a `size_bytes()` of its own, by the
/// capacity of a container, or by what a pointer points to (and that by its own in turn).
template <class Value>
std::size_t heap_bytes(const Value& value) {
  if constexpr (requires { value.size_bytes(); }) {
    const std::size_t size = value.size_bytes();
    return size > sizeof(Value) ? heap_block(size - sizeof(Value)) : 0;
  } else if constexpr (std::same_as<Value, std::string>) {
    return value.capacity() <= std::string().capacity() ? 0 : heap_block(value.capacity() + 1);
  } else if constexpr (std::same_as<Value, Bytes>) {
    return value.empty() ? 0 : heap_block(sizeof(SharedBlock) + value.size());
  } else if constexpr (requires { value.capacity() * sizeof(*value.data()); }) {
    return value.capacity() == 0 ? 0 : heap_block(value.capacity() * sizeof(*value.data()));
  } else if constexpr (requires {
                         typename Value::element_type;
                         requires sizeof(typename Value::element_type) > 0;
                         { value.get() } -> std::convertible_to<const typename Value::element_type*>;
                       }) {
    using Element = std::remove_const_t<typename Value::element_type>;
    constexpr std::size_t control_block = 16;  // a vtable's address and two counters, in front of the object
    if (value.get() == nullptr) return 0;
    return heap_block(control_block + sizeof(Element)) + heap_bytes<Element>(*value.get());
  } else {
    return 0;
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

/// An entry weighs the memory that it takes: key, value, metadata, bookkeeping and its share of the index, each as malloc
/// rounds it, and a tenth more for what malloc cannot use: between blocks of different sizes, and in heaps that threads
/// have of their own, each of which glibc keeps as large as it ever was. So `max_size_bytes` bounds what the cache adds
/// to the process, give or take a tenth where sizes are of a kind, as hours of mixed load have shown; where they change
/// from small to large and back, glibc may keep up to twice as much.
struct EntryFootprint {
  /// A bucket of the index has 64 bytes and holds 4.1 to 5.5 entries while the table grows; order of use and number
  /// take 12 bytes more; what a policy other than Lru remembers besides, priorities and entries that have left, 8.
  static constexpr std::size_t index_share = 14 + 12 + 8;

  /// What of malloc's memory nobody can use: one part beside so many that are used. Threads that share one heap need
  /// but a sixteenth.
  static constexpr std::size_t fragmentation = 10;

  template <class Key, class Value>
  std::size_t operator()(const Key& key, const Value& value, const Metadata& metadata, bool expires) const {
    using StoredKey = std::conditional_t<std::same_as<Key, std::string_view>, std::string, Key>;
    using Node = detail::EntryNode<StoredKey, Value, true>;
    std::size_t bytes = index_share + detail::heap_block(Node::node_bytes(key, value, expires, !metadata.empty()));
    if constexpr (!Node::key_inline) bytes += detail::heap_bytes(key);
    bool value_in_node = false;
    if constexpr (Node::bytes_inline) value_in_node = value.size() <= Node::inline_limit;
    if (!value_in_node) bytes += detail::heap_bytes(value);
    bytes += detail::metadata_bytes(metadata);
    return bytes + bytes / fragmentation;
  }
};

}  // namespace larder
