/// \file chaos_backend_test.cpp
/// What a ChaosBackend does to calls, and what it lets pass.
#include <larder/testing/chaos_backend.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <larder/in_memory_backend.hpp>
#include <larder/testing/manual_clock.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/environment.hpp"
#include "tests/support/fixture.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/six_functions.hpp"

using larder::Bytes;
using larder::CacheBackend;
using larder::CacheError;
using larder::testing::ChaosBackend;
using larder::testing::ChaosCounts;
using larder::testing::ChaosFault;
using larder::testing::ChaosOptions;
using larder::testing::ManualClock;
using larder_tests::contains;
using larder_tests::message_of;
using namespace std::chrono_literals;

template class larder::testing::ChaosBackend<int, std::string>;

namespace {

/// A backend that answers every operation in its own way, and writes down the calls that reach it.
class Witness : public CacheBackend<> {
 public:
  std::string take_calls() { return std::exchange(calls_, {}); }

  std::string failure;  ///< if it is not empty, every call throws it

 private:
  std::optional<Bytes> do_get(std::string_view key) override {
    note("get " + std::string(key));
    return "value";
  }
  bool do_set(std::string_view key, Bytes value, larder::Ttl ttl, larder::Metadata metadata) override {
    std::string call = "set " + std::string(key) + "=" + value.str() + " " + to_text(ttl);
    for (const auto& [name, text] : metadata) call += " " + name + ":" + text;
    note(call);
    return key != "declined";
  }
  bool do_erase(std::string_view key) override {
    note("erase " + std::string(key));
    return true;
  }
  bool do_exists(std::string_view key) override {
    note("exists " + std::string(key));
    return key != "absent";
  }
  std::size_t do_clear() override {
    note("clear");
    return 7;
  }
  larder::CacheStats do_stats() const override {
    larder::CacheStats stats;
    stats.hits = 11;
    stats.errors = errors_;
    stats.max_size_bytes = 1000;
    return stats;
  }
  void do_reset_stats() override {
    note("reset_stats");
    errors_ = 0;
  }
  std::optional<entry_type> do_get_entry(std::string_view key) override {
    note("get_entry " + std::string(key));
    return entry_type{.key = std::string(key), .value = "entry", .created_at = {}, .metadata = {{"a", "b"}}};
  }
  std::vector<std::string> do_keys(std::string_view pattern) override {
    note("keys " + std::string(pattern));
    return {"x", "y"};
  }
  void do_get_many(std::span<const std::string_view> keys, std::span<std::optional<Bytes>> values) override {
    note("get_many" + to_text(keys));
    for (std::size_t i = 0; i < keys.size(); ++i) {
      values[i] = keys[i] == "absent" ? std::nullopt : std::optional<Bytes>(keys[i]);
    }
  }
  std::size_t do_set_many(std::span<item> items, larder::Ttl ttl) override {
    std::string call = "set_many";
    for (const auto& [key, value] : items) call += " " + std::string(key) + "=" + value.str();
    note(call + " " + to_text(ttl));
    return items.size() - 1;
  }
  std::size_t do_erase_many(std::span<const std::string_view> keys) override {
    note("erase_many" + to_text(keys));
    return keys.size() + 5;
  }

  static std::string to_text(larder::Ttl ttl) { return ttl ? std::to_string(ttl->count()) + "ms" : "-"; }
  static std::string to_text(std::span<const std::string_view> keys) {
    std::string text;
    for (const std::string_view key : keys) text.append(" ").append(key);
    return text;
  }

  void note(const std::string& call) {
    if (!failure.empty()) throw larder::ServerError("REAL", failure);
    calls_ += (calls_.empty() ? "" : ", ") + call;
  }

  std::uint64_t errors_ = 100;
  std::string calls_;
};

struct NamedCall {
  std::string name;
  std::function<void(CacheBackend<>&)> call;
  bool writes = false;
};

void get_two(CacheBackend<>& cache) {
  const std::array<std::string_view, 2> keys = {"a", "b"};
  std::array<std::optional<Bytes>, 2> values;
  cache.get_many(keys, values);
}

/// Each operation that can be disturbed, once.
const std::vector<NamedCall>& all_calls() {
  static const std::vector<NamedCall> calls = {
      {"get", [](CacheBackend<>& cache) { cache.get("a"); }},
      {"set", [](CacheBackend<>& cache) { cache.set("a", "v"); }, true},
      {"erase", [](CacheBackend<>& cache) { cache.erase("a"); }, true},
      {"exists", [](CacheBackend<>& cache) { cache.exists("a"); }},
      {"clear", [](CacheBackend<>& cache) { cache.clear(); }, true},
      {"get_entry", [](CacheBackend<>& cache) { cache.get_entry("a"); }},
      {"keys", [](CacheBackend<>& cache) { cache.keys("a*"); }},
      {"get_many", get_two},
      {"set_many",
       [](CacheBackend<>& cache) {
         cache.set_many({{"a", "1"}, {"b", "2"}}, 5s);
       },
       true},
      {"erase_many",
       [](CacheBackend<>& cache) {
         cache.erase_many({"a", "b"});
       },
       true},
  };
  return calls;
}

/// The calls that fail, by their numbers.
std::set<std::size_t> failing_calls(ChaosOptions options, std::size_t calls) {
  ChaosBackend<> cache(std::make_shared<Witness>(), std::move(options));
  std::set<std::size_t> failing;
  for (std::size_t number = 1; number <= calls; ++number) {
    if (!message_of<CacheError>([&] { cache.get("k"); }).empty()) failing.insert(number);
  }
  return failing;
}

/// The sets that are lost, by their numbers.
std::set<std::size_t> lost_calls(ChaosOptions options, std::size_t calls) {
  auto store = std::make_shared<Witness>();
  ChaosBackend<> cache(store, std::move(options));
  std::set<std::size_t> lost;
  for (std::size_t number = 1; number <= calls; ++number) {
    const std::string error = message_of<CacheError>([&] { cache.set("k", "v"); });
    if (store->take_calls().empty() && error.empty()) lost.insert(number);
  }
  return lost;
}

bool includes(const std::set<std::size_t>& all, const std::set<std::size_t>& some) {
  return std::includes(all.begin(), all.end(), some.begin(), some.end());
}

/// What happens to `calls` calls of all kinds, as text.
std::string history(std::uint64_t seed, std::size_t calls) {
  auto store = std::make_shared<Witness>();
  std::string text;
  ChaosBackend<> cache(
      store,
      {.seed = seed, .errors = 0.1, .errors_after = 0.1, .lost_writes = 0.2, .delays = 0.2, .wait = [&text](auto by) {
         text += "(" + std::to_string(by.count()) + ") ";
       }});
  for (std::size_t i = 0; i < calls; ++i) {
    const NamedCall& named = all_calls()[i % all_calls().size()];
    text += message_of<CacheError>([&] { named.call(cache); }) + " " + store->take_calls() + "\n";
  }
  return text;
}

/// Whether a count of independent events comes near enough to what is expected: to five standard deviations.
bool is_near(std::uint64_t count, double share, std::size_t calls) {
  const double expected = share * static_cast<double>(calls);
  return std::abs(static_cast<double>(count) - expected) < 5 * std::sqrt(expected * (1 - share));
}

std::string key_text(std::size_t number) { return "key " + std::to_string(number); }

}  // namespace

TEST_CASE("a calm layer makes each call one call of the same operation, with its arguments and its answer", "[chaos]") {
  auto store = std::make_shared<Witness>();
  ChaosBackend<> cache(store);
  CHECK(cache.get("k") == "value");
  CHECK(store->take_calls() == "get k");
  CHECK(cache.set("k", "v", 3s, {{"name", "text"}}));
  CHECK(store->take_calls() == "set k=v 3000ms name:text");
  CHECK_FALSE(cache.set("declined", "v"));
  CHECK(store->take_calls() == "set declined=v -");
  CHECK(cache.erase("k"));
  CHECK(store->take_calls() == "erase k");
  CHECK(cache.exists("k"));
  CHECK_FALSE(cache.exists("absent"));
  CHECK(store->take_calls() == "exists k, exists absent");
  CHECK(cache.clear() == 7);
  CHECK(store->take_calls() == "clear");
  const auto entry = cache.get_entry("k");
  REQUIRE(entry.has_value());
  CHECK(entry->key == "k");
  CHECK(entry->value == "entry");
  CHECK(entry->metadata == larder::Metadata{{"a", "b"}});
  CHECK(store->take_calls() == "get_entry k");
  CHECK(cache.keys("p*") == std::vector<std::string>{"x", "y"});
  CHECK(store->take_calls() == "keys p*");
  CHECK(cache.stats() == store->stats());
  CHECK(cache.stats().hits == 11);
  cache.reset_stats();
  CHECK(store->take_calls() == "reset_stats");
  CHECK(cache.injected() == ChaosCounts{});
}

TEST_CASE("a batch stays one batch", "[chaos]") {
  auto store = std::make_shared<Witness>();
  ChaosBackend<> cache(store);
  const std::array<std::string_view, 3> keys = {"a", "absent", "a"};
  std::array<std::optional<Bytes>, 3> values = {"left over", "left over", "left over"};
  cache.get_many(keys, values);
  CHECK(values == std::array<std::optional<Bytes>, 3>{"a", std::nullopt, "a"});
  CHECK(cache.get_many({"x", "absent"}).size() == 1);
  CHECK(store->take_calls() == "get_many a absent a, get_many x absent");
  CHECK(cache.set_many({{"a", "1"}, {"b", "2"}, {"a", "3"}}, 1500ms) == 2);
  CHECK(cache.set_many({{"c", "4"}}) == 0);
  CHECK(store->take_calls() == "set_many a=1 b=2 a=3 1500ms, set_many c=4 -");
  CHECK(cache.erase_many({"a", "b", "a"}) == 8);
  CHECK(store->take_calls() == "erase_many a b a");
}

TEST_CASE("a batch is one call to the plan, and an empty one is none", "[chaos]") {
  ChaosBackend<> cache(std::make_shared<Witness>());
  cache.set_many({{"a", "1"}, {"b", "2"}, {"c", "3"}});
  cache.erase_many({"a", "b"});
  get_two(cache);
  CHECK(cache.set_many(std::vector<std::pair<std::string, Bytes>>()) == 0);
  CHECK(cache.get_many(std::vector<std::string>()).empty());
  CHECK(cache.erase_many(std::vector<std::string>()) == 0);
  cache.stats();
  cache.reset_stats();
  cache.fail_next(ChaosFault::timeout);
  CHECK(contains(message_of<larder::TimeoutError>([&] { cache.get("k"); }), "(call 4)"));
}

TEST_CASE("a TTL that is not positive reaches the wrapped cache as the removal that it is", "[chaos]") {
  auto store = std::make_shared<Witness>();
  ChaosBackend<> cache(store);
  CHECK_FALSE(cache.set("k", "v", 0s));
  CHECK(cache.set_many({{"a", "1"}, {"b", "2"}}, -1s) == 0);
  CHECK(store->take_calls() == "erase k, erase a, erase b");
}

TEST_CASE("a calm layer takes keys and values of any type, and offers no more than what it wraps", "[chaos]") {
  ChaosBackend<int, std::string> numbers(std::make_shared<larder::InMemoryBackend<int, std::string>>());
  CHECK(numbers.set_many({{1, "one"}, {2, "two"}}, 1h) == 2);
  CHECK(numbers.get(2) == "two");
  CHECK(numbers.get_many({1, 3}).size() == 1);
  CHECK(numbers.erase_many({1, 2, 3}) == 2);

  ChaosBackend<> small(std::make_shared<larder_tests::SixFunctions>());
  CHECK_THROWS_AS(small.keys(), larder::NotSupportedError);
  CHECK_THROWS_AS(small.get_entry("k"), larder::NotSupportedError);
  CHECK_THROWS_AS(small.reset_stats(), larder::NotSupportedError);
}

TEST_CASE("the same seed repeats a run to the last delay, and another one gives another", "[chaos]") {
  const std::string first = history(1, 1000);
  CHECK(history(1, 1000) == first);
  CHECK(history(2, 1000) != first);
  CHECK(contains(first, "injected by ChaosBackend"));
}

TEST_CASE("the plans of two seeds have no more in common than chance has it, not even shifted", "[chaos]") {
  constexpr std::size_t calls = 2000;
  const auto first = failing_calls({.seed = 1, .errors = 0.5}, calls);
  const auto second = failing_calls({.seed = 2, .errors = 0.5}, calls);
  for (int shift = -2; shift <= 2; ++shift) {
    std::size_t common = 0;
    for (const std::size_t number : first) common += second.count(number + static_cast<std::size_t>(shift));
    CAPTURE(shift, common);
    CHECK(is_near(common, 0.25, calls));
  }
}

TEST_CASE("each fate comes to as many calls as its share says", "[chaos]") {
  constexpr std::size_t calls = 20000;
  auto store = std::make_shared<Witness>();
  std::vector<std::chrono::nanoseconds> delays;
  ChaosBackend<> cache(store, {.seed = 3,
                               .errors = 0.1,
                               .errors_after = 0.05,
                               .lost_writes = 0.2,
                               .delays = 0.3,
                               .shortest_delay = 10ms,
                               .longest_delay = 30ms,
                               .wait = [&delays](auto by) { delays.push_back(by); }});
  std::size_t failed = 0;
  std::size_t arrived = 0;
  for (std::size_t i = 0; i < calls; ++i) {
    failed += message_of<CacheError>([&] { cache.set("k", "v"); }).empty() ? 0 : 1;
    arrived += store->take_calls().empty() ? 0 : 1;
  }
  const ChaosCounts injected = cache.injected();
  CHECK(is_near(injected.errors, 0.1, calls));
  CHECK(is_near(injected.errors_after, 0.05, calls));
  CHECK(is_near(injected.lost_writes, 0.2, calls));
  CHECK(is_near(injected.delays, 0.3, calls));
  CHECK(injected.errors + injected.errors_after == failed);
  CHECK(arrived == calls - injected.errors - injected.lost_writes);

  REQUIRE(delays.size() == injected.delays);
  std::chrono::nanoseconds total(0);
  std::size_t long_ones = 0;
  for (const auto delay : delays) {
    total += delay;
    long_ones += delay >= 20ms ? 1 : 0;
  }
  CHECK(injected.total_delay == total);
  CHECK(is_near(long_ones, 0.5, delays.size()));
  const auto [shortest, longest] = std::minmax_element(delays.begin(), delays.end());
  CHECK((*shortest >= 10ms && *shortest < 10100us));
  CHECK((*longest <= 30ms && *longest > 29900us));
}

TEST_CASE("a share of 0 is never, and one of 1 is always", "[chaos]") {
  constexpr std::size_t calls = 2000;
  CHECK(failing_calls({}, calls).empty());
  CHECK(failing_calls({.errors = 1}, calls).size() == calls);
  CHECK(failing_calls({.errors_after = 1}, calls).size() == calls);
  CHECK(lost_calls({}, calls).empty());
  CHECK(lost_calls({.lost_writes = 1}, calls).size() == calls);
  CHECK(failing_calls({.errors = 0.7, .errors_after = 0.2, .lost_writes = 0.1}, calls).size() < calls);
}

TEST_CASE("faults are drawn evenly from those that are listed", "[chaos]") {
  constexpr std::size_t calls = 4000;
  const auto count_of = [](std::string_view words, std::vector<ChaosFault> faults) {
    ChaosBackend<> cache(std::make_shared<Witness>(), {.errors = 1, .faults = std::move(faults)});
    std::size_t count = 0;
    for (std::size_t i = 0; i < calls; ++i) {
      count += contains(message_of<CacheError>([&] { cache.get("k"); }), words) ? 1 : 0;
    }
    return count;
  };
  for (const char* words : {"connection", "deadline", "reply", "server"}) {
    CAPTURE(words);
    CHECK(is_near(count_of(words, ChaosOptions().faults), 0.25, calls));
  }
  const std::vector<ChaosFault> mostly_timeouts = {ChaosFault::timeout, ChaosFault::server, ChaosFault::timeout};
  CHECK(is_near(count_of("deadline", mostly_timeouts), 2.0 / 3, calls));
  CHECK(count_of("deadline", mostly_timeouts) + count_of("server", mostly_timeouts) == calls);
  CHECK(count_of("reply", {ChaosFault::protocol}) == calls);
}

TEST_CASE("which fault it is depends neither on the one before nor on how many calls fail", "[chaos]") {
  constexpr std::size_t calls = 20000;
  ChaosBackend<> cache(std::make_shared<Witness>(), {.errors = 0.5});
  std::size_t failed = 0;
  std::size_t repeated = 0;
  std::size_t timeouts = 0;
  std::string before;
  for (std::size_t i = 0; i < calls; ++i) {
    const std::string message = message_of<CacheError>([&] { cache.get("k"); });
    if (message.empty()) continue;
    const std::string fault = message.substr(message.rfind(':'));
    ++failed;
    repeated += fault == before ? 1 : 0;
    timeouts += contains(fault, "deadline") ? 1 : 0;
    before = fault;
  }
  CHECK(is_near(repeated, 0.25, failed));
  CHECK(is_near(timeouts, 0.25, failed));
}

TEST_CASE("delays and lost writes do not change which calls fail", "[chaos]") {
  constexpr std::size_t calls = 2000;
  const auto failing = failing_calls({.errors = 0.2}, calls);
  CHECK(failing_calls({.errors = 0.2, .delays = 1, .wait = [](auto) {}}, calls) == failing);
  CHECK(failing_calls({.errors = 0.2, .lost_writes = 0.8}, calls) == failing);
  CHECK(lost_calls({.errors = 0.5, .lost_writes = 0.2}, calls) == lost_calls({.lost_writes = 0.2}, calls));
}

TEST_CASE("raising one share disturbs more calls and lets none go through that did not before", "[chaos]") {
  constexpr std::size_t calls = 2000;
  const auto failing = failing_calls({.errors = 0.2, .errors_after = 0.1}, calls);
  const auto raised = failing_calls({.errors = 0.3, .errors_after = 0.1}, calls);
  CHECK(includes(raised, failing));
  CHECK(raised.size() > failing.size());
  CHECK(includes(failing_calls({.errors = 0.2, .errors_after = 0.2}, calls), failing));
  CHECK(includes(lost_calls({.lost_writes = 0.3}, calls), lost_calls({.lost_writes = 0.2}, calls)));
}

TEST_CASE("a delay says nothing about failing: of the delayed calls as many fail as of the rest", "[chaos]") {
  constexpr std::size_t calls = 20000;
  bool delayed = false;
  ChaosBackend<> cache(std::make_shared<Witness>(),
                       {.errors = 0.3, .delays = 0.5, .wait = [&delayed](auto) { delayed = true; }});
  std::size_t both = 0;
  for (std::size_t i = 0; i < calls; ++i) {
    delayed = false;
    const bool failed = !message_of<CacheError>([&] { cache.get("k"); }).empty();
    both += failed && delayed ? 1 : 0;
  }
  CHECK(is_near(both, 0.15, calls));
}

TEST_CASE("a fault is thrown as its typed error, with the operation and the number of the call", "[chaos]") {
  ChaosBackend<> cache(std::make_shared<Witness>());
  cache.get("k");
  cache.fail_next(ChaosFault::connection);
  const std::string connection = message_of<larder::ConnectionError>([&] { cache.get("k"); });
  CHECK(connection == "injected by ChaosBackend: get (call 2): the connection broke");
  cache.fail_next(ChaosFault::timeout);
  const std::string timeout = message_of<larder::TimeoutError>([&] { cache.clear(); });
  CHECK(timeout == "injected by ChaosBackend: clear (call 3): the deadline passed");
  cache.fail_next(ChaosFault::protocol);
  const std::string protocol = message_of<larder::ProtocolError>([&] { cache.keys(); });
  CHECK(protocol == "injected by ChaosBackend: keys (call 4): the reply made no sense");
  cache.fail_next(ChaosFault::server);
  try {
    cache.erase("k");
    FAIL("nothing was thrown");
  } catch (const larder::ServerError& error) {
    CHECK(error.code() == "CHAOS");
    CHECK(error.what() == std::string("injected by ChaosBackend: erase (call 5): the server answered with an error"));
  }
}

TEST_CASE("an error without effect keeps any operation away from the wrapped cache", "[chaos]") {
  auto store = std::make_shared<Witness>();
  ChaosBackend<> cache(store, {.errors = 1});
  for (const NamedCall& named : all_calls()) {
    const std::string message = message_of<CacheError>([&] { named.call(cache); });
    CHECK(contains(message, "injected by ChaosBackend: " + named.name + " (call "));
    CHECK(store->take_calls().empty());
  }
  CHECK(cache.injected() == ChaosCounts{.errors = all_calls().size()});
}

TEST_CASE("an error after the effect comes from any operation once it is done", "[chaos]") {
  auto plain = std::make_shared<Witness>();
  auto store = std::make_shared<Witness>();
  ChaosBackend<> cache(store, {.errors_after = 1});
  for (const NamedCall& named : all_calls()) {
    named.call(*plain);
    const std::string message = message_of<CacheError>([&] { named.call(cache); });
    CHECK(contains(message, "injected by ChaosBackend: " + named.name + " (call "));
    CHECK(contains(message, "after its effect"));
    CHECK(store->take_calls() == plain->take_calls());
  }
  CHECK(cache.injected() == ChaosCounts{.errors_after = all_calls().size()});
}

TEST_CASE("a reply that is lost after its effect brings no values", "[chaos]") {
  ChaosBackend<> cache(std::make_shared<Witness>(), {.errors_after = 1});
  const std::array<std::string_view, 2> keys = {"a", "b"};
  std::array<std::optional<Bytes>, 2> values = {"left over", "left over"};
  CHECK_THROWS_AS(cache.get_many(keys, values), CacheError);
  CHECK(values == std::array<std::optional<Bytes>, 2>{});
}

TEST_CASE("a lost write reports success and leaves all as it was", "[chaos]") {
  auto store = std::make_shared<larder::InMemoryBackend<>>();
  store->set("old", "1", {}, {{"name", "text"}});
  store->set("other", "2");
  ChaosBackend<> cache(store, {.lost_writes = 1});
  const auto before = store->stats();
  CHECK(cache.set("old", "3"));
  CHECK(cache.set("new", "3"));
  CHECK_FALSE(cache.set("old", "3", 0s));
  CHECK(cache.erase("old"));
  CHECK_FALSE(cache.erase("absent"));
  CHECK(cache.set_many({{"old", "4"}, {"new", "4"}, {"new", "5"}}) == 3);
  CHECK(cache.erase_many({"old", "absent", "other", "old", "absent"}) == 2);
  CHECK(cache.clear() == 0);
  CHECK(store->stats() == before);
  CHECK(cache.injected() == ChaosCounts{.lost_writes = 8});
  CHECK(larder_tests::sorted_keys(*store) == "old other");
  CHECK(store->get_entry("old")->metadata == larder::Metadata{{"name", "text"}});
  CHECK(cache.get("old") == "1");
}

TEST_CASE("a lost write is not lost on reads", "[chaos]") {
  auto plain = std::make_shared<Witness>();
  auto store = std::make_shared<Witness>();
  ChaosBackend<> cache(store, {.lost_writes = 1});
  std::size_t writes = 0;
  for (const NamedCall& named : all_calls()) {
    writes += named.writes ? 1 : 0;
    if (named.writes) continue;
    named.call(*plain);
    named.call(cache);
  }
  CHECK(store->take_calls() == plain->take_calls());
  for (const NamedCall& named : all_calls()) {
    if (named.writes) named.call(cache);
  }
  CHECK(store->take_calls() == "exists a, exists a, exists b");
  CHECK(cache.injected() == ChaosCounts{.lost_writes = writes});
}

TEST_CASE("a delay passes in virtual time before the call, so that an entry may expire meanwhile", "[chaos]") {
  ManualClock clock;
  using Store = larder_tests::Fixture<>::Backend;
  auto store = std::make_shared<Store>(Store::Options{.clock = clock});
  ChaosBackend<> cache(store,
                       {.delays = 1, .shortest_delay = 40ms, .longest_delay = 40ms, .wait = [clock](auto by) mutable {
                          clock.advance(by);
                        }});
  cache.set("k", "v", 60ms);  // stored after 40 ms
  CHECK(clock.now().time_since_epoch() == 40ms);
  CHECK(cache.get("k") == "v");
  CHECK(clock.now().time_since_epoch() == 80ms);
  CHECK(store->exists("k"));
  CHECK_FALSE(cache.get("k").has_value());
  CHECK(cache.injected() == ChaosCounts{.delays = 3, .total_delay = 120ms});
}

TEST_CASE("a call that fails by the plan may be delayed before, and one that a test makes fail is not", "[chaos]") {
  std::chrono::nanoseconds waited(0);
  ChaosBackend<> cache(
      std::make_shared<Witness>(),
      {.errors = 1, .delays = 1, .shortest_delay = 5ms, .longest_delay = 5ms, .wait = [&waited](auto by) {
         waited += by;
       }});
  CHECK_THROWS_AS(cache.get("k"), CacheError);
  CHECK(waited == 5ms);
  cache.fail_next(ChaosFault::timeout);
  CHECK_THROWS_AS(cache.get("k"), CacheError);
  cache.break_store();
  CHECK_THROWS_AS(cache.get("k"), CacheError);
  CHECK(waited == 5ms);
  CHECK(cache.injected() == ChaosCounts{.errors = 3, .delays = 1, .total_delay = 5ms});
}

TEST_CASE("delays that are too long to be added up are counted as the longest time there is", "[chaos]") {
  constexpr auto longest = std::chrono::nanoseconds::max();
  std::size_t waits = 0;
  ChaosBackend<> cache(
      std::make_shared<Witness>(),
      {.delays = 1, .shortest_delay = longest - 1ns, .longest_delay = longest, .wait = [&waits](auto) { ++waits; }});
  for (int i = 0; i < 3; ++i) cache.get("k");
  CHECK(waits == 3);
  CHECK(cache.injected().total_delay == longest);
}

TEST_CASE("a wait may use the cache, and what it throws is what the call throws", "[chaos]") {
  auto store = std::make_shared<Witness>();
  CacheBackend<>* layer = nullptr;
  bool waiting = false;
  ChaosBackend<> cache(store, {.delays = 1, .wait = [&](auto) {
                                 if (waiting) return;
                                 waiting = true;
                                 layer->set("meanwhile", "v");
                                 throw std::runtime_error("interrupted");
                               }});
  layer = &cache;
  CHECK(message_of<std::runtime_error>([&] { cache.get("k"); }) == "interrupted");
  CHECK(store->take_calls() == "set meanwhile=v -");
}

TEST_CASE("fail_next makes exactly the next calls fail, one request after the other", "[chaos]") {
  ChaosBackend<> cache(std::make_shared<Witness>());
  cache.fail_next(ChaosFault::timeout, 2);
  cache.fail_next(ChaosFault::server, 0);
  cache.fail_next(ChaosFault::protocol);
  cache.stats();
  CHECK_THROWS_AS(cache.get("k"), larder::TimeoutError);
  CHECK_THROWS_AS(cache.erase_many({"a", "b"}), larder::TimeoutError);
  CHECK_THROWS_AS(cache.set("k", "v"), larder::ProtocolError);
  CHECK(cache.get("k") == "value");
  CHECK(cache.injected() == ChaosCounts{.errors = 3});
}

TEST_CASE("a broken store fails every call until it is mended, and what was to fail next fails then", "[chaos]") {
  auto store = std::make_shared<Witness>();
  ChaosBackend<> cache(store);
  cache.fail_next(ChaosFault::timeout);
  cache.break_store();
  for (const NamedCall& named : all_calls()) CHECK_THROWS_AS(named.call(cache), larder::ConnectionError);
  cache.break_store(ChaosFault::server);
  for (const NamedCall& named : all_calls()) CHECK_THROWS_AS(named.call(cache), larder::ServerError);
  CHECK(store->take_calls().empty());
  cache.mend_store();
  CHECK_THROWS_AS(cache.get("k"), larder::TimeoutError);
  for (const NamedCall& named : all_calls()) CHECK_NOTHROW(named.call(cache));
  CHECK(cache.injected() == ChaosCounts{.errors = 2 * all_calls().size() + 1});
}

TEST_CASE("while it is calm a layer disturbs nothing but what the test asks for, and still numbers the calls",
          "[chaos]") {
  auto store = std::make_shared<Witness>();
  ChaosBackend<> cache(store, {.errors = 0.5, .lost_writes = 0.5, .delays = 1, .wait = [](auto) {}});
  cache.calm();
  for (int i = 0; i < 5; ++i) {
    for (const NamedCall& named : all_calls()) CHECK_NOTHROW(named.call(cache));
  }
  CHECK(cache.injected() == ChaosCounts{});
  cache.fail_next(ChaosFault::timeout);
  CHECK_THROWS_AS(cache.get("k"), larder::TimeoutError);
  cache.break_store();
  CHECK_THROWS_AS(cache.get("k"), larder::ConnectionError);
  cache.mend_store();
  cache.resume();

  // On with the plan where it would be by now.
  const auto failing = failing_calls({.errors = 0.5}, 100);
  for (std::size_t number = 5 * all_calls().size() + 3; number <= 100; ++number) {
    CAPTURE(number);
    CHECK(message_of<CacheError>([&] { cache.get("k"); }).empty() == (failing.count(number) == 0));
  }
}

TEST_CASE("with a share of 1, resume and calm lose exactly the replies that a test wants lost", "[chaos]") {
  auto store = std::make_shared<larder::InMemoryBackend<>>();
  ChaosBackend<> cache(store, {.errors_after = 1, .faults = {ChaosFault::timeout}});
  cache.calm();
  CHECK(cache.set("k", "1"));
  cache.resume();
  CHECK_THROWS_AS(cache.set("k", "2"), larder::TimeoutError);
  cache.calm();
  CHECK(cache.get("k") == "2");
}

TEST_CASE("stats are those of the wrapped cache, with the injected errors among the errors", "[chaos]") {
  auto store = std::make_shared<Witness>();
  ChaosBackend<> cache(store, {.errors_after = 1});
  cache.fail_next(ChaosFault::connection, 2);
  for (int i = 0; i < 3; ++i) CHECK_THROWS_AS(cache.get("k"), CacheError);
  auto expected = store->stats();
  expected.errors += 3;
  CHECK(cache.stats() == expected);

  cache.reset_stats();
  CHECK(cache.stats() == store->stats());
  CHECK(cache.stats().errors == 0);
  CHECK(cache.injected() == ChaosCounts{.errors = 2, .errors_after = 1});
  CHECK_THROWS_AS(cache.get("k"), CacheError);
  CHECK(cache.stats().errors == 1);
}

TEST_CASE("stats and reset_stats work on a broken store", "[chaos]") {
  auto store = std::make_shared<Witness>();
  ChaosBackend<> cache(store, {.errors = 1});
  cache.break_store();
  CHECK(cache.stats().hits == 11);
  CHECK_NOTHROW(cache.reset_stats());
  CHECK(store->take_calls() == "reset_stats");
  CHECK(cache.injected() == ChaosCounts{});
}

TEST_CASE("a reset that the wrapped cache does not offer leaves the injected errors counted", "[chaos]") {
  ChaosBackend<> cache(std::make_shared<larder_tests::SixFunctions>());
  cache.fail_next(ChaosFault::connection);
  CHECK_THROWS_AS(cache.get("k"), CacheError);
  CHECK_THROWS_AS(cache.reset_stats(), larder::NotSupportedError);
  CHECK(cache.stats().errors == 1);
}

TEST_CASE("what the wrapped cache throws passes through, and is not counted as injected", "[chaos]") {
  auto store = std::make_shared<Witness>();
  store->failure = "out of order";
  ChaosBackend<> cache(store);
  ChaosBackend<> losing_replies(store, {.errors_after = 1});
  for (const NamedCall& named : all_calls()) {
    CHECK(message_of<larder::ServerError>([&] { named.call(cache); }) == "out of order");
    CHECK(message_of<larder::ServerError>([&] { named.call(losing_replies); }) == "out of order");
  }
  CHECK(cache.injected() == ChaosCounts{});
  CHECK(losing_replies.injected() == ChaosCounts{});
  CHECK(cache.stats() == store->stats());
}

TEST_CASE("options that make no sense are refused by name and value", "[chaos]") {
  const auto refusal = [](const ChaosOptions& options) {
    const auto make = [&options] { ChaosBackend<> cache(std::make_shared<Witness>(), options); };
    return message_of<larder::InvalidArgumentError>(make);
  };
  const auto wait = [](auto) {};
  CHECK(refusal({.errors = 1.5}) == "ChaosOptions: errors = 1.5, but a share is from 0 to 1");
  CHECK(refusal({.errors_after = -0.25}) == "ChaosOptions: errors_after = -0.25, but a share is from 0 to 1");
  CHECK(refusal({.lost_writes = 1.0000001}) == "ChaosOptions: lost_writes = 1.0000001, but a share is from 0 to 1");
  CHECK(refusal({.delays = 2, .wait = wait}) == "ChaosOptions: delays = 2, but a share is from 0 to 1");
  const double no_number = std::numeric_limits<double>::quiet_NaN();
  CHECK(contains(refusal({.errors = no_number}), "errors = nan"));
  CHECK(contains(refusal({.delays = no_number, .wait = wait}), "delays = nan"));
  CHECK(contains(refusal({.errors = 0.5, .errors_after = 0.25, .lost_writes = 0.5}),
                 "ChaosOptions: errors + errors_after + lost_writes = 1.25, but"));
  CHECK(refusal({.delays = 0.5}) ==
        "ChaosOptions: delays = 0.5 needs wait, the function by which a delay passes, but wait is empty");
  CHECK(refusal({.shortest_delay = -1ns}) == "ChaosOptions: shortest_delay = -1 ns, but no delay is negative");
  CHECK(refusal({.shortest_delay = 2us, .longest_delay = 1us}) ==
        "ChaosOptions: shortest_delay = 2000 ns is more than longest_delay = 1000 ns");
  CHECK(refusal({.errors = 0.125, .faults = {}}) ==
        "ChaosOptions: faults is empty, but errors + errors_after = 0.125 needs one to throw");
  CHECK(contains(refusal({.errors_after = 0.5, .faults = {}}), "faults is empty"));
}

TEST_CASE("options at the edge of sense are taken", "[chaos]") {
  CHECK_NOTHROW(ChaosOptions().validate());
  CHECK_NOTHROW(ChaosOptions{.lost_writes = 0.5, .faults = {}}.validate());
  CHECK_NOTHROW(ChaosOptions{.delays = 1, .shortest_delay = 0ns, .longest_delay = 0ns, .wait = [](auto) {}}.validate());
  CHECK_NOTHROW(ChaosOptions{.errors = 0.25, .errors_after = 0.25, .lost_writes = 0.5}.validate());
  // In binary, 0.3 + 0.6 + 0.1 and its like are not quite 1, on either side.
  for (int errors = 0; errors <= 100; ++errors) {
    for (int lost = 0; errors + lost <= 100; ++lost) {
      const int after = 100 - errors - lost;
      const ChaosOptions options{.errors = errors / 100.0, .errors_after = after / 100.0, .lost_writes = lost / 100.0};
      REQUIRE_NOTHROW(options.validate());
    }
  }
}

TEST_CASE("a layer over nothing is refused", "[chaos]") {
  CHECK(message_of<larder::InvalidArgumentError>([] { ChaosBackend<> cache(nullptr); }) ==
        "ChaosBackend: wrapped = nullptr, but there must be a cache");
}

TEST_CASE("a layer keeps what it wraps alive, and lets it go at its end", "[chaos]") {
  auto store = std::make_shared<Witness>();
  const std::weak_ptr<Witness> watched = store;
  {
    ChaosBackend<> cache(std::move(store));
    CHECK(cache.get("k") == "value");
    CHECK_FALSE(watched.expired());
  }
  CHECK(watched.expired());
}

TEST_CASE("with several threads the same numbers fail as with one, and no count is lost", "[chaos][threads]") {
  constexpr std::size_t threads = 4;
  const std::size_t each = larder_tests::scaled(5000);
  const ChaosOptions options{.seed = 5, .errors = 0.2, .errors_after = 0.1, .delays = 0.5, .wait = [](auto) {}};
  ChaosBackend<> cache(std::make_shared<larder::InMemoryBackend<>>(), options);
  std::mutex mutex;
  std::set<std::size_t> failed;
  std::vector<std::thread> crowd;
  for (std::size_t thread = 0; thread < threads; ++thread) {
    crowd.emplace_back([&, thread] {
      for (std::size_t i = 0; i < each; ++i) {
        const std::string message = message_of<CacheError>([&] { cache.set(key_text(thread), "v"); });
        if (message.empty()) continue;
        const std::lock_guard lock(mutex);
        failed.insert(std::stoul(message.substr(message.find("(call ") + 6)));
      }
    });
  }
  for (std::thread& thread : crowd) thread.join();
  CHECK(failed == failing_calls(options, threads * each));
  const ChaosCounts injected = cache.injected();
  CHECK(injected.errors + injected.errors_after == failed.size());
  CHECK(cache.stats().errors == failed.size());
  CHECK(cache.stats().sets == threads * each - injected.errors);
}

TEST_CASE("a test may break, mend, calm and look while other threads use the cache", "[chaos][threads]") {
  ManualClock clock;
  ChaosBackend<> cache(
      std::make_shared<larder::InMemoryBackend<>>(),
      {.errors = 0.1, .lost_writes = 0.1, .delays = 0.5, .wait = [clock](auto by) mutable { clock.advance(by); }});
  std::atomic<std::uint64_t> failed{0};
  std::atomic<std::size_t> busy{3};
  std::vector<std::thread> crowd;
  for (std::size_t thread = 0; thread < 3; ++thread) {
    crowd.emplace_back([&] {
      for (std::size_t i = 0; i < larder_tests::scaled(20000); ++i) {
        const NamedCall& named = all_calls()[i % all_calls().size()];
        failed += message_of<CacheError>([&] { named.call(cache); }).empty() ? 0 : 1;
      }
      --busy;
    });
  }
  do {
    cache.fail_next(ChaosFault::timeout, 3);
    cache.calm();
    cache.break_store(ChaosFault::server);
    std::this_thread::yield();
    cache.stats();
    cache.mend_store();
    cache.resume();
    std::this_thread::yield();
  } while (busy > 0);
  for (std::thread& thread : crowd) thread.join();
  const ChaosCounts injected = cache.injected();
  CHECK(failed > 0);
  CHECK(injected.errors == failed);
  CHECK(cache.stats().errors == failed);
  CHECK(injected.total_delay == clock.now().time_since_epoch());
}
