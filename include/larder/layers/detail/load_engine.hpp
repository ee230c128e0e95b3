/// \file load_engine.hpp
/// LoadEngine: what a LoadingCache does about a key that is not there, or no longer fresh.
///
/// - A caller looks in the cache, and then boards the key's flight. If nobody has begun one, he leads: he loads and
///   stores, takes the flight from the list and lets it land. The others wait for that, or take a stale value if they
///   have one.
/// - A leader who comes to no result, whatever the reason, abandons his flight (Departure), and the others begin anew.
/// - Jobs in the background share the engine, so that it outlives the cache for as long as one might still run.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <larder/cache_backend.hpp>
#include <larder/call_deadline.hpp>
#include <larder/codec.hpp>
#include <larder/layers/detail/background_jobs.hpp>
#include <larder/layers/detail/flights.hpp>
#include <larder/layers/detail/freshness.hpp>
#include <larder/layers/detail/load_counters.hpp>
#include <larder/layers/detail/load_lease.hpp>
#include <larder/layers/detail/loaded_values.hpp>
#include <larder/layers/detail/loader.hpp>
#include <larder/layers/loading_options.hpp>

namespace larder::detail {

template <class Key, class Value>
class LoadEngine : public std::enable_shared_from_this<LoadEngine<Key, Value>> {
 public:
  using Backend = CacheBackend<Key, Value>;
  using Clock = std::chrono::steady_clock;
  using Flight = detail::Flight<Value>;
  using Flights = detail::Flights<Key, Value>;
  using Boarding = typename Flights::Boarding;
  using Loader = detail::Loader<Key, Value>;
  using Result = LoadResult<Value>;
  using Sight = detail::Sight<Value>;
  using key_view = KeyView<Key>;

  LoadEngine(std::shared_ptr<Backend> wrapped, LoadingOptions options)
      : options_((options.validate(), std::move(options))), values_(std::move(wrapped), options_, counters_) {
    if (options_.leases && !has_lease_keys) {
      throw InvalidArgumentError("LoadingOptions: leases are for keys that have a KeyCodec, which these do not");
    }
  }

  const LoadingOptions& options() const noexcept { return options_; }
  LoadCounters& counters() noexcept { return counters_; }
  Flights& flights() noexcept { return flights_; }
  LoadedValues<Key, Value>& values() noexcept { return values_; }
  /// What runs in the background.
  BackgroundJobs& jobs() noexcept { return *jobs_; }
  Clock::time_point now() const { return options_.now ? options_.now() : Clock::now(); }

  /// How one call is to be answered.
  struct Request {
    Loader& loader;
    std::optional<Ttl> ttl{};
    bool takes_absence = true;
  };

  /// Answers a caller who has looked, and seen nothing fresh, or something that is due.
  Result resolve(key_view key, Sight sight, std::uint64_t landings, const Request& request) {
    const Clock::time_point begin = waits_with_limits() ? Clock::now() : Clock::time_point();
    for (;;) {
      Boarding boarding = board(key, landings, sight, request.takes_absence);
      if (boarding.failure) return settled(std::move(*boarding.failure), sight);
      const std::shared_ptr<Flight> flight = boarding.flight;
      if (boarding.leads) {
        if (auto result = lead(Departure(this->shared_from_this(), key, boarding), sight, request)) return *result;
      } else if (sight.is_good_for_now()) {
        return served(sight);
      } else {
        counters_.add(&LoadStats::joined);
      }
      if (auto result = await(flight, sight, begin, request.takes_absence)) return *result;
      landings = flights_.landings();
      sight = values_.look(key);
      if (sight.quality == Quality::fresh) return {.value = std::move(sight.value)};
    }
  }

  Boarding board(key_view key, std::uint64_t landings, const Sight& sight, bool takes_absence) {
    return flights_.board(key, landings,
                          {.now = now(), .has_stale_value = sight.is_usable(), .takes_absence = takes_absence});
  }

  /// A flight that the holder leads. If it does not land, it is abandoned.
  class Departure {
   public:
    Departure(std::shared_ptr<LoadEngine> engine, key_view key, const Boarding& boarding)
        : engine_(std::move(engine)), flight_(boarding.flight), look_again_(boarding.has_landed) {
      try {
        key_.emplace(key);
      } catch (...) {
        abandon(key);
        throw;
      }
    }
    Departure(Departure&&) noexcept = default;
    Departure& operator=(Departure&&) = delete;
    ~Departure() {
      if (flight_ != nullptr) abandon(*key_);
    }

    const Key& key() const noexcept { return *key_; }
    Flight& flight() const noexcept { return *flight_; }
    bool should_look_again() const noexcept { return look_again_; }

    void land(const Result& result) {
      // Another process loads, and there is nothing to give out meanwhile.
      if (!result.value && result.is_stale) return;
      flight_->set_result(result);  // if that throws, the flight is abandoned
      const std::shared_ptr<Flight> flight = std::move(flight_);
      if (result.value) {
        engine_->flights_.leave(*key_, flight);
      } else {
        engine_->flights_.leave(*key_, flight, engine_->failure_of(result));
      }
      flight->land();
    }

   private:
    void abandon(key_view key) noexcept {
      engine_->flights_.leave(key, flight_);
      flight_->abandon();
    }

    std::shared_ptr<LoadEngine> engine_;
    std::optional<Key> key_{};  // always there, but while this is made
    std::shared_ptr<Flight> flight_;
    bool look_again_;
  };

  /// Whether somebody has brought the value since the one who leads looked. Then he lands, and `sight` is that.
  bool has_come(Departure& departure, Sight& sight) {
    if (!departure.should_look_again()) return false;
    sight = values_.look(departure.key());
    if (!sight.is_fresh()) return false;
    departure.land({.value = sight.value});
    return true;
  }

  /// Loads, stores and lands on the calling thread. Throws where the load came to no result.
  Result fly(Departure departure, const Sight& sight, const Request& request) {
    std::optional<LoadLease> lease;
    Result result;
    {
      const LedLoads::Leading leading(departure.flight());
      const EndForOthers end_for_others{departure.flight()};
      if (auto answered = ask_for_lease(lease, departure.key(), sight)) {
        result = std::move(*answered);
      } else {
        const auto begin = now();
        Loaded<Value> loaded;
        attempt(begin, result, [&] { loaded = request.loader(departure.key()); });
        finish(departure, loaded, request.ttl, now() - begin, lease, sight, result);
      }
      lease.reset();
    }
    departure.land(result);
    return result;
  }

  /// Runs a load. Throws where it came to no result; other exceptions are one.
  template <class Load>
  void attempt(Clock::time_point begin, Result& result, const Load& load) {
    counters_.add(&LoadStats::loads);
    try {
      load();
    } catch (...) {
      note_exception(begin, result);
    }
    counters_.add_load_time(now() - begin);
  }

  /// Of a load, in a handler.
  void note_exception(Clock::time_point begin, Result& result) {
    try {
      throw;
    } catch (const LoadCancelledError&) {
      cancelled(begin);
      throw;
    } catch (const TimeoutError&) {
      const auto real_now = Clock::now();
      if (CallDeadline::of_call(real_now) <= real_now) {  // the caller's time is over, not the loader's patience
        cancelled(begin);
        throw;
      }
      result.error = std::current_exception();
    } catch (const std::exception&) {
      result.error = std::current_exception();
    } catch (...) {  // the thread is being cancelled, or something odd was thrown
      cancelled(begin);
      throw;
    }
    counters_.add(&LoadStats::failures);
  }

  /// Stores what was loaded, if it was, and moves it to `result`. `sight`: what there was before.
  void finish(const Departure& departure, Loaded<Value>& loaded, const std::optional<Ttl>& ttl,
              std::chrono::nanoseconds took, std::optional<LoadLease>& lease, const Sight& sight, Result& result) {
    if (result.error) return;
    if (loaded.value || sight.is_usable()) {
      values_.store(departure.key(), departure.flight(), loaded, ttl, took, lease);
    }
    result.value = std::move(loaded.value);
  }

  /// Loads in the background; true if that has begun, or will.
  bool refresh(Departure departure, Sight sight, const Request& request) {
    // Shared, since what an executor takes must be copyable.
    auto shared = std::make_shared<Departure>(std::move(departure));
    return jobs_->begin([self = this->shared_from_this(), shared, sight = std::move(sight),
                         kept = request.loader.keep(), ttl = request.ttl] {
      self->fly(std::move(*shared), sight, Request{*kept, ttl});
    });
  }

  void count_refresh(const Sight& sight) {
    counters_.add(&LoadStats::refreshes);
    if (sight.is_fresh()) counters_.add(&LoadStats::early_refreshes);
  }

  /// Calls `write` on the wrapped cache: what is being loaded does not survive it.
  template <class Write>
  auto write(key_view key, const Write& write) {
    const typename Flights::Write writing(flights_, key);
    if (options_.leases) options_.leases->revoke(lease_key(key));
    return write();
  }

  /// The same for all keys.
  std::size_t clear() {
    flights_.overtake_all();
    if (options_.leases) options_.leases->revoke_all();
    const std::size_t count = values_.backend().clear();
    flights_.overtake_all();  // what began meanwhile may have been stored before it was cleared, and need not be again
    return count;
  }

  Result served(Sight& sight) {
    if (!sight.is_fresh()) counters_.add(&LoadStats::stale_served);
    return {.value = std::move(sight.value), .error = {}, .is_stale = true};
  }

  /// What a caller gets who had this to fall back on.
  Result settled(Result result, Sight& sight) {
    if (result.error && sight.is_usable()) return served(sight);
    if (result.value && result.is_stale) counters_.add(&LoadStats::stale_served);
    return result;
  }

  typename Flights::Failure failure_of(const Result& result) const {
    const auto now = this->now();
    const auto after = [now](const Ttl& ttl) { return ttl ? CallDeadline::after(now, *ttl) : now; };
    return {.retry_at = result.error ? after(options_.retry_interval) : now,
            .negative_by = after(options_.negative_ttl),
            .result = result};
  }

  /// Result: an answer, if another process has the lease, or has just loaded the value. Otherwise the caller loads.
  std::optional<Result> ask_for_lease(std::optional<LoadLease>& lease, const Key& key, const Sight& sight) {
    if (!options_.leases) return std::nullopt;
    lease.emplace(*options_.leases, options_.lease_ttl, lease_key(key));
    bool acquired = lease->acquire();
    if (!acquired) {
      counters_.add(&LoadStats::leases_refused);
      if (sight.is_usable()) return Result{.value = sight.value, .error = {}, .is_stale = true};
    }
    for (auto pause = std::chrono::milliseconds(2);; pause = std::min(pause * 2, longest_pause)) {
      Sight found = values_.look(key);
      if (found.is_fresh() && !sight.is_fresh()) return Result{.value = std::move(found.value)};
      if (acquired) return std::nullopt;
      const auto real_now = Clock::now();
      const auto end = CallDeadline::of_call(real_now);
      if (end <= real_now) throw TimeoutError("the time was over before another process had loaded the value");
      std::this_thread::sleep_for(std::min<Clock::duration>(pause, end - real_now));
      acquired = lease->acquire();
    }
  }

  /// What a flight that has ended has for one who waited; empty if he has to begin anew.
  std::optional<Result> outcome(const Flight& flight, Sight& sight, bool takes_absence) {
    if (flight.state() == Flight::State::abandoned) return std::nullopt;
    const Result& result = flight.result();
    if (!result.value && !result.error && !takes_absence) return std::nullopt;
    return settled(result, sight);
  }

  /// Waits for a flight's end. Result: its outcome.
  std::optional<Result> await(const std::shared_ptr<Flight>& flight, Sight& sight, Clock::time_point begin,
                              bool takes_absence) {
    std::optional<LedLoads::Waiting> waiting;
    if (LedLoads::is_leading()) {
      if (LedLoads::is_leading(*flight)) LedLoads::fail();
      waiting.emplace(flight);
    }
    Clock::time_point end = CallDeadline::of_call(Clock::now());
    const auto& limit = sight.is_usable() && options_.soft_timeout ? options_.soft_timeout : options_.hard_timeout;
    if (limit) end = std::min(end, CallDeadline::after(begin, *limit));
    if (flight->wait_until(end)) return outcome(*flight, sight, takes_absence);
    counters_.add(&LoadStats::timeouts);
    if (sight.is_usable()) return served(sight);
    throw TimeoutError("the value was not loaded in time");
  }

 private:
  static constexpr std::chrono::milliseconds longest_pause{100};

  struct EndForOthers {
    Flight& flight;
    ~EndForOthers() { LedLoads::Leading::end_for_others(flight); }
  };

  void cancelled(Clock::time_point begin) {
    counters_.add(&LoadStats::cancelled);
    counters_.add_load_time(now() - begin);
  }

  bool waits_with_limits() const noexcept { return options_.soft_timeout || options_.hard_timeout; }

  /// Result: the answer; empty if a flight is under way that is to be awaited.
  std::optional<Result> lead(Departure departure, Sight& sight, const Request& request) {
    if (has_come(departure, sight)) return Result{.value = std::move(sight.value)};
    if (sight.is_good_for_now()) {
      if (refresh(std::move(departure), sight, request)) count_refresh(sight);
      return served(sight);
    }
    // Within a loader, lest all threads of the executor wait for one another.
    if (!waits_with_limits() || LedLoads::is_leading()) {
      return settled(fly(std::move(departure), sight, request), sight);
    }
    if (refresh(std::move(departure), sight, request)) return std::nullopt;
    counters_.add(&LoadStats::timeouts);
    if (sight.is_usable()) return served(sight);
    throw TimeoutError("too many loads wait for their turn already");
  }

  static constexpr bool has_lease_keys = requires(key_view key) { KeyCodec<Key>::encode(key); };
  static std::string lease_key(key_view key) {
    if constexpr (has_lease_keys) {
      return std::string(KeyCodec<Key>::encode(key));
    } else {
      return {};  // never asked for
    }
  }

  const LoadingOptions options_;
  LoadCounters counters_;
  LoadedValues<Key, Value> values_;
  Flights flights_;
  const std::shared_ptr<BackgroundJobs> jobs_ = std::make_shared<BackgroundJobs>();
};

}  // namespace larder::detail
