/// \file overwriting_checks.hpp
/// The contract's row about overwriting: a set replaces value, metadata, creation time and expiry, and charges the
/// difference.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <thread>

#include <larder/testing/detail/trial.hpp>

namespace larder::testing::detail {

/// How the second set of a key is made: both must behave alike.
struct Overwrite {
  const char* operation;
  void (*set)(const RecordedCache& cache, const std::string& value, Ttl ttl);
};

inline constexpr Overwrite overwrites[] = {
    {"set", [](const RecordedCache& cache, const std::string& value, Ttl ttl) { cache.set("k", value, ttl); }},
    {"set_many",
     [](const RecordedCache& cache, const std::string& value, Ttl ttl) {
       cache.set_many({{"k", value}}, ttl);
     }},
};

inline void old_ttl_is_cleared(Trial& trial, const Overwrite& overwrite) {
  trial.only_if(trial.can().expiry, "expiry = false: there are no TTLs");
  const auto ttl = trial.short_ttl();
  const auto cache = trial.fresh();
  cache.set("k", "old", ttl);
  overwrite.set(cache, "new", {});
  trial.let_expire(ttl);
  trial.expect(cache.get("k") == "new", "the new value: its set had no TTL, and the old one's TTL is no longer valid");
  if (!trial.can().entries) return;
  const auto entry = cache.get_entry("k");
  trial.expect(entry && !entry->expires_at, "an entry that does not expire");
}

inline void new_ttl_replaces_the_old(Trial& trial, const Overwrite& overwrite) {
  trial.only_if(trial.can().expiry, "expiry = false: there are no TTLs");
  const auto ttl = trial.short_ttl();
  {
    const auto cache = trial.fresh();
    cache.set("k", "old", ttl);
    overwrite.set(cache, "new", std::chrono::hours(1));
    trial.let_expire(ttl);
    trial.expect(cache.get("k") == "new", "the new value: its TTL is an hour");
  }
  const auto cache = trial.fresh();
  cache.set("k", "old", std::chrono::hours(1));
  overwrite.set(cache, "new", ttl);
  trial.let_expire(ttl);
  trial.expect(!cache.get("k"), "a miss: the new TTL is over, however long the old one was");
}

inline void metadata_are_replaced(Trial& trial, const Overwrite& overwrite) {
  trial.only_if(trial.can().entries && trial.can().metadata, "metadata are not shown");
  const auto cache = trial.fresh();
  cache.set("k", "old", {}, {{"a", "old"}, {"b", "old"}});
  cache.set("k", "new", {}, {{"a", "new"}});
  const auto entry = cache.get_entry("k");
  trial.expect(entry && entry->metadata == Metadata{{"a", "new"}}, "the new metadata alone");
  overwrite.set(cache, "newest", {});
  const auto plain = cache.get_entry("k");
  trial.expect(plain && plain->metadata.empty(), "no metadata: the last set had none");
}

inline void creation_time_is_renewed(Trial& trial, const Overwrite& overwrite) {
  trial.only_if(trial.can().entries, "entries = false: get_entry is not offered");
  const auto cache = trial.fresh();
  if (!trial.can().creation_times) {
    cache.set("k", "old", {}, {{"a", "b"}});
    overwrite.set(cache, "new", {});
    const auto entry = cache.get_entry("k");
    trial.expect(entry && entry->created_at == CacheEntry<>::Clock::time_point(),
                 "created_at is the epoch, as for every entry without metadata: creation_times = false");
    return;
  }
  cache.set("k", "old");
  const auto first = cache.get_entry("k");
  std::this_thread::sleep_for(std::chrono::milliseconds(3));
  trial.story().tell("std::this_thread::sleep_for(3ms);");
  overwrite.set(cache, "new", {});
  const auto second = cache.get_entry("k");
  trial.expect(first && second && second->created_at > first->created_at,
               "created_at is later than that of the old entry");
}

inline void difference_is_charged(Trial& trial, const Overwrite& overwrite) {
  trial.only_if(trial.can().exact_size_accounting, "exact_size_accounting = false");
  const auto cache = trial.fresh();
  cache.set("other", "12345");
  for (const std::string& value :
       {trial.text(100, 'a'), trial.text(1000, 'b'), std::string("c"), trial.text(3000, 'd')}) {
    overwrite.set(cache, value, {});
    const CacheStats stats = cache.stats();
    trial.expect(stats.current_entries == 2u, "current_entries=2: an overwritten key is one entry");
    const std::size_t bytes = trial.size_of("12345") + trial.size_of(value);
    trial.expect(stats.current_size_bytes == bytes,
                 "current_size_bytes=" + std::to_string(bytes) + ": the old value counts no more");
  }
}

inline void overwriting_counts_as_a_set(Trial& trial, const Overwrite& overwrite) {
  trial.only_if(trial.can().request_counters, "request_counters = false");
  const auto cache = trial.fresh();
  cache.set("k", "old");
  overwrite.set(cache, "new", {});
  const CacheStats stats = cache.stats();
  trial.expect(stats.sets == 2, "sets=2");
  trial.expect(stats.deletes == 0 && stats.evictions == 0, "deletes=0 evictions=0: an overwritten value is neither");
}

inline void add_overwriting_checks(CheckList& checks) {
  using Check = void (*)(Trial&, const Overwrite&);
  for (const auto& [name, check] : {
           std::pair<const char*, Check>("clears the old TTL if it has none", old_ttl_is_cleared),
           {"replaces the old TTL", new_ttl_replaces_the_old},
           {"replaces the metadata", metadata_are_replaced},
           {"renews created_at", creation_time_is_renewed},
           {"charges the difference in size", difference_is_charged},
           {"counts as a set and nothing else", overwriting_counts_as_a_set},
       }) {
    for (const Overwrite& overwrite : overwrites) {
      checks.push_back({std::string("overwriting: ") + overwrite.operation + " " + name,
                        [check = check, overwrite](Trial& trial) { check(trial, overwrite); }});
    }
  }
}

}  // namespace larder::testing::detail
