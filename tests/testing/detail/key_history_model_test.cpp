/// \file key_history_model_test.cpp
/// Random histories of a simulated cache, as they are and spoilt: find_impossible_read against an implementation of its
/// rules that is slow and different, and against all orders of the calls.
///
/// LARDER_SEED=<seed> begins with other histories, LARDER_TEST_SCALE=<percent> sets how many there are.
#include <larder/testing/detail/key_history.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <larder/testing/history.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/environment.hpp"
#include "tests/support/random.hpp"

using larder::testing::find_impossible_read;
using larder::testing::HistoryEvent;
using larder_tests::Random;
using Events = std::vector<HistoryEvent>;
using Kind = HistoryEvent::Kind;

namespace {

constexpr std::uint64_t never = HistoryEvent::never;

/// Scaled, but never so few that nothing happens.
std::size_t scaled(std::size_t count) { return std::max<std::size_t>(larder_tests::scaled(count), 1000); }

/// The history of a map on which each call does its work at one random instant, or one for each key, between its begin
/// and its end. So it is possible. A call that "throws" ends with some of its work undone, to be done later or never.
class Simulation {
 public:
  Simulation(Random& random, bool evicts) : random_(random), evicts_(evicts) {}

  Events run(std::size_t calls) {
    while (calls > 0 || std::any_of(open_.begin(), open_.end(), [](const Call& call) { return call.is_open(); })) {
      Call& call = open_[random_.below(open_.size())];
      if (call.is_open()) {
        go_on(call);
      } else if (calls > 0) {
        begin(call);
        --calls;
      }
      if (!strays_.empty() && random_.one_in(8)) work_on_one(strays_);
      if (evicts_ && random_.one_in(6)) map_.erase(any_key());
    }
    return events_;
  }

 private:
  struct Call {
    std::vector<HistoryEvent> undone;
    std::vector<HistoryEvent> done;

    bool is_open() const { return !undone.empty() || !done.empty(); }
  };

  std::string any_key() { return random_.one_in(3) ? "other" : "k"; }

  void begin(Call& call) {
    HistoryEvent event;
    event.thread = static_cast<unsigned>(&call - open_.data());
    event.begin = ++tick_;
    event.kind =
        std::array{Kind::wrote, Kind::wrote, Kind::removed, Kind::read, Kind::read, Kind::found}[random_.below(6)];
    for (std::size_t keys = random_.one_in(4) ? 2 : 1; keys > 0; --keys) {
      event.key = any_key();
      if (event.kind == Kind::wrote) event.value = "v" + std::to_string(event.begin) + "." + std::to_string(keys);
      call.undone.push_back(event);
    }
  }

  void go_on(Call& call) {
    const bool writes = (call.undone.empty() ? call.done : call.undone).front().kind <= Kind::removed;
    if (writes && random_.one_in(10)) {
      for (HistoryEvent& event : call.done) events_.push_back(event);
      for (HistoryEvent& event : call.undone) events_.push_back(event);
      strays_.insert(strays_.end(), call.undone.begin(), call.undone.end());
      call = {};
    } else if (!call.undone.empty()) {
      call.done.push_back(work_on_one(call.undone));
    } else {
      ++tick_;
      for (HistoryEvent& event : call.done) {
        event.end = tick_;
        events_.push_back(event);
      }
      call = {};
    }
  }

  HistoryEvent work_on_one(std::vector<HistoryEvent>& undone) {
    const auto at = undone.begin() + static_cast<std::ptrdiff_t>(random_.below(undone.size()));
    HistoryEvent event = *at;
    undone.erase(at);
    const auto entry = map_.find(event.key);
    if (event.kind == Kind::wrote) {
      map_[event.key] = event.value;
    } else if (event.kind == Kind::removed) {
      map_.erase(event.key);
    } else if (entry == map_.end()) {
      event.kind = Kind::missed;
    } else if (event.kind == Kind::read) {
      event.value = entry->second;
    }
    return event;
  }

  Random& random_;
  bool evicts_;
  std::uint64_t tick_ = 0;
  std::map<std::string, std::string> map_;
  std::array<Call, 3> open_;
  std::vector<HistoryEvent> strays_;
  Events events_;
};

bool is_observation(const HistoryEvent& event) { return event.kind >= Kind::read; }

/// Makes one event tell of something else than it saw. Result: whether there was an event to spoil.
bool spoil_one(Events& events, Random& random) {
  std::vector<std::size_t> observations;
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (is_observation(events[i])) observations.push_back(i);
  }
  if (observations.empty()) return false;
  HistoryEvent& spoilt = events[observations[random.below(observations.size())]];
  std::vector<std::string> values = {"no value"};
  for (const HistoryEvent& event : events) {
    const bool fits = event.kind == Kind::wrote && event.key == spoilt.key && event.value != spoilt.value;
    if (fits) values.push_back(event.value);
  }
  if (values.size() > 1 && !random.one_in(8)) values.erase(values.begin());
  const Kind kind = std::array{Kind::read, Kind::read, Kind::found, Kind::missed}[random.below(4)];
  spoilt.kind = spoilt.kind == kind && kind != Kind::read ? Kind::read : kind;
  spoilt.value = spoilt.kind == Kind::read ? values[random.below(values.size())] : "";
  return true;
}

/// The rules of find_impossible_read, word by word, in cubic time.
class SlowRules {
 public:
  explicit SlowRules(const Events& events) : events_(events) {}

  /// Which event is the first impossible read.
  std::optional<std::size_t> first_impossible(bool nothing_is_evicted) const {
    std::optional<std::size_t> first;
    for (std::size_t i = 0; i < events_.size(); ++i) {
      const HistoryEvent& event = events_[i];
      const bool judged = is_observation(event) && (event.kind != Kind::missed || nothing_is_evicted);
      if (judged && !is_explained(event) && (!first || event.end < events_[*first].end)) first = i;
    }
    return first;
  }

 private:
  std::uint64_t effective_end(const HistoryEvent& mutator) const {
    std::uint64_t end = mutator.end;
    for (const HistoryEvent& other : events_) {
      const bool saw = mutator.kind == Kind::wrote && other.kind == Kind::read && other.key == mutator.key &&
                       other.value == mutator.value;
      if (saw) end = std::min(end, other.end);
    }
    return end;
  }

  /// Whether another mutator (or only a write) surely came between `mutator` and `observation`.
  bool is_superseded(std::uint64_t mutator_end, const HistoryEvent* mutator, const HistoryEvent& observation,
                     bool writes_only) const {
    return std::any_of(events_.begin(), events_.end(), [&](const HistoryEvent& other) {
      const bool counts = other.kind == Kind::wrote || (other.kind == Kind::removed && !writes_only);
      return counts && &other != mutator && other.key == observation.key && mutator_end < other.begin &&
             effective_end(other) < observation.begin;
    });
  }

  bool is_explained(const HistoryEvent& observation) const {
    const bool missed = observation.kind == Kind::missed;
    if (missed && !is_superseded(0, nullptr, observation, true)) return true;  // by the empty beginning
    return std::any_of(events_.begin(), events_.end(), [&](const HistoryEvent& mutator) {
      if (mutator.key != observation.key || mutator.begin > observation.end) return false;
      if (missed) return mutator.kind == Kind::removed && !is_superseded(mutator.end, &mutator, observation, true);
      if (mutator.kind != Kind::wrote) return false;
      if (observation.kind == Kind::read && mutator.value != observation.value) return false;
      return !is_superseded(effective_end(mutator), &mutator, observation, false);
    });
  }

  const Events& events_;
};

/// Tries all orders of the events of one key that their intervals allow. (Where something may be evicted, a miss tells
/// nothing.)
class OrderSearch {
 public:
  OrderSearch(const Events& events, std::string_view key, bool nothing_is_evicted)
      : nothing_is_evicted_(nothing_is_evicted) {
    for (const HistoryEvent& event : events) {
      if (event.key == key) events_.push_back(event);
    }
    REQUIRE(events_.size() < 32);
  }

  bool finds_one() { return search(0, nullptr); }

 private:
  bool is_done(std::uint32_t done, std::size_t i) const { return (done >> i & 1) != 0; }

  bool search(std::uint32_t done, const HistoryEvent* present) {
    std::uint64_t earliest_end = never;
    for (std::size_t i = 0; i < events_.size(); ++i) {
      if (!is_done(done, i)) earliest_end = std::min(earliest_end, events_[i].end);
    }
    if (earliest_end == never) return true;  // only calls that threw are left: they need not happen
    if (!seen_.emplace(done, present).second) return false;
    for (std::size_t i = 0; i < events_.size(); ++i) {
      const HistoryEvent& next = events_[i];
      if (is_done(done, i) || next.begin > earliest_end) continue;
      if (is_observation(next) && !agrees(next, present)) continue;
      const HistoryEvent* then = next.kind == Kind::wrote ? &next : next.kind == Kind::removed ? nullptr : present;
      if (search(done | std::uint32_t{1} << i, then)) return true;
    }
    return false;
  }

  bool agrees(const HistoryEvent& observation, const HistoryEvent* present) const {
    if (observation.kind == Kind::missed) return present == nullptr || !nothing_is_evicted_;
    return present != nullptr && (observation.kind == Kind::found || observation.value == present->value);
  }

  bool nothing_is_evicted_;
  Events events_;
  std::set<std::pair<std::uint32_t, const HistoryEvent*>> seen_;
};

bool some_order_explains(const Events& events, bool nothing_is_evicted) {
  return OrderSearch(events, "k", nothing_is_evicted).finds_one() &&
         OrderSearch(events, "other", nothing_is_evicted).finds_one();
}

std::string to_text(const Events& events) {
  std::string text;
  for (const HistoryEvent& event : events) {
    text += std::to_string(event.begin) + ".." + (event.end == never ? "" : std::to_string(event.end)) + " " +
            event.key + " " + larder::testing::detail::effect_text(event) + "\n";
  }
  return text;
}

}  // namespace

TEST_CASE("whatever a map may answer within the calls' intervals is accepted", "[history][model]") {
  const std::uint64_t seed = larder_tests::environment_number("LARDER_SEED", 1);
  Random random(seed);
  const bool evicts = GENERATE(false, true);
  for (std::size_t round = 0; round < scaled(20000); ++round) {
    const Events events = Simulation(random, evicts).run(5 + random.below(40));
    const auto impossible = find_impossible_read(events, !evicts);
    if (!impossible) continue;
    FAIL("seed " << seed << ", round " << round << ":\n"
                 << impossible->to_text() << "in the history\n"
                 << to_text(events));
  }
}

TEST_CASE("a spoilt history is judged as slow rules judge it, and is only refused if no order explains it",
          "[history][model]") {
  const std::uint64_t seed = larder_tests::environment_number("LARDER_SEED", 1);
  Random random(seed);
  std::map<Kind, std::size_t> refused;
  std::size_t accepted = 0;
  for (std::size_t round = 0; round < scaled(20000); ++round) {
    const bool evicts = random.one_in(2);
    Events events = Simulation(random, evicts).run(4 + random.below(14));
    if (!spoil_one(events, random)) continue;
    INFO("seed " << seed << ", round " << round << ":\n" << to_text(events));
    const auto fast = find_impossible_read(events, !evicts);
    const auto slow = SlowRules(events).first_impossible(!evicts);
    REQUIRE(fast.has_value() == slow.has_value());
    if (!fast) {
      ++accepted;
      continue;
    }
    INFO(fast->to_text());
    const HistoryEvent& read = fast->events.at(fast->read);
    ++refused[read.kind];
    REQUIRE(read == events[*slow]);
    REQUIRE_FALSE(some_order_explains(events, !evicts));
    REQUIRE(fast->events.size() <= 5);
  }
  CHECK(accepted > 0);
  CHECK(refused[Kind::read] > 0);
  CHECK(refused[Kind::found] > 0);
  CHECK(refused[Kind::missed] > 0);
}

TEST_CASE("the evidence alone is a history that no order explains", "[history][model]") {
  Random random(larder_tests::environment_number("LARDER_SEED", 2));
  std::size_t proofs = 0;
  for (std::size_t round = 0; round < scaled(10000); ++round) {
    Events events = Simulation(random, false).run(4 + random.below(14));
    if (!spoil_one(events, random)) continue;
    const auto impossible = find_impossible_read(events, true);
    if (!impossible) continue;
    INFO(impossible->to_text() << to_text(events));
    REQUIRE_FALSE(some_order_explains(impossible->events, true));
    ++proofs;
  }
  CHECK(proofs > 0);
}
