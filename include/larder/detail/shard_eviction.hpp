/// \file shard_eviction.hpp
/// ShardEviction: how the eviction policy of a shard learns what happens to the entries.
///
/// Three kinds of policies differ in what becomes of a use:
/// - It is marked in the entry (MarkingEvictionPolicy), by readers, too.
/// - It is noted by readers, and told of later, many at once (`touch_all`). So are uses by writers where their thread
///   has noted some before, so that the order stays what it was.
/// - It is noted by readers, and told of one by one. Writers tell of what their thread has noted before, first.
///
/// To be called with the shard's mutex held, but for `count_shared_hit`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>

#include <larder/detail/read_stripes.hpp>
#include <larder/eviction/eviction_policy.hpp>

namespace larder::detail {

template <class Node, EvictionPolicy Policy, class Mutex>
class ShardEviction {
 public:
  static constexpr bool marking = MarkingEvictionPolicy<Policy>;

  using Stripes = ReadStripes<Node, Mutex, marking>;
  using Stripe = typename Stripes::Stripe;

  static EvictionEntry facts_of(const Node& node) noexcept { return {node.id, node.hash, node.weight()}; }

  void set_limits(EvictionLimits limits) {
    if constexpr (requires { policy_.set_limits(limits); }) policy_.set_limits(limits);
  }

  /// \throws std::bad_alloc.
  void reserve(std::size_t ids) { policy_.reserve(ids); }

  /// A reader's hit; with its stripe locked.
  [[gnu::always_inline]] static void count_shared_hit(Node& node, Stripe& own) noexcept {
    own.count_hit(node);
    if constexpr (marking) mark(node);
  }

  /// Whether there may be entries that are turned away.
  static constexpr bool may_turn_away = requires(Policy & policy, const EvictionEntry& entry, const AnyEntries& all) {
    policy.admit(entry, all);
  };

  /// Whether a new entry is let in.
  template <class Entries>
  bool admits(const Node& fresh, const Entries& entries, Stripe& own) noexcept {
    settle(own);
    return policy_.admit(facts_of(fresh), entries);
  }

  /// A new entry, which is used last of all that the thread has used.
  [[gnu::always_inline]] void insert(Node& node, Stripe& own) noexcept {
    if constexpr (!telling_many) settle(own);
    policy_.insert(facts_of(node));
    if constexpr (telling_many) {
      if (own.pending_count() != 0) note(node, own);
    }
  }

  /// `fresh` holds the entry from now on; a use may follow.
  void replace(Node& old, Node& fresh) noexcept {
    if constexpr (marking) fresh.copy_uses(old);
    if constexpr (requires { policy_.replace(facts_of(old), facts_of(fresh)); }) {
      policy_.replace(facts_of(old), facts_of(fresh));
    }
  }

  /// A use by a writer: the last of all that the thread has used.
  [[gnu::always_inline]] void use(Node& node, Stripe& own) noexcept {
    if constexpr (marking) {
      mark(node);
    } else {
      if constexpr (telling_many) {
        if (own.pending_count() != 0) return note(node, own);
      } else {
        settle(own);
      }
      policy_.touch(facts_of(node));
    }
  }

  void erase(const Node& node) noexcept { policy_.erase(facts_of(node)); }

  template <class Entries>
  EvictionId victim(const EvictionNeed& need, const Entries& entries) noexcept {
    return policy_.victim(need, entries);
  }

  /// Calls f(step, id) for up to three entries that are likely to follow a victim, the first step first.
  template <class Function>
  void for_each_after(EvictionId victim, const Function& f) const noexcept {
    if constexpr (requires { policy_.after(victim), policy_.prefetch(victim); }) {
      for (int step = 1; step <= 3; ++step) {
        victim = policy_.after(victim);
        if (victim == no_entry) return;
        f(step, victim);
        if (step == 3) policy_.prefetch(victim);
      }
    }
  }

  /// Tells of what a stripe has noted.
  void settle(Stripe& stripe) noexcept {
    if (stripe.pending_count() == 0) return;
    const std::lock_guard lock(stripe);
    tell_pending(stripe);
  }
  /// The same with the stripe locked already.
  void tell_pending(Stripe& stripe) noexcept {
    if constexpr (telling_many) {
      EvictionId ids[Stripe::most_pending];
      std::size_t count = 0;
      for (const Node* node : stripe.pending()) {
        if (!node->is_removed()) ids[count++] = node->id;
      }
      policy_.touch_all({ids, count});
    } else if constexpr (!marking) {
      for (const Node* node : stripe.pending()) {
        if (!node->is_removed()) policy_.touch(facts_of(*node));
      }
    }
    stripe.forget_pending();
  }

  void clear() noexcept { policy_.clear(); }

 private:
  static constexpr bool telling_many = !marking && requires(Policy & policy, std::span<const EvictionId> ids) {
    policy.touch_all(ids);
  };

  static void mark(Node& node) noexcept { node.template mark_use<Stripes::concurrent>(Policy::most_uses); }

  void note(Node& node, Stripe& own) noexcept {
    const std::lock_guard lock(own);
    if (own.pending_count() == Stripe::most_pending) tell_pending(own);
    own.note(node);
  }

  Policy policy_;
};

}  // namespace larder::detail
