/// \file value_checks.hpp
/// The contract's rows about values: any bytes are a value, metadata come back, and a cache's own data may be moved in
/// it.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <larder/testing/detail/checks/key_checks.hpp>
#include <larder/testing/detail/trial.hpp>

namespace larder::testing::detail {

/// Values that have broken caches, each with what it is.
inline std::vector<std::pair<std::string, std::string>> hostile_values() {
  using namespace std::string_literals;
  return {
      {"a plain value", "Alice"},
      {"a value with a NUL in it", "a\0b"s},
      {"a value of every byte there is", every_byte()},
      {"a value that looks like a reply", "\r\nEND\r\n$-1\r\n"},
      {"a value that is a number", "-1"},
      {"a value of 1,025 bytes", std::string(1025, 'v')},
      {"a value of 64 KiB and one byte", std::string(65537, 'v')},
      {"a value of 1 MB", std::string(1000000, 'v')},
  };
}

inline void value_round_trips(Trial& trial, const std::string& value) {
  const auto cache = trial.fresh();
  if (trial.size_of(value) > trial.can().largest_value) {
    trial.expect(!cache.set("k", value), "false: the value is above largest_value");
    return;
  }
  trial.expect(cache.set("k", value), "true: any bytes are a value");
  trial.expect(cache.get("k") == value, "the value that was set, to the byte");
  trial.expect(cache.get_many({"k"})[0] == value, "the value that was set, to the byte, from get_many too");
  trial.expect(cache.set_many({{"l", value}}) == 1, "1: any bytes are a value, in a batch too");
  trial.expect(cache.get("l") == value, "the value that was set, to the byte");
  if (trial.can().entries) {
    const auto entry = cache.get_entry("k");
    trial.expect(entry && entry->value == value, "an entry with the value that was set");
    trial.expect(entry->size_bytes == trial.size_of(value),
                 "size_bytes = " + std::to_string(trial.size_of(value)) + ", the bytes of the value");
  }
}

inline void empty_value_is_a_hit(Trial& trial) {
  const auto cache = trial.fresh();
  trial.expect(cache.set("k", ""), "true: the empty value is a value");
  trial.expect(cache.get("k") == "", "the empty value, and not a miss");
  trial.expect(cache.get_many({"k"})[0] == "", "the empty value, and not a miss, from get_many too");
  trial.expect(cache.exists("k"), "true: the entry is there, although its value is empty");
  if (trial.can().request_counters) {
    const CacheStats stats = cache.stats();
    trial.expect(stats.hits == 2 && stats.misses == 0, "hits=2 misses=0: an empty value is a hit");
  }
  trial.expect(cache.erase("k"), "true: the entry was there, although its value is empty");
}

inline void too_large_value_is_declined(Trial& trial) {
  trial.only_if(trial.can().largest_value < BackendCapabilities::unlimited - 1, "there is no largest value");
  const auto cache = trial.fresh();
  const std::string value(trial.can().largest_value + 1, 'v');
  trial.only_if(trial.size_of(value) > trial.can().largest_value, "no value of this type is above largest_value");
  cache.set("k", "old");
  cache.set("other", "there");
  trial.expect(!cache.set("k", value), "false: the value is above largest_value");
  trial.expect(!cache.get("k"), "a miss: no older value survives one that was declined");
  trial.expect(cache.get("other") == "there", "the other key's value, untouched");
  trial.expect(cache.set_many({{"a", "1"}, {"b", value}, {"c", "3"}}) == 2, "2: one of the three was declined");
  trial.expect(cache.get("c") == "3", "the value behind the one that was declined");
}

inline void set_replaces_and_erase_removes(Trial& trial) {
  const auto cache = trial.fresh();
  trial.expect(!cache.get("k"), "a miss: nothing was set");
  trial.expect(!cache.erase("k"), "false: there was nothing to erase");
  trial.expect(cache.set("k", "1"), "true");
  trial.expect(cache.set("k", "2"), "true: a set replaces what was there");
  trial.expect(cache.get("k") == "2", "the value that was set last");
  trial.expect(cache.erase("k"), "true: there was an entry");
  trial.expect(!cache.erase("k"), "false: it has been erased before");
  trial.expect(!cache.get("k"), "a miss: it was erased");
  trial.expect(!cache.exists("k"), "false: it was erased");
  trial.expect(cache.set("k", "3") && cache.get("k") == "3", "the value that was set after the erase");
}

inline void metadata_come_back(Trial& trial) {
  using namespace std::string_literals;
  const auto cache = trial.fresh();
  const Metadata metadata{{"", ""}, {"endpoint", "/api"}, {"binary\0\r\n"s, every_byte()}};
  trial.expect(cache.set("k", "v", {}, metadata), "true: metadata may be any bytes");
  trial.expect(cache.get("k") == "v", "the value, whatever metadata are with it");
  cache.set("plain", "v");
  if (!trial.can().entries) {
    trial.expect_throws<NotSupportedError>([&] { cache.get_entry("k"); }, "a NotSupportedError: entries = false");
    return;
  }
  const Metadata kept = trial.can().metadata ? metadata : Metadata();
  const auto entry = cache.get_entry("k");
  trial.expect(entry && entry->metadata == kept, "an entry with the metadata that were set");
  trial.expect(!entry->expires_at, "an entry that does not expire, since it was set without a TTL");
  const auto plain = cache.get_entry("plain");
  trial.expect(plain && plain->metadata.empty(), "an entry without metadata, since none were set");
  trial.expect(!cache.get_entry("nobody"), "no entry: nothing was set");
  if (!trial.can().expiry) return;
  cache.set("timed", "v", std::chrono::hours(1), {{"a", "b"}});
  const auto timed = cache.get_entry("timed");
  trial.expect(timed && timed->metadata == (trial.can().metadata ? Metadata{{"a", "b"}} : Metadata()),
               "an entry with the metadata that were set beside its TTL");
}

inline void entry_knows_its_times(Trial& trial) {
  trial.only_if(trial.can().entries, "entries = false: get_entry is not offered");
  using Clock = CacheEntry<>::Clock;
  const auto slack = std::chrono::seconds(2) + trial.can().ttl_granularity;  // a store's own clock may differ a little
  const auto cache = trial.fresh();
  const auto before = Clock::now();
  if (!trial.can().creation_times) {
    cache.set("plain", "v");
    const auto plain = cache.get_entry("plain");
    trial.expect(plain && plain->created_at == Clock::time_point(), "created_at is the epoch: creation_times = false");
  }
  // Without metadata to go by, the epoch is all that there is.
  const bool known = trial.can().creation_times || trial.can().metadata;
  cache.set("k", "v", {}, trial.can().creation_times ? Metadata() : Metadata{{"a", "b"}});
  const auto entry = cache.get_entry("k");
  trial.expect(entry && (!known || (entry->created_at >= before - slack && entry->created_at <= Clock::now() + slack)),
               "created_at is about the time at which the entry was set");
  std::this_thread::sleep_for(std::chrono::milliseconds(10));
  trial.story().tell("std::this_thread::sleep_for(10ms);");
  const auto again = cache.get_entry("k");
  trial.expect(again && again->created_at - entry->created_at < std::chrono::milliseconds(5),
               "the same created_at as before: it does not go on with time");
  if (!trial.can().expiry) return;
  cache.set("timed", "v", std::chrono::hours(1));
  const auto timed = cache.get_entry("timed");
  trial.expect(timed && timed->expires_at, "expires_at is known, since there was a TTL");
  const auto left = *timed->expires_at - Clock::now();
  trial.expect(left <= std::chrono::hours(1) + slack && left >= std::chrono::hours(1) - slack,
               "expires_at is about an hour away, as the TTL was");
  const auto half = std::chrono::minutes(30);
  if (!trial.virtual_time()) return;
  trial.wait(half);
  const auto later = cache.get_entry("timed");
  trial.expect(later && later->expires_at && *later->expires_at - Clock::now() <= half + slack,
               "expires_at is half an hour away, after half an hour");
}

inline void own_data_may_be_moved(Trial& trial) {
  const auto cache = trial.fresh();
  CacheBackend<>& backend = cache.backend();
  for (const std::string& value : {std::string("k"), trial.text(5000, 'v')}) {
    backend.set("k", value);
    trial.story().tell("cache.set(\"k\", " + cpp_string(value) + ");");
    trial.story().tell("cache.set(\"k\", *cache.get(\"k\"));");
    trial.expect(backend.set("k", *backend.get("k")), "true: a value may be set again where it came from");
    trial.expect(cache.get("k") == value, "the same value");
  }
  backend.set("k", "k");
  trial.story().tell("cache.set(\"k\", \"k\");");
  const Bytes view = backend.get("k").value_or(Bytes("k"));
  trial.story().tell("const auto value = *cache.get(\"k\");");
  trial.story().tell("cache.set(value, \"other\"); cache.erase(value);");
  trial.expect(backend.set(view, "other"), "true: a key may be a view of the cache's own value");
  trial.expect(backend.erase(view), "true: the key is there");
  trial.expect(view == "k", "what get() returned is as it was");
}

inline void values_survive_their_entry(Trial& trial) {
  const auto cache = trial.fresh();
  const auto value_of = [&trial](int i) { return trial.text(i % 2 == 0 ? 10 : 3000, static_cast<char>('a' + i)); };
  std::vector<Bytes> kept;
  for (int i = 0; i < 20; ++i) {
    cache.set("k", value_of(i));
    if (auto value = cache.backend().get("k")) kept.push_back(*value);
  }
  cache.clear();
  trial.expect(kept.size() == 20, "a hit each time");
  for (int i = 0; i < 20; ++i) {
    trial.expect(kept[static_cast<std::size_t>(i)] == value_of(i),
                 "what get() returned stays as it was when the entry is overwritten or cleared");
  }
}

inline void add_value_checks(CheckList& checks) {
  for (auto& [name, value] : hostile_values()) {
    checks.push_back(
        {"values: " + name + " round-trips", [value = value](Trial& trial) { value_round_trips(trial, value); }});
  }
  checks.push_back({"values: an empty one is a hit", empty_value_is_a_hit});
  checks.push_back(
      {"values: one that is too large is declined, and no older one survives", too_large_value_is_declined});
  checks.push_back({"values: set replaces, erase removes", set_replaces_and_erase_removes});
  checks.push_back({"values: what get returned outlives its entry", values_survive_their_entry});
  checks.push_back({"values: the cache's own data may be moved within it", own_data_may_be_moved});
  checks.push_back({"entries: metadata come back", metadata_come_back});
  checks.push_back({"entries: get_entry tells when an entry was made and when it expires", entry_knows_its_times});
}

}  // namespace larder::testing::detail
