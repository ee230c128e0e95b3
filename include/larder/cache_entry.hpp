/// \file cache_entry.hpp
/// CacheEntry: a cached value with all that the cache knows about it.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include <larder/bytes.hpp>
#include <larder/cache_error.hpp>
#include <larder/detail/function_ref.hpp>
#include <larder/fwd.hpp>
#include <larder/ttl.hpp>
#include <larder/value_size.hpp>

namespace larder {

/// What a caller wants to remember about an entry besides its value (endpoint, user type ...).
using Metadata = std::map<std::string, std::string, std::less<>>;

namespace detail {

/// The initial value of a member that a user may leave out. One whose type has none must be given: the compilers
/// ask for the code that would make it all the same.
template <class Type>
Type initial() {
  if constexpr (std::default_initializable<Type>) {
    return Type{};
  } else {
    throw InvalidArgumentError("CacheEntry: a key or value of a type without a default constructor was left out");
  }
}

}  // namespace detail

/// A cached value with its metadata and times: what `get_entry` returns. A plain value, filled in like
///
///     larder::CacheEntry<> entry{.key = "user:123", .value = "user data", .expires_at = now + 1h};
template <class Key, class Value>
struct CacheEntry {
  using Clock = std::chrono::system_clock;

  Key key = detail::initial<Key>();
  Value value = detail::initial<Value>();
  /// When the entry was stored.
  Clock::time_point created_at = Clock::now();
  /// From when on it is expired; empty if never.
  std::optional<Clock::time_point> expires_at{};
  /// Bytes of the value, as `value_size` counts them.
  std::size_t size_bytes = value_size(value);
  Metadata metadata{};

  /// Result: whether the entry is expired at `now`: from the very instant `expires_at` on.
  bool is_expired(Clock::time_point now = Clock::now()) const noexcept { return expires_at && now >= *expires_at; }

  /// Result: the time left at `now`; zero if expired, empty if the entry never expires.
  std::optional<Clock::duration> ttl_remaining(Clock::time_point now = Clock::now()) const noexcept {
    if (!expires_at) return std::nullopt;
    return now >= *expires_at ? Clock::duration::zero() : *expires_at - now;
  }
};

/// A live entry where it is, without a copy: what `visit_entry` shows, while that call lasts.
template <class Value>
struct EntryView {
  const Value& value;
  const Metadata& metadata;
  /// How long the entry is still there, by the cache's own clock and rounded down to milliseconds: a copy that is kept
  /// for so long does not outlive it. Empty if it does not expire, or the cache cannot tell.
  Ttl ttl{};

  static const Metadata& no_metadata() {
    static const Metadata none;
    return none;
  }
};

}  // namespace larder
