/// \file namespaced_backend.hpp
/// NamespacedBackend: a part of another cache, by a name that all its keys begin with.
///
/// Invariants:
/// - Every key that reaches the wrapped cache begins with the namespace's prefix (layers/detail/name_space.hpp), and
///   with it alone where that cache lists its keys.
/// - Where it does not, the key under the bare prefix holds the generation: a random text that all other keys have
///   behind the prefix. It is read with every call, and `clear` replaces it. It is never assumed: when it is gone, a
///   new one is made, and what was stored under the one before is not found again.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <larder/backend_capabilities.hpp>
#include <larder/cache_backend.hpp>
#include <larder/codec.hpp>
#include <larder/detail/request_counters.hpp>
#include <larder/layers/detail/name_space.hpp>

namespace larder {

/// The entries of another cache whose keys begin with a name, as a cache of their own:
///
///     NamespacedBackend<> users{cache, "user"};
///     users.set("1", "Alice");   // cache.set("user:1", "Alice")
///
/// - `keys` and `clear` stay inside it, and no namespace sees another one's entries: `user` none of `users`, and "a:b"
///   none of "b" in "a", which is spelt `a:b:key`. Who uses the wrapped cache, or the namespace around, does see them.
/// - Where the wrapped cache lists its keys, `clear` lists and erases them, and may miss what is stored meanwhile.
///   Where it cannot, a generation is part of each key. Then `clear` is one small write, and every call asks for one
///   more key. That takes values that are texts; with others, `clear` throws NotSupportedError there.
/// - `stats` counts this object's requests. Its gauges are empty, and its evictions the wrapped cache's business.
/// - The rest is as the wrapped cache does it. Threads: as there. Complexity: a copy of each key, which is no
/// allocation
///   if with its prefix it has at most 192 bytes.
///
/// It can be neither copied nor moved.
template <class Key, class Value>
class NamespacedBackend final : public CacheBackend<Key, Value> {
  static_assert(std::same_as<Key, std::string>, "larder: only keys that are strings can be put into a namespace");

  using Base = CacheBackend<Key, Value>;
  using Counters = detail::RequestCounters;
  using JoinedText = detail::JoinedText;
  using JoinedTexts = detail::JoinedTexts;

 public:
  using typename Base::entry_type;
  using typename Base::item;
  using typename Base::key_item;
  using typename Base::key_view;

  /// What a namespace of this name can do, over a cache with such capabilities.
  static constexpr BackendCapabilities capabilities_over(BackendCapabilities wrapped, std::string_view name) {
    std::size_t prefix = wrapped.enumerable_keys ? 1 : 1 + generation_size + 1;
    for (const char character : name) prefix += character == '\\' || character == ':' ? 2 : 1;
    if (wrapped.largest_key != BackendCapabilities::unlimited) {
      wrapped.largest_key = wrapped.largest_key > prefix ? wrapped.largest_key - prefix : 0;
    }
    wrapped.own_namespace_clear = wrapped.request_counters = wrapped.resettable_stats = true;
    wrapped.clear_count = wrapped.enumerable_keys;
    wrapped.removal_counters = wrapped.exact_size_accounting = wrapped.size_limit = wrapped.exact_size_limit = false;
    wrapped.removal_listener = false;
    return wrapped;
  }

  /// \throws InvalidArgumentError if `wrapped` is null or `name` is empty.
  NamespacedBackend(std::shared_ptr<Base> wrapped, std::string_view name)
      : wrapped_(std::move(wrapped)), prefix_(detail::name_space_prefix(name)) {
    if (wrapped_ == nullptr)
      throw InvalidArgumentError("NamespacedBackend: wrapped = nullptr, but there must be a cache");
    if (name.empty()) throw InvalidArgumentError("NamespacedBackend: name is empty, but a namespace needs one");
    has_generations_ = detail::IsText<Value> && !wrapped_->can_list_keys();
  }

  /// What every key has before it in the wrapped cache: `name:`.
  const std::string& prefix() const noexcept { return prefix_; }

 private:
  /// Calls `use(prefix)` with what keys begin with now. Result: what it returns, or `otherwise` where the generation
  /// can neither be read nor made, since the wrapped cache keeps nothing. Counts errors.
  template <class Use, class Result = std::invoke_result_t<const Use&, std::string_view>>
  Result with_prefix(const Use& use, Result otherwise = {}) {
    return counters_.counting_errors([&]() -> Result {
      if (!has_generations_) return use(prefix_);
      const std::string prefix = prefix_of_generation();
      return prefix.empty() ? std::move(otherwise) : use(prefix);
    });
  }

  std::optional<Value> do_get(key_view key) override {
    std::optional<Value> value =
        with_prefix([&](std::string_view prefix) { return wrapped_->get(JoinedText(prefix, key).view()); });
    counters_.add(value ? Counters::hits : Counters::misses);
    return value;
  }

  bool do_set(key_view key, Value value, Ttl ttl, Metadata metadata) override {
    return counted_as(Counters::sets, with_prefix([&](std::string_view prefix) {
                        return wrapped_->set(JoinedText(prefix, key).view(), std::move(value), ttl,
                                             std::move(metadata));
                      }));
  }

  bool do_set_if_absent(key_view key, Value value, Ttl ttl, Metadata metadata) override {
    return counted_as(Counters::sets, with_prefix([&](std::string_view prefix) {
                        return wrapped_->set_if_absent(JoinedText(prefix, key).view(), std::move(value), ttl,
                                                       std::move(metadata));
                      }));
  }

  bool do_touch(key_view key, Ttl ttl) override {
    return with_prefix([&](std::string_view prefix) { return wrapped_->touch(JoinedText(prefix, key).view(), ttl); });
  }

  bool do_erase(key_view key) override {
    return counted_as(Counters::deletes, with_prefix([&](std::string_view prefix) {
                        return wrapped_->erase(JoinedText(prefix, key).view());
                      }));
  }

  bool do_exists(key_view key) override {
    return with_prefix([&](std::string_view prefix) { return wrapped_->exists(JoinedText(prefix, key).view()); });
  }

  std::size_t do_clear() override {
    return counters_.counting_errors([&]() -> std::size_t {
      if (!has_generations_) return wrapped_->erase_many(stored_keys("*"));
      if constexpr (detail::IsText<Value>)
        wrapped_->set(prefix_, Value(std::string_view(fresh_generation())), for_ever);
      return 0;
    });
  }

  CacheStats do_stats() const override { return counters_.snapshot(); }
  void do_reset_stats() override { counters_.reset(); }

  std::optional<entry_type> do_get_entry(key_view key) override {
    auto entry =
        with_prefix([&](std::string_view prefix) { return wrapped_->get_entry(JoinedText(prefix, key).view()); });
    if (entry) entry->key = key;
    return entry;
  }

  bool do_can_list_keys() const noexcept override { return wrapped_->can_list_keys(); }

  std::vector<Key> do_keys(std::string_view pattern) override {
    return counters_.counting_errors([&] {
      std::vector<Key> keys = stored_keys(pattern);
      for (Key& key : keys) key.erase(0, prefix_.size());
      return keys;
    });
  }

  /// Result: those of the wrapped cache's keys that match in here, as they are there. Throws what it throws where it
  /// cannot list them.
  std::vector<Key> stored_keys(std::string_view pattern) {
    return wrapped_->keys(detail::literal_pattern(prefix_).append(pattern));
  }

  bool do_visit_entry(key_view key, typename Base::EntryVisitor visit) override {
    const bool found = with_prefix(
        [&](std::string_view prefix) { return wrapped_->visit_entry(JoinedText(prefix, key).view(), visit); });
    counters_.add(found ? Counters::hits : Counters::misses);
    return found;
  }

  std::size_t do_visit_entries(std::span<const key_item> keys, typename Base::EntriesVisitor visit) override {
    const std::size_t found = with_prefix([&](std::string_view prefix) {
      const JoinedTexts texts(prefix, keys, &text_of_key);
      return wrapped_->visit_entries(texts.views(), visit);
    });
    count_found(found, keys.size());
    return found;
  }

  void do_get_many(std::span<const key_item> keys, std::span<std::optional<Value>> values) override {
    const bool asked = with_prefix([&](std::string_view prefix) {
      const JoinedTexts texts(prefix, keys, &text_of_key);
      wrapped_->get_many(texts.views(), values);
      return true;
    });
    std::size_t found = 0;
    for (std::optional<Value>& value : values) {
      if (!asked) value.reset();
      found += value ? 1 : 0;
    }
    count_found(found, keys.size());
  }

  std::size_t do_set_many(std::span<item> items, Ttl ttl) override {
    const std::size_t stored = with_prefix([&](std::string_view prefix) {
      const JoinedTexts texts(prefix, items, [](const item& each) { return each.first; });
      for (std::size_t i = 0; i < items.size(); ++i) items[i].first = texts.views()[i];
      return Base::move_many(*wrapped_, items, ttl);
    });
    counters_.add(Counters::sets, stored);
    return stored;
  }

  std::size_t do_erase_many(std::span<const key_item> keys) override {
    const std::size_t erased = with_prefix([&](std::string_view prefix) {
      const JoinedTexts texts(prefix, keys, &text_of_key);
      return wrapped_->erase_many(texts.views());
    });
    counters_.add(Counters::deletes, erased);
    return erased;
  }

  static std::string_view text_of_key(const key_item& key) noexcept { return key; }

  bool counted_as(Counters::Counter counter, bool success) noexcept {
    if (success) counters_.add(counter);
    return success;
  }

  void count_found(std::size_t found, std::size_t asked) noexcept {
    counters_.add(Counters::hits, found);
    counters_.add(Counters::misses, asked - found);
  }

  /// Result: what keys begin with in this generation; empty if there is none and none could be made.
  std::string prefix_of_generation() {
    if constexpr (detail::IsText<Value>) {
      for (int attempt = 0; attempt < 3; ++attempt) {
        if (const std::optional<Value> stored = wrapped_->get(prefix_)) {
          return prefix_ + std::string(std::string_view(*stored)) + ":";
        }
        const std::string fresh = fresh_generation();
        if (claim(Value(std::string_view(fresh)))) return prefix_ + fresh + ":";
      }
    }
    return {};
  }

  /// Makes a generation the present one, if there is none. Result: whether it is.
  bool claim(const Value& generation) {
    try {
      return wrapped_->set_if_absent(prefix_, generation, for_ever);
    } catch (const NotSupportedError&) {
      return wrapped_->set(prefix_, generation);  // of several at once the last one stays, and the others' entries go
    }
  }

  /// Result: a text that nobody else will come upon.
  static std::string fresh_generation() {
    std::random_device entropy;
    std::string text;
    while (text.size() < generation_size) text.push_back("0123456789abcdef"[entropy() % 16]);
    return text;
  }

  static constexpr std::size_t generation_size = 16;
  /// In spite of a default that the wrapped cache may have.
  static constexpr std::chrono::milliseconds for_ever = std::chrono::milliseconds::max();

  const std::shared_ptr<Base> wrapped_;
  const std::string prefix_;
  bool has_generations_ = false;
  Counters counters_;
};

}  // namespace larder
