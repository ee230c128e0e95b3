/// \file loading_options.hpp
/// LoadingOptions: for how long a loaded value is good, and what happens when it no longer is. Loaded: what a loader
/// may return.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <larder/cache_entry.hpp>
#include <larder/cache_error.hpp>
#include <larder/fwd.hpp>
#include <larder/layers/worker_pool.hpp>
#include <larder/load_leases.hpp>
#include <larder/ttl.hpp>

namespace larder {

/// What a loader returns that knows more than the value: an empty `value` if there is none, how long it is fresh, if
/// that is another time than the caller's or the option's, and metadata to be stored with it.
template <class Value>
struct Loaded {
  std::optional<Value> value{};
  std::optional<Ttl> ttl{};
  Metadata metadata{};
};

/// A loaded value is fresh for its TTL (its soft TTL). Then it is stale, and stays in the cache for the longer one of
/// `stale_while_revalidate` and `stale_if_error` (until its hard TTL), whose names and meaning are those of HTTP (RFC
/// 5861). Without the two a value is gone at the end of its TTL, and nothing is stored besides it.
struct LoadingOptions {
  using Milliseconds = std::chrono::milliseconds;

  /// How long a value is fresh, unless the caller or the loader says otherwise. Empty: as long as the cache keeps it.
  Ttl ttl{};
  /// Each TTL is cut by a random part of this share of it, from 0 to 1, so that what is stored together does not expire
  /// together.
  double ttl_jitter = 0;
  /// So long after its TTL a value is still served, while it is loaded anew in the background.
  Milliseconds stale_while_revalidate{0};
  /// So long after its TTL a value is still served where the load fails, takes longer than `soft_timeout` or cannot
  /// even begin.
  Milliseconds stale_if_error{0};
  /// After a load that failed, no further one of the key is tried for so long by those who have a stale value.
  Milliseconds retry_interval{1000};
  /// For so long, a load that failed, or found that there is no such value, is not tried again by anybody in this
  /// process: the same exception is thrown, or the same nothing returned. Empty: each is tried again.
  Ttl negative_ttl{};
  /// Refreshes a value in the background before it is stale, with a probability that rises towards its end: XFetch, by
  /// Vattani, Chierichetti and Lowenstein, "Optimal Probabilistic Cache Stampede Prevention", VLDB 2015. 1 is what they
  /// recommend, more is earlier, 0 is never.
  double early_refresh_beta = 0;
  /// How long a caller waits for a load: where there is a stale value to take instead, and where there is none, which
  /// throws TimeoutError. The load goes on. With either, loaders run on the executor, not on the caller's thread.
  std::optional<Milliseconds> soft_timeout{};
  std::optional<Milliseconds> hard_timeout{};
  /// Where loads in the background run. Empty: on so many threads of the cache's own, where so many can wait.
  Executor executor{};
  std::size_t threads = 2;
  std::size_t queue = 1000;
  /// Whom to ask for the right to load a key, where several processes share the wrapped cache; and for how long that is
  /// given, which should be longer than a load takes. Caches of other things need leases with another prefix, lest they
  /// wait for each other. Null: each process loads for itself.
  std::shared_ptr<LoadLeases> leases{};
  Milliseconds lease_ttl = std::chrono::seconds(30);
  /// The clocks, for tests. Empty: the steady and the system clock.
  std::function<std::chrono::steady_clock::time_point()> now{};
  std::function<std::chrono::system_clock::time_point()> wall_now{};
  /// What jitter and early refreshes are drawn from; 0 means something different each time.
  std::uint64_t seed = 0;

  /// \throws InvalidArgumentError that names the option and its value if the options make no sense.
  void validate() const {
    require(!ttl || ttl->count() > 0, "ttl", ttl.value_or(Milliseconds(0)), "must be positive");
    require(!negative_ttl || negative_ttl->count() > 0, "negative_ttl", negative_ttl.value_or(Milliseconds(0)),
            "must be positive");
    require(stale_while_revalidate.count() >= 0, "stale_while_revalidate", stale_while_revalidate,
            "must not be negative");
    require(stale_if_error.count() >= 0, "stale_if_error", stale_if_error, "must not be negative");
    require(retry_interval.count() >= 0, "retry_interval", retry_interval, "must not be negative");
    require(lease_ttl.count() > 0, "lease_ttl", lease_ttl, "must be positive");
    for (const auto& [name, timeout] : {std::pair("soft_timeout", soft_timeout), {"hard_timeout", hard_timeout}}) {
      require(!timeout || timeout->count() > 0, name, timeout.value_or(Milliseconds(0)), "must be positive");
    }
    // Also false of what is not a number.
    require(ttl_jitter >= 0 && ttl_jitter < 1, "ttl_jitter", ttl_jitter, "is from 0 to below 1");
    require(early_refresh_beta >= 0 && early_refresh_beta <= 1000, "early_refresh_beta", early_refresh_beta,
            "is from 0 to 1000");
    require(threads > 0, "threads", threads, "must be positive");
    require(queue > 0, "queue", queue, "must be positive");
  }

 private:
  static std::string text_of(Milliseconds time) { return std::to_string(time.count()) + " ms"; }
  template <class Number>
  static std::string text_of(Number number) {
    return std::to_string(number);
  }
  template <class Given>
  static void require(bool holds, const char* name, Given given, const char* otherwise) {
    if (holds) return;
    throw InvalidArgumentError(std::string("LoadingOptions: ") + name + " = " + text_of(given) + ", but it " +
                               otherwise);
  }
};

}  // namespace larder
