/// \file near_copies.hpp
/// NearCopies: the near cache of a TieredBackend, as copies of what is in the far one.
///
/// Invariants:
/// - A copy is of what was read from the far cache, or written to it, and has not changed there since as far as is
///   known here: by the changes that were announced (layers/detail/fill_gate.hpp).
/// - While the near cache is not trusted it is neither believed nor filled by reads that begin then.
/// - No lock is held while the near cache is called.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <larder/cache_backend.hpp>
#include <larder/hash.hpp>
#include <larder/layers/detail/fill_gate.hpp>

namespace larder::detail {

template <class Key, class Value>
class NearCopies {
  using Clock = std::chrono::steady_clock;

 public:
  using Near = CacheBackend<Key, Value>;
  using key_item = KeyItem<Key>;
  using key_view = KeyView<Key>;
  using Stripe = FillGate::Stripe;
  using Ticket = FillGate::Ticket;

  /// A copy is kept for `most` at most; `now` may be empty for the steady clock.
  NearCopies(std::shared_ptr<Near> near, Ttl most, std::function<Clock::time_point()> now)
      : near_(std::move(near)), most_(most), now_(std::move(now)) {}

  Near& cache() const noexcept { return *near_; }
  /// Keys without a hash share one stripe.
  Stripe& stripe_of([[maybe_unused]] key_view key) {
    if constexpr (std::integral<Key> || std::is_enum_v<Key> || requires { std::hash<key_item>()(key); }) {
      return gate_.stripe(Hash<Key>()(key));
    } else {
      return gate_.stripe(0);
    }
  }

  /// Whether the near cache may be asked and filled.
  bool trusted() const noexcept { return doubts_.load(std::memory_order_acquire) == 0; }
  /// From now on it is left alone until `arm`; what is in it goes. Throws what the near cache throws.
  void disarm() {
    doubts_.fetch_or(unarmed, std::memory_order_acq_rel);
    empty();
  }
  /// Throws what the near cache throws, and then it is not trusted.
  void arm() {
    invalidate_all();
    doubts_.fetch_and(~unarmed, std::memory_order_acq_rel);
  }

  /// An entry of the far cache has changed. Throws what the near cache throws.
  void invalidate(key_view key) {
    stripe_of(key).add_change();
    near_->erase(key);
  }
  /// Everything may have changed. If the near cache throws, it is not trusted until it has let go of everything.
  void invalidate_all() {
    auto doubts = doubts_.fetch_add(one_stuck, std::memory_order_acq_rel) + one_stuck;
    empty();
    // Unless somebody else has come to doubt it since.
    doubts_.compare_exchange_strong(doubts, doubts & unarmed, std::memory_order_acq_rel);
  }

  /// Whether a hit of the near cache stands; `look` was taken before.
  bool believe(const Stripe& stripe, std::uint64_t look) noexcept {
    if (stripe.is_undisturbed(look)) return true;
    disbelieved_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }

  std::uint64_t dropped_fills() const noexcept { return dropped_.load(std::memory_order_relaxed); }
  std::uint64_t disbelieved_hits() const noexcept { return disbelieved_.load(std::memory_order_relaxed); }
  void reset_counters() noexcept {
    dropped_.store(0, std::memory_order_relaxed);
    disbelieved_.store(0, std::memory_order_relaxed);
  }

  Clock::time_point now() const { return now_ ? now_() : Clock::now(); }

  /// A copy of an entry on its way here. Made before the far cache is asked.
  class Fill {
   public:
    Fill(NearCopies& copies, key_view key) : Fill(copies, copies.stripe_of(key)) {}
    Fill(NearCopies& copies, Stripe& stripe)
        : copies_(copies), stripe_(stripe), wanted_(copies.trusted()), ticket_(stripe.ticket()), began_(copies.now()) {}

    /// Whether a copy is to be kept at all.
    bool wanted() const noexcept { return wanted_; }

    /// What the far cache shows, except for its value.
    void note(const EntryView<Value>& entry) {
      if (!wanted_) return;
      metadata_ = entry.metadata;
      left_ = entry.ttl;
    }

    /// Keeps the copy, unless it may be out of date.
    void keep(key_view key, const Value& value) {
      if (!wanted_) return;
      bool stored = false;
      const bool in_time = stripe_.begin_store(ticket_) && copies_.store_for(left_, began_, [&](const Ttl& ttl) {
        return stored = copies_.store(key, value, ttl, std::move(metadata_));
      });
      const bool stays = in_time && stripe_.may_stay(ticket_);
      if (!stays) copies_.dropped_.fetch_add(1, std::memory_order_relaxed);
      if (stored && !stays) copies_.remove([&] { copies_.near_->erase(key); });
      stripe_.end_store();
    }

   private:
    NearCopies& copies_;
    Stripe& stripe_;
    bool wanted_;
    Ticket ticket_;
    Clock::time_point began_;
    Ttl left_{};
    Metadata metadata_{};
  };

  /// A change of some keys that is under way in the far cache. The copies go before it begins, and once more when it is
  /// over, since a read may have fetched what was there before. Or what was written is kept in their place, if nobody
  /// else has changed something meanwhile.
  class Change {
   public:
    /// Throws what the near cache throws; then nothing has been done.
    Change(NearCopies& copies, std::span<const key_item> keys) : copies_(copies), keys_(keys) {
      stripes_.reserve(keys.size());
      for (const key_item& key : keys) stripes_.push_back(&copies.stripe_of(key));
      std::sort(stripes_.begin(), stripes_.end());
      stripes_.erase(std::unique(stripes_.begin(), stripes_.end()), stripes_.end());
      tickets_.reserve(stripes_.size());
      for (Stripe* stripe : stripes_) tickets_.push_back(stripe->begin_change());
      try {
        if (copies.doubts_.load(std::memory_order_acquire) >= one_stuck) copies.invalidate_all();
        copies.near_->erase_many(keys);
      } catch (...) {
        for (Stripe* stripe : stripes_) stripe->end_change();
        throw;
      }
    }
    Change(const Change&) = delete;
    Change& operator=(const Change&) = delete;
    ~Change() {
      if (!over_) end([] { return false; });
    }

    /// Ends it. `store_copies(ttl)` is called where that is right, to keep what was written; it tells whether it did.
    template <class StoreCopies>
    void keep(const Ttl& ttl, const StoreCopies& store_copies) noexcept {
      end([&] { return copies_.store_for(ttl, began_, store_copies); });
    }

   private:
    template <class StoreCopies>
    void end(const StoreCopies& store_copies) noexcept {
      over_ = true;
      bool alone = copies_.trusted();
      for (std::size_t i = 0; i < stripes_.size(); ++i) alone &= stripes_[i]->begin_store_of_change(tickets_[i]);
      bool stays = alone && store_copies();
      for (std::size_t i = 0; i < stripes_.size(); ++i) stays = stays && stripes_[i]->may_stay(tickets_[i]);
      if (!stays) copies_.remove([this] { copies_.near_->erase_many(keys_); });
      for (Stripe* stripe : stripes_) stripe->end_store_of_change();
    }

    NearCopies& copies_;
    const std::span<const key_item> keys_;
    const Clock::time_point began_ = copies_.now();
    std::vector<Stripe*> stripes_;  // each once
    std::vector<Ticket> tickets_;
    bool over_ = false;
  };

  /// The far cache is being emptied.
  class Clearing {
   public:
    /// Throws what the near cache throws; then nothing has been done.
    explicit Clearing(NearCopies& copies) : copies_(copies) {
      copies.gate_.begin_change_of_all();
      try {
        copies.invalidate_all();
      } catch (...) {
        copies.gate_.end_change_of_all();
        throw;
      }
    }
    Clearing(const Clearing&) = delete;
    Clearing& operator=(const Clearing&) = delete;
    ~Clearing() {
      try {
        copies_.invalidate_all();
      } catch (...) {  // then it is not trusted
      }
      copies_.gate_.end_change_of_all();
    }

   private:
    NearCopies& copies_;
  };

  /// Result: whether there is a copy now. An error of the near cache's is not the caller's, to whom it is a favour.
  bool store(key_view key, const Value& value, const Ttl& ttl, Metadata metadata) noexcept {
    try {
      if (near_->set(key, value, ttl, std::move(metadata))) return true;
    } catch (...) {
      remove([&] { near_->erase(key); });
    }
    return false;
  }

 private:
  /// Result: whether `store_copies(ttl)`, called with how long copies may be kept of an entry that had so long to live
  /// at some moment since `began`, has stored them, and in time.
  template <class StoreCopies>
  bool store_for(const Ttl& left, Clock::time_point began, const StoreCopies& store_copies) {
    if (!left) return store_copies(most_);
    const auto asked = now();
    const auto rest = *left - std::chrono::ceil<std::chrono::milliseconds>(asked - began);
    if (rest.count() <= 0 || !store_copies(Ttl(most_ ? std::min(*most_, rest) : rest))) return false;
    // Whoever was held up on the way has set the end of the copy as much later.
    return now() - asked < std::chrono::milliseconds(1);
  }

  /// Where the near cache does not let go of something, it is not trusted until it has let go of everything.
  template <class Erase>
  void remove(const Erase& erase) noexcept {
    try {
      erase();
      return;
    } catch (...) {  // what it was does not matter
    }
    try {
      invalidate_all();
    } catch (...) {  // and so it stays, until the next change or the source makes another attempt
    }
  }

  void empty() {
    gate_.add_change_to_all();
    near_->clear();
  }

  // Why the near cache is not trusted: nobody tells of changes (the lowest bit), and how often it had to let go of
  // everything and has not done so yet (the others).
  static constexpr std::uint64_t unarmed = 1;
  static constexpr std::uint64_t one_stuck = 2;

  const std::shared_ptr<Near> near_;
  const Ttl most_;
  const std::function<Clock::time_point()> now_;
  FillGate gate_;
  std::atomic<std::uint64_t> doubts_{0};
  std::atomic<std::uint64_t> dropped_{0};
  std::atomic<std::uint64_t> disbelieved_{0};
};

}  // namespace larder::detail
