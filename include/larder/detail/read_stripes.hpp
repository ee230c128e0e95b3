/// \file read_stripes.hpp
/// ReadStripes: how any number of threads read a shard at the same time, without a word to each other.
///
/// A lock that each reader takes would be one cache line that all of them fight for. So there are several, the read
/// stripes, and a thread takes the one of its own number: as a rule nobody else wants it, and taking it costs what an
/// uncontended lock costs. Readers exclude nobody; who writes excludes other writers by the shard's mutex, and
/// changes the index so that it can be read meanwhile (hash_index.hpp). What the stripes are for:
///
/// - A writer that takes an entry out of the index and then locks every stripe once knows that nobody reads it any
///   more: who found it held a stripe while it was there, and who comes later does not find it. This is what RCU
///   calls a grace period (McKenney and Slingwine, 1998), by locks: their acquire and release are all the ordering
///   that is needed.
/// - They take notes, since readers cannot move entries in the order of use: of each hit one keeps a pointer, and a
///   writer promotes these entries later, before an entry is chosen for eviction. So the order is exact for what one
///   thread does, and the cache misses of many promotions overlap. Writers note there what they have stored, behind
///   what the thread has read before. No notes are taken where hits mark their entries instead (`marking`).
/// - Hits and misses are counted here.
///
/// Invariants:
/// - Who holds the shard's mutex may lock a stripe; who holds a stripe never waits for the shard's mutex.
/// - Every stripe that was ever locked is below `used_`, which grows under the shard's mutex.
/// - `pending` points to entries of the index, or to ones removed since the stripe was last locked by a writer.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>

#include <larder/detail/this_thread.hpp>
#include <larder/detail/thread_index.hpp>
#include <larder/mutex.hpp>

namespace larder::detail {

/// Two cache lines apart from the next, since processors fetch them in pairs.
template <class Node, class Mutex, bool marking = false>
class alignas(128) ReadStripe {
 public:
  static constexpr std::uint32_t most_pending = marking ? 0 : 64;

  [[gnu::always_inline]] void lock() { mutex_.lock(); }
  [[gnu::always_inline]] void unlock() { mutex_.unlock(); }

  /// Counts a hit, and notes its promotion.
  [[gnu::always_inline]] void count_hit(Node& node) noexcept {
    if constexpr (marking) return count_hit();
    if (until_promotion_ != 0) [[unlikely]] {
      if (!is_sampled()) return;
    }
    if (pending_count() == most_pending) [[unlikely]] {
      ++hits_;  // of the threads that share this stripe one works off the notes just now
      return;
    }
    push(node);
  }
  void count_hit() noexcept { ++hits_; }

  /// Notes a promotion that is no hit. There must be room.
  void note(Node& node) noexcept {
    push(node);
    --hits_;  // each note counts as a hit
  }

  void count_miss() noexcept { ++misses_; }

  /// Of many hits only one in `interval` is noted from now on, on average.
  void set_promotion_interval(std::uint32_t interval) noexcept {
    interval_ = interval;
    until_promotion_ = interval == 1 ? 0 : 1;
  }

  /// How many hits are noted. Without the lock it is a hint, which is why it is an atomic: so relaxed will do.
  std::uint32_t pending_count() const noexcept { return marking ? 0 : pending_count_.load(std::memory_order_relaxed); }

  std::span<Node* const> pending() const noexcept { return std::span(pending_).first(pending_count()); }
  void forget_pending() noexcept {
    hits_ += pending_count();
    pending_count_.store(0, std::memory_order_relaxed);
  }

  std::uint64_t hits() const noexcept { return hits_ + pending_count(); }
  std::uint64_t misses() const noexcept { return misses_; }
  void reset_counters() noexcept {
    misses_ = 0;
    hits_ = std::uint64_t{0} - pending_count();  // so that the sum is zero
  }

 private:
  [[gnu::always_inline]] void push(Node& node) noexcept {
    const std::uint32_t count = pending_count();
    pending_[count] = &node;
    pending_count_.store(count + 1, std::memory_order_relaxed);
  }

  /// Counts a hit while not every hit is noted. Result: whether this one is to be noted, and counted thereby.
  [[gnu::noinline]] bool is_sampled() noexcept {
    if (--until_promotion_ != 0) {
      ++hits_;
      return false;
    }
    // From 1 to 2 * interval - 1. At random, for where keys are asked for in turn, every n-th hit may be one on the
    // same few of them.
    random_ ^= random_ << 13;
    random_ ^= random_ >> 17;
    random_ ^= random_ << 5;  // xorshift32 (Marsaglia, 2003)
    until_promotion_ = 1 + random_ % (interval_ < 1u << 31 ? 2 * interval_ - 1 : interval_);
    return true;
  }

  Mutex mutex_;
  std::uint32_t until_promotion_ = 0;  // 0: every hit is noted
  std::atomic<std::uint32_t> pending_count_{0};
  std::uint64_t hits_ = 0;  // but for those that are noted
  std::uint64_t misses_ = 0;
  std::uint32_t interval_ = 1;
  std::uint32_t random_ = 2463534242;
  std::array<Node*, most_pending> pending_;  // the first pending_count_ of them
};

template <class Node, class Mutex, bool marking = false>
class ReadStripes {
 public:
  using Stripe = ReadStripe<Node, Mutex, marking>;

  /// Whether more than one thread may be here: else nobody has to be waited for.
  static constexpr bool concurrent = !std::same_as<Mutex, NullMutex>;

  /// \throws std::bad_alloc.
  ReadStripes() : stripes_(std::make_unique<Stripe[]>(wanted())), mask_(wanted() - 1) {}

  /// The calling thread's, or null if that has to be found out by its number (`own_index`) and be marked as used first.
  [[gnu::always_inline]] Stripe* own() noexcept {
    if constexpr (!concurrent) return stripes_.get();
    const std::uint32_t index = ThreadIndex::peek();
    // acquire: with the release in mark_used. Who sees that this stripe is in use sees all that was taken out of the
    // index by writers that did not wait for it yet.
    return index < used_.load(std::memory_order_acquire) ? &stripes_[index] : nullptr;
  }

  /// The number of the calling thread's. More threads than stripes have to share.
  std::uint32_t own_index() const noexcept { return ThreadIndex::get() & mask_; }

  Stripe& operator[](std::uint32_t index) noexcept { return stripes_[index]; }

  void set_promotion_interval(std::uint32_t interval) noexcept {
    for (Stripe& stripe : std::span(stripes_.get(), mask_ + 1)) stripe.set_promotion_interval(interval);
  }

  bool is_used(std::uint32_t index) const noexcept { return index < used_.load(std::memory_order_acquire); }

  /// From now on writers wait for this stripe, too. To be called with the shard's mutex held.
  void mark_used(std::uint32_t index) noexcept {
    if (index >= used_.load(std::memory_order_relaxed)) used_.store(index + 1, std::memory_order_release);
  }

  /// Calls f(stripe) for each that was ever used, with it locked.
  template <class Function>
  void for_each_locked(Function&& f) const {
    const std::uint32_t used = concurrent ? used_.load(std::memory_order_acquire) : 1;
    for (Stripe& stripe : std::span(stripes_.get(), used)) {
      const std::lock_guard lock(stripe);
      f(stripe);
    }
  }

 private:
  /// As many as threads can run at once, twice over, since threads come and go.
  static std::uint32_t wanted() noexcept {
    if constexpr (!concurrent) return 1;
    static const std::uint32_t threads = processor_count();
    if (threads < 2) return 4;
    return threads < ThreadIndex::count / 2 ? std::bit_ceil(2 * threads) : ThreadIndex::count;
  }

  std::unique_ptr<Stripe[]> stripes_;
  std::uint32_t mask_;
  std::atomic<std::uint32_t> used_{0};
};

}  // namespace larder::detail
