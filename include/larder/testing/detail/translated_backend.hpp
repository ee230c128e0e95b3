/// \file translated_backend.hpp
/// TranslatedBackend: a backend of any keys and values, seen as one of strings and `Bytes`, so that the contract kit
/// is written, and compiled, for those alone.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <larder/cache_backend.hpp>
#include <larder/testing/contract_samples.hpp>

namespace larder::testing::detail {

template <class Key, class Value>
class TranslatedBackend final : public CacheBackend<> {
  using Inner = CacheBackend<Key, Value>;
  using InnerItem = typename Inner::key_item;

 public:
  TranslatedBackend(std::shared_ptr<Inner> inner, ContractSamples<Key, Value> samples)
      : inner_(std::move(inner)), samples_(std::move(samples)) {}

  Inner& inner() noexcept { return *inner_; }

 private:
  Key key_of(std::string_view text) const { return samples_.key.make(text); }
  std::optional<Bytes> bytes_of(const std::optional<Value>& value) const {
    return value ? std::optional<Bytes>(samples_.value.text(*value)) : std::nullopt;
  }

  std::optional<Bytes> do_get(std::string_view key) override { return bytes_of(inner_->get(key_of(key))); }

  bool do_set(std::string_view key, Bytes value, Ttl ttl, Metadata metadata) override {
    return inner_->set(key_of(key), samples_.value.make(value), ttl, std::move(metadata));
  }

  bool do_set_if_absent(std::string_view key, Bytes value, Ttl ttl, Metadata metadata) override {
    return inner_->set_if_absent(key_of(key), samples_.value.make(value), ttl, std::move(metadata));
  }

  bool do_touch(std::string_view key, Ttl ttl) override { return inner_->touch(key_of(key), ttl); }
  bool do_erase(std::string_view key) override { return inner_->erase(key_of(key)); }
  bool do_exists(std::string_view key) override { return inner_->exists(key_of(key)); }
  std::size_t do_clear() override { return inner_->clear(); }
  CacheStats do_stats() const override { return inner_->stats(); }
  void do_reset_stats() override { inner_->reset_stats(); }

  std::optional<CacheEntry<>> do_get_entry(std::string_view key) override {
    auto entry = inner_->get_entry(key_of(key));
    if (!entry) return std::nullopt;
    return CacheEntry<>{.key = samples_.key.text(entry->key),
                        .value = samples_.value.text(entry->value),
                        .created_at = entry->created_at,
                        .expires_at = entry->expires_at,
                        .size_bytes = entry->size_bytes,
                        .metadata = std::move(entry->metadata)};
  }

  std::vector<std::string> do_keys(std::string_view pattern) override {
    std::vector<std::string> texts;
    for (const Key& key : inner_->keys(pattern)) texts.push_back(samples_.key.text(key));
    return texts;
  }

  bool do_can_list_keys() const noexcept override { return inner_->can_list_keys(); }

  bool do_visit_entry(std::string_view key, EntryVisitor visit) override {
    return inner_->visit_entry(key_of(key), [&](const EntryView<Value>& entry) {
      visit({Bytes(samples_.value.text(entry.value)), entry.metadata, entry.ttl});
    });
  }

  std::size_t do_visit_entries(std::span<const std::string_view> keys, EntriesVisitor visit) override {
    const std::vector<Key> own = keys_of(keys);
    const std::vector<InnerItem> items(own.begin(), own.end());
    return inner_->visit_entries(std::span<const InnerItem>(items), [&](std::size_t i, const EntryView<Value>& entry) {
      visit(i, {Bytes(samples_.value.text(entry.value)), entry.metadata, entry.ttl});
    });
  }

  void do_get_many(std::span<const std::string_view> keys, std::span<std::optional<Bytes>> values) override {
    const std::vector<Key> own = keys_of(keys);
    const std::vector<InnerItem> items(own.begin(), own.end());
    std::vector<std::optional<Value>> found(keys.size());
    inner_->get_many(std::span<const InnerItem>(items), std::span<std::optional<Value>>(found));
    for (std::size_t i = 0; i < found.size(); ++i) values[i] = bytes_of(found[i]);
  }

  std::size_t do_set_many(std::span<item> items, Ttl ttl) override {
    std::vector<std::pair<Key, Value>> own;
    for (const auto& [key, value] : items) own.emplace_back(key_of(key), samples_.value.make(value));
    return inner_->set_many(own, ttl);
  }

  std::size_t do_erase_many(std::span<const std::string_view> keys) override {
    return inner_->erase_many(keys_of(keys));
  }

  std::vector<Key> keys_of(std::span<const std::string_view> texts) const {
    std::vector<Key> keys;
    for (const std::string_view text : texts) keys.push_back(key_of(text));
    return keys;
  }

  std::shared_ptr<Inner> inner_;
  ContractSamples<Key, Value> samples_;
};

}  // namespace larder::testing::detail
