/// \file fill_gate.hpp
/// FillGate: keeps a near cache from being given, or from answering with, what has changed in the far one meanwhile.
///
/// Keys share 256 stripes by their hash. A stripe is one number: how many changes of its keys there were (upper bits),
/// and how many stores into the near cache are under way (lower bits). No lock is held, so that caches may be called,
/// and their listeners may call back, at any point.
///
/// - Who changes a key adds a change first, and removes the key from the near cache then.
/// - Who fills takes the number of changes before it reads the far cache. It counts itself as storing and stores only
///   if there was no change since. If there was one while it stored, it removes what it stored, and only then counts
///   itself out. So either it sees the change, or the change's own removal comes after its store.
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
    Ticket ticket() const noexcept { return look() >> storing_bits; }

    /// Everything that was read from the far cache before is out of date. The near cache is to be told afterwards.
    /// Result: a ticket of now.
    Ticket add_change() noexcept {
      return (state_.fetch_add(one_change, std::memory_order_acq_rel) >> storing_bits) + 1;
    }

    /// Begins to store. Result: whether nothing has changed since the ticket, so that it may be stored.
    bool begin_store(Ticket ticket) noexcept {
      return state_.fetch_add(1, std::memory_order_acq_rel) >> storing_bits == ticket;
    }
    /// The same for who changes the key itself: others' fills are out of date from now on. `ticket` becomes that of
    /// now.
    bool begin_store_of_change(Ticket& ticket) noexcept {
      const Ticket before = state_.fetch_add(one_change + 1, std::memory_order_acq_rel) >> storing_bits;
      return ticket++ == before;
    }
    /// Result: whether what was stored may stay. Otherwise it must be removed.
    bool may_stay(Ticket ticket) const noexcept { return this->ticket() == ticket; }
    /// Ends what one of the two began.
    void end_store() noexcept { state_.fetch_sub(1, std::memory_order_acq_rel); }

   private:
    static constexpr int storing_bits = 16;
    static constexpr std::uint64_t one_change = std::uint64_t{1} << storing_bits;
    static constexpr std::uint64_t storing_mask = one_change - 1;

    std::atomic<std::uint64_t> state_{0};
  };

  Stripe& stripe(std::size_t hash) noexcept { return stripes_[hash % stripes_.size()].stripe; }

  /// Everything may have changed.
  void add_change_to_all() noexcept {
    for (Padded& each : stripes_) each.stripe.add_change();
  }

 private:
  /// Readers of one stripe do not wait for changes of another.
  struct alignas(64) Padded {
    Stripe stripe;
  };
  std::array<Padded, 256> stripes_{};
};

}  // namespace larder::detail
