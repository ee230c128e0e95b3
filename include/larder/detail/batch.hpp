/// \file batch.hpp
/// Batch: the keys of a batch operation that are worked on together, shard by shard, each shard under one lock. One
/// pass over the keys reads ahead what the next one needs, so that the cache misses of one hide behind those of the
/// others.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <utility>

namespace larder::detail {

/// Sets of its keys are the bits of a number.
template <class Store>
class Batch {
  using Hash = typename Store::KeyHash;
  using Node = typename Store::Node;
  using Shard = typename Store::Shard;

 public:
  /// Enough to hide the misses, and so few that nothing that was read ahead is pushed out again.
  static constexpr std::size_t most = 32;

  /// `key_of(item)` is the key of each item, of which there may be `most`. Throws what the hash throws.
  template <class Item, class KeyOf = std::identity>
  explicit Batch(std::span<Item> items, const KeyOf& key_of = {}) {
    for (; count_ < items.size(); ++count_) hashes_[count_] = Hash(key_of(items[count_]));
  }

  /// Copies the values of any number of keys to `values`, and counts hits and misses. `get_one(key)` gets, with no lock
  /// held, what a reading tells nothing certain of. Throws what hash and equality throw.
  template <class Key, class Value, class GetOne>
  static void get_all(const Store& store, std::span<Key> keys, std::span<std::optional<Value>> values,
                      const GetOne& get_one) {
    for (std::optional<Value>& value : values) value.reset();  // now, because the end of a value may be user code
    for_each_part(keys.size(), [&](std::size_t begin, std::size_t count) {
      const auto some = keys.subspan(begin, count);
      const auto theirs = values.subspan(begin, count);
      Batch(some).get(store, some, theirs, [&](std::size_t i) { theirs[i] = get_one(some[i]); });
    });
  }

  /// Stores any number of items, the last one where a key is there twice. Makes all nodes of a batch before any lock is
  /// taken, and then stores those of each shard in one go. Result: how many were stored. Throws what hash and equality
  /// throw, and std::bad_alloc.
  template <class Item>
  static std::size_t set_all(const Store& store, std::span<Item> items, typename Store::Deadline deadline) {
    std::size_t stored = 0;
    for_each_part(items.size(), [&](std::size_t begin, std::size_t count) {
      const auto some = items.subspan(begin, count);
      const Batch batch(
          some, [](const Item& each) -> const auto& { return each.first; });
      typename Node::Owner nodes[most];
      for (std::size_t i = 0; i < count; ++i) {
        nodes[i] = store.make_node(some[i].first, batch.hashes_[i], std::move(some[i].second), deadline, {});
      }
      stored += batch.set(store, some, nodes);
    });
    return stored;
  }

  /// Calls f(shard, keys) for each shard in which any of the keys live, with the set of those keys.
  template <class Function>
  void for_each_shard(const Store& store, const Function& f) const {
    std::uint64_t left = (std::uint64_t{1} << count_) - 1;
    while (left != 0) {
      Shard& shard = store.shard_of(hashes_[std::countr_zero(left)]);
      std::uint64_t here = 0;
      for_each(left, [&](std::size_t i) {
        if (&store.shard_of(hashes_[i]) == &shard) here |= std::uint64_t{1} << i;
      });
      f(shard, here);
      left &= ~here;
    }
  }

  /// Calls f(i) for each key of a set.
  template <class Function>
  static void for_each(std::uint64_t keys, const Function& f) {
    for (; keys != 0; keys &= keys - 1) f(static_cast<std::size_t>(std::countr_zero(keys)));
  }

 private:
  /// Calls f(begin, count) for each part of so many items.
  template <class Function>
  static void for_each_part(std::size_t items, const Function& f) {
    for (std::size_t begin = 0; begin < items; begin += most) f(begin, std::min(most, items - begin));
  }

  /// Calls uncertain(i) for each key of which nothing is certain.
  template <class Key, class Value, class Uncertain>
  void get(const Store& store, std::span<Key> keys, std::span<std::optional<Value>> values,
           const Uncertain& uncertain) const {
    for_each_shard(store, [&](Shard& shard, std::uint64_t here) {
      for_each(get_from(store, shard, here, keys, values), uncertain);
    });
  }

  /// Stores the node of each item's key, or removes what is there where the node is null. Result: how many were stored.
  /// Where something is thrown, some of the nodes are not taken.
  template <class Item>
  std::size_t set(const Store& store, std::span<Item> items, typename Node::Owner* nodes) const {
    std::size_t stored = 0;
    for_each_shard(store, [&](Shard& home, std::uint64_t here) {
      typename Store::Access shard(store, home);
      for_each(here, [&](std::size_t i) { home.prefetch_bucket(hashes_[i].for_index()); });
      for_each(here, [&](std::size_t i) { home.prefetch_node(hashes_[i].for_index()); });
      for_each(here, [&](std::size_t i) { stored += shard.put(hashes_[i], items[i].first, nodes[i]) ? 1 : 0; });
    });
    return stored;
  }

  /// Result: those of `here` of which nothing is certain.
  template <class Key, class Value>
  std::uint64_t get_from(const Store& store, Shard& home, std::uint64_t here, std::span<Key> keys,
                         std::span<std::optional<Value>> values) const {
    std::uint64_t uncertain = 0;
    store.expect_hits(home, most);
    typename Store::Reading shard(store, home);
    for_each(here, [&](std::size_t i) { shard.prefetch_bucket(hashes_[i]); });
    for_each(here, [&](std::size_t i) { shard.prefetch_node(hashes_[i]); });
    for_each(here, [&](std::size_t i) {
      Node* node = shard.find(hashes_[i], keys[i]);
      if (node != nullptr) {
        values[i].emplace(node->copy_value(keys[i]));
        shard.count_hit(*node);
      } else if (shard.is_certain()) {
        shard.count_miss();
      } else {
        uncertain |= std::uint64_t{1} << i;
      }
    });
    return uncertain;
  }

  std::size_t count_ = 0;
  Hash hashes_[most];
};

}  // namespace larder::detail
