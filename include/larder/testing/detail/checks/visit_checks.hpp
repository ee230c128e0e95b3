/// \file visit_checks.hpp
/// `visit_entry` and `visit_entries`: what `get` and `get_many` do, with more to see.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <larder/testing/detail/checks/counting_checks.hpp>
#include <larder/testing/detail/trial.hpp>

namespace larder::testing::detail {

struct VisitedEntry {
  std::string value;
  Metadata metadata;
  Ttl ttl;
};

/// What `visit_entry` shows, told as a step of the story.
inline std::optional<VisitedEntry> visit(Trial& trial, const RecordedCache& cache, std::string_view key) {
  trial.story().tell("// cache.visit_entry(" + cpp_quoted(std::string(key)) + ", f);");
  std::optional<VisitedEntry> seen;
  std::size_t calls = 0;
  const bool found = cache.backend().visit_entry(key, [&](const EntryView<Bytes>& entry) {
    seen = VisitedEntry{entry.value.str(), entry.metadata, entry.ttl};
    ++calls;
  });
  trial.expect(calls == (found ? 1u : 0u), "one call of f if it returns true, and none if it returns false");
  return seen;
}

inline void visit_shows_value_and_metadata(Trial& trial) {
  const auto cache = trial.fresh();
  cache.set("k", "v", {}, {{"origin", "here"}});
  const auto seen = visit(trial, cache, "k");
  trial.expect(seen && seen->value == "v", "the entry with its value");
  if (trial.can().entries && trial.can().metadata) {
    trial.expect(seen->metadata == Metadata{{"origin", "here"}}, "its metadata");
  }
  trial.expect(!visit(trial, cache, "nobody"), "false: there is no such entry");
}

inline void visit_shows_time_left(Trial& trial) {
  trial.only_if(trial.can().expiry && trial.can().entries, "by the capabilities there are no TTLs, or none is shown");
  const auto cache = trial.fresh();
  const std::chrono::milliseconds ttl = std::chrono::seconds(20);
  cache.set("k", "v", ttl);
  const auto seen = visit(trial, cache, "k");
  trial.expect(seen && seen->ttl && *seen->ttl <= ttl + trial.can().ttl_granularity && *seen->ttl > ttl / 2,
               "ttl is what is left of the 20 seconds");
}

inline void visit_misses_the_expired(Trial& trial) {
  trial.only_if(trial.can().expiry, "expiry = false: there are no TTLs");
  const auto ttl = trial.short_ttl();
  const auto cache = trial.fresh();
  cache.set("k", "v", ttl);
  trial.let_expire(ttl);
  trial.expect(!visit(trial, cache, "k"), "false: the TTL is over");
}

inline void visit_entries_answers_in_each_position(Trial& trial) {
  const auto cache = trial.fresh();
  cache.set("a", "1");
  cache.set("b", "2");
  const std::vector<std::string_view> keys{"b", "nobody", "a", "b"};
  std::vector<std::string> seen(keys.size());
  trial.story().tell("// cache.visit_entries({\"b\", \"nobody\", \"a\", \"b\"}, f);");
  const std::size_t found =
      cache.backend().visit_entries(std::span<const std::string_view>(keys),
                                    [&](std::size_t i, const EntryView<Bytes>& entry) { seen[i].append(entry.value); });
  trial.expect(found == 3, "3: so many positions have an entry");
  trial.expect(seen == std::vector<std::string>{"2", "", "1", "2"},
               "one call of f for each position that has an entry, duplicates too");
}

inline void visits_count_as_requests(Trial& trial) {
  only_with_request_counters(trial);
  const auto cache = trial.fresh();
  cache.set("a", "1");
  visit(trial, cache, "a");
  visit(trial, cache, "b");
  expect_requests(trial, cache, 1, 1, "visit_entry counts as get does");
  const std::vector<std::string_view> keys{"a", "b", "a"};
  trial.story().tell("// cache.visit_entries({\"a\", \"b\", \"a\"}, f);");
  cache.backend().visit_entries(std::span<const std::string_view>(keys), [](std::size_t, const EntryView<Bytes>&) {});
  expect_requests(trial, cache, 3, 2, "visit_entries counts as get_many does");
}

inline void listing_is_told(Trial& trial) {
  const auto cache = trial.fresh();
  trial.expect(cache.backend().can_list_keys() == trial.can().enumerable_keys,
               "can_list_keys() says what enumerable_keys declares");
}

inline void add_visit_checks(CheckList& checks) {
  checks.push_back({"visiting: an entry shows its value and metadata", visit_shows_value_and_metadata});
  checks.push_back({"visiting: an entry shows how long it is still there", visit_shows_time_left});
  checks.push_back({"visiting: an expired entry is not shown", visit_misses_the_expired});
  checks.push_back(
      {"visiting: a batch answers in each position, duplicates too", visit_entries_answers_in_each_position});
  checks.push_back({"visiting: it counts as the requests that it stands for", visits_count_as_requests});
  checks.push_back({"keys: whether they can be listed is told", listing_is_told});
}

}  // namespace larder::testing::detail
