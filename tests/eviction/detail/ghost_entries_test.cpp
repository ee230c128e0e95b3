/// \file ghost_entries_test.cpp
#include <larder/eviction/detail/ghost_entries.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/random.hpp"

using larder::detail::GhostEntries;

namespace {

constexpr std::uint64_t whole = GhostEntries::whole;

std::vector<std::uint32_t> random_hashes(std::size_t count, std::uint64_t seed) {
  larder_tests::Random random(seed);
  std::vector<std::uint32_t> hashes(count);
  for (std::uint32_t& hash : hashes) hash = static_cast<std::uint32_t>(random.next());
  return hashes;
}

std::size_t count_taken(GhostEntries& ghosts, const std::vector<std::uint32_t>& hashes, std::uint64_t share) {
  std::size_t count = 0;
  for (const std::uint32_t hash : hashes) count += ghosts.take(hash, share) ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("where no room was made, nobody is remembered", "[ghost_entries]") {
  GhostEntries ghosts(whole);
  CHECK_FALSE(ghosts.take(1, whole / 10));
}

TEST_CASE("a ghost is taken once", "[ghost_entries]") {
  GhostEntries ghosts(whole);
  ghosts.reserve(10);
  ghosts.insert(7, whole / 10);
  CHECK_FALSE(ghosts.take(8, whole / 10));
  CHECK(ghosts.take(7, whole / 10));
  CHECK_FALSE(ghosts.take(7, whole / 10));
}

TEST_CASE("the oldest ghosts are forgotten when the others have their share", "[ghost_entries]") {
  GhostEntries ghosts(whole);
  ghosts.reserve(10);
  const auto hashes = random_hashes(15, 1);
  for (const std::uint32_t hash : hashes) ghosts.insert(hash, whole / 10);
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    CAPTURE(i);
    CHECK(ghosts.take(hashes[i], whole / 10) == (i >= 5));
  }
}

TEST_CASE("who is taken makes room for others", "[ghost_entries]") {
  GhostEntries ghosts(whole);
  ghosts.reserve(10);
  const auto hashes = random_hashes(11, 2);
  for (std::size_t i = 0; i < 10; ++i) ghosts.insert(hashes[i], whole / 10);
  CHECK(ghosts.take(hashes[5], whole / 10));
  ghosts.insert(hashes[10], whole / 10);
  CHECK(ghosts.take(hashes[0], whole / 10));
}

TEST_CASE("a share beyond that of all ghosts is not remembered, and pushes nobody out", "[ghost_entries]") {
  GhostEntries ghosts(whole / 2);
  ghosts.reserve(10);
  ghosts.insert(1, whole / 2);
  ghosts.insert(2, whole / 2 + 1);
  CHECK_FALSE(ghosts.take(2, whole));
  CHECK(ghosts.take(1, whole / 2));
}

TEST_CASE("ghosts of no share are remembered until there are too many", "[ghost_entries]") {
  GhostEntries ghosts(whole);
  ghosts.reserve(1000);
  const auto hashes = random_hashes(100'000, 3);
  for (const std::uint32_t hash : hashes) ghosts.insert(hash, 0);
  CHECK(ghosts.take(hashes.back(), 0));
  CHECK_FALSE(ghosts.take(hashes.front(), 0));
}

TEST_CASE("of as many ghosts as entries nearly all are found, and of strangers nearly none", "[ghost_entries]") {
  for (const std::size_t entries : {100u, 1000u, 30'000u}) {
    CAPTURE(entries);
    GhostEntries ghosts(whole);
    ghosts.reserve(entries);
    const std::uint64_t share = whole / entries;
    const auto hashes = random_hashes(entries, 4);
    for (const std::uint32_t hash : hashes) ghosts.insert(hash, share);
    const std::size_t strangers = count_taken(ghosts, random_hashes(entries, 5), share);
    CHECK(static_cast<double>(strangers) <= 0.004 * static_cast<double>(entries) + 2);
    const std::size_t found = count_taken(ghosts, hashes, share);
    CHECK(static_cast<double>(found) >= 0.95 * static_cast<double>(entries));
  }
}

TEST_CASE("ghosts stay while there come to be more lines", "[ghost_entries]") {
  GhostEntries ghosts(whole);
  const auto hashes = random_hashes(20'000, 6);
  // As a cache grows: room for one more, and one more ghost.
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    ghosts.reserve(i + 1);
    ghosts.insert(hashes[i], whole / hashes.size());
  }
  CHECK(count_taken(ghosts, hashes, whole / hashes.size()) >= hashes.size() * 90 / 100);
}

TEST_CASE("a cleared one remembers nothing, and can be filled again", "[ghost_entries]") {
  GhostEntries ghosts(whole);
  ghosts.reserve(10);
  for (std::uint32_t hash = 0; hash < 100; ++hash) ghosts.insert(hash, whole / 10);
  ghosts.clear();
  CHECK_FALSE(ghosts.take(99, whole / 10));
  ghosts.reserve(10);
  CHECK_FALSE(ghosts.take(99, whole / 10));
  ghosts.insert(1, whole / 10);
  CHECK(ghosts.take(1, whole / 10));
}
