/// \file tiered_backend.hpp
/// TieredBackend: a near cache in front of a far one. The far cache is the truth; the near one holds copies of it.
///
/// How copies are kept true is in layers/detail/near_copies.hpp. While the invalidation source is not armed, the near
/// cache is neither asked nor filled, and was emptied.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <larder/backend_capabilities.hpp>
#include <larder/cache_backend.hpp>
#include <larder/invalidation.hpp>
#include <larder/layers/detail/near_copies.hpp>
#include <larder/layers/tiered_options.hpp>

namespace larder {

/// What a TieredBackend has done, tier by tier.
struct TieredStats {
  CacheStats near{};
  CacheStats far{};
  /// Copies that were not kept since the entry, or one that shares its stripe, had changed meanwhile.
  std::uint64_t dropped_fills = 0;
  /// Hits of the near cache that were not believed for the same reason. The far cache answered instead.
  std::uint64_t disbelieved_hits = 0;
  /// Times that the invalidation source was lost, and the near cache emptied.
  std::uint64_t losses = 0;
};

/// Two caches as one, the first quick and the second shared:
///
///     TieredBackend<> cache{near, far, {.near_ttl = 30s}};
///
/// - Reads ask the near cache, then the far one, and keep a copy for the smaller of `near_ttl` and what is left of the
///   entry's own TTL. A batch asks the far cache for what the near one lacks, in one batch.
/// - Writes go to the far cache first, and decide there. A copy of a `set` with a TTL is kept; without one, how
///   long the far cache keeps the entry is only known when it is read. What the far cache declines is in neither.
/// - `set_if_absent`, `touch`, `get_entry`, `keys` and `clear` are the far cache's business. What `visit_entry`
///   shows as `ttl` is that of the copy.
/// - Other processes' writes are seen when the copy has expired or, with `TieredOptions::invalidation`, when the source
///   tells of them. When the source is lost, the near cache is emptied and left alone until it is armed again. So no
///   read is behind by more than the source promises (for Redis, a heartbeat).
/// - A read that overlaps a write or an invalidation of its key leaves no copy. So who has read what a write wrote reads
///   nothing older afterwards, whether the write is over or not.
/// - `stats` are those of both: hits of either, misses and gauges of the far one. `tiers` tells them apart. So the two
///   caches should be in nobody else's hands.
/// - Errors are the far cache's, and pass through; the copy is gone then. One of the near cache's passes through where
///   nothing has been done yet.
/// - Threads: any number, if both caches allow them. No lock is held while one of them is called.
///
/// It can do what the far cache can, but for limits and listeners, which are matters of each tier. It can be neither
/// copied nor moved.
template <class Key, class Value>
class TieredBackend final : public CacheBackend<Key, Value> {
  using Base = CacheBackend<Key, Value>;
  using Copies = detail::NearCopies<Key, Value>;
  using Fill = typename Copies::Fill;
  using Change = typename Copies::Change;

 public:
  using typename Base::entry_type;
  using typename Base::item;
  using typename Base::key_item;
  using typename Base::key_view;

  /// What a TieredBackend over a far cache with such capabilities can do.
  static constexpr BackendCapabilities capabilities_over(BackendCapabilities far) {
    far.size_limit = far.exact_size_limit = far.removal_listener = false;
    return far;
  }

  /// Starts the invalidation source, if there is one, and does not wait until it is armed.
  /// \throws InvalidArgumentError if a cache is null or the options make no sense; what the source's maker throws.
  TieredBackend(std::shared_ptr<Base> near, std::shared_ptr<Base> far, TieredOptions<Key> options = {})
      : copies_((check(near, far, options), std::move(near)), options.near_ttl, options.now), far_(std::move(far)) {
    if (!options.invalidation) return;
    copies_.disarm();
    source_ = options.invalidation(events_);
    if (source_ == nullptr) throw InvalidArgumentError("TieredOptions: invalidation made no source");
  }

  /// What each tier has done.
  TieredStats tiers() const {
    return {.near = copies_.cache().stats(),
            .far = far_->stats(),
            .dropped_fills = copies_.dropped_fills(),
            .disbelieved_hits = copies_.disbelieved_hits(),
            .losses = losses_.load(std::memory_order_relaxed)};
  }

  /// The source of `TieredOptions::invalidation`, or null.
  const InvalidationSource* invalidation() const noexcept { return source_.get(); }

 private:
  static void check(const std::shared_ptr<Base>& near, const std::shared_ptr<Base>& far,
                    const TieredOptions<Key>& options) {
    if (near == nullptr) throw InvalidArgumentError("TieredBackend: near = nullptr, but there must be a cache");
    if (far == nullptr) throw InvalidArgumentError("TieredBackend: far = nullptr, but there must be a cache");
    if (near == far) throw InvalidArgumentError("TieredBackend: near = far, but they must be two caches");
    options.validate();
  }

  std::optional<Value> do_get(key_view key) override {
    if (copies_.trusted()) {
      const auto& stripe = copies_.stripe_of(key);
      const auto look = stripe.look();
      std::optional<Value> value = copies_.cache().get(key);
      if (value && copies_.believe(stripe, look)) return value;
    }
    Fill fill(copies_, key);
    std::optional<Value> value;
    far_->visit_entry(key, [&](const EntryView<Value>& entry) {
      value.emplace(entry.value);
      fill.note(entry);
    });
    if (value) fill.keep(key, *value);
    return value;
  }

  bool do_visit_entry(key_view key, typename Base::EntryVisitor visit) override {
    if (copies_.trusted()) {
      const auto& stripe = copies_.stripe_of(key);
      const auto look = stripe.look();
      bool believed = false;
      copies_.cache().visit_entry(key, [&](const EntryView<Value>& entry) {
        believed = copies_.believe(stripe, look);
        if (believed) visit(entry);
      });
      if (believed) return true;
    }
    Fill fill(copies_, key);
    std::optional<Value> value;
    const bool found = far_->visit_entry(key, [&](const EntryView<Value>& entry) {
      if (fill.wanted()) value.emplace(entry.value);
      fill.note(entry);
      visit(entry);
    });
    if (found && value) fill.keep(key, *value);
    return found;
  }

  bool do_exists(key_view key) override {
    if (copies_.trusted()) {
      const auto& stripe = copies_.stripe_of(key);
      const auto look = stripe.look();
      if (copies_.cache().exists(key) && stripe.is_undisturbed(look)) return true;
    }
    return far_->exists(key);
  }

  bool do_set(key_view key, Value value, Ttl ttl, Metadata metadata) override {
    return store(key, std::move(value), ttl, std::move(metadata),
                 [this](auto&&... all) { return far_->set(std::forward<decltype(all)>(all)...); });
  }

  bool do_set_if_absent(key_view key, Value value, Ttl ttl, Metadata metadata) override {
    return store(key, std::move(value), ttl, std::move(metadata),
                 [this](auto&&... all) { return far_->set_if_absent(std::forward<decltype(all)>(all)...); });
  }

  template <class StoreFar>
  bool store(key_view key, Value value, const Ttl& ttl, Metadata metadata, const StoreFar& store_far) {
    const key_item one(key);
    Change change(copies_, {&one, 1});
    if (!ttl) return store_far(key, std::move(value), ttl, std::move(metadata));
    if (!store_far(key, value, ttl, metadata)) return false;
    change.keep(ttl, [&](const Ttl& rest) { return copies_.store(key, value, rest, std::move(metadata)); });
    return true;
  }

  std::size_t do_set_many(std::span<item> items, Ttl ttl) override {
    std::vector<key_item> keys;
    keys.reserve(items.size());
    for (const item& each : items) keys.push_back(each.first);
    Change change(copies_, keys);
    if (!ttl) return Base::move_many(*far_, items, ttl);
    std::vector<item> written;
    written.assign(items.begin(), items.end());  // whose constructor leaks in libc++ before 16 if a copy throws
    const std::size_t stored = Base::move_many(*far_, items, ttl);
    if (stored != written.size()) return stored;  // which of them, the far cache does not tell
    change.keep(ttl, [&](const Ttl& rest) {
      return std::all_of(written.begin(), written.end(),
                         [&](const item& each) { return copies_.store(each.first, each.second, rest, {}); });
    });
    return stored;
  }

  bool do_touch(key_view key, Ttl ttl) override {
    const key_item one(key);
    const Change change(copies_, {&one, 1});
    return far_->touch(key, ttl);
  }

  bool do_erase(key_view key) override {
    const key_item one(key);
    const Change change(copies_, {&one, 1});
    return far_->erase(key);
  }

  std::size_t do_erase_many(std::span<const key_item> keys) override {
    const Change change(copies_, keys);
    return far_->erase_many(keys);
  }

  std::size_t do_clear() override {
    const typename Copies::Clearing clearing(copies_);
    return far_->clear();
  }

  CacheStats do_stats() const override {
    const TieredStats both = tiers();
    CacheStats stats = both.far;
    stats.hits += both.near.hits - std::min(both.near.hits, both.disbelieved_hits);
    stats.errors += both.near.errors;
    stats.undecodable += both.near.undecodable;
    return stats;
  }

  void do_reset_stats() override {
    copies_.cache().reset_stats();
    far_->reset_stats();
    copies_.reset_counters();
    losses_.store(0, std::memory_order_relaxed);
  }

  std::optional<entry_type> do_get_entry(key_view key) override { return far_->get_entry(key); }
  bool do_can_list_keys() const noexcept override { return far_->can_list_keys(); }
  std::vector<Key> do_keys(std::string_view pattern) override { return far_->keys(pattern); }

  void do_get_many(std::span<const key_item> keys, std::span<std::optional<Value>> values) override {
    Batch batch(*this, keys);
    if (batch.asks_near()) {
      copies_.cache().get_many(keys, values);
      for (std::size_t i = 0; i < keys.size(); ++i) {
        if (!values[i] || batch.believes(i)) continue;
        values[i].reset();
      }
    } else {
      for (std::optional<Value>& value : values) value.reset();
    }
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (!values[i]) batch.ask_far_for(i);
    }
    batch.visit_far([&](std::size_t i, const EntryView<Value>& entry) { values[i].emplace(entry.value); });
    batch.keep_copies([&](std::size_t i) -> const Value& { return *values[i]; });
  }

  std::size_t do_visit_entries(std::span<const key_item> keys, typename Base::EntriesVisitor visit) override {
    Batch batch(*this, keys);
    std::vector<bool> shown(keys.size());
    if (batch.asks_near()) {
      copies_.cache().visit_entries(keys, [&](std::size_t i, const EntryView<Value>& entry) {
        shown[i] = batch.believes(i);
        if (shown[i]) visit(i, entry);
      });
    }
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (!shown[i]) batch.ask_far_for(i);
    }
    const auto hits = static_cast<std::size_t>(std::count(shown.begin(), shown.end(), true));
    std::vector<std::optional<Value>> values(keys.size());
    const std::size_t found = batch.visit_far([&](std::size_t i, const EntryView<Value>& entry) {
      values[i].emplace(entry.value);
      visit(i, entry);
    });
    batch.keep_copies([&](std::size_t i) -> const Value& { return *values[i]; });
    return hits + found;
  }

  /// The keys of a batch of reads, and which of them the far cache is asked for.
  class Batch {
   public:
    Batch(TieredBackend& cache, std::span<const key_item> keys)
        : cache_(cache), keys_(keys), asks_near_(cache.copies_.trusted()) {
      if (!asks_near_) return;
      looks_.reserve(keys.size());
      for (const key_item& key : keys) looks_.push_back(cache.copies_.stripe_of(key).look());
    }

    bool asks_near() const noexcept { return asks_near_; }
    bool believes(std::size_t i) { return cache_.copies_.believe(cache_.copies_.stripe_of(keys_[i]), looks_[i]); }

    void ask_far_for(std::size_t i) {
      positions_.push_back(i);
      missing_.push_back(keys_[i]);
    }

    /// Calls `visit(position, entry)` for what the far cache has. Result: how many entries that was.
    template <class Visit>
    std::size_t visit_far(const Visit& visit) {
      if (missing_.empty()) return 0;
      fills_.reserve(missing_.size());
      for (const key_item& key : missing_) fills_.emplace_back(cache_.copies_, key);
      found_.resize(missing_.size());
      return cache_.far_->visit_entries(std::span<const key_item>(missing_),
                                        [&](std::size_t i, const EntryView<Value>& entry) {
                                          found_[i] = true;
                                          fills_[i].note(entry);
                                          visit(positions_[i], entry);
                                        });
    }

    /// `value_of(position)` is the value of an entry that was visited.
    template <class ValueOf>
    void keep_copies(const ValueOf& value_of) {
      for (std::size_t i = 0; i < fills_.size(); ++i) {
        if (found_[i]) fills_[i].keep(missing_[i], value_of(positions_[i]));
      }
    }

   private:
    TieredBackend& cache_;
    std::span<const key_item> keys_;
    bool asks_near_;
    std::vector<std::uint64_t> looks_;
    std::vector<std::size_t> positions_;  // of the missing keys, in the batch
    std::vector<key_item> missing_;
    std::vector<Fill> fills_;  // of the missing keys
    std::vector<bool> found_;
  };

  /// What the source tells.
  class Events final : public InvalidationEvents<Key> {
   public:
    explicit Events(TieredBackend& cache) : cache_(cache) {}

    void on_armed() override { cache_.copies_.arm(); }
    void on_invalidated(KeyView<Key> key) override { cache_.copies_.invalidate(key); }
    void on_lost() override {
      cache_.losses_.fetch_add(1, std::memory_order_relaxed);
      cache_.copies_.disarm();
    }

   private:
    TieredBackend& cache_;
  };

  Copies copies_;
  const std::shared_ptr<Base> far_;
  std::atomic<std::uint64_t> losses_{0};
  Events events_{*this};
  std::unique_ptr<InvalidationSource> source_;  // last: what it tells needs all of the above
};

}  // namespace larder
