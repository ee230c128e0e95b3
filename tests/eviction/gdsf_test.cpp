/// \file gdsf_test.cpp
/// The random run prints its seed when it fails: LARDER_SEED=<seed> runs that sequence alone.
#include <larder/eviction/gdsf.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "tests/support/catch.hpp"
#include "tests/support/environment.hpp"
#include "tests/support/policy_entries.hpp"
#include "tests/support/random.hpp"

using larder::Gdsf;

static_assert(larder::EvictionPolicy<Gdsf> && !larder::MarkingEvictionPolicy<Gdsf>);

namespace {

using Entries = larder_tests::PolicyEntries<Gdsf>;

}  // namespace

TEST_CASE("of entries that were used as often, the heaviest leaves a Gdsf first", "[gdsf]") {
  Entries e(Entries::weight_at_most(100));
  CHECK(e.victim() == '-');
  e.insert('a', 10);
  e.insert('b', 30);
  e.insert('c', 20);
  CHECK(e.evict_all() == "bca");
}

TEST_CASE("uses weigh up weight in a Gdsf", "[gdsf]") {
  Entries e(Entries::weight_at_most(100));
  e.insert('a', 30);
  e.insert('b', 10);
  e.use_all("aaa");  // four uses by 30 are more than one by 10
  CHECK(e.evict_all() == "ba");
}

TEST_CASE("what is used no more grows old in a Gdsf", "[gdsf]") {
  Entries e(Entries::weight_at_most(100));
  e.insert('a', 10);
  for (int i = 0; i < 20; ++i) e.use('a');
  int rounds = 0;
  for (; rounds < 1000; ++rounds) {
    e.insert('b', 10);
    if (e.evict() == 'a') break;
  }
  CHECK(rounds >= 15);
  CHECK(rounds <= 25);
}

TEST_CASE("without a limit of weights they count nothing in a Gdsf", "[gdsf]") {
  Entries e(Entries::entries_at_most(10));
  e.insert('a', 1000);
  e.insert('b', 1);
  e.use('a');
  CHECK(e.evict_all() == "ba");
}

TEST_CASE("another weight counts at once in a Gdsf", "[gdsf]") {
  Entries e(Entries::weight_at_most(100));
  e.insert('a', 10);
  e.insert('b', 10);
  e.replace('a', 90);
  CHECK(e.evict_all() == "ab");
}

TEST_CASE("the spared entry is never the victim of a Gdsf", "[gdsf]") {
  Entries e(Entries::weight_at_most(100));
  e.insert('a', 50);
  CHECK(e.victim(1, 'a') == '-');
  e.insert('b', 10);
  e.insert('c', 20);
  CHECK(e.victim(1, 'a') == 'c');
}

TEST_CASE("a Gdsf's age begins again without a change of the order", "[gdsf]") {
  Entries e(Entries::weight_at_most(100));
  // Weightless entries are worth the most that there is: so the age is at its end after two of them.
  for (int round = 0; round < 20; ++round) {
    e.insert('z', 1);
    for (int i = 0; i < 66'000; ++i) e.use('z');
    e.insert('a', 30);
    e.insert('b', 10);
    CHECK(e.evict() == 'a');
    CHECK(e.evict() == 'b');
    CHECK(e.evict() == 'z');
  }
}

TEST_CASE("a cleared Gdsf has forgotten its entries, and can be filled again", "[gdsf]") {
  Entries e(Entries::weight_at_most(100));
  e.insert('a', 10);
  e.policy.clear();
  CHECK(e.victim() == '-');
  e.policy.reserve(30);
  e.insert('b', 10);
  CHECK(e.evict_all() == "b");
}

TEST_CASE("the least of all priorities leaves a Gdsf, whatever was inserted, used, replaced and erased before",
          "[gdsf]") {
  const std::uint64_t given = larder_tests::environment_number("LARDER_SEED", 0);
  for (std::uint64_t seed = given == 0 ? 1 : given; seed <= (given == 0 ? 20 : given); ++seed) {
    INFO("LARDER_SEED=" << seed);
    larder_tests::Random random(seed);
    Entries e(Entries::weight_at_most(1000));
    struct Facts {
      double priority;
      double uses;
    };
    std::map<char, Facts> model;
    double age = 0;
    const auto weight_of = [&e](char name) { return static_cast<double>(e[e.id_of(name)].weight); };
    for (std::size_t step = 0; step < larder_tests::scaled(2000); ++step) {
      const char name = static_cast<char>('a' + random.below(30));
      const std::size_t weight = 1 + random.below(50);
      if (!model.contains(name)) {
        e.insert(name, weight);
        model[name] = {age + 1 / weight_of(name), 1};
      } else if (random.one_in(3)) {
        e.erase(name);
        model.erase(name);
      } else {
        if (random.one_in(2)) {
          e.replace(name, weight);
        } else {
          e.use(name);
        }
        model[name].uses += 1;
        model[name].priority = age + model[name].uses / weight_of(name);
      }
      if (!random.one_in(4) || model.empty()) continue;
      const char victim = e.evict();
      REQUIRE(model.contains(victim));
      const auto least = std::min_element(model.begin(), model.end(), [](const auto& one, const auto& other) {
        return one.second.priority < other.second.priority;
      });
      // The priorities of a Gdsf have 32 bits behind the point.
      REQUIRE(model[victim].priority <= least->second.priority + 1e-6);
      age = std::max(age, model[victim].priority);
      model.erase(victim);
    }
    CHECK(e.evict_all().size() == model.size());
  }
}
