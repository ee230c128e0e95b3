/// \file fill_gate.hpp
/// FillGate: keeps a near cache from being given, or from answering with, what has changed in the far one meanwhile.
///
/// Keys share 256 stripes by their hash. A stripe is one number: how many changes of its keys there were (upper bits),
/// how many are under way, and how many stores into the near cache are under way (lower bits). No lock is held, so that
/// caches may be called, and their listeners may call back, at any point.
///
/// - Who changes a key adds a change first, and removes the key from the near cache then. The change is under way until
///   the far cache has answered: meanwhile some have read what was there before, and others what is there now.
/// - Who fills takes the number of changes before it reads the far cache. It counts itself as storing and stores only
///   if there was no change since, and none is under way. If there was one while it stored, it removes what it stored,
///   and only then counts itself out. So either it sees the change, or the change's own removal comes after its store.
/// - Who reads the near cache looks at the stripe before and after, and believes a hit only if nothing happened in
///   between and nobody is storing: what a fill may still take back is seen by nobody.
///
/// A change of another key in the stripe looks like one of this key. Then a fill is dropped, or a hit not believed, for
/// nothing; the next request makes up for it.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace larder::detail {

class FillGate {
 public:
  /// The number of changes of a stripe.
  using Ticket = std::uint64_t;

  class Stripe {
   public:
    /// For `is_undisturbed`. To be asked before the near cache is.
    std::uint64_t look() const noexcept { return state_.load(std::memory_order_acquire); }
    /// Result: whether what the near cache has said since `look` can be believed.
    bool is_undisturbed(std::uint64_t look) const noexcept {
      return state_.load(std::memory_order_acquire) == look && (look & storing_mask) == 0;
    }

    /// To be taken before the far cache is read.
    Ticket ticket() const noexcept { return look() >> change_shift; }

    /// Everything that was read from the far cache before is out of date. The near cache is to be told afterwards.
    void add_change() noexcept { state_.fetch_add(one_change, std::memory_order_acq_rel); }
    /// The same, and it is under way until `end_change` or `end_store_of_change`. Result: a ticket of now.
    Ticket begin_change() noexcept {
      return (state_.fetch_add(one_change + one_changing, std::memory_order_acq_rel) >> change_shift) + 1;
    }
    void end_change() noexcept { state_.fetch_sub(one_changing, std::memory_order_acq_rel); }

    /// Begins to store. Result: whether nothing has changed since the ticket, and nothing is changing, so that it may
    /// be stored.
    bool begin_store(Ticket ticket) noexcept {
      return is_allowed(state_.fetch_add(one_storing, std::memory_order_acq_rel), ticket, 0);
    }
    /// The same for who changes the key itself: others' fills are out of date from now on. `ticket` becomes that of
    /// now.
    bool begin_store_of_change(Ticket& ticket) noexcept {
      return is_allowed(state_.fetch_add(one_change + one_storing, std::memory_order_acq_rel), ticket++, 1);
    }
    /// Result: whether what was stored may stay. Otherwise it must be removed.
    bool may_stay(Ticket ticket) const noexcept { return this->ticket() == ticket; }
    void end_store() noexcept { state_.fetch_sub(one_storing, std::memory_order_acq_rel); }
    /// The end of the change, too.
    void end_store_of_change() noexcept { state_.fetch_sub(one_changing + one_storing, std::memory_order_acq_rel); }

   private:
    // Threads that change or store keys of one stripe at once: 16,383. Changes until their number comes again: 2^36.
    static constexpr int changing_shift = 14;
    static constexpr int change_shift = 28;
    static constexpr std::uint64_t one_storing = 1;
    static constexpr std::uint64_t one_changing = std::uint64_t{1} << changing_shift;
    static constexpr std::uint64_t one_change = std::uint64_t{1} << change_shift;
    static constexpr std::uint64_t storing_mask = one_changing - 1;

    static bool is_allowed(std::uint64_t state, Ticket ticket, std::uint64_t changing) noexcept {
      return state / one_changing == ticket * (one_change / one_changing) + changing;
    }

    std::atomic<std::uint64_t> state_{0};
  };

  Stripe& stripe(std::size_t hash) noexcept { return stripes_[hash % stripes_.size()].stripe; }

  /// Everything may have changed.
  void add_change_to_all() noexcept {
    for (Padded& each : stripes_) each.stripe.add_change();
  }
  /// Everything changes, until `end_change_of_all`.
  void begin_change_of_all() noexcept {
    for (Padded& each : stripes_) each.stripe.begin_change();
  }
  void end_change_of_all() noexcept {
    for (Padded& each : stripes_) each.stripe.end_change();
  }

 private:
  /// Readers of one stripe do not wait for changes of another.
  struct alignas(64) Padded {
    Stripe stripe;
  };
  std::array<Padded, 256> stripes_{};
};

}  // namespace larder::detail
