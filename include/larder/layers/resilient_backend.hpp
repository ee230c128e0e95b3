/// \file resilient_backend.hpp
/// ResilientBackend: a cache whose failures are misses.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <larder/backend_capabilities.hpp>
#include <larder/cache_backend.hpp>
#include <larder/call_deadline.hpp>
#include <larder/detail/full_jitter.hpp>
#include <larder/layers/circuit_breaker.hpp>
#include <larder/layers/detail/retry_budget.hpp>
#include <larder/layers/resilient_options.hpp>

namespace larder {

/// What a ResilientBackend has seen.
struct ResilienceStats {
  std::uint64_t failures = 0;  ///< attempts that the wrapped cache answered with an error
  std::uint64_t retries = 0;   ///< attempts beyond an operation's first
  std::uint64_t refused = 0;   ///< operations for which the wrapped cache was not asked at all
  std::uint64_t times_opened = 0;
  CircuitState circuit = CircuitState::closed;
};

/// Puts up with a cache that fails:
///
///     ResilientBackend<> cache{redis, {.deadline = 50ms, .fallback = memory}};
///
/// - ConnectionError, TimeoutError, ProtocolError, ServerError and any other CacheError of the wrapped cache become a
///   miss, false, zero or an empty list. Each is counted in `stats().errors`, an operation once, and told to
///   `on_error`. What is no fault of the store passes through: InvalidArgumentError, NotSupportedError,
///   `std::bad_alloc`, and what codecs and the function given to `visit_entry` throw.
/// - False from a write means that it is not known to have happened: the old value may still be there, or the new one.
/// - Operations that may be repeated are, after a random wait (detail/full_jitter.hpp), within the deadline and a
///   budget of retries. Of a repeated `erase` the result may be false since an attempt that seemed to fail has erased
///   the entry.
/// - After many failures a circuit breaker leaves the wrapped cache alone and lets single calls through on trial.
/// - The deadline limits each operation as a whole, from the first call to a remote backend on, which ends its calls
///   by then. Other caches are not interrupted; nothing is begun so long after their first failure.
/// - A fallback answers reads that fail, and is told of writes that fail. What is written to the wrapped cache is
///   erased from it, and when the circuit closes it is cleared. Results of writes are those of the wrapped cache.
/// - `stats` are the wrapped cache's, but for errors, and with the misses and the fallback's hits of what it did not
///   answer. So it should be in nobody else's hands.
/// - A read that is shown by `visit_entry` is copied for that, by reference where the values are `Bytes`.
/// - Threads: any number, if the caches allow them. It can be neither copied nor moved.
template <class Key, class Value>
class ResilientBackend final : public CacheBackend<Key, Value> {
  using Base = CacheBackend<Key, Value>;
  using Time = CircuitBreaker::Time;

 public:
  using typename Base::entry_type;
  using typename Base::item;
  using typename Base::key_item;
  using typename Base::key_view;

  /// What a ResilientBackend over a cache with such capabilities can do.
  static constexpr BackendCapabilities capabilities_over(BackendCapabilities wrapped) { return wrapped; }

  /// \throws InvalidArgumentError if `wrapped` is null or the options make no sense.
  explicit ResilientBackend(std::shared_ptr<Base> wrapped, ResilientOptions<Key, Value> options = {})
      : wrapped_(std::move(wrapped)),
        options_((options.validate(), std::move(options))),
        breaker_(watched(options_.breaker)),
        budget_(options_.retry_burst, options_.retries_per_success),
        jitter_(options_.backoff, options_.max_backoff, options_.seed != 0 ? options_.seed : std::random_device()()) {
    if (wrapped_ == nullptr) {
      throw InvalidArgumentError("ResilientBackend: wrapped = nullptr, but there must be a cache");
    }
    if (wrapped_ == options_.fallback) throw InvalidArgumentError("ResilientOptions: fallback is the wrapped cache");
  }

  /// Thread-safe.
  ResilienceStats resilience() const noexcept {
    return {.failures = failures_.load(std::memory_order_relaxed),
            .retries = retries_.load(std::memory_order_relaxed),
            .refused = refused_.load(std::memory_order_relaxed),
            .times_opened = breaker_.times_opened(),
            .circuit = breaker_.state()};
  }

 private:
  enum class Repeat : unsigned char { never, allowed };

  std::optional<Value> do_get(key_view key) override {
    const auto answer = [&](Base& cache) { return cache.get(key); };
    return read<std::optional<Value>>(
        "get", answer, [](const auto& value) { return value ? 1U : 0U; }, 1);
  }

  bool do_exists(key_view key) override {
    return read<bool>("exists", [&](Base& cache) { return cache.exists(key); });
  }

  std::optional<entry_type> do_get_entry(key_view key) override {
    return read<std::optional<entry_type>>("get_entry", [&](Base& cache) { return cache.get_entry(key); });
  }

  bool do_can_list_keys() const noexcept override { return wrapped_->can_list_keys(); }

  std::vector<Key> do_keys(std::string_view pattern) override {
    return read<std::vector<Key>>("keys", [&](Base& cache) { return cache.keys(pattern); });
  }

  void do_get_many(std::span<const key_item> keys, std::span<std::optional<Value>> values) override {
    const auto answer = [&](Base& cache) {
      cache.get_many(keys, values);
      return true;
    };
    const auto found = [&](bool) {
      return static_cast<std::size_t>(
          std::count_if(values.begin(), values.end(), [](const auto& value) { return value.has_value(); }));
    };
    if (read<bool>("get_many", answer, found, keys.size())) return;
    for (std::optional<Value>& value : values) value.reset();
  }

  /// What was shown, until it is certain that the call succeeds.
  struct Shown {
    std::size_t position;
    Value value;
    Metadata metadata;
    Ttl ttl;
  };

  bool do_visit_entry(key_view key, typename Base::EntryVisitor visit) override {
    const auto answer = [&](Base& cache) {
      std::optional<Shown> seen;
      cache.visit_entry(key, [&](const EntryView<Value>& entry) {
        seen.emplace(Shown{0, entry.value, entry.metadata, entry.ttl});
      });
      return seen;
    };
    const auto found = [](const auto& seen) { return seen ? 1U : 0U; };
    const auto shown = read<std::optional<Shown>>("visit_entry", answer, found, 1);
    if (shown) visit({shown->value, shown->metadata, shown->ttl});
    return shown.has_value();
  }

  std::size_t do_visit_entries(std::span<const key_item> keys, typename Base::EntriesVisitor visit) override {
    const auto answer = [&](Base& cache) {
      std::vector<Shown> seen;
      cache.visit_entries(keys, [&](std::size_t i, const EntryView<Value>& entry) {
        seen.push_back({i, entry.value, entry.metadata, entry.ttl});
      });
      return seen;
    };
    const auto all = read<std::vector<Shown>>(
        "visit_entries", answer, [](const auto& seen) { return seen.size(); }, keys.size());
    for (const Shown& each : all) visit(each.position, {each.value, each.metadata, each.ttl});
    return all.size();
  }

  bool do_set(key_view key, Value value, Ttl ttl, Metadata metadata) override {
    return write<bool>(
        "set", Repeat::allowed, [&](Base& cache) { return cache.set(key, value, ttl, metadata); },
        [&](Base& fallback) { fallback.set(key, value, shorter(ttl), metadata); },
        [&](Base& fallback) { fallback.erase(key); });
  }

  bool do_set_if_absent(key_view key, Value value, Ttl ttl, Metadata metadata) override {
    const auto forget = [&](Base& fallback) { fallback.erase(key); };
    return write<bool>(
        "set_if_absent", Repeat::never,
        [&](Base& cache) { return cache.set_if_absent(key, std::move(value), ttl, std::move(metadata)); }, forget,
        forget);
  }

  bool do_touch(key_view key, Ttl ttl) override {
    return write<bool>(
        "touch", Repeat::allowed, [&](Base& cache) { return cache.touch(key, ttl); },
        [&](Base& fallback) { fallback.touch(key, shorter(ttl)); }, [](Base&) {});
  }

  bool do_erase(key_view key) override {
    const auto forget = [&](Base& fallback) { fallback.erase(key); };
    return write<bool>(
        "erase", Repeat::allowed, [&](Base& cache) { return cache.erase(key); }, forget, forget);
  }

  std::size_t do_clear() override {
    const auto forget = [](Base& fallback) { fallback.clear(); };
    return write<std::size_t>(
        "clear", Repeat::allowed, [](Base& cache) { return cache.clear(); }, forget, forget);
  }

  std::size_t do_set_many(std::span<item> items, Ttl ttl) override {
    return write<std::size_t>(
        "set_many", Repeat::allowed, [&](Base& cache) { return cache.set_many(items, ttl); },
        [&](Base& fallback) { fallback.set_many(items, shorter(ttl)); },
        [&](Base& fallback) {
          for (const item& each : items) fallback.erase(each.first);
        });
  }

  std::size_t do_erase_many(std::span<const key_item> keys) override {
    const auto forget = [&](Base& fallback) { fallback.erase_many(keys); };
    return write<std::size_t>(
        "erase_many", Repeat::allowed, [&](Base& cache) { return cache.erase_many(keys); }, forget, forget);
  }

  CacheStats do_stats() const override {
    CacheStats stats;
    try {
      stats = wrapped_->stats();
    } catch (const CacheError&) {  // then only what was done without it is known
    }
    stats.hits += fallback_hits_.load(std::memory_order_relaxed);
    stats.misses += misses_.load(std::memory_order_relaxed);
    stats.errors = errors_.load(std::memory_order_relaxed);
    return stats;
  }

  void do_reset_stats() override {
    try {
      wrapped_->reset_stats();
    } catch (const NotSupportedError&) {
      throw;
    } catch (const CacheError&) {  // its own are its own affair
    }
    for (auto* counter : {&failures_, &retries_, &refused_, &errors_, &misses_, &fallback_hits_}) {
      counter->store(0, std::memory_order_relaxed);
    }
  }

  Ttl shorter(const Ttl& ttl) const { return ttl ? std::min(*ttl, options_.fallback_ttl) : options_.fallback_ttl; }

  /// Result: what the wrapped cache answers; else what the fallback does; else an empty one.
  template <class Result, class Call>
  Result read(const char* operation, const Call& call) {
    return read<Result>(
        operation, call, [](const Result&) { return std::size_t{0}; }, 0);
  }

  /// The same for so many keys, of which `hits(answer)` were found. The wrapped cache counts what it answers itself.
  template <class Result, class Call, class Hits>
  Result read(const char* operation, const Call& call, const Hits& hits, std::size_t asked) {
    if (std::optional<Result> result = attempt<Result>(operation, Repeat::allowed, call)) return std::move(*result);
    Result result{};
    std::size_t found = 0;
    with_fallback([&](Base& fallback) {
      result = call(fallback);
      found = hits(result);
    });
    fallback_hits_.fetch_add(found, std::memory_order_relaxed);
    misses_.fetch_add(asked - found, std::memory_order_relaxed);
    return result;
  }

  /// Result: what the wrapped cache answers, and then `forget` sees to it that the fallback does not know better. Else
  /// an empty one, and the fallback is told by `instead`.
  template <class Result, class Call, class Instead, class Forget>
  Result write(const char* operation, Repeat repeat, const Call& call, const Instead& instead, const Forget& forget) {
    if (std::optional<Result> result = attempt<Result>(operation, repeat, call)) {
      if (fallback_used_.load(std::memory_order_acquire)) with_fallback(forget);
      return *result;
    }
    fallback_used_.store(true, std::memory_order_release);
    with_fallback(instead);
    return Result{};
  }

  template <class Use>
  void with_fallback(const Use& use) {
    if (options_.fallback == nullptr) return;
    try {
      use(*options_.fallback);
    } catch (const CacheError&) {  // there is nothing behind it
    }
  }

  /// Result: what the wrapped cache answers, or empty if it fails or is not asked.
  ///
  /// While all goes well no clock is asked, since that takes as long as a hit in memory does. A deadline begins with
  /// the first call to a remote backend, or else with the first failure.
  template <class Result, class Call>
  std::optional<Result> attempt(const char* operation, Repeat repeat, const Call& call) {
    std::optional<Time> began;
    if (options_.now) began = options_.now();
    auto permit = breaker_.ask_if_closed();
    if (!permit) {
      if (!began) began = now();
      permit = breaker_.ask(*began);
    }
    if (!permit) {
      refused_.fetch_add(1, std::memory_order_relaxed);
      errors_.fetch_add(1, std::memory_order_relaxed);
      return std::nullopt;
    }
    CallDeadline limit(CallDeadline::FromFirstCall{options_.deadline});
    for (std::size_t number = 1;; ++number) {
      try {
        std::optional<Result> result(call(*wrapped_));
        if (breaker_.needs_successes()) breaker_.succeeded(*permit, now());
        budget_.succeeded();
        return result;
      } catch (const InvalidArgumentError&) {
        breaker_.abandoned(*permit);
        throw;
      } catch (const NotSupportedError&) {
        breaker_.abandoned(*permit);
        throw;
      } catch (const CacheError& error) {
        if (!began) began = limit.first_call() ? *limit.first_call() : now();
        if (!handle(operation, error, number, repeat, *began, *permit)) return std::nullopt;
      } catch (...) {
        breaker_.abandoned(*permit);
        throw;
      }
      retries_.fetch_add(1, std::memory_order_relaxed);
    }
  }

  /// An attempt has failed. Result: whether there is to be another one, for which it has waited.
  bool handle(const char* operation, const CacheError& error, std::size_t attempt, Repeat repeat, Time began,
              CircuitBreaker::Permit permit) {
    failures_.fetch_add(1, std::memory_order_relaxed);
    const Time deadline = CallDeadline::after(began, options_.deadline);
    const auto pause = repeat == Repeat::allowed ? pause_before(attempt + 1, deadline) : std::nullopt;
    tell({operation, error, attempt, !pause});
    if (!pause) {
      breaker_.failed(permit, now());
      errors_.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
    wait(*pause);
    return true;
  }

  /// Result: how long to wait before an attempt, or empty if it is not to be made.
  std::optional<std::chrono::nanoseconds> pause_before(std::size_t attempt, Time deadline) {
    if (attempt > options_.attempts || breaker_.state() != CircuitState::closed) return std::nullopt;
    const auto pause = jitter_.before(attempt);
    if (now() + pause >= deadline || !budget_.take()) return std::nullopt;
    return pause;
  }

  Time now() const { return options_.now ? options_.now() : std::chrono::steady_clock::now(); }

  void wait(std::chrono::nanoseconds pause) const {
    if (options_.wait) {
      options_.wait(pause);
    } else {
      std::this_thread::sleep_for(pause);
    }
  }

  void tell(const ResilientFailure& failure) const {
    if (!options_.on_error) return;
    try {
      options_.on_error(failure);
    } catch (...) {  // the hook's own affair
    }
  }

  /// The breaker's options, with an eye on when it closes.
  CircuitBreakerOptions watched(CircuitBreakerOptions options) {
    options.on_change = [this, on_change = std::move(options.on_change)](CircuitState from, CircuitState to) {
      // What was stored instead was for the time of the failure.
      if (to == CircuitState::closed) with_fallback([](Base& fallback) { fallback.clear(); });
      if (on_change) on_change(from, to);
    };
    return options;
  }

  const std::shared_ptr<Base> wrapped_;
  const ResilientOptions<Key, Value> options_;
  CircuitBreaker breaker_;
  detail::RetryBudget budget_;
  detail::FullJitter jitter_;
  std::atomic<std::uint64_t> failures_{0};
  std::atomic<std::uint64_t> retries_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::uint64_t> errors_{0};  // operations
  std::atomic<std::uint64_t> misses_{0};  // keys that neither cache was able to find
  std::atomic<std::uint64_t> fallback_hits_{0};
  std::atomic<bool> fallback_used_{false};
};

}  // namespace larder
