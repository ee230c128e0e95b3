#include <larder/testing/detail/random_operations.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "tests/support/catch.hpp"

using larder::BackendCapabilities;
using larder::testing::Operation;
using larder::testing::detail::RandomOperations;
using larder::testing::detail::Shrinker;
using Kind = larder::testing::Operation::Kind;
using namespace std::chrono_literals;

namespace {

std::string text(const std::vector<Operation>& operations) {
  std::string text;
  for (const Operation& operation : operations) text += to_cpp(operation) + "\n";
  return text;
}

std::map<Kind, std::size_t> kinds(const std::vector<Operation>& operations) {
  std::map<Kind, std::size_t> count;
  for (const Operation& operation : operations) ++count[operation.kind];
  return count;
}

}  // namespace

TEST_CASE("a seed gives one sequence of operations, and another seed another") {
  const BackendCapabilities all;
  const auto sequence = [&all](std::uint64_t seed) { return text(RandomOperations(all, {}, seed).sequence(200)); };
  CHECK(sequence(1) == sequence(1));
  CHECK(sequence(1) != sequence(2));
}

TEST_CASE("every kind of operation is drawn") {
  const BackendCapabilities all;
  CHECK(kinds(RandomOperations(all, {}, 1).sequence(2000)).size() == 15);
}

TEST_CASE("nothing is drawn that the capabilities do not allow") {
  const BackendCapabilities few{.enumerable_keys = false,
                                .entries = false,
                                .conditional_set = false,
                                .touch = false,
                                .expiry = false,
                                .resettable_stats = false};
  const auto operations = RandomOperations(few, {}, 1).sequence(2000);
  const auto count = kinds(operations);
  for (const Kind kind :
       {Kind::keys, Kind::get_entry, Kind::set_if_absent, Kind::touch, Kind::wait, Kind::reset_stats}) {
    CHECK_FALSE(count.contains(kind));
  }
  for (const Operation& operation : operations) CHECK((!operation.ttl || *operation.ttl <= 0ms));
  const BackendCapabilities no_patterns{.key_patterns = false};
  for (const Operation& operation : RandomOperations(no_patterns, {}, 1).sequence(2000)) {
    if (operation.kind == Kind::keys) CHECK(operation.keys[0] == "*");
  }
}

TEST_CASE("there are no more waits than allowed") {
  const BackendCapabilities all;
  CHECK(kinds(RandomOperations(all, {.waits = 3}, 1).sequence(2000))[Kind::wait] == 3);
}

TEST_CASE("shrinking leaves the operations that matter, in their simplest form") {
  // It fails when "a" is set with a TTL and, somewhere behind that, erased in a batch.
  const auto failing = [](const std::vector<Operation>& operations) -> std::size_t {
    bool set = false;
    for (std::size_t i = 0; i < operations.size(); ++i) {
      const Operation& operation = operations[i];
      const bool has_a = std::count(operation.keys.begin(), operation.keys.end(), "a") > 0;
      if (operation.kind == Kind::set && has_a && operation.ttl) set = true;
      if (operation.kind == Kind::erase_many && has_a && set) return i + 1;
    }
    return 0;
  };
  const BackendCapabilities all;
  std::size_t found = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const auto operations = RandomOperations(all, {}, seed).sequence(200);
    if (failing(operations) == 0) continue;
    ++found;
    const auto shortest = Shrinker(failing, 10000).shrink(operations);
    REQUIRE(shortest.size() == 2);
    CHECK(shortest[0].kind == Kind::set);
    CHECK(shortest[0].values[0].size() <= 1);
    CHECK(shortest[0].metadata.empty());
    CHECK(shortest[0].ttl);
    CHECK(to_cpp(shortest[1]) == "cache.erase_many({\"a\"});");
  }
  CHECK(found > 10);
}

TEST_CASE("shrinking makes one wait of several in a row") {
  const auto failing = [](const std::vector<Operation>& operations) -> std::size_t {
    std::chrono::nanoseconds passed{0};
    for (std::size_t i = 0; i < operations.size(); ++i) {
      passed += operations[i].pause;
      if (passed >= 5ms) return i + 1;
    }
    return 0;
  };
  const Operation wait{.kind = Kind::wait, .pause = 2ms};
  const auto shortest = Shrinker(failing, 1000).shrink({wait, {.kind = Kind::clear}, wait, wait, wait});
  REQUIRE(shortest.size() == 1);
  CHECK(to_cpp(shortest[0]) == "clock.advance(6ms);");
}

TEST_CASE("shrinking tries no more often than allowed") {
  const BackendCapabilities all;
  std::size_t tries = 0;
  const auto failing = [&tries](const std::vector<Operation>&) -> std::size_t {
    ++tries;
    return 0;
  };
  Shrinker(failing, 25).shrink(RandomOperations(all, {}, 1).sequence(1000));
  CHECK(tries == 25);
}
