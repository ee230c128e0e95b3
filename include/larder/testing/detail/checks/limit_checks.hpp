/// \file limit_checks.hpp
/// The contract's rows about a limit in bytes: it holds after every operation, expired entries go first, and what is
/// too large is declined.
///
/// They know neither the policy that chooses the victims nor what an entry weighs besides its value: so they look at
/// what is left, and give the cache so many entries that it must evict whatever they weigh.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include <larder/testing/detail/random.hpp>
#include <larder/testing/detail/trial.hpp>

namespace larder::testing::detail {

inline void only_with_a_limit(const Trial& trial) {
  trial.only_if(trial.can().size_limit, "size_limit = false: this backend has no limit of its own");
}

/// A limited cache, values for it, and keys as they come.
struct LimitedCache {
  static constexpr std::size_t capacity = 64;  // about so many entries fit
  std::size_t value_bytes;
  std::size_t limit;
  RecordedCache cache;

  explicit LimitedCache(Trial& trial)
      : value_bytes(trial.size_of(trial.text(1000, 'v'))),
        limit(capacity * value_bytes),
        cache(trial.fresh({.max_size_bytes = limit})) {}

  static std::string key(std::size_t number) { return "key " + std::to_string(number); }

  /// Sets the keys from `first` to `last` - 1.
  void fill(std::size_t first, std::size_t last, Ttl ttl = {}, std::size_t size = 1000) const {
    for (std::size_t i = first; i < last; ++i) cache.set(key(i), std::string(size, 'v'), ttl);
  }

  /// Result: which of the keys from `first` to `last` - 1 are there. Tells nothing.
  std::vector<std::size_t> present(std::size_t first, std::size_t last) const {
    std::vector<std::size_t> numbers;
    for (std::size_t i = first; i < last; ++i) {
      if (cache.backend().exists(key(i))) numbers.push_back(i);
    }
    return numbers;
  }
};

inline void limit_always_holds(Trial& trial) {
  only_with_a_limit(trial);
  const LimitedCache limited(trial);
  Random random(trial.options().seed);
  const auto check = [&] {
    const CacheStats stats = limited.cache.stats();
    if (!stats.current_size_bytes) trial.not_applicable("stats() does not know current_size_bytes");
    trial.expect(*stats.current_size_bytes <= limited.limit,
                 "current_size_bytes <= " + std::to_string(limited.limit) + " after every operation");
  };
  for (std::size_t i = 0; i < 3 * LimitedCache::capacity; ++i) {
    const std::string key = LimitedCache::key(random.below(2 * LimitedCache::capacity));
    limited.cache.set(key, trial.text(1 + random.below(5000), 'v'));
    check();
  }
  std::vector<std::pair<std::string, std::string>> items;
  for (std::size_t i = 0; i < 2 * LimitedCache::capacity; ++i) {
    items.emplace_back(LimitedCache::key(i), trial.text(1000, 'w'));
  }
  limited.cache.set_many(items);
  check();
}

inline void fresh_entries_displace_old_ones(Trial& trial) {
  only_with_a_limit(trial);
  const LimitedCache limited(trial);
  for (std::size_t i = 0; i < 3 * LimitedCache::capacity; ++i) {
    const std::string key = LimitedCache::key(i);
    trial.expect(limited.cache.set(key, trial.text(1000, 'v')), "true: a full cache makes room");
    trial.expect(limited.cache.exists(key), "true: what has just been set is there");
  }
  const CacheStats stats = limited.cache.stats();
  const std::size_t left = limited.present(0, 3 * LimitedCache::capacity).size();
  if (stats.current_entries && trial.can().exact_size_accounting) {
    trial.expect(*stats.current_entries == left, "current_entries=" + std::to_string(left) + ", as many as are found");
  }
  if (!trial.can().removal_counters) return;
  const std::size_t evicted = 3 * LimitedCache::capacity - left;
  trial.expect(stats.evictions == evicted, "evictions=" + std::to_string(evicted) + ", as many as are no longer there");
  trial.expect(stats.expirations == 0, "expirations=0: there were no TTLs");
}

inline void written_key_is_not_evicted(Trial& trial) {
  only_with_a_limit(trial);
  const LimitedCache limited(trial);
  limited.fill(0, LimitedCache::capacity);
  for (std::size_t i = 0; i < LimitedCache::capacity; ++i) {
    // Overwritten by something larger, so that there must be room, and the key itself may look like the best victim.
    const std::string key = LimitedCache::key(i);
    trial.expect(limited.cache.set(key, trial.text(2000, 'w')), "true: it fits");
    trial.expect(limited.cache.get(key) == trial.text(2000, 'w'),
                 "the new value: the key being written is never evicted");
  }
}

inline void overwriting_needs_no_room(Trial& trial) {
  only_with_a_limit(trial);
  const LimitedCache limited(trial);
  limited.fill(0, LimitedCache::capacity);
  const auto before = limited.present(0, LimitedCache::capacity);
  trial.expect(!before.empty(), "some entries fit");
  for (const std::size_t i : before) {
    limited.cache.set(LimitedCache::key(i), trial.text(1000, 'w'));
    trial.expect(limited.present(0, LimitedCache::capacity) == before,
                 "every key is still there: a value replaced by one of the same size needs no room");
  }
}

inline void limit_is_exact(Trial& trial) {
  only_with_a_limit(trial);
  trial.only_if(trial.can().exact_size_limit, "exact_size_limit = false");
  const std::size_t size = trial.size_of(trial.text(100, 'v'));
  const std::size_t limit = 3 * size;
  const auto cache = trial.fresh({.max_size_bytes = limit});
  for (const char* key : {"a", "b", "c"}) cache.set(key, trial.text(100, 'v'));
  for (const char* key : {"a", "b", "c"}) trial.expect(cache.exists(key), "true: the three fit exactly");
  const auto whole = trial.fresh({.max_size_bytes = limit});
  const std::string value(limit, 'v');
  trial.only_if(trial.size_of(value) == limit, "no value of this type has just the size of the cache");
  trial.expect(whole.set("k", value), "true: the value fits exactly");
  trial.expect(whole.get("k") == value, "the value that was set");
}

inline void too_large_for_the_cache_is_declined(Trial& trial) {
  only_with_a_limit(trial);
  const LimitedCache limited(trial);
  const std::string value(limited.limit + 1, 'v');
  trial.only_if(trial.size_of(value) > limited.limit, "no value of this type is larger than the cache");
  limited.fill(0, LimitedCache::capacity);
  limited.cache.set(LimitedCache::key(0), "old");
  const auto before = limited.present(1, LimitedCache::capacity);
  const std::uint64_t evictions = limited.cache.stats().evictions;
  trial.expect(!limited.cache.set(LimitedCache::key(0), value), "false: it is larger than the whole cache");
  trial.expect(!limited.cache.get(LimitedCache::key(0)), "a miss: no older value survives one that was declined");
  trial.expect(!limited.cache.set("new", value), "false: it is larger than the whole cache");
  trial.expect(limited.present(1, LimitedCache::capacity) == before, "everybody else is still there");
  trial.expect(limited.cache.stats().evictions <= evictions + 2, "no evictions but, at most, that of the old value");
}

inline void batch_goes_on_behind_a_declined_value(Trial& trial) {
  only_with_a_limit(trial);
  const LimitedCache limited(trial);
  const std::string value(limited.limit + 1, 'v');
  trial.only_if(trial.size_of(value) > limited.limit, "no value of this type is larger than the cache");
  limited.cache.set("b", "old");
  trial.expect(limited.cache.set_many({{"a", "1"}, {"b", value}, {"c", "3"}}) == 2, "2: one of the three was declined");
  trial.expect(limited.cache.get("a") == "1", "the value before the one that was declined");
  trial.expect(!limited.cache.get("b"), "a miss: no older value survives one that was declined");
  trial.expect(limited.cache.get("c") == "3", "the value behind the one that was declined");
  limited.cache.set("d", value);
  if (trial.can().request_counters) {
    trial.expect(limited.cache.stats().sets == 3, "sets=3: what was declined does not count");
  }
}

inline void expired_go_before_live(Trial& trial) {
  only_with_a_limit(trial);
  trial.only_if(trial.can().expiry, "expiry = false: there are no TTLs");
  constexpr std::size_t half = LimitedCache::capacity / 2;
  const auto ttl = trial.short_ttl();
  const LimitedCache limited(trial);
  limited.fill(0, half);  // the oldest, and live
  limited.fill(half, 2 * half, ttl);
  trial.let_expire(ttl);
  const auto live = limited.present(0, half);
  limited.fill(1000, 1000 + half / 4);
  trial.expect(limited.present(0, half) == live, "every live entry is still there: expired ones make room first");
}

/// A call on an entry that is there.
using LookAt = void (*)(const RecordedCache& cache, const std::string& key);

/// Result: which entries are left when others have come, if the first ones were looked at before, each several times.
inline std::vector<std::size_t> survivors(Trial& trial, LookAt look) {
  const LimitedCache limited(trial);
  limited.fill(0, LimitedCache::capacity / 2);
  limited.fill(100, 100 + LimitedCache::capacity / 4);
  for (const std::size_t i : limited.present(0, LimitedCache::capacity / 4)) {
    for (int times = 0; times < 3; ++times) look(limited.cache, LimitedCache::key(i));
  }
  limited.fill(1000, 1000 + LimitedCache::capacity / 2);
  auto left = limited.present(0, LimitedCache::capacity / 2);
  left.push_back(limited.present(100, 200).size());
  return left;
}

/// Expects the same victims after one kind of look as after the other.
inline void promotes_as(Trial& trial, LookAt look, LookAt other, std::string_view what) {
  only_with_a_limit(trial);
  const auto expected = survivors(trial, other);
  if (survivors(trial, other) != expected) trial.not_applicable("what is evicted differs from run to run");
  trial.expect(survivors(trial, look) == expected, what);
}

inline void look_away(const RecordedCache&, const std::string&) {}

inline void peeks_do_not_promote(Trial& trial, const char* peek, bool offered, LookAt look) {
  trial.only_if(offered, "by the capabilities it is not offered");
  promotes_as(trial, look, look_away,
              std::string("the same victims with and without the calls of ") + peek + ", which promotes nothing");
}

inline void add_limit_checks(CheckList& checks) {
  checks.push_back({"limit: it holds after every operation", limit_always_holds});
  checks.push_back(
      {"limit: fresh entries displace old ones, and each eviction is counted", fresh_entries_displace_old_ones});
  checks.push_back({"limit: the key being written is never evicted", written_key_is_not_evicted});
  checks.push_back({"limit: overwriting charges the difference before evicting", overwriting_needs_no_room});
  checks.push_back({"limit: what fits exactly is kept", limit_is_exact});
  checks.push_back({"limit: a value larger than the cache is declined, and evicts nobody else",
                    too_large_for_the_cache_is_declined});
  checks.push_back({"limit: a batch goes on behind a declined value, and counts what it stored",
                    batch_goes_on_behind_a_declined_value});
  checks.push_back({"limit: expired entries go before live ones", expired_go_before_live});
  checks.push_back({"limit: exists promotes nothing", [](Trial& trial) {
                      const auto look = [](const RecordedCache& cache, const std::string& key) { cache.exists(key); };
                      peeks_do_not_promote(trial, "exists", true, look);
                    }});
  checks.push_back({"limit: get_entry promotes nothing", [](Trial& trial) {
                      const auto look = [](const RecordedCache& cache, const std::string& key) {
                        cache.get_entry(key);
                      };
                      peeks_do_not_promote(trial, "get_entry", trial.can().entries, look);
                    }});
}

}  // namespace larder::testing::detail
