/// \file cache_backend.hpp
/// CacheBackend<Key, Value>: the one interface in front of every cache.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include <larder/bytes.hpp>
#include <larder/cache_entry.hpp>
#include <larder/cache_error.hpp>
#include <larder/cache_stats.hpp>
#include <larder/detail/function_ref.hpp>
#include <larder/fwd.hpp>
#include <larder/key_view.hpp>
#include <larder/ttl.hpp>

namespace larder {

/// A cache: a map from keys to values that may forget.
///
/// Code that uses a cache takes a `CacheBackend<>&` and does not know which one it is. Code that provides one
/// derives from this class and writes the six private functions that are pure below; the rest have defaults
/// that loop over those, and may be overridden where a store can do better. The public functions are not
/// virtual: they check arguments once for every backend and carry the conveniences. So no private function is ever
/// called with a TTL that is zero or negative, nor a batch function with an empty batch.
///
/// Promises, the same for every backend:
/// - A miss is an empty optional (or false), never an error. An error is a thrown `CacheError`, never a miss.
/// - An entry is expired from the instant `now >= expires_at` in every operation alike.
/// - Any key and any value are data, the empty one and those with NUL bytes included.
/// - A batch is not atomic: other callers may see part of it, and so may the caller after an exception. Its
///   arguments are all checked before anything changes, and a duplicate key is answered in each position.
/// - What throws leaves the cache as it was (a batch: as after some of its elements).
/// - Calls from several threads are safe unless the backend's own documentation says otherwise.
template <class Key, class Value>
class CacheBackend {
  static_assert(std::copy_constructible<Value>,
                "larder: Value must be copyable, because get() hands out a copy and the cache keeps its own; "
                "cache a move-only type as std::shared_ptr<const T>");
  static_assert(std::copy_constructible<Key>, "larder: Key must be copyable, because keys() hands out copies");

  /// What iterating over a range gives, a reference or a value.
  template <class Range>
  using Element = decltype(*std::begin(std::declval<std::remove_reference_t<Range>&>()));

 public:
  using key_type = Key;
  using mapped_type = Value;
  /// How one key is passed: `std::string_view` where `Key` is `std::string`, else `const Key&`.
  using key_view = KeyView<Key>;
  /// The element of a batch of keys.
  using key_item = KeyItem<Key>;
  /// The element of a batch of values to store.
  using item = std::pair<key_item, Value>;
  using entry_type = CacheEntry<Key, Value>;

  CacheBackend() = default;
  CacheBackend(const CacheBackend&) = delete;
  CacheBackend& operator=(const CacheBackend&) = delete;
  virtual ~CacheBackend() = default;

  /// Result: the value, or empty if there is none or it has expired. Counts a hit or a miss.
  std::optional<Value> get(key_view key) { return do_get(key); }

  /// Stores a value under a key and replaces all that was there: value, metadata, creation time and expiry.
  /// A `ttl` that is zero or negative means "already expired": nothing is stored and an entry that was there
  /// is removed. Result: whether the value was stored; false only where the store declined it by a rule of
  /// its own (too large, or such a TTL), and then no older value survives under the key.
  bool set(key_view key, Value value, Ttl ttl = {}, Metadata metadata = {}) {
    if (is_already_expired(ttl)) {
      do_erase(key);
      return false;
    }
    return do_set(key, std::move(value), ttl, std::move(metadata));
  }

  /// Stores a value only if there is no live entry under the key, in one atomic step: of several callers at once, one
  /// succeeds. Result: whether it was stored. An entry that is there is neither changed nor promoted. Where the store
  /// declines the value, or the `ttl` is zero or negative, nothing changes. Counts a set, but only if it was stored.
  /// \throws NotSupportedError if the backend does not offer it.
  bool set_if_absent(key_view key, Value value, Ttl ttl = {}, Metadata metadata = {}) {
    if (is_already_expired(ttl)) return false;
    return do_set_if_absent(key, std::move(value), ttl, std::move(metadata));
  }

  /// Gives a live entry a new expiry, counted from now; an empty `ttl` means what it means in `set`. Value, metadata
  /// and creation time stay. Counts nothing, but is a use and promotes as a hit does. A `ttl` that is zero or negative
  /// makes it an `erase`. Result: whether there was an entry.
  /// \throws NotSupportedError if the backend does not offer it.
  bool touch(key_view key, Ttl ttl) { return is_already_expired(ttl) ? do_erase(key) : do_touch(key, ttl); }

  /// Removes an entry. Result: whether there was one (an expired one does not count).
  bool erase(key_view key) { return do_erase(key); }

  /// Result: whether there is an entry. Counts nothing and promotes nothing.
  bool exists(key_view key) { return do_exists(key); }

  /// Removes every entry that this backend object owns, and nobody else's.
  /// Result: how many live entries went, where the store can know it, else 0.
  std::size_t clear() { return do_clear(); }

  /// Result: a snapshot of the counters and gauges.
  CacheStats stats() const { return do_stats(); }

  /// Zeroes the counters; entries stay. \throws NotSupportedError if the backend does not offer it.
  void reset_stats() { do_reset_stats(); }

  /// The entry with its metadata and times, or empty. A peek: counts nothing and promotes nothing.
  /// \throws NotSupportedError if the backend does not offer it.
  std::optional<entry_type> get_entry(key_view key) { return do_get_entry(key); }

  /// Result: the live keys that match `pattern` (see glob.hpp), each once, in no particular order.
  /// O(entries). \throws NotSupportedError if the store cannot list its keys.
  std::vector<Key> keys(std::string_view pattern = "*") { return do_keys(pattern); }

  /// Result: whether `keys` lists the keys. Asks no store.
  bool can_list_keys() const noexcept { return do_can_list_keys(); }

  /// A `get` that shows more: calls `f(const EntryView<Value>&)` with the entry in place, if there is one, and counts
  /// and promotes as `get` does. Result: whether there was one. f must not use this cache, and should be quick, since
  /// others may be waiting for its end. What f throws passes through.
  template <std::invocable<const EntryView<Value>&> Function>
  bool visit_entry(key_view key, Function&& f) {
    return do_visit_entry(key, EntryVisitor(f));
  }

  /// A `get_many` that shows more: calls `f(position, const EntryView<Value>&)` for each key that is found, in any
  /// order. The rest is as for `visit_entry`. Result: how many were found.
  template <std::invocable<std::size_t, const EntryView<Value>&> Function>
  std::size_t visit_entries(std::span<const key_item> keys, Function&& f) {
    return keys.empty() ? 0 : do_visit_entries(keys, EntriesVisitor(f));
  }

  /// Fills `values[i]` with the value of `keys[i]`, or empties it. Allocates nothing of its own.
  /// \throws InvalidArgumentError if the two differ in length.
  void get_many(std::span<const key_item> keys, std::span<std::optional<Value>> values) {
    check_lengths(keys.size(), values.size());
    if (!keys.empty()) do_get_many(keys, values);
  }

  /// Result: a map of those keys that were found.
  std::unordered_map<Key, Value> get_many(std::initializer_list<key_item> keys) {
    return get_many_found(std::span<const key_item>(keys.begin(), keys.size()));
  }
  template <class Keys>
    requires std::convertible_to<Element<Keys>, key_item>
  std::unordered_map<Key, Value> get_many(Keys&& keys) {
    return with_key_items(keys, [this](std::span<const key_item> items) { return get_many_found(items); });
  }

  /// Stores each pair of a key and a value, all with the same TTL. Result: how many were stored.
  std::size_t set_many(std::initializer_list<item> items, Ttl ttl = {}) {
    return set_many_of(items, ttl);
  }
  template <class Items>
    requires requires(Element<Items> element) {
      key_item(element.first);
      Value(element.second);
    }
  std::size_t set_many(Items&& items, Ttl ttl = {}) {
    return set_many_of(items, ttl);
  }

  /// Removes each key. Result: how many entries were there.
  std::size_t erase_many(std::initializer_list<key_item> keys) {
    return erase_many_items(std::span<const key_item>(keys.begin(), keys.size()));
  }
  template <class Keys>
    requires std::convertible_to<Element<Keys>, key_item>
  std::size_t erase_many(Keys&& keys) {
    return with_key_items(keys, [this](std::span<const key_item> items) { return erase_many_items(items); });
  }

 protected:
  /// Called with an entry; with the position of its key and the entry.
  using EntryVisitor = detail::FunctionRef<void(const EntryView<Value>&)>;
  using EntriesVisitor = detail::FunctionRef<void(std::size_t, const EntryView<Value>&)>;

  /// Result: whether a TTL means "already expired".
  static constexpr bool is_already_expired(const Ttl& ttl) noexcept {
    return ttl && *ttl <= std::chrono::milliseconds::zero();
  }

  /// For a layer: `set_many` on another backend, with items that need not be kept and a TTL that `set_many` has
  /// checked.
  static std::size_t move_many(CacheBackend& to, std::span<item> items, Ttl ttl) {
    return items.empty() ? 0 : to.do_set_many(items, ttl);
  }

 private:
  virtual std::optional<Value> do_get(key_view key) = 0;
  virtual bool do_set(key_view key, Value value, Ttl ttl, Metadata metadata) = 0;
  virtual bool do_erase(key_view key) = 0;
  virtual bool do_exists(key_view key) = 0;
  virtual std::size_t do_clear() = 0;
  virtual CacheStats do_stats() const = 0;

  virtual bool do_set_if_absent(key_view, Value, Ttl, Metadata) {
    throw NotSupportedError("this cache backend cannot store only where there is nothing yet");
  }
  virtual bool do_touch(key_view, Ttl) {
    throw NotSupportedError("this cache backend cannot change when an entry expires");
  }
  virtual void do_reset_stats() { throw NotSupportedError("this cache backend cannot reset its statistics"); }
  virtual std::optional<entry_type> do_get_entry(key_view) {
    throw NotSupportedError("this cache backend cannot show whole entries");
  }
  virtual std::vector<Key> do_keys(std::string_view) {
    throw NotSupportedError("this cache backend cannot list its keys");
  }
  /// To be overridden where do_keys is.
  virtual bool do_can_list_keys() const noexcept { return false; }
  /// Two requests, where a store may need one alone.
  virtual bool do_visit_entry(key_view key, EntryVisitor visit) {
    const std::optional<Value> value = do_get(key);
    if (!value) return false;
    std::optional<entry_type> entry;
    try {
      entry = do_get_entry(key);
    } catch (const NotSupportedError&) {
      visit({*value, EntryView<Value>::no_metadata()});
      return true;
    }
    if (!entry) return false;
    Ttl ttl;
    if (const auto left = entry->ttl_remaining()) ttl = std::chrono::floor<std::chrono::milliseconds>(*left);
    visit({entry->value, entry->metadata, ttl});
    return true;
  }
  virtual std::size_t do_visit_entries(std::span<const key_item> keys, EntriesVisitor visit) {
    std::size_t found = 0;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const auto visit_this = [&visit, i](const EntryView<Value>& entry) { visit(i, entry); };
      found += do_visit_entry(keys[i], EntryVisitor(visit_this)) ? 1 : 0;
    }
    return found;
  }
  virtual void do_get_many(std::span<const key_item> keys, std::span<std::optional<Value>> values) {
    for (std::size_t i = 0; i < keys.size(); ++i) values[i] = do_get(keys[i]);
  }
  /// May move the values out of `items`.
  virtual std::size_t do_set_many(std::span<item> items, Ttl ttl) {
    std::size_t stored = 0;
    for (auto& [key, value] : items) stored += do_set(key, std::move(value), ttl, {}) ? 1 : 0;
    return stored;
  }
  virtual std::size_t do_erase_many(std::span<const key_item> keys) {
    std::size_t erased = 0;
    for (const key_item& key : keys) erased += do_erase(key) ? 1 : 0;
    return erased;
  }

  static void check_lengths(std::size_t keys, std::size_t values) {
    if (keys != values) {
      throw InvalidArgumentError("get_many: " + std::to_string(keys) + " keys but room for " +
                                 std::to_string(values) + " values");
    }
  }

  std::unordered_map<Key, Value> get_many_found(std::span<const key_item> keys) {
    std::unordered_map<Key, Value> found;
    if (keys.empty()) return found;
    std::vector<std::optional<Value>> values(keys.size());
    do_get_many(keys, values);
    found.reserve(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (values[i]) found.try_emplace(Key(keys[i]), std::move(*values[i]));
    }
    return found;
  }

  std::size_t set_many_items(std::vector<item> items, Ttl ttl) {
    if (items.empty()) return 0;
    if (!is_already_expired(ttl)) return do_set_many(items, ttl);
    for (const auto& [key, value] : items) do_erase(key);
    return 0;
  }

  std::size_t erase_many_items(std::span<const key_item> keys) { return keys.empty() ? 0 : do_erase_many(keys); }

  /// Whether an element of such a range may be gone while a view of its key is still needed: a range that makes
  /// its elements as it goes gives values, and only a view among those points to something that stays.
  template <class ElementType, class KeyType>
  static constexpr bool is_temporary =
      !std::same_as<key_item, Key> && !std::is_reference_v<ElementType> && !std::is_reference_v<KeyType> &&
      !std::same_as<std::remove_cv_t<KeyType>, key_item>;

  /// Calls f with a span over `keys`, which is copied into an array only where it is none already.
  template <class Keys, class Function>
  static auto with_key_items(Keys& keys, Function&& f) {
    if constexpr (std::convertible_to<Keys&, std::span<const key_item>>) {
      return f(std::span<const key_item>(keys));
    } else if constexpr (is_temporary<Element<Keys>, Element<Keys>>) {
      std::vector<Key> kept;
      for (const auto& key : keys) kept.emplace_back(key_item(key));
      const std::vector<key_item> items(kept.begin(), kept.end());
      return f(std::span<const key_item>(items));
    } else {
      std::vector<key_item> items;
      if constexpr (requires { keys.size(); }) items.reserve(keys.size());
      for (const auto& key : keys) items.emplace_back(key);
      return f(std::span<const key_item>(items));
    }
  }

  /// Stores the pairs of a range, whose keys are kept here where they would be gone otherwise.
  template <class Items>
  std::size_t set_many_of(Items& items, Ttl ttl) {
    std::vector<item> list;
    if constexpr (requires { items.size(); }) list.reserve(items.size());
    if constexpr (is_temporary<Element<Items>, decltype(std::declval<Element<Items>>().first)>) {
      std::vector<std::pair<Key, Value>> kept;
      for (const auto& [key, value] : items) kept.emplace_back(key_item(key), value);
      for (auto& [key, value] : kept) list.emplace_back(key, std::move(value));
      return set_many_items(std::move(list), ttl);
    } else {
      for (const auto& [key, value] : items) list.emplace_back(key, value);
      return set_many_items(std::move(list), ttl);
    }
  }
};

}  // namespace larder
