/// \file entry_ids_test.cpp
/// The random run prints its seed when it fails: LARDER_SEED=<seed> runs that sequence alone.
#include <larder/detail/entry_ids.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <type_traits>
#include <vector>

#include <larder/cache_error.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/environment.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/random.hpp"

using larder::detail::EntryId;
using larder::detail::EntryIds;

static_assert(!std::is_copy_constructible_v<EntryIds> && !std::is_copy_assignable_v<EntryIds>);

namespace {

EntryId add(EntryIds& ids, std::uint32_t hash = 0) {
  ids.reserve_one();
  return ids.take(hash);
}

/// Which numbers are given next, up to the first one that was never given before.
std::vector<EntryId> next_given(EntryIds& ids) {
  std::vector<EntryId> given;
  const std::size_t bound = ids.bound();
  while (given.empty() || given.back() < bound) given.push_back(add(ids));
  return given;
}

}  // namespace

TEST_CASE("numbers are given from 1 on", "[entry_ids]") {
  EntryIds ids;
  CHECK(ids.bound() == 1);
  CHECK(add(ids) == 1);
  CHECK(add(ids) == 2);
  CHECK(add(ids) == 3);
  CHECK(ids.bound() == 4);
}

TEST_CASE("the hash of each entry is kept", "[entry_ids]") {
  EntryIds ids;
  for (std::uint32_t i = 1; i <= 5000; ++i) REQUIRE(add(ids, ~i) == i);
  std::size_t wrong = 0;
  for (std::uint32_t i = 1; i <= 5000; ++i) wrong += ids.hash_of(i) == ~i ? 0 : 1;
  CHECK(wrong == 0);
}

TEST_CASE("what was given back is given again, the last one first, before any fresh number", "[entry_ids]") {
  EntryIds ids;
  for (int i = 0; i < 5; ++i) add(ids);
  ids.give_back(2);
  ids.give_back(5);
  ids.give_back(1);
  CHECK(ids.bound() == 6);
  CHECK(next_given(ids) == std::vector<EntryId>{1, 5, 2, 6});
}

TEST_CASE("a number that is given again has the new entry's hash, and the others keep theirs", "[entry_ids]") {
  EntryIds ids;
  for (std::uint32_t i = 1; i <= 3; ++i) add(ids, i * 100);
  ids.give_back(2);
  CHECK(add(ids, 77) == 2);
  CHECK(ids.hash_of(1) == 100);
  CHECK(ids.hash_of(2) == 77);
  CHECK(ids.hash_of(3) == 300);
}

TEST_CASE("reserve_one gives no number away, however often it is called", "[entry_ids]") {
  EntryIds ids;
  for (int i = 0; i < 3000; ++i) ids.reserve_one();
  CHECK(ids.bound() == 1);
  CHECK(add(ids) == 1);
  ids.give_back(1);
  ids.reserve_one();
  ids.reserve_one();
  CHECK(next_given(ids) == std::vector<EntryId>{1, 2});
}

TEST_CASE("where all numbers are taken, the refusal says how many there are and changes nothing", "[entry_ids]") {
  EntryIds ids(3);
  for (std::uint32_t i = 1; i <= 3; ++i) add(ids, i);
  const std::string message = larder_tests::message_of<larder::CacheError>([&ids] { ids.reserve_one(); });
  CHECK_THAT(message, Catch::Matchers::ContainsSubstring("holds 3 entries"));
  CHECK(ids.bound() == 4);
  CHECK(ids.hash_of(3) == 3);
  ids.give_back(2);
  CHECK(add(ids) == 2);
}

TEST_CASE("after clear, numbers begin with 1 again", "[entry_ids]") {
  EntryIds ids;
  for (int i = 0; i < 3000; ++i) add(ids);
  ids.give_back(7);
  ids.clear();
  CHECK(ids.bound() == 1);
  CHECK(add(ids, 5) == 1);
  CHECK(add(ids) == 2);
  CHECK(ids.hash_of(1) == 5);
}

TEST_CASE("swap exchanges all numbers, the free ones too", "[entry_ids]") {
  EntryIds left;
  EntryIds right;
  for (std::uint32_t i = 1; i <= 3; ++i) add(left, i * 10);
  left.give_back(2);
  left.swap(right);
  CHECK(left.bound() == 1);
  CHECK(right.bound() == 4);
  CHECK(right.hash_of(3) == 30);
  CHECK(next_given(right) == std::vector<EntryId>{2, 4});
  CHECK(add(left) == 1);
}

TEST_CASE("reading a hash ahead changes nothing", "[entry_ids]") {
  EntryIds ids;
  const EntryId id = add(ids, 7);
  ids.prefetch(id);
  CHECK(ids.hash_of(id) == 7);
}

TEST_CASE("random numbers come and go as in a map, and there are never more than were taken at once", "[entry_ids]") {
  const std::uint64_t given = larder_tests::environment_number("LARDER_SEED", 0);
  const std::uint64_t seed = given == 0 ? 1 : given;
  CAPTURE(seed);
  larder_tests::Random random(seed);
  EntryIds ids;
  std::map<EntryId, std::uint32_t> taken;
  std::size_t most = 0;
  for (std::size_t step = 0; step < larder_tests::scaled(50000); ++step) {
    // Now it grows for a while, now it shrinks.
    if (taken.empty() || random.below(100) < (step % 8000 < 5000 ? 60u : 35u)) {
      const auto hash = static_cast<std::uint32_t>(random.next());
      const EntryId id = add(ids, hash);
      REQUIRE(id != 0);
      REQUIRE(taken.emplace(id, hash).second);
    } else {
      auto position = taken.lower_bound(static_cast<EntryId>(random.below(ids.bound())));
      if (position == taken.end()) --position;
      REQUIRE(ids.hash_of(position->first) == position->second);
      ids.give_back(position->first);
      taken.erase(position);
    }
    most = std::max(most, taken.size());
    REQUIRE(ids.bound() == most + 1);
  }
  const bool as_it_should_be = std::all_of(taken.begin(), taken.end(),
                                           [&](const auto& entry) { return ids.hash_of(entry.first) == entry.second; });
  CHECK(as_it_should_be);
}
