/// \file value_size.hpp
/// value_size: how many bytes a value counts for in `size_bytes`.
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <type_traits>

namespace larder {

/// Result: the bytes of a value, as `CacheEntry::size_bytes` and `CacheStats::current_size_bytes` count them:
/// - what its member `size_bytes()` says, where it has one: the way to teach larder about a type of yours;
/// - `size()` elements for a contiguous container (`Bytes`, `std::string`, a `std::vector` of plain data);
/// - what is pointed to for a smart pointer, 0 for an empty one;
/// - else `sizeof(Value)`.
/// O(1) but for a `size_bytes()` of yours. Throws only what that throws.
template <class Value>
constexpr std::size_t value_size(const Value& value) {
  if constexpr (requires {
                  { value.size_bytes() } -> std::convertible_to<std::size_t>;
                }) {
    return value.size_bytes();
  } else if constexpr (requires {
                         value.size();
                         requires std::is_trivially_copyable_v<std::remove_cvref_t<decltype(*value.data())>>;
                       }) {
    return value.size() * sizeof(*value.data());
  } else if constexpr (requires {
                         typename Value::element_type;
                         { value.get() } -> std::convertible_to<const typename Value::element_type*>;
                         requires !std::is_void_v<typename Value::element_type>;
                       }) {
    return value.get() == nullptr ? 0 : value_size(*value.get());
  } else {
    return sizeof(Value);
  }
}

}  // namespace larder
