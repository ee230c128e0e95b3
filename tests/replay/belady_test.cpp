/// \file belady_test.cpp
#include "benchmarks/hit_ratio/belady.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/random.hpp"

using larder::replay::BeladyCache;

namespace {

std::size_t hits_of(const std::vector<std::uint32_t>& requests, std::size_t capacity) {
  BeladyCache cache(requests, 26, capacity);
  std::size_t hits = 0;
  for (const std::uint32_t key : requests) hits += cache.ask(key) ? 1 : 0;
  return hits;
}

std::size_t hits_of(std::string_view text, std::size_t capacity) {
  std::vector<std::uint32_t> requests;
  for (const char name : text) requests.push_back(static_cast<std::uint32_t>(name - 'a'));
  return hits_of(requests, capacity);
}

/// The most hits that any choice of who stays can have, found by trying all of them.
std::size_t most_hits(const std::vector<std::uint32_t>& requests, std::size_t at, std::vector<std::uint32_t> held,
                      std::size_t capacity) {
  if (at == requests.size()) return 0;
  const std::uint32_t key = requests[at];
  if (std::ranges::find(held, key) != held.end()) return 1 + most_hits(requests, at + 1, held, capacity);
  std::size_t most = most_hits(requests, at + 1, held, capacity);  // not stored
  held.push_back(key);
  if (held.size() <= capacity) return std::max(most, most_hits(requests, at + 1, held, capacity));
  for (std::size_t i = 0; i + 1 < held.size(); ++i) {
    auto rest = held;
    rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(i));
    most = std::max(most, most_hits(requests, at + 1, rest, capacity));
  }
  return most;
}

}  // namespace

TEST_CASE("the entry that is asked for last makes room for the optimum", "[replay]") {
  CHECK(hits_of("abcabc", 3) == 3);
  CHECK(hits_of("abcabc", 2) == 2);
  CHECK(hits_of("abcabc", 1) == 1);
  CHECK(hits_of("aaaa", 1) == 3);
  CHECK(hits_of("abcdef", 2) == 0);
}

TEST_CASE("the optimum does not keep what is asked for later than all it has", "[replay]") {
  CHECK(hits_of("abaabaca", 1) == 4);  // a stays from the first to the last
}

TEST_CASE("no choice has more hits than the optimum", "[replay]") {
  larder_tests::Random random(3);
  for (int i = 0; i < 300; ++i) {
    std::vector<std::uint32_t> requests(1 + random.below(9));
    for (auto& key : requests) key = static_cast<std::uint32_t>(random.below(5));
    const std::size_t capacity = 1 + random.below(3);
    REQUIRE(hits_of(requests, capacity) == most_hits(requests, 0, {}, capacity));
  }
}
