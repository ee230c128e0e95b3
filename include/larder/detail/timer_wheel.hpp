/// \file timer_wheel.hpp
/// TimerWheel: which entries expire next, at O(1) an entry.
///
/// A hierarchical timing wheel (Varghese and Lauck, SOSP 1987): eight wheels of 64 slots. A slot of wheel 0 is
/// one tick wide, one of wheel n 64^n ticks. A timer waits in the wheel of the highest digit (base 64) in which
/// its deadline differs from the present; when the present reaches its slot, it moves to a finer wheel, and so
/// at most seven times in its life.
///
/// Invariants:
/// - Nothing in the wheels is due before `present_`, but for what lies in wheel 0 at `present_` itself, and
///   all of that is due. So expiry is exact to the tick: deadlines are whole ticks, and slots of wheel 0 are, too.
/// - A timer in wheel n > 0 lies in a slot ahead of the present's, or in the present's own while that is being
///   emptied into finer wheels; that is finished before the present moves on.
/// - A bit of `occupied_[n]` is set if its slot holds timers. (It may be set without: erasing leaves it.)
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace larder::detail {

/// Ticks since the cache was made. One tick is a millisecond, the granularity of a TTL.
using Tick = std::uint64_t;

/// What an entry that expires carries. Linked from its slot or its predecessor, so that it can be unlinked
/// without knowing which slot it is in.
struct Timer {
  Timer* next = nullptr;
  Timer** linked_from = nullptr;
  /// May change while the timer is in no wheel, and be read by anybody at any time: of an old and a new deadline either
  /// will do meanwhile, and nothing else hangs on it. So relaxed is enough.
  std::atomic<Tick> deadline = 0;

  Tick due() const noexcept { return deadline.load(std::memory_order_relaxed); }
};

class TimerWheel {
 public:
  /// The furthest deadline, some 4,000 years: later ones are clamped to it, so that no sum overflows.
  static constexpr Tick last_tick = (Tick{1} << 47) - 1;

  /// Later than any deadline.
  static constexpr Tick no_deadline = std::numeric_limits<Tick>::max();

  bool empty() const noexcept { return size_ == 0; }

  /// The latest time that the wheel has seen.
  Tick present() const noexcept { return present_; }

  /// A tick before which nothing is due: until then `pop_due` need not be called. It may be too early, for of a coarse
  /// slot only the beginning is known, and an erased timer leaves its slot marked. Once `pop_due(now)` has returned
  /// null with steps left, it is later than `now`. 0 if something is due already, `no_deadline` if the wheel is empty.
  /// O(wheels).
  Tick next_due() const noexcept {
    if (size_ == 0) return no_deadline;
    // What waits in wheel 0 at the present is due, and may have been before the wheel saw it.
    if (slots_[0][digit(present_, 0)] != nullptr) return 0;
    for (unsigned wheel = 1; wheel < wheels; ++wheel) {
      if ((occupied_[wheel] & bit_of(present_, wheel)) != 0) return present_;
    }
    return next_occupied(no_deadline);
  }

  /// O(1). A deadline that has passed already makes the timer due at once.
  void insert(Timer& timer) noexcept {
    place(timer);
    ++size_;
  }

  /// O(1).
  void erase(Timer& timer) noexcept {
    unlink(timer);
    --size_;
  }

  /// Forgets every timer without touching one.
  void clear() noexcept {
    slots_ = {};
    occupied_ = {};
    size_ = 0;
  }

  /// Removes and returns a timer whose deadline is at most `now`, or returns null if there is none or if
  /// `steps` ran out: moving a timer to a finer wheel or handing one out takes one. Amortized O(1).
  Timer* pop_due(Tick now, std::size_t& steps) noexcept {
    if (size_ == 0) {
      if (now > present_) present_ = now;
      return nullptr;
    }
    for (;;) {
      if (!refine_present_slots(steps)) return nullptr;
      Timer*& due = slots_[0][digit(present_, 0)];
      if (due != nullptr) {
        if (steps == 0) return nullptr;
        --steps;
        Timer* timer = due;
        erase(*timer);
        return timer;
      }
      occupied_[0] &= ~bit_of(present_, 0);
      if (present_ >= now) return nullptr;
      present_ = next_occupied(now);
    }
  }

 private:
  static constexpr unsigned wheels = 8;
  static constexpr unsigned digit_bits = 6;
  static constexpr unsigned slots_a_wheel = 1u << digit_bits;

  static unsigned digit(Tick tick, unsigned wheel) noexcept {
    return static_cast<unsigned>(tick >> (wheel * digit_bits)) & (slots_a_wheel - 1);
  }
  static std::uint64_t bit_of(Tick tick, unsigned wheel) noexcept { return std::uint64_t{1} << digit(tick, wheel); }

  void place(Timer& timer) noexcept {
    unsigned wheel = 0;
    Tick tick = present_;
    if (const Tick due = timer.due(); due > present_) {
      tick = due;
      wheel = static_cast<unsigned>(std::bit_width(due ^ present_) - 1) / digit_bits;
    }
    Timer*& slot = slots_[wheel][digit(tick, wheel)];
    timer.next = slot;
    timer.linked_from = &slot;
    if (slot != nullptr) slot->linked_from = &timer.next;
    slot = &timer;
    occupied_[wheel] |= bit_of(tick, wheel);
  }

  static void unlink(Timer& timer) noexcept {
    *timer.linked_from = timer.next;
    if (timer.next != nullptr) timer.next->linked_from = timer.linked_from;
  }

  /// Empties the slots that the present has reached into finer wheels. Result: false if `steps` ran out.
  bool refine_present_slots(std::size_t& steps) noexcept {
    for (unsigned wheel = wheels - 1; wheel > 0; --wheel) {
      if ((occupied_[wheel] & bit_of(present_, wheel)) == 0) continue;
      Timer*& slot = slots_[wheel][digit(present_, wheel)];
      while (slot != nullptr) {
        if (steps == 0) return false;
        --steps;
        Timer& timer = *slot;
        unlink(timer);
        place(timer);
      }
      occupied_[wheel] &= ~bit_of(present_, wheel);
    }
    return true;
  }

  /// The first instant after the present at which a slot begins that may hold timers, but at most `now`.
  /// Finer wheels come first: they lie within the present's slot of the coarser ones.
  Tick next_occupied(Tick now) const noexcept {
    for (unsigned wheel = 0; wheel < wheels; ++wheel) {
      const unsigned at = digit(present_, wheel);
      const std::uint64_t ahead = occupied_[wheel] & ~((std::uint64_t{2} << at) - 1);
      if (ahead == 0) continue;
      const Tick rotation = present_ >> ((wheel + 1) * digit_bits) << digit_bits;
      const Tick start = (rotation | static_cast<Tick>(std::countr_zero(ahead))) << (wheel * digit_bits);
      return start < now ? start : now;
    }
    return now;
  }

  Tick present_ = 0;
  std::size_t size_ = 0;
  std::array<std::uint64_t, wheels> occupied_{};
  std::array<std::array<Timer*, slots_a_wheel>, wheels> slots_{};
};

}  // namespace larder::detail
