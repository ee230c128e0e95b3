/// \file conditional_checks.hpp
/// The contract's rows about what depends on whether there is an entry: set_if_absent and touch.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <latch>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <larder/cache_error.hpp>
#include <larder/testing/detail/checks/limit_checks.hpp>
#include <larder/testing/detail/checks/listener_checks.hpp>
#include <larder/testing/detail/trial.hpp>

namespace larder::testing::detail {

inline void only_with_conditional_set(const Trial& trial) {
  trial.only_if(trial.can().conditional_set, "conditional_set = false");
}

inline void only_with_touch(const Trial& trial, bool with_ttl = true) {
  trial.only_if(trial.can().touch, "touch = false");
  trial.only_if(!with_ttl || trial.can().expiry, "expiry = false: there are no TTLs");
}

inline void set_if_absent_leaves_what_is_there(Trial& trial) {
  only_with_conditional_set(trial);
  const auto cache = trial.fresh();
  trial.expect(cache.set_if_absent("k", "first"), "true: there was nothing");
  trial.expect(cache.get("k") == "first", "the value that was stored");
  trial.expect(!cache.set_if_absent("k", "second"), "false: there is an entry");
  trial.expect(cache.get("k") == "first", "the value from before");
  cache.set("empty", "");
  trial.expect(!cache.set_if_absent("empty", "second"), "false: an empty value is one");
  cache.erase("k");
  trial.expect(cache.set_if_absent("k", "third") && cache.get("k") == "third", "the new value: the old one was erased");
}

inline void set_if_absent_replaces_expired(Trial& trial) {
  only_with_conditional_set(trial);
  trial.only_if(trial.can().expiry, "expiry = false: there are no TTLs");
  const auto ttl = trial.short_ttl();
  const auto cache = trial.fresh();
  cache.set("k", "old", ttl, {{"a", "b"}});
  trial.let_expire(ttl);
  trial.expect(cache.set_if_absent("k", "new"), "true: what was there has expired");
  trial.let_expire(ttl);
  trial.expect(cache.get("k") == "new", "the new value, which has no TTL");
  if (!trial.can().entries) return;
  const auto entry = cache.get_entry("k");
  trial.expect(entry && entry->metadata.empty() && !entry->expires_at, "an entry with nothing of the expired one");
}

inline void set_if_absent_applies_its_ttl(Trial& trial) {
  only_with_conditional_set(trial);
  trial.only_if(trial.can().expiry, "expiry = false: there are no TTLs");
  const auto ttl = trial.short_ttl();
  const auto cache = trial.fresh();
  cache.set("for ever", "v");
  cache.set("for an hour", "v", std::chrono::hours(1));
  cache.set_if_absent("for ever", "v", ttl);
  cache.set_if_absent("for an hour", "v", ttl);
  cache.set_if_absent("k", "v", ttl);
  if (trial.virtual_time()) trial.expect(cache.get("k") == "v", "the value: its TTL is not over");
  trial.let_expire(ttl);
  trial.expect(!cache.get("k"), "a miss: its TTL is over");
  for (const char* key : {"for ever", "for an hour"}) {
    trial.expect(cache.exists(key), "true: where nothing was stored, the expiry stays");
  }
}

inline void set_if_absent_keeps_its_metadata(Trial& trial) {
  only_with_conditional_set(trial);
  trial.only_if(trial.can().entries && trial.can().metadata, "metadata are not shown");
  const auto cache = trial.fresh();
  for (const char* value : {"first", "second"}) cache.set_if_absent("k", value, {}, {{"which", value}});
  const auto entry = cache.get_entry("k");
  trial.expect(entry && entry->metadata == Metadata{{"which", "first"}}, "the metadata of what was stored");
}

inline void set_if_absent_without_time_changes_nothing(Trial& trial) {
  only_with_conditional_set(trial);
  const auto cache = trial.fresh();
  cache.set("k", "old");
  for (const auto ttl : {std::chrono::milliseconds(0), std::chrono::milliseconds::min()}) {
    trial.expect(!cache.set_if_absent("new", "v", ttl), "false: with such a TTL nothing is stored");
    trial.expect(!cache.exists("new"), "false: nothing was stored");
    trial.expect(!cache.set_if_absent("k", "new", ttl), "false: with such a TTL nothing is stored");
    trial.expect(cache.get("k") == "old", "the value from before: nothing is removed either");
  }
}

inline void set_if_absent_declines_too_large(Trial& trial) {
  only_with_conditional_set(trial);
  const bool by_limit = trial.can().largest_value == BackendCapabilities::unlimited;
  trial.only_if(!by_limit || trial.can().size_limit, "there is no value that is too large");
  const std::size_t most = by_limit ? 64 * trial.size_of(std::string(1000, 'v')) : trial.can().largest_value;
  const std::string value(most + 1, 'v');
  trial.only_if(trial.size_of(value) > most, "no value of this type is too large");
  const auto cache = trial.fresh(by_limit ? BackendRequest<>{.max_size_bytes = most} : BackendRequest<>{});
  cache.set("k", "old");
  trial.expect(!cache.set_if_absent("k", value), "false: it is too large, and there is an entry");
  trial.expect(!cache.set_if_absent("new", value), "false: it is too large");
  trial.expect(cache.get("k") == "old", "the value from before: nothing changes");
  trial.expect(!cache.exists("new"), "false: nothing was stored");
  if (trial.can().request_counters) trial.expect(cache.stats().sets == 1, "sets=1: what was declined does not count");
}

inline void set_if_absent_has_one_winner(Trial& trial) {
  only_with_conditional_set(trial);
  trial.only_if(trial.can().concurrent_use, "concurrent_use = false: this is for one thread at a time");
  const auto cache = trial.fresh();
  const std::size_t threads = trial.options().threads;
  const std::size_t rounds = std::min<std::size_t>(trial.options().history_operations, 200);
  trial.story().tell("// " + std::to_string(threads) + " threads at once call set_if_absent for the same " +
                     std::to_string(rounds) + " keys, each with values of its own");
  std::vector<std::vector<std::size_t>> won(threads);  // the keys
  std::atomic<bool> threw{false};
  std::latch start(static_cast<std::ptrdiff_t>(threads));
  std::vector<std::thread> crowd;
  for (std::size_t i = 0; i < threads; ++i) {
    crowd.emplace_back([&, i] {
      start.arrive_and_wait();
      try {
        for (std::size_t key = 0; key < rounds; ++key) {
          if (cache.backend().set_if_absent(std::to_string(key), std::to_string(i))) won[i].push_back(key);
        }
      } catch (...) {
        threw = true;
      }
    });
  }
  for (std::thread& thread : crowd) thread.join();
  trial.expect(!threw, "that no call throws");
  std::vector<std::optional<std::size_t>> winner(rounds);
  for (std::size_t i = 0; i < threads; ++i) {
    for (const std::size_t key : won[i]) {
      trial.expect(!winner[key], "that of several threads at once, one succeeds");
      winner[key] = i;
    }
  }
  for (std::size_t key = 0; key < rounds; ++key) {
    trial.expect(winner[key] && cache.backend().get(std::to_string(key)) == std::to_string(*winner[key]),
                 "that one thread succeeds for each key, and that its value is there");
  }
}

inline void set_if_absent_counts_successes(Trial& trial) {
  only_with_conditional_set(trial);
  trial.only_if(trial.can().request_counters, "request_counters = false");
  const auto cache = trial.fresh();
  cache.set_if_absent("k", "v");
  cache.set_if_absent("k", "v");
  cache.set_if_absent("l", "v", std::chrono::milliseconds(0));
  const CacheStats stats = cache.stats();
  trial.expect(stats.sets == 1, "sets=1: one value was stored");
  trial.expect(stats.hits == 0 && stats.misses == 0 && stats.deletes == 0 && stats.evictions == 0,
               "hits=0 misses=0 deletes=0 evictions=0: it counts as a set and nothing else");
}

/// An entry with a short TTL is touched.
inline void touch_lets_live(Trial& trial, Ttl ttl) {
  only_with_touch(trial);
  using Clock = std::chrono::steady_clock;
  const auto before = trial.virtual_time() ? trial.short_ttl()
                                           : std::max(20 * trial.can().ttl_granularity, std::chrono::milliseconds(200));
  const auto cache = trial.fresh();
  const auto began = Clock::now();
  cache.set("k", "v", before);
  const bool touched = cache.touch("k", ttl);
  if (!trial.virtual_time() && Clock::now() - began >= before)
    trial.not_applicable("this machine was too slow to tell");
  trial.expect(touched, "true: there is an entry");
  trial.let_expire(before);
  trial.expect(cache.get("k") == "v", "the value: by its new TTL it is not over");
  if (!trial.can().entries) return;
  const auto entry = cache.get_entry("k");
  trial.expect(
      entry && (ttl ? !entry->expires_at || *entry->expires_at > CacheEntry<>::Clock::now() : !entry->expires_at),
      ttl ? "an entry that expires in the future" : "an entry that does not expire");
}

inline void touch_lets_expire(Trial& trial, Ttl before) {
  only_with_touch(trial);
  const auto ttl = trial.short_ttl();
  const auto cache = trial.fresh();
  cache.set("k", "v", before);
  trial.expect(cache.touch("k", ttl), "true: there is an entry");
  if (trial.virtual_time()) {
    trial.wait(ttl - std::chrono::nanoseconds(1));
    trial.expect(cache.exists("k"), "true: its new TTL is not over");
    trial.wait(trial.time_to_expire(ttl) - ttl + std::chrono::nanoseconds(1));
  } else {
    trial.let_expire(ttl);
  }
  trial.expect(!cache.get("k"), "a miss: its new TTL is over");
}

inline void touch_counts_from_now(Trial& trial) {
  only_with_touch(trial);
  trial.only_if(trial.virtual_time(), "the clock is the real one");
  const auto ttl = trial.short_ttl();
  const auto cache = trial.fresh();
  cache.set("k", "v", ttl);
  for (int times = 0; times < 3; ++times) {
    trial.wait(ttl / 2);
    trial.expect(cache.touch("k", ttl), "true: since it was touched last, half of the TTL has passed");
  }
  trial.let_expire(ttl);
  trial.expect(!cache.exists("k"), "false: since it was touched last, the TTL has passed");
}

inline void touch_keeps_the_rest(Trial& trial) {
  only_with_touch(trial, false);
  const auto cache = trial.fresh();
  std::vector<std::pair<Ttl, Ttl>> ttls{{{}, {}}};
  if (trial.can().expiry) {
    const Ttl hour = std::chrono::hours(1);
    ttls.insert(ttls.end(), {{{}, hour}, {hour, {}}, {hour, std::chrono::hours(2)}});
  }
  for (const std::string& value : {std::string("v"), std::string(), trial.text(3000, 'v')}) {
    for (const auto& [before, ttl] : ttls) {
      cache.set("k", value, before, {{"a", "b"}});
      const auto old = trial.can().entries ? cache.get_entry("k") : std::nullopt;
      std::this_thread::sleep_for(std::chrono::milliseconds(3));
      trial.story().tell("std::this_thread::sleep_for(3ms);");
      trial.expect(cache.touch("k", ttl), "true: there is an entry");
      trial.expect(cache.get("k") == value, "the value from before");
      if (!trial.can().entries) continue;
      const auto entry = cache.get_entry("k");
      trial.expect(entry && old && entry->metadata == old->metadata, "the metadata from before");
      trial.expect(entry->created_at == old->created_at, "created_at from before");
      trial.expect(entry->size_bytes == old->size_bytes, "size_bytes from before");
    }
  }
}

inline void touch_finds_no_entry(Trial& trial) {
  only_with_touch(trial, false);
  const auto cache = trial.fresh();
  trial.expect(!cache.touch("k", {}), "false: there is no entry");
  if (trial.can().expiry) {
    trial.expect(!cache.touch("k", std::chrono::hours(1)), "false: there is no entry");
    const auto ttl = trial.short_ttl();
    cache.set("expired", "v", ttl);
    trial.let_expire(ttl);
    trial.expect(!cache.touch("expired", std::chrono::hours(1)), "false: the entry has expired");
    trial.expect(!cache.get("expired"), "a miss: what has expired does not come back");
  }
  trial.expect(!cache.exists("k"), "false: touch makes no entries");
}

inline void touch_without_time_erases(Trial& trial) {
  const auto cache = trial.fresh();
  for (const auto ttl : {std::chrono::milliseconds(0), std::chrono::milliseconds::min()}) {
    cache.set("k", "v");
    trial.expect(cache.touch("k", ttl), "true: there was an entry");
    trial.expect(!cache.get("k"), "a miss: such a TTL is over at once");
    trial.expect(!cache.touch("k", ttl), "false: there is no entry");
  }
  if (trial.can().request_counters) trial.expect(cache.stats().deletes == 2, "deletes=2: it was an erase, twice");
}

inline void touch_counts_nothing(Trial& trial) {
  only_with_touch(trial, false);
  const auto cache = trial.fresh();
  cache.set("a", "1");
  const CacheStats before = cache.stats();
  cache.touch("a", {});
  cache.touch("nobody", {});
  if (trial.can().expiry) {
    for (int hours = 1; hours < 3; ++hours) cache.touch("a", std::chrono::hours(hours));
  }
  CacheStats after = cache.stats();
  if (!trial.can().exact_size_accounting) {
    after.current_entries = before.current_entries;
    after.current_size_bytes = before.current_size_bytes;
  }
  trial.expect(after == before, "the statistics from before: touch counts nothing, and no size changes");
}

inline void touch_promotes(Trial& trial) {
  only_with_touch(trial, false);
  const auto touch = [](const RecordedCache& cache, const std::string& key) { cache.touch(key, {}); };
  const auto get = [](const RecordedCache& cache, const std::string& key) { cache.get(key); };
  promotes_as(trial, touch, get, "the same victims after touch as after get: both are a use");
}

inline void touch_is_told_to_nobody(Trial& trial) {
  only_with_touch(trial);
  only_with_a_listener(trial);
  const ListenerLog log;
  const auto cache = trial.fresh({.on_removal = log});
  cache.set("k", "v");
  for (const Ttl ttl : {Ttl(std::chrono::hours(1)), Ttl(std::chrono::hours(2)), Ttl()}) cache.touch("k", ttl);
  expect_heard(trial, log, "");
  cache.erase("k");
  expect_heard(trial, log, "k=v erased");
}

/// What is not offered is refused, and what needs a TTL where there are none.
inline void undeclared_calls_are_refused(Trial& trial) {
  trial.only_if(!trial.can().conditional_set || !trial.can().touch || !trial.can().expiry, "all of it is offered");
  const auto cache = trial.fresh();
  cache.set("k", "old");
  const auto expect_refused = [&trial](bool offered, const auto& call) {
    if (offered && trial.can().expiry) return;
    trial.expect_throws<NotSupportedError>([&] { call(offered ? Ttl(std::chrono::hours(1)) : Ttl()); },
                                           "a NotSupportedError: by the capabilities it is not offered");
  };
  expect_refused(trial.can().conditional_set, [&cache](Ttl ttl) { cache.set_if_absent("new", "v", ttl); });
  expect_refused(trial.can().touch, [&cache](Ttl ttl) { cache.touch("k", ttl); });
  trial.expect(!cache.exists("new") && cache.get("k") == "old", "all as before: a refused call changes nothing");
}

inline void add_conditional_checks(CheckList& checks) {
  const std::string name = "set_if_absent: ";
  checks.push_back(
      {name + "it stores where there is nothing, and leaves what is there", set_if_absent_leaves_what_is_there});
  checks.push_back({name + "it takes the place of what has expired", set_if_absent_replaces_expired});
  checks.push_back({name + "its TTL is that of what it stores", set_if_absent_applies_its_ttl});
  checks.push_back({name + "its metadata are those of what it stores", set_if_absent_keeps_its_metadata});
  checks.push_back({name + "a TTL that is not positive changes nothing", set_if_absent_without_time_changes_nothing});
  checks.push_back({name + "a value that is too large changes nothing", set_if_absent_declines_too_large});
  checks.push_back({name + "of several threads at once, one succeeds", set_if_absent_has_one_winner});
  checks.push_back({name + "it counts a set where it stores, and nothing else", set_if_absent_counts_successes});
  checks.push_back({name + "it promotes nothing", [](Trial& trial) {
                      const auto look = [](const RecordedCache& cache, const std::string& key) {
                        if (cache.backend().exists(key)) cache.set_if_absent(key, "other");
                      };
                      peeks_do_not_promote(trial, "set_if_absent", trial.can().conditional_set, look);
                    }});
  checks.push_back({"touch: a longer TTL takes the place of the old one",
                    [](Trial& trial) { touch_lets_live(trial, std::chrono::hours(1)); }});
  checks.push_back({"touch: the largest TTL there is does not overflow",
                    [](Trial& trial) { touch_lets_live(trial, std::chrono::milliseconds::max()); }});
  checks.push_back({"touch: without a TTL nothing expires any more", [](Trial& trial) { touch_lets_live(trial, {}); }});
  checks.push_back({"touch: a shorter TTL takes the place of the old one",
                    [](Trial& trial) { touch_lets_expire(trial, std::chrono::hours(1)); }});
  checks.push_back({"touch: what had no TTL gets one", [](Trial& trial) { touch_lets_expire(trial, {}); }});
  checks.push_back({"touch: the TTL counts from now", touch_counts_from_now});
  checks.push_back({"touch: value, metadata and created_at stay", touch_keeps_the_rest});
  checks.push_back({"touch: it finds neither what is not there nor what has expired", touch_finds_no_entry});
  checks.push_back({"touch: a TTL that is not positive erases", touch_without_time_erases});
  checks.push_back({"touch: it counts nothing", touch_counts_nothing});
  checks.push_back({"touch: it promotes as a hit does", touch_promotes});
  checks.push_back({"touch: no listener hears of it", touch_is_told_to_nobody});
  checks.push_back({"set_if_absent, touch: what is not offered is refused", undeclared_calls_are_refused});
}

}  // namespace larder::testing::detail
