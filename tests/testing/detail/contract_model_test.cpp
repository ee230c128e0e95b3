/// \file contract_model_test.cpp
/// What the model of the contract takes for possible. Outcomes are made up here: no cache is asked.
#include <larder/testing/detail/contract_model.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <larder/testing/detail/erase_types.hpp>
#include <larder/testing/manual_clock.hpp>
#include <larder/value_size.hpp>

#include "tests/support/catch.hpp"

using larder::Bytes;
using larder::CacheStats;
using larder::testing::Operation;
using larder::testing::Outcome;
using larder::testing::detail::ContractModel;
using larder::testing::detail::ErasedSubject;
using Kind = larder::testing::Operation::Kind;
using namespace std::chrono_literals;

namespace {

ErasedSubject subject(bool virtual_time) {
  ErasedSubject subject;
  if (virtual_time) subject.clock = larder::testing::ManualClock();
  subject.size_of = [](std::string_view text) { return text.size(); };
  return subject;
}

/// A model, and the time at which it is told things.
struct Told {
  ErasedSubject about;
  ContractModel model;
  std::chrono::nanoseconds now{0};

  explicit Told(bool virtual_time = true, std::optional<std::size_t> limit = {})
      : about(subject(virtual_time)), model(about, limit) {}
  Told(const Told&) = delete;

  /// What should have been, or "fine".
  std::string operator()(const Operation& operation, const Outcome& outcome) {
    return model.observe(operation, outcome, {now, now}).value_or("fine");
  }

  std::string set(const char* key, const char* value, larder::Ttl ttl = {}, bool stored = true) {
    return (*this)({.kind = Kind::set, .keys = {key}, .values = {value}, .ttl = ttl}, {.flag = stored});
  }
  std::string get(const char* key, std::optional<std::string> value) {
    return (*this)({.kind = Kind::get, .keys = {key}}, {.values = {std::move(value)}});
  }
  std::string erase(const char* key, bool erased) {
    return (*this)({.kind = Kind::erase, .keys = {key}}, {.flag = erased});
  }
  std::string exists(const char* key, bool found) {
    return (*this)({.kind = Kind::exists, .keys = {key}}, {.flag = found});
  }
  std::string keys(std::vector<std::string> listed) {
    return (*this)({.kind = Kind::keys, .keys = {"*"}}, {.keys = std::move(listed)});
  }
  std::string stats(const CacheStats& stats) { return (*this)({.kind = Kind::stats}, {.stats = stats}); }
};

}  // namespace

TEST_CASE("the model knows the one value that a key has") {
  Told told;
  CHECK(told.get("k", "v") == "a miss");
  CHECK(told.set("k", "v") == "fine");
  CHECK(told.get("k", "v") == "fine");
  CHECK(told.get("k", "w") == "\"v\"");
  CHECK(told.get("k", std::nullopt) == "\"v\"");
  CHECK(told.exists("k", true) == "fine");
  CHECK(told.exists("k", false) == "true: the entry is there");
  CHECK(told.erase("k", true) == "fine");
  CHECK(told.erase("k", true) == "false: there is no such entry");
  CHECK(told.set("k", "v", {}, false) == "true");
  CHECK(told.set("k", "v", 0ms, true) == "false: such a TTL stores nothing");
}

TEST_CASE("the model knows what set_if_absent depends on") {
  Told told(true, 1000);
  const auto set_if_absent = [&told](const char* key, std::string value, bool stored, larder::Ttl ttl = {}) {
    return told({.kind = Kind::set_if_absent, .keys = {key}, .values = {std::move(value)}, .ttl = ttl},
                {.flag = stored});
  };
  CHECK(set_if_absent("k", "1", false) == "true: there is no such entry");
  CHECK(set_if_absent("k", "1", true, 0ms) == "false: such a TTL stores nothing");
  CHECK(set_if_absent("k", "1", false, 0ms) == "fine");
  CHECK(set_if_absent("k", "1", true, 5ms) == "fine");
  CHECK(set_if_absent("k", "2", true) == "false: the entry is there");
  CHECK(set_if_absent("k", "2", false) == "fine");
  CHECK(told.get("k", "2") == "\"1\"");
  CHECK(set_if_absent("large", std::string(1001, 'v'), false) == "fine");
  CHECK(set_if_absent("large", std::string(1001, 'v'), true) == "false: the value is too large");
  told.now = 5ms;
  CHECK(set_if_absent("k", "3", false) == "true: there is no such entry");
  CHECK(set_if_absent("k", "3", true) == "fine");
  CHECK(told.stats({.hits = 1, .sets = 1, .expirations = 1}) == "sets=2");
}

TEST_CASE("the model knows when a touched entry expires") {
  Told told;
  const auto touch = [&told](const char* key, larder::Ttl ttl, bool there) {
    return told({.kind = Kind::touch, .keys = {key}, .ttl = ttl}, {.flag = there});
  };
  CHECK(touch("k", 5ms, true) == "false: there is no such entry");
  CHECK(touch("k", 5ms, false) == "fine");
  told.set("k", "v", 5ms);
  told.now = 3ms;
  CHECK(touch("k", 5ms, false) == "true: the entry is there");
  CHECK(touch("k", 5ms, true) == "fine");
  told.now = 8ms - 1ns;
  CHECK(told.get("k", std::nullopt) == "\"v\"");
  CHECK(touch("k", {}, true) == "fine");
  told.now = 1h;
  CHECK(told.get("k", std::nullopt) == "\"v\"");
  CHECK(touch("k", 5ms, true) == "fine");
  told.now += 5ms;
  CHECK(touch("k", 5ms, true) == "false: there is no such entry");
  CHECK(told.get("k", "v") == "a miss");
  told.set("k", "v");
  CHECK(touch("k", 0ms, false) == "true: the entry is there");
  CHECK(touch("k", 0ms, true) == "fine");
  CHECK(told.exists("k", true) == "false: there is no such entry");
}

TEST_CASE("on a virtual clock the model knows the instant of expiry") {
  Told told;
  told.set("k", "v", 5ms);
  told.now = 5ms - 1ns;
  CHECK(told.get("k", std::nullopt) == "\"v\"");
  CHECK(told.get("k", "v") == "fine");
  told.now = 5ms;
  CHECK(told.get("k", "v") == "a miss");
  CHECK(told.get("k", std::nullopt) == "fine");
}

TEST_CASE("in real time the model learns from the answer whether an entry has expired") {
  Told told(false);
  told.set("k", "v", 5ms);
  told.now = 5ms;  // up to a step later it may still be seen
  CHECK(told.get("k", "v") == "fine");
  CHECK(told.get("k", std::nullopt) == "fine");
  CHECK(told.get("k", "v") == "a miss");
  told.set("l", "v", 5ms);
  told.now = 11ms;
  CHECK(told.get("l", "v") == "a miss");
}

TEST_CASE("under a limit a write may evict any entry but its own") {
  Told told(true, 1000);
  told.set("a", "1");
  CHECK(told.get("a", std::nullopt) == "\"1\"");
  told.set("b", "2");
  CHECK(told.get("b", std::nullopt) == "\"2\"");
  CHECK(told.get("a", std::nullopt) == "fine");
  CHECK(told.get("a", "1") == "a miss");
  told.set("c", "3");
  CHECK(told.get("b", "2") == "fine");
  CHECK(told.get("b", std::nullopt) == "\"2\"");
  CHECK(told.set("c", std::string(1001, 'v').c_str()) == "false: the value is too large");
}

TEST_CASE("the model judges listings, batches and clear") {
  Told told;
  told({.kind = Kind::set_many, .keys = {"a", "b", "a"}, .values = {"1", "2", "3"}}, {.count = 3});
  CHECK(told.get("a", "3") == "fine");
  CHECK(told.keys({"a", "b"}) == "fine");
  CHECK(told.keys({"a", "a", "b"}) == "the key \"a\" once");
  CHECK(told.keys({"a"}) == "the key \"b\", too");
  CHECK(told.keys({"a", "b", "c"}) == "not the key \"c\", which is not there");
  CHECK(told({.kind = Kind::get_many, .keys = {"b", "c"}}, {.values = {"2", "2"}}) == "in position 1 a miss");
  CHECK(told({.kind = Kind::erase_many, .keys = {"b", "c"}}, {.count = 2}) == "1");
  CHECK(told({.kind = Kind::clear}, {.count = 2}) == "1");
  CHECK(told.keys({}) == "fine");
}

TEST_CASE("the model judges entries") {
  Told told;
  told({.kind = Kind::set, .keys = {"k"}, .values = {"v"}, .ttl = 5ms, .metadata = {{"a", "b"}}}, {.flag = true});
  larder::CacheEntry<> entry{
      .key = "k", .value = "v", .expires_at = larder::CacheEntry<>::Clock::now(), .metadata = {{"a", "b"}}};
  const auto show = [&told](std::optional<larder::CacheEntry<>> shown) {
    return told({.kind = Kind::get_entry, .keys = {"k"}}, {.entry = std::move(shown)});
  };
  CHECK(show(entry) == "fine");
  CHECK(show(std::nullopt) == "an entry with the value \"v\"");
  auto wrong = entry;
  wrong.key = "l";
  CHECK(show(wrong) == "an entry whose key is \"k\"");
  wrong = entry;
  wrong.metadata.clear();
  CHECK(show(wrong) == "the metadata {{\"a\", \"b\"}}");
  wrong = entry;
  wrong.expires_at.reset();
  CHECK(show(wrong) == "an entry that expires");
  wrong = entry;
  wrong.size_bytes = 2;
  CHECK(show(wrong) == "size_bytes = 1");
}

TEST_CASE("the model judges the statistics") {
  Told told;
  told.set("a", "1");
  told.set("b", "23", 5ms);
  told.get("a", "1");
  told.get("c", std::nullopt);
  told.erase("c", false);
  CacheStats stats;
  stats.hits = stats.misses = 1;
  stats.sets = 2;
  stats.current_entries = 2;
  stats.current_size_bytes = 3;
  CHECK(told.stats(stats) == "fine");
  for (const auto& [member, expected] : {std::pair(&CacheStats::hits, "hits=1"),
                                         {&CacheStats::misses, "misses=1"},
                                         {&CacheStats::sets, "sets=2"},
                                         {&CacheStats::deletes, "deletes=0"},
                                         {&CacheStats::expirations, "expirations=0"},
                                         {&CacheStats::evictions, "evictions=0"},
                                         {&CacheStats::errors, "errors=0"}}) {
    CacheStats wrong = stats;
    ++(wrong.*member);
    CHECK(told.stats(wrong) == expected);
  }
  told.now = 5ms;
  CHECK(told.stats(stats) == "expirations=1");
  stats.expirations = stats.evictions = 1;
  CHECK(told.stats(stats) == "current_entries=1");
  stats.current_entries = 1;
  CHECK(told.stats(stats) == "current_size_bytes=1");
  stats.current_size_bytes = 1;
  CHECK(told.stats(stats) == "fine");
}

TEST_CASE("in real time an entry that may have expired may have been counted as expired") {
  Told told(false);
  told.set("k", "v", 5ms);
  told.now = 5ms;  // up to a step later it may still be there
  CacheStats there;
  there.sets = there.current_entries.emplace(1);
  there.current_size_bytes = 1;
  CacheStats gone;
  gone.sets = gone.evictions = gone.expirations = 1;
  gone.current_entries = gone.current_size_bytes = 0;
  CHECK(told.stats(there) == "fine");
  CHECK(told.stats(gone) == "fine");
  CHECK(told({.kind = Kind::reset_stats}, {}) == "fine");
  // It was counted before that, or is now.
  gone.sets = 0;
  CHECK(told.stats(gone) == "fine");
  told.now = 7ms;
  CHECK(told.stats(gone) == "fine");
  gone.evictions = gone.expirations = 0;
  CHECK(told.stats(gone) == "fine");
  gone.evictions = gone.expirations = 2;
  CHECK(told.stats(gone) == "expirations=1");
}

TEST_CASE("an exception is never a possible outcome") {
  Told told;
  CHECK(told({.kind = Kind::get, .keys = {"k"}}, {.error = "TimeoutError: late"}) == "an answer, and no exception");
}
