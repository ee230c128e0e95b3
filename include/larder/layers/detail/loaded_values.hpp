/// \file loaded_values.hpp
/// LoadedValues: the cache behind a LoadingCache: what is found there, and how what was loaded gets there.
///
/// Invariant: what was loaded before a set or an invalidation of its key is not there once both have ended. Whoever
/// comes while it is being stored waits until that is done, or else has it removed again (Flight::overtake).
#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <larder/cache_backend.hpp>
#include <larder/layers/detail/flight.hpp>
#include <larder/layers/detail/freshness.hpp>
#include <larder/layers/detail/load_counters.hpp>
#include <larder/layers/detail/load_lease.hpp>
#include <larder/layers/loading_options.hpp>

namespace larder::detail {

template <class Key, class Value>
class LoadedValues {
 public:
  using Backend = CacheBackend<Key, Value>;
  using Flight = detail::Flight<Value>;
  using Sight = detail::Sight<Value>;
  using key_view = KeyView<Key>;
  using key_item = KeyItem<Key>;

  /// The options and the counters are the caller's. \throws InvalidArgumentError if there is no cache.
  LoadedValues(std::shared_ptr<Backend> wrapped, const LoadingOptions& options, LoadCounters& counters)
      : wrapped_(std::move(wrapped)), options_(options), counters_(counters), freshness_(options) {
    if (wrapped_ == nullptr) {
      throw InvalidArgumentError("LoadingCache: wrapped = nullptr, but there must be a cache");
    }
  }

  Backend& backend() const noexcept { return *wrapped_; }

  [[gnu::always_inline]] Sight look(key_view key) {
    Sight sight;
    if (freshness_.matters()) {
      wrapped_->visit_entry(key, [&](const EntryView<Value>& entry) { sight.see(entry, freshness_); });
    } else {
      sight.take(wrapped_->get(key));
    }
    return sight;
  }

  /// The same for many keys.
  std::vector<Sight> look(std::span<const key_item> keys) {
    std::vector<Sight> sights(keys.size());
    if (freshness_.matters()) {
      wrapped_->visit_entries(keys,
                              [&](std::size_t i, const EntryView<Value>& entry) { sights[i].see(entry, freshness_); });
      return sights;
    }
    std::vector<std::optional<Value>> values(keys.size());
    wrapped_->get_many(keys, std::span<std::optional<Value>>(values));
    for (std::size_t i = 0; i < keys.size(); ++i) sights[i].take(std::move(values[i]));
    return sights;
  }

  /// Stores a value that took so long to load. Result: as of `CacheBackend::set`.
  bool set(key_view key, Value value, Ttl ttl, Metadata metadata, std::chrono::nanoseconds took) {
    freshness_.prepare(ttl, metadata, took);
    return wrapped_->set(key, std::move(value), ttl, std::move(metadata));
  }

  /// Stores what a flight has loaded; where there is no such value, an old one goes.
  void store(const Key& key, Flight& flight, Loaded<Value>& loaded, const std::optional<Ttl>& ttl,
             std::chrono::nanoseconds took, std::optional<LoadLease>& lease) {
    const bool begun = (!lease || lease->stands()) && flight.begin_store();
    try {
      if (begun && loaded.value) {
        const Ttl lifetime = loaded.ttl ? *loaded.ttl : ttl.value_or(options_.ttl);
        set(key, *loaded.value, lifetime, std::move(loaded.metadata), took);
      } else if (begun) {
        wrapped_->erase(key);
      }
    } catch (const std::exception&) {  // the value is none the worse for it
      counters_.add(&LoadStats::store_failures);
    }
    const bool is_current = flight.end_store() && (!lease || lease->release());
    if (begun && is_current) return;
    if (begun) remove(key);
    if (loaded.value) counters_.add(&LoadStats::overtaken);
  }

  /// The same for what was loaded together, which the cache takes in one batch where it is stored alike. `led` has the
  /// flights, in the order of `results`.
  template <class Led, class Result>
  void store_all(const std::vector<Led>& led, const std::vector<Result>& results, const std::optional<Ttl>& ttl,
                 std::chrono::nanoseconds took) {
    std::optional<LoadLease> no_lease;
    const bool alike = !freshness_.matters() && options_.ttl_jitter <= 0;
    std::vector<typename Backend::item> items;
    std::vector<std::size_t> begun;
    for (std::size_t i = 0; i < led.size(); ++i) {
      if (!results[i].value && !led[i].replaces) continue;
      Flight& flight = led[i].departure.flight();
      if (!results[i].value || !alike) {
        Loaded<Value> loaded{.value = results[i].value, .ttl = {}, .metadata = {}};
        store(led[i].departure.key(), flight, loaded, ttl, took, no_lease);
      } else if (flight.begin_store()) {
        begun.push_back(i);
        items.emplace_back(led[i].departure.key(), *results[i].value);
      } else {
        counters_.add(&LoadStats::overtaken);
      }
    }
    try {
      wrapped_->set_many(std::move(items), ttl.value_or(options_.ttl));
    } catch (const std::exception&) {
      counters_.add(&LoadStats::store_failures);
    }
    for (const std::size_t i : begun) {
      if (led[i].departure.flight().end_store()) continue;
      remove(led[i].departure.key());
      counters_.add(&LoadStats::overtaken);
    }
  }

 private:
  void remove(const Key& key) {
    try {
      wrapped_->erase(key);
    } catch (const std::exception&) {
      counters_.add(&LoadStats::store_failures);
    }
  }

  const std::shared_ptr<Backend> wrapped_;
  const LoadingOptions& options_;
  LoadCounters& counters_;
  Freshness freshness_;
};

}  // namespace larder::detail
