/// \file fault_checks.hpp
/// The contract's rows about what goes wrong: an undecodable payload is a miss, a fault of the store an error and never
/// a miss, and what throws leaves the cache as it was.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
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
  trial.expect(cache.set("k", "new") && cache.get("k") == "new",
               "the new value: it replaces what could not be decoded");
}

/// A call of one function of a cache that has "k" and "l". It allocates nothing behind the cache's own call, so that
/// what throws in it has thrown in the cache, or before.
struct AnyCall {
  const char* name;
  const char* code;
  std::function<void(CacheBackend<>& cache)> call;

  bool is_batch() const { return std::string_view(name).ends_with("_many"); }
};

inline std::vector<AnyCall> every_call(const BackendCapabilities& can) {
  const std::vector<std::string_view> keys{"k", "l"};
  const std::vector<std::pair<std::string_view, Bytes>> items{{"k", "new"}, {"l", "new"}};
  std::vector<AnyCall> calls{
      {"get", "cache.get(\"k\");", [](CacheBackend<>& cache) { cache.get("k"); }},
      {"set", "cache.set(\"k\", \"new\");", [value = Bytes("new")](CacheBackend<>& cache) { cache.set("k", value); }},
      {"erase", "cache.erase(\"k\");", [](CacheBackend<>& cache) { cache.erase("k"); }},
      {"exists", "cache.exists(\"k\");", [](CacheBackend<>& cache) { cache.exists("k"); }},
      {"clear", "cache.clear();", [](CacheBackend<>& cache) { cache.clear(); }},
      {"get_many", "cache.get_many({\"k\", \"l\"});",
       [keys, values = std::vector<std::optional<Bytes>>(2)](CacheBackend<>& cache) mutable {
         cache.get_many(std::span<const std::string_view>(keys), std::span<std::optional<Bytes>>(values));
       }},
      {"set_many", "cache.set_many({{\"k\", \"new\"}, {\"l\", \"new\"}});",
       [items](CacheBackend<>& cache) { cache.set_many(items); }},
      {"erase_many", "cache.erase_many({\"k\", \"l\"});", [keys](CacheBackend<>& cache) { cache.erase_many(keys); }},
  };
  if (can.conditional_set) {
    calls.push_back({"set_if_absent", "cache.set_if_absent(\"m\", \"new\");",
                     [value = Bytes("new")](CacheBackend<>& cache) { cache.set_if_absent("m", value); }});
  }
  if (can.touch) {
    const Ttl ttl = can.expiry ? Ttl(std::chrono::hours(1)) : Ttl();
    calls.push_back({"touch", can.expiry ? "cache.touch(\"k\", 1h);" : "cache.touch(\"k\", {});",
                     [ttl](CacheBackend<>& cache) { cache.touch("k", ttl); }});
  }
  if (can.entries) {
    calls.push_back({"get_entry", "cache.get_entry(\"k\");", [](CacheBackend<>& cache) { cache.get_entry("k"); }});
  }
  if (can.enumerable_keys) calls.push_back({"keys", "cache.keys();", [](CacheBackend<>& cache) { cache.keys(); }});
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
  for (const AnyCall& each : calls) {
    trial.story().tell(each.code);
    trial.expect_throws<CacheError>([&] { each.call(cache.backend()); }, std::string("a CacheError from ") + each.name +
                                                                             ": a fault is never a miss nor a success");
  }
  trial.subject().mend_store(cache.backend());
  trial.story().tell("// now the store works again");
  const CacheStats after = cache.stats();
  trial.expect(after.misses == before.misses && after.hits == before.hits,
               "no hit and no miss is counted for a call that failed");
  trial.expect(after.errors > before.errors, "errors are counted");
  trial.expect(cache.set("k", "again") && cache.get("k") == "again",
               "the value: when the store works again, so does the cache");
}

/// Whether the cache, after a call that threw, is as it was: "k" is "1", "l" is "2", "m" is not there. Of a batch, some
/// part may have been done.
inline void expect_unchanged(Trial& trial, const RecordedCache& cache, const AnyCall& call, const CacheStats& before) {
  const std::vector<std::string> keys{"k", "l", "m"};
  const std::vector<std::optional<std::string>> then{"1", "2", std::nullopt};
  const std::string what = std::string(call.name) + " threw, so ";
  const auto now = get_many(cache.backend(), keys);
  const CacheStats after = cache.stats();
  std::size_t entries = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    entries += now[i] ? 1 : 0;
    if (call.is_batch()) {
      const bool done = now[i] == "new" || !now[i];
      trial.expect(now[i] == then[i] || done, what + cpp_quoted(keys[i]) + " is as before, or as after");
    } else {
      trial.expect(now[i] == then[i], what + cpp_quoted(keys[i]) + " is as before");
    }
  }
  if (trial.can().exact_size_accounting) {
    trial.expect(after.current_entries == entries, what + "there are " + std::to_string(entries) + " entries");
  }
  if (call.is_batch()) return;
  trial.expect(after.sets == before.sets && after.deletes == before.deletes, what + "nothing is counted as done");
}

/// Every copy, comparison, hash and allocation may throw: whichever does, nothing has happened.
inline void throwing_changes_nothing(Trial& trial, const AnyCall& call) {
  std::size_t thrown = 0;
  bool went_off = true;
  for (int risk = 1; went_off; ++risk) {
    const auto cache = trial.fresh();
    cache.set_many({{"k", "1"}, {"l", "2"}});
    const CacheStats before = cache.stats();
    trial.story().tell("// in the next call, copy, comparison, hash or allocation number " + std::to_string(risk) +
                       " throws");
    trial.story().tell(call.code);
    bool threw = false;
    try {
      const LitFuse fuse(risk);
      call.call(cache.backend());
      went_off = !LitFuse::burning();
    } catch (const FragileTextBroke&) {
      threw = true;
    } catch (const std::bad_alloc&) {
      threw = true;
    }
    if (!threw) continue;  // there was no such risk, or the backend could do without
    ++thrown;
    expect_unchanged(trial, cache, call, before);
  }
  if (thrown == 0) trial.not_applicable("nothing in it throws: see FragileText and LitFuse for how to make it");
}

inline void add_fault_checks(CheckList& checks) {
  checks.push_back({"faults: an undecodable payload is a miss, and counted as undecodable", undecodable_is_absent});
  checks.push_back({"faults: a fault of the store is an error in every call, and never a miss", fault_is_an_error});
  for (const AnyCall& any : every_call(BackendCapabilities())) {
    checks.push_back(
        {std::string("exceptions: ") + any.name + " changes nothing when a copy, a hash or an allocation throws",
         [name = std::string_view(any.name)](Trial& trial) {
           for (const AnyCall& call : every_call(trial.can())) {
             if (call.name == name) return throwing_changes_nothing(trial, call);
           }
           trial.not_applicable("by the capabilities it is not offered");
         }});
  }
}

}  // namespace larder::testing::detail
