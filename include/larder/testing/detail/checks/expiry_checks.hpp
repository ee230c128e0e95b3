/// \file expiry_checks.hpp
/// The contract's rows about time: an entry is expired from the instant `now >= expires_at`, in every operation alike.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include <larder/cache_error.hpp>
#include <larder/testing/detail/trial.hpp>

namespace larder::testing::detail {

/// An operation by which one may see an entry.
struct Sight {
  const char* operation;
  /// Result: whether the entry "k", the only one there is, is seen. May remove it.
  bool (*sees)(const RecordedCache& cache);
  /// What must be declared for the operation to see anything.
  bool (*offered)(const BackendCapabilities& can);
};

inline std::vector<Sight> sights() {
  const auto always = [](const BackendCapabilities&) { return true; };
  return {
      {"get", [](const RecordedCache& cache) { return cache.get("k").has_value(); }, always},
      {"exists", [](const RecordedCache& cache) { return cache.exists("k"); }, always},
      {"erase", [](const RecordedCache& cache) { return cache.erase("k"); }, always},
      {"get_many",
       [](const RecordedCache& cache) {
         return cache.get_many({"a", "k"})[1].has_value();
       },
       always},
      {"erase_many",
       [](const RecordedCache& cache) {
         return cache.erase_many({"a", "k"}) != 0;
       },
       always},
      {"get_entry", [](const RecordedCache& cache) { return cache.get_entry("k").has_value(); },
       [](const BackendCapabilities& can) { return can.entries; }},
      {"touch", [](const RecordedCache& cache) { return cache.touch("k", {}); },
       [](const BackendCapabilities& can) { return can.touch; }},
      {"set_if_absent", [](const RecordedCache& cache) { return !cache.set_if_absent("k", "other"); },
       [](const BackendCapabilities& can) { return can.conditional_set; }},
      {"keys", [](const RecordedCache& cache) { return !cache.keys().empty(); },
       [](const BackendCapabilities& can) { return can.enumerable_keys; }},
      {"clear", [](const RecordedCache& cache) { return cache.clear() != 0; },
       [](const BackendCapabilities& can) { return can.clear_count; }},
      {"stats",
       [](const RecordedCache& cache) {
         const CacheStats stats = cache.stats();
         return stats.current_entries != 0u || stats.current_size_bytes != 0u;
       },
       [](const BackendCapabilities& can) { return can.exact_size_accounting; }},
  };
}

inline void entry_is_seen_until_it_expires(Trial& trial, const Sight& sight) {
  trial.only_if(trial.can().expiry, "expiry = false: there are no TTLs");
  trial.only_if(sight.offered(trial.can()), std::string("by the capabilities, ") + sight.operation + " shows no entry");
  const auto ttl = trial.short_ttl();
  if (trial.virtual_time()) {
    const auto cache = trial.fresh();
    cache.set("k", "v", ttl);
    trial.wait(ttl - std::chrono::nanoseconds(1));
    trial.expect(sight.sees(cache), std::string(sight.operation) + " sees the entry until its TTL is over");
  }
  const auto cache = trial.fresh();
  cache.set("k", "v", ttl);
  trial.let_expire(ttl);
  trial.expect(!sight.sees(cache), std::string(sight.operation) + " does not see the entry: its TTL is over");
}

/// In real time the check above cannot tell an entry that expires too early.
inline void entry_does_not_expire_early(Trial& trial) {
  trial.only_if(trial.can().expiry, "expiry = false: there are no TTLs");
  using Clock = std::chrono::steady_clock;
  const auto ttl = trial.virtual_time() ? trial.short_ttl()
                                        : std::max(20 * trial.can().ttl_granularity, std::chrono::milliseconds(200));
  const auto cache = trial.fresh();
  const auto began = Clock::now();
  cache.set("k", "v", ttl);
  trial.wait(ttl / 2);
  const bool seen = cache.exists("k");
  if (!trial.virtual_time() && Clock::now() - began >= ttl) trial.not_applicable("this machine was too slow to tell");
  trial.expect(seen, "true: half of the TTL is left");
}

inline void no_ttl_means_no_expiry(Trial& trial) {
  const auto cache = trial.fresh();
  cache.set("k", "v");
  cache.set_many({{"l", "v"}});
  trial.wait(trial.virtual_time() ? std::chrono::hours(24 * 365) : 2 * trial.can().ttl_granularity);
  trial.expect(cache.get("k") == "v", "the value: what is set without a TTL does not expire");
  trial.expect(cache.get("l") == "v", "the value: what is set without a TTL does not expire, in a batch neither");
}

inline void ttl_that_is_not_positive_removes(Trial& trial, std::chrono::milliseconds ttl) {
  const auto cache = trial.fresh();
  trial.expect(!cache.set("k", "v", ttl), "false: with such a TTL nothing is stored");
  trial.expect(!cache.get("k"), "a miss: nothing was stored");
  cache.set("k", "old");
  trial.expect(!cache.set("k", "new", ttl), "false: with such a TTL nothing is stored");
  trial.expect(!cache.get("k"), "a miss: the entry that was there is gone");
  cache.set("k", "old");
  cache.set("l", "old");
  trial.expect(cache.set_many({{"k", "new"}, {"m", "new"}}, ttl) == 0, "0: with such a TTL nothing is stored");
  trial.expect(!cache.exists("k"), "false: the entry that was there is gone");
  trial.expect(!cache.exists("m"), "false: nothing was stored");
  trial.expect(cache.exists("l"), "true: it was not in the batch");
}

inline void large_ttl_is_clamped(Trial& trial, std::chrono::milliseconds ttl) {
  trial.only_if(trial.can().expiry, "expiry = false: there are no TTLs");
  const auto cache = trial.fresh();
  trial.expect(cache.set("k", "v", ttl), "true: a TTL that is too large for the store is clamped");
  trial.expect(cache.set_many({{"l", "v"}}, ttl) == 1, "1: a TTL that is too large for the store is clamped");
  trial.expect(cache.get("k") == "v", "the value: a large TTL does not overflow into the past");
  if (trial.virtual_time()) trial.wait(std::chrono::hours(24));
  trial.expect(cache.get("k") == "v", "the value: the TTL is not over for a long time");
  trial.expect(cache.get("l") == "v", "the value: the TTL is not over for a long time, in a batch neither");
  if (!trial.can().entries) return;
  const auto entry = cache.get_entry("k");
  trial.expect(entry && (!entry->expires_at || *entry->expires_at > CacheEntry<>::Clock::now() + std::chrono::hours(1)),
               "an entry that expires never or far in the future");
}

/// A TTL below what the clock of a store can tell becomes one step: neither "now" nor "for ever".
inline void small_ttl_is_rounded_up(Trial& trial, Ttl ttl) {
  trial.only_if(trial.can().expiry, "expiry = false: there are no TTLs");
  const auto cache = trial.fresh();
  trial.expect(cache.set("k", "v", ttl), "true: a positive TTL, however small, is not \"already expired\"");
  if (trial.virtual_time()) trial.expect(cache.get("k") == "v", "the value: no time has passed");
  trial.let_expire(std::max(*ttl, trial.can().ttl_granularity));
  trial.expect(!cache.get("k"), "a miss: a small TTL does not mean for ever");
}

inline void expired_entry_can_be_set_again(Trial& trial) {
  trial.only_if(trial.can().expiry, "expiry = false: there are no TTLs");
  const auto ttl = trial.short_ttl();
  const auto cache = trial.fresh();
  cache.set("k", "old", ttl, {{"a", "b"}});
  trial.let_expire(ttl);
  trial.expect(cache.set("k", "new"), "true");
  trial.expect(cache.get("k") == "new", "the new value");
  trial.let_expire(ttl);
  trial.expect(cache.get("k") == "new", "the new value, which has no TTL");
  if (trial.can().entries) {
    const auto entry = cache.get_entry("k");
    trial.expect(entry && entry->metadata.empty() && !entry->expires_at, "an entry with nothing of the expired one");
  }
}

/// A get, and what it does to an order of use, is none of the TTL's business.
inline void get_does_not_prolong(Trial& trial) {
  trial.only_if(trial.can().expiry, "expiry = false: there are no TTLs");
  const auto ttl = trial.short_ttl();
  const auto cache = trial.fresh();
  cache.set("a", "1", ttl);
  cache.set("b", "2", ttl);
  cache.set("c", "3", ttl);
  const std::chrono::nanoseconds before = trial.virtual_time() ? ttl / 2 : std::chrono::milliseconds(0);
  if (trial.virtual_time()) trial.wait(before);
  cache.get("a");
  cache.get_many({"b", "a"});
  cache.exists("c");
  trial.wait(trial.time_to_expire(ttl) - before);
  for (const char* key : {"a", "b", "c"}) {
    trial.expect(!cache.get(key), "a miss: a get does not prolong an entry's life");
  }
}

inline void nothing_expired_is_left(Trial& trial) {
  trial.only_if(trial.can().expiry, "expiry = false: there are no TTLs");
  trial.only_if(trial.can().exact_size_accounting, "exact_size_accounting = false");
  const auto ttl = trial.short_ttl();
  const auto cache = trial.fresh();
  cache.set("live", "1");
  for (int i = 0; i < 20; ++i) cache.set("k" + std::to_string(i), "v", ttl + i % 3 * trial.can().ttl_granularity);
  cache.get("k3");
  trial.let_expire(ttl + 2 * trial.can().ttl_granularity);
  cache.get("live");
  const CacheStats stats = cache.stats();
  trial.expect(stats.current_entries == 1u, "current_entries=1: no expired entry is counted, asked for or not");
  if (trial.can().removal_counters) {
    trial.expect(stats.expirations == 20, "expirations=20: every entry whose TTL is over, each once");
  }
}

/// A batch has one TTL for all of its entries.
inline void batch_keeps_its_ttl(Trial& trial) {
  trial.only_if(trial.can().expiry, "expiry = false: there are no TTLs");
  const auto ttl = trial.short_ttl();
  const auto cache = trial.fresh();
  cache.set_many({{"a", "1"}, {"b", "2"}}, std::chrono::hours(1));
  cache.set_many({{"c", "3"}, {"d", "4"}}, ttl);
  if (trial.virtual_time()) trial.expect(cache.exists("c") && cache.exists("d"), "true: the TTL is not over");
  trial.let_expire(ttl);
  for (const char* key : {"c", "d"}) trial.expect(!cache.exists(key), "false: the TTL of its batch is over");
  for (const char* key : {"a", "b"}) trial.expect(cache.exists(key), "true: the TTL of its batch is an hour");
}

inline void ttl_is_refused_where_there_is_none(Trial& trial) {
  trial.only_if(!trial.can().expiry, "expiry = true: TTLs are kept");
  const auto cache = trial.fresh();
  cache.set("k", "old");
  trial.expect_throws<NotSupportedError>([&] { cache.set("k", "new", std::chrono::hours(1)); },
                                         "a NotSupportedError: expiry = false");
  trial.expect(cache.get("k") == "old", "the value from before: a refused call changes nothing");
}

/// Time goes by the clock that the backend was given, whatever the time of day.
inline void clock_is_the_given_one(Trial& trial) {
  trial.only_if(trial.can().expiry, "expiry = false: there are no TTLs");
  trial.only_if(trial.virtual_time(), "the clock is the real one");
  const auto cache = trial.fresh();
  cache.set("k", "v", trial.can().ttl_granularity);
  std::this_thread::sleep_for(2 * std::min(trial.can().ttl_granularity, std::chrono::milliseconds(50)));
  trial.story().tell("// real time passes, and none on the clock");
  trial.expect(cache.get("k") == "v", "the value: on the clock that the backend was given no time has passed");
}

inline void add_expiry_checks(CheckList& checks) {
  using std::chrono::hours;
  using std::chrono::milliseconds;
  for (const Sight& sight : sights()) {
    checks.push_back(
        {std::string("expiry: ") + sight.operation + " sees an entry until its TTL is over, and not from then on",
         [sight](Trial& trial) { entry_is_seen_until_it_expires(trial, sight); }});
  }
  checks.push_back({"expiry: an entry does not expire early", entry_does_not_expire_early});
  checks.push_back({"expiry: without a TTL nothing expires", no_ttl_means_no_expiry});
  checks.push_back({"expiry: an expired key can be set again", expired_entry_can_be_set_again});
  checks.push_back({"expiry: a get does not prolong an entry's life", get_does_not_prolong});
  checks.push_back({"expiry: expired entries leave without being asked for", nothing_expired_is_left});
  checks.push_back({"expiry: a batch keeps its TTL", batch_keeps_its_ttl});
  checks.push_back({"expiry: time goes by the given clock", clock_is_the_given_one});
  checks.push_back({"expiry: a TTL is refused where there are none", ttl_is_refused_where_there_is_none});
  for (const auto& [name, ttl] :
       {std::pair("zero", milliseconds(0)), std::pair("minus one millisecond", milliseconds(-1)),
        std::pair("the least there is", milliseconds::min())}) {
    checks.push_back({std::string("TTL: ") + name + " stores nothing and removes what was there",
                      [ttl = ttl](Trial& trial) { ttl_that_is_not_positive_removes(trial, ttl); }});
  }
  for (const auto& [name, ttl] :
       {std::pair("1 ms", Ttl(milliseconds(1))), std::pair("1 ns", Ttl(std::chrono::nanoseconds(1))),
        std::pair("1.5 ms", Ttl(std::chrono::microseconds(1500)))}) {
    checks.push_back({std::string("TTL: ") + name + " is rounded up, neither to \"now\" nor to \"for ever\"",
                      [ttl = ttl](Trial& trial) { small_ttl_is_rounded_up(trial, ttl); }});
  }
  for (const auto& [name, ttl] : {std::pair("30 days and a second", milliseconds(hours(24 * 30)) + milliseconds(1000)),
                                  std::pair("2^31 milliseconds", milliseconds(1LL << 31)),
                                  std::pair("2^32 seconds", milliseconds((1LL << 32) * 1000)),
                                  std::pair("300 years", milliseconds(hours(24 * 365 * 300))),
                                  std::pair("the largest less one", milliseconds::max() - milliseconds(1)),
                                  std::pair("the largest there is", milliseconds::max())}) {
    checks.push_back({std::string("TTL: ") + name + " is kept or clamped, and never overflows",
                      [ttl = ttl](Trial& trial) { large_ttl_is_clamped(trial, ttl); }});
  }
}

}  // namespace larder::testing::detail
