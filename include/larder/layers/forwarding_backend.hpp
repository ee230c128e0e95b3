/// \file forwarding_backend.hpp
/// ForwardingBackend: a layer that changes nothing, to derive from.
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
#include <larder/fwd.hpp>

namespace larder {

/// Hands every call on to the cache that it wraps. A layer of your own derives from it and overrides what it changes;
/// it overrides the batches, too, where it overrides the operation on one key.
template <class Key, class Value>
class ForwardingBackend : public CacheBackend<Key, Value> {
  using Base = CacheBackend<Key, Value>;

 public:
  using typename Base::entry_type;
  using typename Base::item;
  using typename Base::key_item;
  using typename Base::key_view;

 protected:
  /// `layer` is what the error calls the class. \throws InvalidArgumentError if `wrapped` is null.
  ForwardingBackend(std::shared_ptr<Base> wrapped, const char* layer) : wrapped_(std::move(wrapped)) {
    if (wrapped_ == nullptr) {
      throw InvalidArgumentError(std::string(layer) + ": wrapped = nullptr, but there must be a cache");
    }
  }

  Base& wrapped() const noexcept { return *wrapped_; }

 private:
  std::optional<Value> do_get(key_view key) override { return wrapped_->get(key); }
  bool do_set(key_view key, Value value, Ttl ttl, Metadata metadata) override {
    return wrapped_->set(key, std::move(value), ttl, std::move(metadata));
  }
  bool do_set_if_absent(key_view key, Value value, Ttl ttl, Metadata metadata) override {
    return wrapped_->set_if_absent(key, std::move(value), ttl, std::move(metadata));
  }
  bool do_touch(key_view key, Ttl ttl) override { return wrapped_->touch(key, ttl); }
  bool do_erase(key_view key) override { return wrapped_->erase(key); }
  bool do_exists(key_view key) override { return wrapped_->exists(key); }
  std::size_t do_clear() override { return wrapped_->clear(); }
  CacheStats do_stats() const override { return wrapped_->stats(); }
  void do_reset_stats() override { wrapped_->reset_stats(); }
  std::optional<entry_type> do_get_entry(key_view key) override { return wrapped_->get_entry(key); }
  bool do_can_list_keys() const noexcept override { return wrapped_->can_list_keys(); }
  std::vector<Key> do_keys(std::string_view pattern) override { return wrapped_->keys(pattern); }
  bool do_visit_entry(key_view key, typename Base::EntryVisitor visit) override {
    return wrapped_->visit_entry(key, visit);
  }
  std::size_t do_visit_entries(std::span<const key_item> keys, typename Base::EntriesVisitor visit) override {
    return wrapped_->visit_entries(keys, visit);
  }
  void do_get_many(std::span<const key_item> keys, std::span<std::optional<Value>> values) override {
    wrapped_->get_many(keys, values);
  }
  std::size_t do_set_many(std::span<item> items, Ttl ttl) override { return Base::move_many(*wrapped_, items, ttl); }
  std::size_t do_erase_many(std::span<const key_item> keys) override { return wrapped_->erase_many(keys); }

  const std::shared_ptr<Base> wrapped_;
};

}  // namespace larder
