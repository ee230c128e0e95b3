/// \file tagged_backend.hpp
/// TaggedBackend: a cache whose entries bear tags, by which any number of them are invalidated at once.
#pragma once

#include <algorithm>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <larder/backend_capabilities.hpp>
#include <larder/cache_backend.hpp>
#include <larder/codec.hpp>
#include <larder/layers/detail/name_space.hpp>
#include <larder/layers/detail/tag_stamps.hpp>
#include <larder/layers/forwarding_backend.hpp>
#include <larder/layers/namespaced_backend.hpp>
#include <larder/layers/tagged_options.hpp>

namespace larder {

/// Adds `erase_tag` to a cache:
///
///     TaggedBackend<> cache{shared};
///     cache.set("user:1:page", page, 1h, {{"tags", tag_list({"user:1", "pages"})}});
///     cache.erase_tag("user:1");  // O(1), however many entries bear it, in whichever process
///
/// - Each tag has a stamp in a cache of its own, which all processes share that share the entries; an entry remembers
///   the stamps of its tags. There are no lists of what bears a tag, so nothing grows but by one stamp a tag that is in
///   use (layers/detail/tag_stamps.hpp). `erase_tag` changes the stamp. An entry with a stamp that has changed or is
///   gone is a miss.
/// - A `set` that began before `erase_tag` of one of its tags, and ended after it, leaves no entry that is seen.
/// - What a tag has invalidated takes room until its TTL is over, it is evicted, or its key is set anew. Until then
///   `keys` and gauges may include it, `clear` and `erase` may count it, and so does what lists the cache underneath.
/// - A hit on an entry with tags asks for their stamps, too, and a batch for all of them at once; without tags, nothing
///   more is asked. So the stamps belong in a cache that is near. Where stamps cannot be read, entries with tags are
///   misses.
/// - `set_if_absent` may replace what a tag has invalidated, by several requests. One of several callers succeeds.
/// - The cache underneath must keep metadata and offer `get_entry`, the one for the stamps `set_if_absent`. The rest is
///   as they do it.
template <class Key, class Value>
class TaggedBackend final : public ForwardingBackend<Key, Value> {
  using Base = CacheBackend<Key, Value>;
  using Layer = ForwardingBackend<Key, Value>;
  using JoinedText = detail::JoinedText;

 public:
  using StampStore = CacheBackend<std::string, Bytes>;
  using typename Base::entry_type;
  using typename Base::key_item;
  using typename Base::key_view;

  /// What a TaggedBackend can do whose entries are in a cache with such capabilities.
  static constexpr BackendCapabilities capabilities_over(BackendCapabilities entries) { return entries; }

  /// Entries and stamps in two caches, or in two namespaces of one.
  /// \throws InvalidArgumentError if a cache is null or the options make no sense.
  TaggedBackend(std::shared_ptr<Base> entries, std::shared_ptr<StampStore> stamps, TaggedOptions options = {})
      : Layer(std::move(entries), "TaggedBackend"),
        options_((check(stamps, options), std::move(options))),
        stamps_(std::move(stamps), options_.stamp_ttl) {}

  /// Both in one cache, as its namespaces `entry` and `tag`.
  template <class Plain = CacheBackend<>>
  requires std::same_as<Plain, Base>
  explicit TaggedBackend(std::type_identity_t<std::shared_ptr<Plain>> cache, TaggedOptions options = {})
      : TaggedBackend(std::make_shared<NamespacedBackend<>>(cache, "entry"),
                      std::make_shared<NamespacedBackend<>>(cache, "tag"), std::move(options)) {}

  /// Invalidates every entry that bears this tag, whoever stored it. O(1). Result: whether it is known to have
  /// happened; false only where the cache of the stamps declines to store one, as a ResilientBackend does that fails.
  /// \throws InvalidArgumentError if the tag is empty; what the cache of the stamps throws.
  bool erase_tag(std::string_view tag) {
    if (tag.empty()) throw InvalidArgumentError("TaggedBackend::erase_tag: tag is empty");
    return stamps_.renew(tag);
  }

 private:
  static void check(const std::shared_ptr<StampStore>& stamps, const TaggedOptions& options) {
    if (stamps == nullptr) throw InvalidArgumentError("TaggedBackend: stamps = nullptr, but there must be a cache");
    options.validate();
  }

  /// Result: what an entry with such metadata remembers, or empty if it has no tags.
  std::string_view remembered_in(const Metadata& metadata) const {
    if (metadata.empty()) return {};
    const auto found = metadata.find(options_.tags_name);
    return found == metadata.end() ? std::string_view() : detail::TagText::read(found->second).remembered;
  }

  /// Makes metadata what their owner knows.
  void forget(Metadata& metadata) const {
    const auto found = metadata.find(options_.tags_name);
    if (found != metadata.end()) found->second = std::string(detail::TagText::read(found->second).tags);
  }

  std::optional<Value> do_get(key_view key) override {
    std::optional<Value> value;
    std::optional<JoinedText> remembered;
    this->wrapped().visit_entry(key, [&](const EntryView<Value>& entry) {
      value.emplace(entry.value);
      if (const auto bytes = remembered_in(entry.metadata); !bytes.empty())
        remembered.emplace(bytes, std::string_view());
    });
    if (remembered && !is_current(remembered->view())) value.reset();
    return value;
  }

  bool do_visit_entry(key_view key, typename Base::EntryVisitor visit) override {
    std::optional<Seen> seen;
    const bool found = this->wrapped().visit_entry(key, [&](const EntryView<Value>& entry) {
      if (remembered_in(entry.metadata).empty()) {
        visit(entry);
      } else {
        seen = seen_in(entry);
      }
    });
    if (!seen) return found;
    if (!is_current(seen->remembered)) return false;
    visit({*seen->value, seen->metadata, seen->ttl});
    return true;
  }

  void do_get_many(std::span<const key_item> keys, std::span<std::optional<Value>> values) override {
    std::vector<std::string> remembered(keys.size());
    for (std::optional<Value>& value : values) value.reset();
    this->wrapped().visit_entries(keys, [&](std::size_t i, const EntryView<Value>& entry) {
      values[i].emplace(entry.value);
      remembered[i] = remembered_in(entry.metadata);
    });
    const std::vector<bool> current = are_current(remembered);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (!current[i]) values[i].reset();
    }
  }

  std::size_t do_visit_entries(std::span<const key_item> keys, typename Base::EntriesVisitor visit) override {
    std::vector<Seen> seen(keys.size());
    this->wrapped().visit_entries(keys,
                                  [&](std::size_t i, const EntryView<Value>& entry) { seen[i] = seen_in(entry); });
    std::vector<std::string> remembered(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) remembered[i] = std::move(seen[i].remembered);
    const std::vector<bool> current = are_current(remembered);
    std::size_t found = 0;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (!seen[i].value || !current[i]) continue;
      ++found;
      visit(i, {*seen[i].value, seen[i].metadata, seen[i].ttl});
    }
    return found;
  }

  /// An entry as its owner knows it, and what it remembers.
  struct Seen {
    std::optional<Value> value{};
    Metadata metadata{};
    Ttl ttl{};
    std::string remembered{};
  };
  Seen seen_in(const EntryView<Value>& entry) const {
    Seen seen{entry.value, entry.metadata, entry.ttl, std::string(remembered_in(entry.metadata))};
    if (!seen.remembered.empty()) forget(seen.metadata);
    return seen;
  }

  bool is_current(std::string_view remembered) {
    if (stamps_.hold(remembered)) return true;
    invalidated_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }

  std::vector<bool> are_current(std::span<const std::string> remembered) {
    std::vector<bool> current(remembered.size(), true);
    stamps_.hold(remembered, current);
    invalidated_.fetch_add(static_cast<std::uint64_t>(std::count(current.begin(), current.end(), false)),
                           std::memory_order_relaxed);
    return current;
  }

  std::optional<entry_type> do_get_entry(key_view key) override {
    auto entry = this->wrapped().get_entry(key);
    if (!entry) return entry;
    const std::string_view remembered = remembered_in(entry->metadata);
    if (remembered.empty()) return entry;
    if (!stamps_.hold(remembered)) return std::nullopt;
    forget(entry->metadata);
    return entry;
  }

  bool do_exists(key_view key) override { return do_get_entry(key).has_value(); }
  bool do_touch(key_view key, Ttl ttl) override { return do_exists(key) && this->wrapped().touch(key, ttl); }

  /// Adds what an entry with such metadata is to remember. Result: whether its tags have stamps.
  bool remember(Metadata& metadata) {
    const auto tags = metadata.find(options_.tags_name);
    if (tags == metadata.end()) return true;
    const std::vector<std::string> list = tags_of(tags->second);
    if (list.empty()) return true;
    const auto remembered = stamps_.remember(list);
    if (!remembered) return false;
    tags->second = detail::TagText{*remembered, tags->second}.write();
    return true;
  }

  bool do_set(key_view key, Value value, Ttl ttl, Metadata metadata) override {
    if (!metadata.empty() && !remember(metadata)) {
      this->wrapped().erase(key);
      return false;
    }
    return this->wrapped().set(key, std::move(value), ttl, std::move(metadata));
  }

  bool do_set_if_absent(key_view key, Value value, Ttl ttl, Metadata metadata) override {
    if (!metadata.empty() && !remember(metadata)) return false;
    if (this->wrapped().set_if_absent(key, value, ttl, metadata)) return true;
    if (!is_invalidated(key)) return false;
    // Whoever removes what is out of date must not remove what another one has put in its place.
    const auto& text = KeyCodec<Key>::encode(key);
    if (!stamps_.claim(text)) return false;
    bool stored = false;
    try {
      if (is_invalidated(key)) this->wrapped().erase(key);
      stored = this->wrapped().set_if_absent(key, std::move(value), ttl, std::move(metadata));
    } catch (...) {
      stamps_.release(text);
      throw;
    }
    stamps_.release(text);
    return stored;
  }

  /// Whether there is an entry, and a tag has invalidated it.
  bool is_invalidated(key_view key) {
    const auto entry = this->wrapped().get_entry(key);
    if (!entry) return false;
    const auto remembered = remembered_in(entry->metadata);
    return !remembered.empty() && !stamps_.hold(remembered);
  }

  CacheStats do_stats() const override {
    CacheStats stats = this->wrapped().stats();
    const std::uint64_t invalidated = std::min(invalidated_.load(std::memory_order_relaxed), stats.hits);
    stats.hits -= invalidated;
    stats.misses += invalidated;
    return stats;
  }

  void do_reset_stats() override {
    this->wrapped().reset_stats();
    invalidated_.store(0, std::memory_order_relaxed);
  }

  const TaggedOptions options_;
  detail::TagStamps stamps_;
  std::atomic<std::uint64_t> invalidated_{0};  // hits of the cache underneath that are none here
};

}  // namespace larder
