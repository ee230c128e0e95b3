/// \file metrics_registry.hpp
/// MetricsRegistry: the caches of a program by name, for exporters to ask.
#pragma once

#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <larder/cache_error.hpp>
#include <larder/cache_stats.hpp>
#include <larder/layers/load_stats.hpp>
#include <larder/observability/cache_observation.hpp>

namespace larder {

/// Names and values, beside the cache's own name: a shard or a data centre, say.
using MetricLabels = std::vector<std::pair<std::string, std::string>>;

/// Thread-safe. Caches are asked without a lock, so that one that is slow holds nobody up but who asks.
class MetricsRegistry {
 public:
  using Observe = std::function<CacheObservation()>;

  /// `cache`: an ObservedBackend, of which everything is told; any other CacheBackend, of which its statistics are; or
  /// a LoadingCache. It is kept alive until it is removed. \throws InvalidArgumentError if it is null, or the name is
  /// empty or taken, or a label is called as another one or "cache".
  template <class Cache>
  requires requires(Cache& cache) { cache.stats(); }
  void add(std::string name, std::shared_ptr<Cache> cache, MetricLabels labels = {}) {
    if (cache == nullptr) throw InvalidArgumentError("MetricsRegistry: cache = nullptr, but there must be one");
    add(
        std::move(name),
        [cache = std::move(cache)] {
          if constexpr (requires { cache->observe(); }) {
            return cache->observe();
          } else {
            CacheObservation observation;
            if constexpr (std::same_as<decltype(cache->stats()), LoadStats>) {
              observation.loads = cache->stats();
            } else {
              observation.stats = cache->stats();
            }
            return observation;
          }
        },
        std::move(labels));
  }

  /// The same for whatever can be told of a cache. What `observe` throws becomes `Collected::error`.
  void add(std::string name, Observe observe, MetricLabels labels = {}) {
    if (name.empty()) throw InvalidArgumentError("MetricsRegistry: name is empty, but a cache needs one");
    for (std::size_t i = 0; i < labels.size(); ++i) {
      bool taken = labels[i].first == "cache" || labels[i].first.empty();
      for (std::size_t j = 0; j < i; ++j) taken = taken || labels[j].first == labels[i].first;
      if (taken)
        throw InvalidArgumentError("MetricsRegistry: a label is called '" + labels[i].first + "', which is taken");
    }
    const std::lock_guard lock(mutex_);
    for (const Entry& entry : entries_) {
      if (entry.name == name)
        throw InvalidArgumentError("MetricsRegistry: there is a cache called '" + name + "' already");
    }
    entries_.push_back({std::move(name), std::move(labels), std::make_shared<const Observe>(std::move(observe))});
  }

  /// Result: whether there was one of this name.
  bool remove(std::string_view name) {
    const std::lock_guard lock(mutex_);
    return std::erase_if(entries_, [name](const Entry& entry) { return entry.name == name; }) > 0;
  }

  struct Collected {
    std::string name;
    MetricLabels labels;
    std::optional<CacheObservation> observation;  ///< empty if it could not be had
    std::string error;                            ///< why
  };

  /// What all caches have to say, in the order in which they were added.
  std::vector<Collected> collect() const {
    std::vector<Entry> entries;
    {
      const std::lock_guard lock(mutex_);
      entries = entries_;
    }
    std::vector<Collected> all;
    for (Entry& entry : entries) {
      Collected& each = all.emplace_back(Collected{std::move(entry.name), std::move(entry.labels), {}, {}});
      try {
        each.observation = (*entry.observe)();
      } catch (const std::exception& error) {
        each.error = error.what();
      } catch (...) {
        each.error = "unknown";
      }
    }
    return all;
  }

 private:
  struct Entry {
    std::string name;
    MetricLabels labels;
    std::shared_ptr<const Observe> observe;
  };

  mutable std::mutex mutex_;
  std::vector<Entry> entries_;
};

}  // namespace larder
