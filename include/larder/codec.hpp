/// \file codec.hpp
/// Codecs: how values and keys become bytes for a store outside the process, and values again.
#pragma once

#include <charconv>
#include <concepts>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <larder/bytes.hpp>
#include <larder/fwd.hpp>

namespace larder {

/// Turns values into bytes and back. Any copyable class will do that has these two functions:
///
/// - `encode(value)`: something that converts to `std::string_view`, a view of the value itself included. What it
///   throws passes through to the caller of `set`, and nothing is stored.
/// - `decode(bytes)`: the value, or empty if the bytes are none. What it throws, `std::bad_alloc` apart, means the
///   same: a stored value that cannot be decoded is a miss, counted as undecodable and reported. `bytes` is a
///   `std::string_view`, or a `larder::Bytes` by value where decode takes that, which may be kept without copying.
///
/// Both are called from several threads at once where the backend is, and never under a lock.
template <class Codec, class Value>
concept CodecFor = std::copy_constructible<Codec> && requires(const Codec& codec, const Value& value, Bytes bytes) {
  std::string_view(codec.encode(value));
  { codec.decode(std::move(bytes)) } -> std::convertible_to<std::optional<Value>>;
};

/// `Bytes`, `std::string` and whatever else is made from a `std::string_view` and converts to one: stored as they are,
/// readable for every other client.
template <class Text>
struct TextCodec {
  std::string_view encode(const Text& text) const noexcept { return text; }
  std::optional<Text> decode(Bytes bytes) const {
    if constexpr (std::same_as<Text, Bytes>) {
      return bytes;
    } else {
      return Text(bytes.view());
    }
  }
};

/// Trivially copyable types: the bytes of the object, as this machine has them. Other bytes than so many are no value.
/// Right for programs of one kind that share a store; those of another byte order or layout want a codec of their own.
/// Where such a type has padding, its bytes are stored, too.
template <class Object>
struct ObjectCodec {
  static_assert(std::is_trivially_copyable_v<Object> && std::default_initializable<Object>);

  std::string encode(const Object& object) const {
    return std::string(reinterpret_cast<const char*>(&object), sizeof(Object));
  }
  std::optional<Object> decode(std::string_view bytes) const {
    if (bytes.size() != sizeof(Object)) return std::nullopt;
    Object object;
    std::memcpy(&object, bytes.data(), sizeof(Object));
    return object;
  }
};

namespace detail {

template <class Type>
concept IsText = std::constructible_from<Type, std::string_view> && std::convertible_to<const Type&, std::string_view>;

/// Whether the bytes of an object are all there is to it; those of a pointer or a view are not.
template <class Type>
concept IsPlainObject = std::is_trivially_copyable_v<Type> && std::default_initializable<Type> &&
                        !std::is_pointer_v<Type> && !std::is_member_pointer_v<Type> &&
                        !std::is_null_pointer_v<Type> && !std::ranges::enable_view<Type>;

template <class Type>
concept IsOwnedText = IsText<Type> && !std::ranges::enable_view<Type>;

}  // namespace detail

/// The codec of a type that has an obvious one: texts and trivially copyable types. For another, name your own as the
/// backend's template argument, or specialise this one.
template <class Value>
struct DefaultCodec {
  static_assert(sizeof(Value) == 0,
                "larder: there is no codec for this type of values; write one (see larder/codec.hpp) and name it as "
                "the backend's last template argument");
};

template <detail::IsOwnedText Value>
struct DefaultCodec<Value> : TextCodec<Value> {};

template <class Value>
  requires(detail::IsPlainObject<Value> && !detail::IsText<Value>)
struct DefaultCodec<Value> : ObjectCodec<Value> {};

/// How a key is spelt in a store outside the process: a text as it is, an integer in decimal. For keys of another type,
/// specialise it, with different texts for different keys.
template <class Key>
struct KeyCodec;

template <class Key>
  requires detail::IsText<Key>
struct KeyCodec<Key> {
  static std::string_view encode(const Key& key) noexcept { return key; }
  static std::string_view encode(std::string_view key) noexcept
    requires std::same_as<Key, std::string>
  {
    return key;
  }
  static std::optional<Key> decode(std::string_view text) { return Key(text); }
};

template <class Key>
  requires(std::integral<Key> && !std::same_as<Key, bool>)
struct KeyCodec<Key> {
  static std::string encode(Key key) { return std::to_string(key); }
  static std::optional<Key> decode(std::string_view text) {
    Key key{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), key);
    // Another spelling of the number is another entry, which this backend has not written.
    if (error != std::errc() || end != text.data() + text.size() || encode(key) != text) return std::nullopt;
    return key;
  }
};

}  // namespace larder
