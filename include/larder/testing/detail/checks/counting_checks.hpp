/// \file counting_checks.hpp
/// The contract's rows about statistics: what counts as what, and what a gauge shows.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <larder/cache_error.hpp>
#include <larder/testing/detail/trial.hpp>

namespace larder::testing::detail {

inline void only_with_request_counters(const Trial& trial) {
  trial.only_if(trial.can().request_counters, "request_counters = false");
}

inline void expect_requests(const Trial& trial, const RecordedCache& cache, std::uint64_t hits, std::uint64_t misses,
                            std::string_view why) {
  const CacheStats stats = cache.stats();
  trial.expect(stats.hits == hits && stats.misses == misses,
               "hits=" + std::to_string(hits) + " misses=" + std::to_string(misses) + ": " + std::string(why));
}

inline void hits_and_misses_are_keys_asked(Trial& trial) {
  only_with_request_counters(trial);
  const auto cache = trial.fresh();
  cache.set("a", "1");
  cache.get("a");
  cache.get("b");
  expect_requests(trial, cache, 1, 1, "one key of each was asked of get");
  cache.get_many({"a", "b", "c"});
  expect_requests(trial, cache, 2, 3, "get_many counts each of its keys");
  cache.get_many({"a", "a", "b", "b"});
  expect_requests(trial, cache, 4, 5, "get_many counts a key as often as it is asked for");
}

inline void peeks_count_nothing(Trial& trial, const char* peek, bool (*offered)(const BackendCapabilities&),
                                void (*look)(const RecordedCache&)) {
  only_with_request_counters(trial);
  trial.only_if(offered(trial.can()), "by the capabilities it is not offered");
  const auto cache = trial.fresh();
  cache.set("a", "1");
  look(cache);
  expect_requests(trial, cache, 0, 0, std::string(peek) + " counts neither hits nor misses");
}

inline void expired_entry_is_a_miss(Trial& trial) {
  only_with_request_counters(trial);
  trial.only_if(trial.can().expiry, "expiry = false: there are no TTLs");
  const auto ttl = trial.short_ttl();
  const auto cache = trial.fresh();
  cache.set("k", "v", ttl);
  trial.let_expire(ttl);
  cache.get("k");
  cache.get_many({"k"});
  expect_requests(trial, cache, 0, 2, "an expired entry is a miss");
  trial.expect(!cache.erase("k") && cache.stats().deletes == 0, "deletes=0: an expired entry cannot be erased");
}

inline void sets_and_deletes_are_successes(Trial& trial) {
  only_with_request_counters(trial);
  const auto cache = trial.fresh();
  cache.set("a", "1");
  cache.set("a", "2");
  cache.set_many({{"b", "1"}, {"c", "2"}});
  trial.expect(cache.stats().sets == 4, "sets=4: every value that was stored");
  cache.set("d", "1", std::chrono::milliseconds(0));
  cache.set_many({{"d", "1"}, {"e", "2"}}, std::chrono::milliseconds(-1));
  trial.expect(cache.stats().sets == 4, "sets=4: a set that stores nothing counts nothing");
  trial.expect(cache.stats().deletes == 0, "deletes=0: nothing was there to be removed");
  cache.erase("a");
  cache.erase("a");
  trial.expect(cache.stats().deletes == 1, "deletes=1: the second erase found nothing");
  cache.erase_many({"b", "nobody"});
  trial.expect(cache.stats().deletes == 2, "deletes=2: erase_many counts what was there");
  cache.set("c", "1", std::chrono::milliseconds(0));
  trial.expect(cache.stats().deletes == 3, "deletes=3: a TTL that is not positive removed an entry");
}

inline void removals_are_counted(Trial& trial) {
  trial.only_if(trial.can().removal_counters, "removal_counters = false");
  const auto cache = trial.fresh();
  cache.set_many({{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}});
  cache.erase("a");
  cache.set("b", "overwritten");
  cache.erase_many({"c"});
  cache.clear();
  CacheStats stats = cache.stats();
  trial.expect(stats.evictions == 0 && stats.expirations == 0,
               "evictions=0 expirations=0: erase, overwriting and clear are neither");
  if (!trial.can().expiry) return;
  const auto ttl = trial.short_ttl();
  cache.set_many({{"e", "1"}, {"f", "2"}}, ttl);
  trial.let_expire(ttl);
  stats = cache.stats();
  trial.expect(stats.expirations == 2, "expirations=2: two TTLs are over, whether or not the keys were asked for");
  trial.expect(stats.evictions == 2, "evictions=2: what leaves by its TTL counts as evicted, too");
}

inline void sizes_are_those_of_live_values(Trial& trial) {
  trial.only_if(trial.can().exact_size_accounting, "exact_size_accounting = false");
  const auto cache = trial.fresh();
  const auto expect = [&](std::size_t entries, std::size_t bytes, std::string_view why) {
    const CacheStats stats = cache.stats();
    trial.expect(stats.current_entries == entries && stats.current_size_bytes == bytes,
                 "current_entries=" + std::to_string(entries) + " current_size_bytes=" + std::to_string(bytes) + ": " +
                     std::string(why));
  };
  const std::size_t one = trial.size_of("1");
  const std::size_t ten = trial.size_of("1234567890");
  expect(0, 0, "nothing was set");
  cache.set("a long key that counts nothing", "1", {}, {{"metadata", "count nothing"}});
  expect(1, one, "the bytes of the value, and nothing else");
  cache.set_many({{"b", "1234567890"}, {"c", ""}});
  expect(3, one + ten + trial.size_of(""), "the sum of the values' bytes");
  cache.erase("b");
  expect(2, one + trial.size_of(""), "an erased entry counts no more");
  cache.erase_many({"c", "nobody"});
  expect(1, one, "an erased entry counts no more");
  if (trial.can().expiry) {
    const auto ttl = trial.short_ttl();
    cache.set("d", "1234567890", ttl);
    trial.let_expire(ttl);
    expect(1, one, "an expired entry counts no more");
  }
  cache.clear();
  expect(0, 0, "the cache was cleared");
}

inline void unknown_gauges_are_empty(Trial& trial) {
  trial.only_if(!trial.can().exact_size_accounting, "exact_size_accounting = true: the gauges are known");
  const auto cache = trial.fresh();
  cache.set_many({{"a", "1"}, {"b", "2"}});
  const CacheStats stats = cache.stats();
  trial.expect(stats.current_entries != 0u,
               "current_entries is not 0, since there are entries: an unknown gauge is empty");
  trial.expect(stats.current_size_bytes != 0u,
               "current_size_bytes is not 0, since there are values: an unknown gauge is empty");
}

inline void undeclared_counters_are_zero(Trial& trial) {
  trial.only_if(!trial.can().request_counters || !trial.can().removal_counters, "everything is counted");
  const auto cache = trial.fresh();
  cache.set("a", "1");
  cache.get("a");
  cache.get("b");
  cache.erase("a");
  const CacheStats stats = cache.stats();
  if (!trial.can().request_counters) {
    trial.expect(stats.hits == 0 && stats.misses == 0 && stats.sets == 0 && stats.deletes == 0,
                 "hits=0 misses=0 sets=0 deletes=0: request_counters = false");
  }
  if (!trial.can().removal_counters) {
    trial.expect(stats.evictions == 0 && stats.expirations == 0, "evictions=0 expirations=0: removal_counters = false");
  }
}

inline void reset_zeroes_the_counters(Trial& trial) {
  const auto cache = trial.fresh();
  cache.set("a", "1");
  cache.get("a");
  cache.get("b");
  cache.set("c", "1");
  cache.erase("c");
  if (!trial.can().resettable_stats) {
    trial.expect_throws<NotSupportedError>([&] { cache.reset_stats(); },
                                           "a NotSupportedError: resettable_stats = false");
    return;
  }
  const CacheStats before = cache.stats();
  cache.reset_stats();
  CacheStats zeroed = before;
  zeroed.reset();
  trial.expect(cache.stats() == zeroed, "every counter is 0, and the gauges are as before");
  trial.expect(cache.get("a") == "1", "the value: reset_stats keeps the entries");
  if (trial.can().request_counters) expect_requests(trial, cache, 1, 0, "the counters go on from 0");
}

inline void nothing_goes_wrong_unasked(Trial& trial) {
  const auto cache = trial.fresh();
  cache.set("a", "1");
  cache.get("a");
  cache.get("nobody");
  cache.erase("nobody");
  cache.set("b", "1", std::chrono::milliseconds(0));
  const CacheStats stats = cache.stats();
  trial.expect(stats.errors == 0, "errors=0: neither a miss nor a declined set is an error");
  trial.expect(stats.undecodable == 0, "undecodable=0: every value could be read");
}

inline void add_counting_checks(CheckList& checks) {
  checks.push_back(
      {"counting: hits and misses are the keys asked of get and get_many", hits_and_misses_are_keys_asked});
  const auto always = [](const BackendCapabilities&) { return true; };
  struct Peek {
    const char* name;
    bool (*offered)(const BackendCapabilities&);
    void (*look)(const RecordedCache&);
  };
  const auto exists = [](const RecordedCache& cache) {
    cache.exists("a");
    cache.exists("b");
  };
  const auto get_entry = [](const RecordedCache& cache) {
    cache.get_entry("a");
    cache.get_entry("b");
  };
  const auto keys = [](const RecordedCache& cache) { cache.keys(); };
  const auto set = [](const RecordedCache& cache) {
    cache.set("a", "2");
    cache.set_many({{"a", "3"}, {"b", "1"}});
  };
  const auto erase = [](const RecordedCache& cache) {
    cache.erase("a");
    cache.erase_many({"a", "b"});
  };
  const auto shows_entries = [](const BackendCapabilities& can) { return can.entries; };
  const auto lists_keys = [](const BackendCapabilities& can) { return can.enumerable_keys; };
  for (const Peek& peek : {Peek{"exists", always, exists}, Peek{"get_entry", shows_entries, get_entry},
                           Peek{"keys", lists_keys, keys}, Peek{"set", always, set}, Peek{"erase", always, erase}}) {
    checks.push_back({std::string("counting: ") + peek.name + " counts neither hits nor misses",
                      [peek](Trial& trial) { peeks_count_nothing(trial, peek.name, peek.offered, peek.look); }});
  }
  checks.push_back({"counting: an expired entry is a miss", expired_entry_is_a_miss});
  checks.push_back({"counting: sets and deletes are successes", sets_and_deletes_are_successes});
  checks.push_back(
      {"counting: evictions are removals by limit or TTL, expirations those by TTL", removals_are_counted});
  checks.push_back(
      {"counting: the gauges are the live entries and the bytes of their values", sizes_are_those_of_live_values});
  checks.push_back({"counting: an unknown gauge is empty", unknown_gauges_are_empty});
  checks.push_back({"counting: what is not counted stays 0", undeclared_counters_are_zero});
  checks.push_back({"counting: reset_stats zeroes the counters and keeps the entries", reset_zeroes_the_counters});
  checks.push_back({"counting: what is no error is not counted as one", nothing_goes_wrong_unasked});
}

}  // namespace larder::testing::detail
