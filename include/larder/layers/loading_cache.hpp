/// \file loading_cache.hpp
/// LoadingCache: gets a value, or loads it once for all who want it.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include <larder/cache_backend.hpp>
#include <larder/fwd.hpp>
#include <larder/layers/detail/async_load.hpp>
#include <larder/layers/detail/load_batch.hpp>
#include <larder/layers/detail/load_engine.hpp>
#include <larder/layers/load_stats.hpp>
#include <larder/layers/load_task.hpp>
#include <larder/layers/loading_options.hpp>
#include <larder/layers/worker_pool.hpp>

namespace larder {

/// Puts a loader behind a cache:
///
///     LoadingCache<> pages{cache, {.ttl = 1min, .stale_while_revalidate = 10min, .stale_if_error = 1h}};
///     Bytes page = pages.get("front", [](std::string_view name) { return render(name); });
///
/// It is no CacheBackend, since its `get` has no misses. It may stand on any, and on other layers.
///
/// Loaders are called with the key, or with nothing. They return a value, or an `std::optional` of one that is empty if
/// there is none, and then `get` returns an optional, too; or a `Loaded`, which also says how long, and with what
/// metadata. What they throw reaches the caller. They run on the thread of the caller who comes first, without a lock,
/// or on the executor: in the background, and where there are time-outs. Then they are copied, or moved if they are
/// handed over so, and are called when their caller may be gone: what they refer to must live as long as the cache.
///
/// - Single flight: of all who miss a key at once, one loads, and the others wait, without using the processor. Each
///   gets the value, or the exception, which is not cached unless there is a `negative_ttl`.
/// - Whose CallDeadline passes while he waits gets TimeoutError, or a stale value.
/// - The loader that throws a LoadCancelledError, or what is no std::exception, or a TimeoutError since its caller's
///   deadline has passed, and the coroutine that is destroyed, have only failed for themselves: one of those who wait
///   loads instead.
/// - A loader that asks for a key whose load waits for that loader gets RecursiveLoadError, across threads, too. Of
///   loaders that are coroutines, only what they do before they first wait is seen.
/// - `set` and `invalidate` of a key win over every load of it that began before they ended. The value of such a load
///   goes to those who waited already, and to nobody else.
/// - Freshness, stale values, early refreshes, time-outs, several processes: see LoadingOptions. A stale value that may
///   be served at once is, and one job in the background loads it anew.
/// - Where a loader says that there is no value, an old one goes, fresh or stale.
/// - What the wrapped cache throws when it is read passes through (a ResilientBackend makes that a miss). What it
///   throws when a loaded value is stored does not: the value goes to the callers, and is counted (`store_failures`).
/// - What somebody else puts into the wrapped cache is taken as it is: as stale when no more than the longest time of
///   staleness is left to it.
/// - Complexity: a hit is one hit of the wrapped cache. A miss asks it twice where others load at the same time.
/// - Threads: any number, if the wrapped cache allows them. It can be neither copied nor moved. Its end waits for the
///   loads that run in the background, and must not come from one of them, nor while a call or a coroutine is under
///   way.
template <class Key, class Value>
class LoadingCache {
  using Engine = detail::LoadEngine<Key, Value>;
  using Quality = detail::Quality;
  using Result = typename Engine::Result;
  using Sight = typename Engine::Sight;

  template <class Function>
  using ResultOf = decltype(detail::call_loader<Key>(std::declval<Function&>(), std::declval<KeyView<Key>>()));
  template <class Function>
  using AnswerOf = detail::Answer<Value, ResultOf<Function>>;
  template <class Function>
  using AsyncAnswerOf =
      detail::Answer<Value, decltype(detail::awaiter_of(std::declval<ResultOf<Function>>()).await_resume())>;

 public:
  using Backend = CacheBackend<Key, Value>;
  using key_type = Key;
  using mapped_type = Value;
  using key_view = KeyView<Key>;
  using key_item = KeyItem<Key>;

  /// With a loader for each call. \throws InvalidArgumentError if `wrapped` is null or the options make no sense.
  explicit LoadingCache(std::shared_ptr<Backend> wrapped, LoadingOptions options = {})
      : engine_(std::make_shared<Engine>(std::move(wrapped), std::move(options))) {
    if (const LoadingOptions& given = engine_->options(); given.executor) {
      engine_->jobs().set_executor(given.executor);
    } else {
      pool_ = std::make_unique<WorkerPool>(given.threads, given.queue);
      engine_->jobs().set_executor(
          [pool = pool_.get()](std::function<void()> job) { return pool->submit(std::move(job)); });
    }
  }

  /// With a loader for all calls that have none of their own. It is called from several threads at once.
  template <detail::LoaderOf<Key> Function>
  LoadingCache(std::shared_ptr<Backend> wrapped, Function loader, LoadingOptions options = {})
      : LoadingCache(std::move(wrapped), std::move(options)) {
    loader_ = std::make_shared<detail::OwnLoader<Key, Value, Function>>(std::in_place, std::move(loader));
  }

  LoadingCache(const LoadingCache&) = delete;
  LoadingCache& operator=(const LoadingCache&) = delete;
  ~LoadingCache() { engine_->jobs().close(); }

  /// The value of a key; empty only if the loader that it was made with says that there is none. Throws what the loader
  /// and the wrapped cache throw; InvalidArgumentError if there is no such loader.
  std::optional<Value> get(key_view key) {
    const std::uint64_t landings = engine_->flights().landings();
    Sight sight = engine_->values().look(key);
    if (sight.quality == Quality::fresh) [[likely]] {
      return std::move(sight.value);
    }
    return value_of(engine_->resolve(key, std::move(sight), landings, {own_loader()}));
  }

  /// The value of a key, by another loader.
  template <detail::LoaderOf<Key> Function>
  AnswerOf<Function> get(key_view key, Function&& loader) {
    return get_by(key, std::forward<Function>(loader), {});
  }
  /// The same. If it is loaded, it is fresh for `ttl`.
  template <detail::LoaderOf<Key> Function>
  AnswerOf<Function> get(key_view key, Function&& loader, Ttl ttl) {
    return get_by(key, std::forward<Function>(loader), std::optional<Ttl>(std::in_place, ttl));
  }

  /// The value of a key if it is there and fresh. Loads nothing.
  std::optional<Value> get_if_present(key_view key) {
    Sight sight = engine_->values().look(key);
    return sight.is_fresh() ? std::move(sight.value) : std::nullopt;
  }

  /// The values of some keys. What is missing, and nobody else loads already, is loaded by one call of
  /// `loader(std::span<const key_item>)`, which returns a map, or another range of pairs of key and value; what is not
  /// in it, there is not. If the loader throws, so does this, when everything else is done. No leases are asked for,
  /// and the time-outs limit only how long it waits for others.
  template <class BatchLoader>
  std::unordered_map<Key, Value> get_many(std::span<const key_item> keys, BatchLoader&& loader,
                                          std::optional<Ttl> ttl = {}) {
    return detail::LoadBatch<Key, Value>(engine_, keys, ttl).run(loader);
  }
  template <class BatchLoader>
  std::unordered_map<Key, Value> get_many(std::initializer_list<key_item> keys, BatchLoader&& loader,
                                          std::optional<Ttl> ttl = {}) {
    return get_many(std::span<const key_item>(keys.begin(), keys.size()), loader, ttl);
  }
  /// The same for any range of keys.
  template <class Keys, class BatchLoader>
  std::unordered_map<Key, Value> get_many(const Keys& keys, BatchLoader&& loader, std::optional<Ttl> ttl = {}) {
    std::vector<Key> kept;
    for (const auto& key : keys) kept.emplace_back(key);
    std::vector<key_item> items;
    items.assign(kept.begin(), kept.end());  // whose constructor leaks in libc++ before 16 if a copy throws
    return get_many(std::span<const key_item>(items), loader, ttl);
  }

  /// `co_await` it for what `get` returns. The loader returns something to `co_await`, whatever that is; it is kept
  /// until then. No thread waits for a load: the coroutine goes on on the one that ends it. The wrapped cache is asked
  /// on the calling thread. With leases, loads begin on the executor; time-outs and deadlines do not apply.
  template <detail::LoaderOf<Key> AsyncLoader>
  LoadTask<AsyncAnswerOf<AsyncLoader>> async_get(Key key, AsyncLoader loader, std::optional<Ttl> ttl = {}) {
    using Answer = AsyncAnswerOf<AsyncLoader>;
    return answer<Answer>(detail::AsyncLoads<Key, Value>::resolve(engine_, std::move(key), std::move(loader), ttl,
                                                                  !std::same_as<Answer, Value>));
  }

  /// Loads a value anew in the background; until then the old one is served. Result: false if it is being loaded
  /// already, has just failed (`negative_ttl`), or the executor takes no more.
  bool refresh(key_view key) { return refresh_by(key, {own_loader()}); }
  template <detail::LoaderOf<Key> Function>
  bool refresh(key_view key, Function&& loader, std::optional<Ttl> ttl = {}) {
    detail::CallersLoader<Key, Value, Function> callers(loader);
    return refresh_by(key, {callers, ttl});
  }

  /// Stores a value as if it had been loaded. Result: as of `CacheBackend::set`.
  bool set(key_view key, Value value, std::optional<Ttl> ttl = {}, Metadata metadata = {}) {
    return engine_->write(key, [&] {
      return engine_->values().set(key, std::move(value), ttl.value_or(engine_->options().ttl), std::move(metadata),
                                   std::chrono::nanoseconds::zero());
    });
  }

  /// The next one to ask for it loads it. Result: whether there was one, be it stale.
  bool invalidate(key_view key) {
    return engine_->write(key, [&] { return engine_->values().backend().erase(key); });
  }

  /// The same for every key. Result: how many there were, where the wrapped cache can tell.
  std::size_t invalidate_all() { return engine_->clear(); }

  /// Thread-safe.
  LoadStats stats() const { return engine_->counters().snapshot(); }
  void reset_stats() { engine_->counters().reset(); }

  /// The wrapped cache, which counts hits and misses.
  Backend& backend() const noexcept { return engine_->values().backend(); }

 private:
  detail::Loader<Key, Value>& own_loader() const {
    if (loader_ == nullptr) throw InvalidArgumentError("LoadingCache: it was made without a loader, and none is given");
    return *loader_;
  }

  template <class Function>
  AnswerOf<Function> get_by(key_view key, Function&& loader, const std::optional<Ttl>& ttl) {
    const std::uint64_t landings = engine_->flights().landings();
    Sight sight = engine_->values().look(key);
    if (sight.quality == Quality::fresh) [[likely]] {
      return *std::move(sight.value);
    }
    detail::CallersLoader<Key, Value, Function> callers(loader);
    constexpr bool takes_absence = detail::may_be_absent<Value, ResultOf<Function>>;
    return answer_of<AnswerOf<Function>>(
        engine_->resolve(key, std::move(sight), landings, {callers, ttl, takes_absence}));
  }

  bool refresh_by(key_view key, const typename Engine::Request& request) {
    auto boarding = engine_->board(key, engine_->flights().landings(), {}, true);
    if (!boarding.leads) return false;
    const Sight as_if_fresh{.value = {}, .quality = Quality::fresh};
    if (!engine_->refresh(typename Engine::Departure(engine_, key, boarding), as_if_fresh, request)) return false;
    engine_->counters().add(&LoadStats::refreshes);
    return true;
  }

  static std::optional<Value> value_of(Result result) {
    if (result.error) std::rethrow_exception(std::move(result.error));
    return std::move(result.value);
  }
  template <class Answer>
  static Answer answer_of(Result result) {
    if constexpr (std::same_as<Answer, Value>) {
      return *value_of(std::move(result));
    } else {
      return value_of(std::move(result));
    }
  }
  template <class Answer>
  static LoadTask<Answer> answer(LoadTask<Result> task) {
    Result result = co_await task;
    co_return answer_of<Answer>(std::move(result));
  }

  const std::shared_ptr<Engine> engine_;
  std::shared_ptr<detail::Loader<Key, Value>> loader_{};
  std::unique_ptr<WorkerPool> pool_{};  // last: its threads end first
};

}  // namespace larder
