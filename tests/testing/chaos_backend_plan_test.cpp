/// \file chaos_backend_plan_test.cpp
/// Which calls ChaosBackend disturbs by its plan: as many as the shares say, the same ones for a seed, each drawn
/// alone.
#include <larder/testing/chaos_backend.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/call_witness.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/failing_calls.hpp"
#include "tests/support/message_of.hpp"

using larder::CacheError;
using larder::testing::ChaosBackend;
using larder::testing::ChaosCounts;
using larder::testing::ChaosFault;
using larder::testing::ChaosOptions;
using larder_tests::all_calls;
using larder_tests::CallWitness;
using larder_tests::contains;
using larder_tests::failing_calls;
using larder_tests::message_of;
using larder_tests::NamedCall;
using namespace std::chrono_literals;

namespace {

/// The sets that are lost, by their numbers.
std::set<std::size_t> lost_calls(ChaosOptions options, std::size_t calls) {
  auto store = std::make_shared<CallWitness>();
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
  auto store = std::make_shared<CallWitness>();
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

}  // namespace

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
  auto store = std::make_shared<CallWitness>();
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
    ChaosBackend<> cache(std::make_shared<CallWitness>(), {.errors = 1, .faults = std::move(faults)});
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
  ChaosBackend<> cache(std::make_shared<CallWitness>(), {.errors = 0.5});
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
  ChaosBackend<> cache(std::make_shared<CallWitness>(),
                       {.errors = 0.3, .delays = 0.5, .wait = [&delayed](auto) { delayed = true; }});
  std::size_t both = 0;
  for (std::size_t i = 0; i < calls; ++i) {
    delayed = false;
    const bool failed = !message_of<CacheError>([&] { cache.get("k"); }).empty();
    both += failed && delayed ? 1 : 0;
  }
  CHECK(is_near(both, 0.15, calls));
}
