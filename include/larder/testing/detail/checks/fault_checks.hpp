/// \file fault_checks.hpp
/// The contract's rows about what goes wrong: an undecodable payload is a miss, a fault of the store an error and never
/// a miss, and what throws leaves the cache as it was.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <larder/cache_error.hpp>
#include <larder/testing/detail/trial.hpp>
#include <larder/testing/fragile_text.hpp>

namespace larder::testing::detail {

/// For whoever wants the value. `exists`, `erase` and `keys` need not look at it.
inline void undecodable_is_absent(Trial& trial) {
  trial.only_if(static_cast<bool>(trial.subject().plant_undecodable),
                "ContractSubject::plant_undecodable is not given, so there is nothing undecodable to read");
  std::size_t reported = 0;
  BackendRequest<> request;
  if (trial.can().error_hook) request.on_undecodable = [&reported] { ++reported; };
  const auto cache = trial.fresh(request);
  cache.set("other", "v");
  const auto plant = [&] {
    trial.subject().plant_undecodable(cache.backend(), "k");
    trial.story().tell("// now something that cannot be decoded is stored under \"k\"");
  };
  plant();
  trial.expect(!cache.get("k"), "a miss: what cannot be decoded is treated as absent");
  CacheStats stats = cache.stats();
  trial.expect(stats.undecodable == 1 && stats.misses == 1, "undecodable=1 misses=1: it is counted as both");
  trial.expect(stats.errors == 0, "errors=0: the connection is not at fault");
  if (trial.can().error_hook) trial.expect(reported == 1, "that the error hook was told of it once");
  plant();
  const auto values = cache.get_many({"other", "k"});
  trial.expect(values[0] == "v" && !values[1], "the other value and a miss");
  if (trial.can().entries) {
    plant();
    trial.expect(!cache.get_entry("k"), "no entry: what cannot be decoded is treated as absent");
  }
  trial.expect(cache.set("k", "new") && cache.get("k") == "new", "the new value: it replaces what could not be decoded");
}

/// A call of each function, by its name.
inline std::vector<std::pair<const char*, std::function<void(const RecordedCache&)>>> every_call(const BackendCapabilities& can) {
  std::vector<std::pair<const char*, std::function<void(const RecordedCache&)>>> calls{
      {"get", [](const RecordedCache& cache) { cache.get("k"); }},
      {"set", [](const RecordedCache& cache) { cache.set("k", "new"); }},
      {"erase", [](const RecordedCache& cache) { cache.erase("k"); }},
      {"exists", [](const RecordedCache& cache) { cache.exists("k"); }},
      {"clear", [](const RecordedCache& cache) { cache.clear(); }},
      {"get_many", [](const RecordedCache& cache) { cache.get_many({"k", "l"}); }},
      {"set_many", [](const RecordedCache& cache) { cache.set_many({{"k", "new"}, {"l", "new"}}); }},
      {"erase_many", [](const RecordedCache& cache) { cache.erase_many({"k", "l"}); }},
  };
  if (can.entries) calls.emplace_back("get_entry", [](const RecordedCache& cache) { cache.get_entry("k"); });
  if (can.enumerable_keys) calls.emplace_back("keys", [](const RecordedCache& cache) { cache.keys(); });
  return calls;
}

inline void fault_is_an_error(Trial& trial) {
  trial.only_if(trial.subject().break_store && trial.subject().mend_store,
                "ContractSubject::break_store and mend_store are not given, so there is no fault to see");
  const auto cache = trial.fresh();
  cache.set("k", "v");
  const CacheStats before = cache.stats();
  const auto calls = every_call(trial.can());
  trial.subject().break_store(cache.backend());
  trial.story().tell("// now the store fails");
  for (const auto& [name, call] : calls) {
    trial.expect_throws<CacheError>([&, &call = call] { call(cache); },
                                    std::string("a CacheError from ") + name + ": a fault is never a miss nor a success");
  }
  trial.subject().mend_store(cache.backend());
  trial.story().tell("// now the store works again");
  const CacheStats after = cache.stats();
  trial.expect(after.misses == before.misses && after.hits == before.hits, "no hit and no miss is counted for a call that failed");
  trial.expect(after.errors > before.errors, "errors are counted");
  trial.expect(cache.set("k", "again") && cache.get("k") == "again", "the value: when the store works again, so does the cache");
}

/// Every copy, comparison and hash of a key or value may throw: whichever does, nothing has happened.
inline void throwing_types_change_nothing(Trial& trial, const char* name, const std::function<void(const RecordedCache&)>& call) {
  const std::vector<std::string> keys{"k", "l", "m"};
  std::size_t thrown = 0;
  for (int risk = 1;; ++risk) {
    const auto cache = trial.fresh();
    cache.set_many({{"k", "1"}, {"l", "2"}});
    const CacheStats before = cache.stats();
    trial.story().tell("// from here on, copy, comparison or hash number " + std::to_string(risk) + " throws");
    bool went_off = false;
    try {
      const LitFuse fuse(risk);
      call(cache);
    } catch (const FragileTextBroke&) {
      went_off = true;
    }
    if (!went_off) break;
    ++thrown;
    const bool batch = std::string_view(name).ends_with("_many");
    const auto now = get_many(cache.backend(), keys);
    const std::vector<std::optional<std::string>> then{"1", "2", std::nullopt};
    const std::string what = std::string(name) + " threw, so ";
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (!batch) trial.expect(now[i] == then[i], what + cpp_quoted(keys[i]) + " is as before");
      if (batch) {
        trial.expect(now[i] == then[i] || now[i] == "new" || !now[i], what + cpp_quoted(keys[i]) + " is as before, or as after");
      }
    }
    const CacheStats after = cache.stats();
    std::size_t entries = 0;
    for (const auto& value : now) entries += value ? 1 : 0;
    if (trial.can().exact_size_accounting) {
      trial.expect(after.current_entries == entries, what + "there are " + std::to_string(entries) + " entries");
    }
    if (!batch) trial.expect(after.sets == before.sets && after.deletes == before.deletes, what + "nothing is counted as done");
  }
  if (thrown == 0) trial.not_applicable("nothing in it throws: give the kit a backend of FragileText to see this row");
}

inline void add_fault_checks(CheckList& checks) {
  checks.push_back({"faults: an undecodable payload is a miss, and counted as undecodable", undecodable_is_absent});
  checks.push_back({"faults: a fault of the store is an error in every call, and never a miss", fault_is_an_error});
  for (const auto& [name, call] : every_call(BackendCapabilities())) {
    checks.push_back({std::string("exceptions: ") + name + " changes nothing when a copy, a comparison or a hash throws",
                      [name = name, call = call](Trial& trial) {
                        trial.only_if(std::string_view(name) != "get_entry" || trial.can().entries, "entries = false");
                        trial.only_if(std::string_view(name) != "keys" || trial.can().enumerable_keys, "enumerable_keys = false");
                        throwing_types_change_nothing(trial, name, call);
                      }});
  }
}

}  // namespace larder::testing::detail
