/// \file clear_checks.hpp
/// The contract's row about `clear`: everything that this backend object owns, and nothing else.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include <larder/testing/detail/trial.hpp>

namespace larder::testing::detail {

inline std::size_t expected_count(const Trial& trial, std::size_t entries) {
  return trial.can().clear_count ? entries : 0;
}

inline void clear_removes_everything(Trial& trial) {
  const auto cache = trial.fresh();
  trial.expect(cache.clear() == 0, "0: nothing was there");
  cache.set_many({{"a", "1"}, {"b", "2"}});
  cache.set("c", "");
  const std::size_t three = expected_count(trial, 3);
  trial.expect(cache.clear() == three,
               std::to_string(three) + (three == 0 ? ": clear_count = false" : ": so many entries went"));
  for (const char* key : {"a", "b", "c"}) trial.expect(!cache.get(key), "a miss: the cache was cleared");
  if (trial.can().enumerable_keys) trial.expect(cache.keys().empty(), "no keys: the cache was cleared");
  trial.expect(cache.clear() == 0, "0: nothing was left");
  trial.expect(cache.set("a", "new") && cache.get("a") == "new", "the new value: a cleared cache goes on");
}

inline void clear_counts_live_entries(Trial& trial) {
  trial.only_if(trial.can().clear_count, "clear_count = false");
  trial.only_if(trial.can().expiry, "expiry = false: there are no TTLs");
  const auto ttl = trial.short_ttl();
  const auto cache = trial.fresh();
  cache.set("a", "1");
  cache.set_many({{"b", "2"}, {"c", "3"}}, ttl);
  trial.let_expire(ttl);
  trial.expect(cache.clear() == 1, "1: two of the three had expired");
}

inline void clear_counts_as_nothing(Trial& trial) {
  const auto cache = trial.fresh();
  cache.set_many({{"a", "1"}, {"b", "2"}});
  cache.get("a");
  cache.erase("b");
  CacheStats before = cache.stats();
  cache.clear();
  CacheStats after = cache.stats();
  // The gauges are another check's.
  before.current_entries = before.current_size_bytes = after.current_entries = after.current_size_bytes = std::nullopt;
  trial.expect(after == before, "the same counters as before: clear counts as nothing, and forgets nothing");
}

/// Two backends that may live in one store: neither sees what the other one has.
inline void backends_keep_apart(Trial& trial) {
  const auto cache = trial.fresh();
  const auto other = trial.another();
  cache.set("k", "mine");
  trial.expect(!other.get("k"), "a miss: what one backend stores is not the other's");
  other.set("k", "theirs");
  other.set("l", "theirs");
  trial.expect(cache.get("k") == "mine", "the backend's own value");
  if (trial.can().enumerable_keys) trial.expect(cache.keys() == std::vector<std::string>{"k"}, "its own key alone");
  trial.expect(!cache.erase("l"), "false: it is the other backend's");
  trial.expect(other.get("k") == "theirs" && other.get("l") == "theirs", "the other backend's values, untouched");
}

inline void clear_leaves_others_alone(Trial& trial) {
  trial.only_if(trial.can().own_namespace_clear, "own_namespace_clear = false: clear empties the whole store");
  const auto cache = trial.fresh();
  const auto other = trial.another();
  cache.set("a", "mine");
  other.set("a", "theirs");
  other.set("b", "theirs");
  const std::size_t one = expected_count(trial, 1);
  trial.expect(cache.clear() == one, std::to_string(one) + (one == 0 ? ": clear_count = false" : ": its own entry"));
  trial.expect(!cache.get("a"), "a miss: it was cleared");
  trial.expect(other.get("a") == "theirs" && other.get("b") == "theirs",
               "the other backend's values: clear is its own affair");
}

inline void add_clear_checks(CheckList& checks) {
  checks.push_back({"clear: it removes everything and tells how much", clear_removes_everything});
  checks.push_back({"clear: it counts live entries only", clear_counts_live_entries});
  checks.push_back({"clear: it counts as neither a delete nor an eviction", clear_counts_as_nothing});
  checks.push_back({"clear: it leaves other backends' entries alone", clear_leaves_others_alone});
  checks.push_back({"namespaces: two backends never see each other's entries", backends_keep_apart});
}

}  // namespace larder::testing::detail
