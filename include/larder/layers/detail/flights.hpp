/// \file flights.hpp
/// Flights: which keys are being loaded in this process, and which loads have failed lately.
///
/// Invariants:
/// - Of each key at most one flight is listed. It is under way: it leaves the list before it ends.
/// - What a listed flight loads was asked for after the last set or invalidation of its key had begun.
/// - `landings` rises whenever a flight leaves. So who has looked for a value in the cache since he read it, and boards
///   when it is still the same, has missed no value that a flight brought in between.
/// - A lock is held for look-ups alone: of user code, only hashes, equalities, copies of keys and the ends of
///   exceptions run under it.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include <larder/hash.hpp>
#include <larder/key_view.hpp>
#include <larder/layers/detail/flight.hpp>

namespace larder::detail {

template <class Key, class Value>
class Flights {
 public:
  using Clock = std::chrono::steady_clock;
  using Flight = detail::Flight<Value>;
  using Result = typename Flight::Result;
  using key_view = KeyView<Key>;

  /// What is known of a load that failed, or found nothing.
  struct Failure {
    Clock::time_point retry_at;     ///< until then nobody tries again who has a stale value
    Clock::time_point negative_by;  ///< until then nobody tries again at all
    Result result;
  };

  /// Who boards may ...
  struct Passenger {
    Clock::time_point now;
    bool has_stale_value = false;  ///< do without a load
    bool takes_absence = true;     ///< make something of a load that found nothing
  };

  struct Boarding {
    std::shared_ptr<Flight> flight{};  ///< null if it failed lately
    bool leads = false;                ///< the caller is to load, and then to `leave`
    bool has_landed = false;           ///< the caller should look again: somebody has brought a value, perhaps this one
    std::optional<Result> failure{};
  };

  /// To be read before the cache is asked.
  std::uint64_t landings() const noexcept { return landings_.load(std::memory_order_acquire); }

  /// Joins the flight of a key, or begins one.
  Boarding board(key_view key, std::uint64_t landings_before, const Passenger& who) {
    const std::size_t hash = Hash<Key>()(key);
    Stripe& stripe = stripe_of(hash);
    const std::lock_guard lock(stripe.mutex);
    if (!stripe.failures.empty()) {
      if (auto failure = failure_of(stripe, key, who)) return {.failure = std::move(failure)};
    }
    std::shared_ptr<Flight>& listed = stripe.listed(key);
    // A thread that is told of a removal by its own write does not wait for that.
    const bool own_write = listed != nullptr && listed->kind() == Flight::Kind::write && LedLoads::is_leading(*listed);
    if (listed != nullptr && !own_write) return {.flight = listed};
    try {
      listed = std::make_shared<Flight>();
    } catch (...) {
      if (listed == nullptr) stripe.erase(key);
      throw;
    }
    return {.flight = listed, .leads = true, .has_landed = landings() != landings_before};
  }

  /// Takes a flight from the list, unless another one has taken its place; to be called before it ends.
  void leave(key_view key, const std::shared_ptr<Flight>& flight) noexcept {
    leave(key, flight, [](Stripe&) {});
  }
  /// The same after a load that failed.
  void leave(key_view key, const std::shared_ptr<Flight>& flight, const Failure& failure) noexcept {
    leave(key, flight, [&](Stripe& stripe) {
      try {
        stripe.remember(key, failure);
      } catch (...) {  // then it is forgotten: the next one tries again
      }
    });
  }

  /// A write of a key that is under way: while it lives, loads that have begun before are out of date, and none begins.
  class Write {
   public:
    Write(Flights& flights, key_view key) : flights_(flights), key_(key) {
      const bool may_wait = !LedLoads::is_leading();
      leading_.emplace(*flight_);
      if (const auto overtaken = flights.put_in_place(key, flight_)) overtake(overtaken, may_wait);
    }
    Write(const Write&) = delete;
    Write& operator=(const Write&) = delete;
    ~Write() {
      LedLoads::Leading::end_for_others(*flight_);
      leading_.reset();
      flights_.leave(key_, flight_);
      flight_->abandon();
    }

   private:
    /// Waits until what is being stored is stored, unless he who stores waits for somebody who waits for this write.
    static void overtake(const std::shared_ptr<Flight>& overtaken, bool may_wait) noexcept {
      std::optional<LedLoads::Waiting> waiting;
      try {
        if (may_wait) waiting.emplace(overtaken);
      } catch (const std::exception&) {
        may_wait = false;
      }
      overtaken->overtake(may_wait);
    }

    Flights& flights_;
    key_view key_;
    const std::shared_ptr<Flight> flight_ = std::make_shared<Flight>(Flight::Kind::write);
    std::optional<LedLoads::Leading> leading_{};
  };

  /// Everything that is being loaded is out of date, and every failure forgotten.
  void overtake_all() {
    for (Stripe& stripe : stripes_) {
      FlightMap overtaken;
      FailureMap forgotten;
      {
        const std::lock_guard lock(stripe.mutex);
        overtaken.swap(stripe.flights);
        forgotten.swap(stripe.failures);
        stripe.failed.clear();
        landings_.fetch_add(1, std::memory_order_acq_rel);
      }
      const bool may_wait = !LedLoads::is_leading();
      for (const auto& [key, flight] : overtaken) flight->overtake(may_wait);
    }
  }

 private:
  /// Finds by a view of a key, too.
  struct KeyHash {
    using is_transparent = void;
    std::size_t operator()(const KeyItem<Key>& key) const { return Hash<Key>()(key); }
    std::size_t operator()(const Key& key) const requires(!std::is_same_v<Key, KeyItem<Key>>) {
      return Hash<Key>()(key);
    }
  };
  using FlightMap = std::unordered_map<Key, std::shared_ptr<Flight>, KeyHash, std::equal_to<>>;
  using FailureMap = std::unordered_map<Key, Failure, KeyHash, std::equal_to<>>;

  struct alignas(64) Stripe {
    /// The first ones to fail are forgotten when there are more.
    static constexpr std::size_t most_failures = 1024;

    std::mutex mutex{};
    FlightMap flights{};
    FailureMap failures{};
    std::deque<Key> failed{};  // the keys of failures in their order, and perhaps of some that are forgotten

    /// Result: the place of a key's flight, which is null if there is none yet.
    std::shared_ptr<Flight>& listed(key_view key) {
      const auto found = flights.find(key);
      return found != flights.end() ? found->second : flights[Key(key)];
    }
    void erase(key_view key) noexcept {
      if (const auto found = flights.find(key); found != flights.end()) flights.erase(found);
    }

    void remember(key_view key, const Failure& failure) {
      forget_until(most_failures - 1);
      if (const auto found = failures.find(key); found != failures.end()) {
        found->second = failure;
        return;
      }
      failed.emplace_back(key);
      failures.emplace(Key(key), failure);
    }
    /// Lets go of the oldest until there are so many.
    void forget_until(std::size_t count) noexcept {
      while (failed.size() > count) {
        if (const auto oldest = failures.find(failed.front()); oldest != failures.end()) failures.erase(oldest);
        failed.pop_front();
      }
    }
    /// Lets go of the oldest whose time is over.
    void forget_old(Clock::time_point now) noexcept {
      while (!failed.empty()) {
        const auto oldest = failures.find(failed.front());
        if (oldest != failures.end()) {
          if (oldest->second.retry_at > now || oldest->second.negative_by > now) return;
          failures.erase(oldest);
        }
        failed.pop_front();
      }
    }
  };

  Stripe& stripe_of(std::size_t hash) noexcept { return stripes_[hash % stripes_.size()]; }

  static std::optional<Result> failure_of(Stripe& stripe, key_view key, const Passenger& who) {
    const auto found = stripe.failures.find(key);
    std::optional<Result> result;
    if (found != stripe.failures.end()) {
      const Failure& failure = found->second;
      const bool is_known = who.now < failure.negative_by && (failure.result.error != nullptr || who.takes_absence);
      if (is_known || (who.has_stale_value && who.now < failure.retry_at)) result = failure.result;
    }
    if (!result) stripe.forget_old(who.now);
    return result;
  }

  template <class Then>
  void leave(key_view key, const std::shared_ptr<Flight>& flight, const Then& then) noexcept {
    Stripe& stripe = stripe_of(Hash<Key>()(key));
    const std::lock_guard lock(stripe.mutex);
    landings_.fetch_add(1, std::memory_order_acq_rel);
    const auto found = stripe.flights.find(key);
    if (found == stripe.flights.end() || found->second != flight) return;
    stripe.flights.erase(found);
    then(stripe);
  }

  /// Lists a write. Result: the flight that was there.
  std::shared_ptr<Flight> put_in_place(key_view key, std::shared_ptr<Flight> write) {
    Stripe& stripe = stripe_of(Hash<Key>()(key));
    const std::lock_guard lock(stripe.mutex);
    if (const auto failure = stripe.failures.find(key); failure != stripe.failures.end())
      stripe.failures.erase(failure);
    stripe.listed(key).swap(write);
    return write;
  }

  std::array<Stripe, 64> stripes_{};
  std::atomic<std::uint64_t> landings_{0};
};

}  // namespace larder::detail
