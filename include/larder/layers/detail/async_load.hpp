/// \file async_load.hpp
/// Loads by coroutines: the same flights, led and awaited without a thread that blocks.
#pragma once

#include <concepts>
#include <coroutine>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <larder/layers/detail/load_engine.hpp>
#include <larder/layers/load_task.hpp>

namespace larder::detail {

/// Result: what `co_await` makes of something.
template <class Awaitable>
decltype(auto) awaiter_of(Awaitable&& awaitable) {
  if constexpr (requires { std::forward<Awaitable>(awaitable).operator co_await(); }) {
    return std::forward<Awaitable>(awaitable).operator co_await();
  } else if constexpr (requires { operator co_await(std::forward<Awaitable>(awaitable)); }) {
    return operator co_await(std::forward<Awaitable>(awaitable));
  } else {
    return std::forward<Awaitable>(awaitable);
  }
}

/// Awaits a loader's result. As long as the loader runs on the thread that began it, up to where it first waits for
/// something, that thread counts as leading the load.
template <class Awaitable>
class Watched {
 public:
  Watched(LedLoads::Load& load, Awaitable&& awaitable)
      : load_(load), inner_(awaiter_of(std::forward<Awaitable>(awaitable))) {}

  bool await_ready() {
    const LedLoads::Leading leading(load_, false);
    return inner_.await_ready();
  }
  /// Touches nothing of its own once the inner one is suspended: it may be gone on with, and be gone.
  bool await_suspend(std::coroutine_handle<> awaiting) {
    const LedLoads::Leading leading(load_, false);
    if constexpr (std::is_void_v<decltype(inner_.await_suspend(awaiting))>) {
      inner_.await_suspend(awaiting);
      return true;
    } else if constexpr (std::same_as<decltype(inner_.await_suspend(awaiting)), bool>) {
      return inner_.await_suspend(awaiting);
    } else {
      const std::coroutine_handle<> next = inner_.await_suspend(awaiting);
      next.resume();  // here, and not in place of this call, so that it is seen to be the loader that runs
      return true;
    }
  }
  decltype(auto) await_resume() {
    LedLoads::end(load_);
    return inner_.await_resume();
  }

 private:
  LedLoads::Load& load_;
  decltype(awaiter_of(std::declval<Awaitable>())) inner_;
};

/// Goes on on a thread of the executor, if that takes it.
class OnExecutor {
 public:
  explicit OnExecutor(BackgroundJobs& jobs) : jobs_(jobs) {}
  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> awaiting) {
    return jobs_.begin([awaiting] { awaiting.resume(); });
  }
  void await_resume() const noexcept {}

 private:
  BackgroundJobs& jobs_;
};

/// A coroutine that nobody awaits. What it throws is not caught by anybody either.
struct Detached {
  struct promise_type {
    Detached get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept {}
  };
};

template <class Key, class Value>
class AsyncLoads {
  using Engine = LoadEngine<Key, Value>;
  using Departure = typename Engine::Departure;
  using Flight = typename Engine::Flight;
  using Result = typename Engine::Result;
  using Sight = typename Engine::Sight;

 public:
  /// What `get` gives to who loads by himself.
  template <class AsyncLoader>
  static LoadTask<Result> resolve(std::shared_ptr<Engine> engine, Key key, AsyncLoader loader, std::optional<Ttl> ttl,
                                  bool takes_absence) {
    for (;;) {
      const std::uint64_t landings = engine->flights().landings();
      Sight sight = engine->values().look(key);
      if (sight.quality == Quality::fresh) co_return fresh(sight);
      auto boarding = engine->board(key, landings, sight, takes_absence);
      if (boarding.failure) co_return engine->settled(std::move(*boarding.failure), sight);
      const std::shared_ptr<Flight> flight = boarding.flight;
      if (boarding.leads) {
        Departure departure(engine, key, boarding);
        if (engine->has_come(departure, sight)) co_return fresh(sight);
        if (sight.is_good_for_now()) {
          engine->count_refresh(sight);
          refresh(engine, std::move(departure), sight, std::move(loader), ttl);
          co_return engine->served(sight);
        }
        Result loaded = co_await fly(engine, std::move(departure), sight, loader, ttl);
        co_return engine->settled(std::move(loaded), sight);
      }
      if (sight.is_good_for_now()) co_return engine->served(sight);
      if (LedLoads::is_leading(*flight)) LedLoads::fail();
      engine->counters().add(&LoadStats::joined);
      typename Flight::Arrival arrival(*flight);
      co_await arrival;
      if (auto result = engine->outcome(*flight, sight, takes_absence)) co_return std::move(*result);
    }
  }

 private:
  static Result fresh(Sight& sight) {
    Result result;
    result.value = std::move(sight.value);
    return result;
  }

  template <class AsyncLoader>
  static Detached refresh(std::shared_ptr<Engine> engine, Departure departure, Sight sight, AsyncLoader loader,
                          std::optional<Ttl> ttl) {
    co_await fly(engine, std::move(departure), sight, loader, ttl);
  }

  /// Loads, stores and lands.
  template <class AsyncLoader>
  static LoadTask<Result> fly(std::shared_ptr<Engine> engine, Departure departure, const Sight& sight,
                              AsyncLoader& loader, std::optional<Ttl> ttl) {
    std::optional<LoadLease> lease;
    if (engine->options().leases) {
      co_await OnExecutor(engine->jobs());  // where it may wait for another process
      if (auto answered = engine->ask_for_lease(lease, departure.key(), sight)) {
        departure.land(*answered);
        co_return std::move(*answered);
      }
    }
    Result result;
    Loaded<Value> loaded;
    const auto begin = engine->now();
    engine->counters().add(&LoadStats::loads);
    try {
      Flight& flight = departure.flight();
      loaded = to_loaded<Value>(co_await watch(flight, [&]() -> decltype(auto) {
        const LedLoads::Leading leading(flight, false);
        return call_loader<Key>(loader, departure.key());
      }));
    } catch (...) {
      engine->note_exception(begin, result);
    }
    const auto took = engine->now() - begin;
    engine->counters().add_load_time(took);
    engine->finish(departure, loaded, ttl, took, lease, sight, result);
    lease.reset();
    departure.land(result);
    co_return result;
  }

  /// What a loader returns, a temporary perhaps, is kept for as long as it is awaited.
  template <class Call>
  static auto watch(Flight& flight, const Call& call) {
    using Awaitable = decltype(call());
    if constexpr (std::is_reference_v<Awaitable>) {
      return Watched<Awaitable>(flight, call());
    } else {
      return WatchedOwn<Awaitable>(flight, call());
    }
  }

  template <class Awaitable>
  class WatchedOwn {
   public:
    WatchedOwn(Flight& flight, Awaitable&& awaitable)
        : awaitable_(std::move(awaitable)), watched_(flight, std::move(awaitable_)) {}
    WatchedOwn(const WatchedOwn&) = delete;
    WatchedOwn& operator=(const WatchedOwn&) = delete;

    bool await_ready() { return watched_.await_ready(); }
    bool await_suspend(std::coroutine_handle<> awaiting) { return watched_.await_suspend(awaiting); }
    decltype(auto) await_resume() { return watched_.await_resume(); }

   private:
    Awaitable awaitable_;
    Watched<Awaitable&&> watched_;
  };
};

}  // namespace larder::detail
