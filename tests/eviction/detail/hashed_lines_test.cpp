/// \file hashed_lines_test.cpp
#include <larder/eviction/detail/hashed_lines.hpp>

#include <cstddef>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/random.hpp"

namespace {

struct Line {
  int content = 0;
};

using HashedLines = larder::detail::HashedLines<Line>;

}  // namespace

TEST_CASE("at first there is no line, and then one for all hashes", "[hashed_lines]") {
  HashedLines lines;
  CHECK(lines.empty());
  lines.grow(1, [](Line&, Line&) { FAIL("there is nothing to split"); });
  CHECK_FALSE(lines.empty());
  CHECK(&lines.find(0).line == &lines.find(0xffffffffu).line);
  CHECK(lines.find(5).used_bits == 0);
}

TEST_CASE("by a split, the next bit of a hash decides where it is found from then on", "[hashed_lines]") {
  struct Place {
    Line* line;
    unsigned used_bits;
  };
  larder_tests::Random random(7);
  std::vector<std::uint32_t> hashes(300);
  for (std::uint32_t& hash : hashes) hash = static_cast<std::uint32_t>(random.next());
  HashedLines lines;
  lines.grow(1, [](Line&, Line&) {});
  for (std::size_t count = 2; count <= 200; ++count) {
    CAPTURE(count);
    std::vector<Place> before;
    for (const std::uint32_t hash : hashes) before.push_back({&lines.find(hash).line, lines.find(hash).used_bits});
    Line* split = nullptr;
    Line* added = nullptr;
    lines.grow(count, [&](Line& from, Line& to) {
      split = &from;
      added = &to;
      REQUIRE(to.content == 0);
      to.content = 1;
    });
    std::set<std::pair<const Line*, std::uint32_t>> places;
    for (std::size_t i = 0; i < hashes.size(); ++i) {
      const auto [line, used_bits] = lines.find(hashes[i]);
      const bool was_split = before[i].line == split;
      const bool moves = was_split && (hashes[i] >> before[i].used_bits & 1) != 0;
      REQUIRE(&line == (moves ? added : before[i].line));
      REQUIRE(used_bits == before[i].used_bits + (was_split ? 1 : 0));
      places.emplace(&line, hashes[i] >> used_bits);
    }
    // So the line and the bits beyond those used tell all hashes apart.
    REQUIRE(places.size() == std::set(hashes.begin(), hashes.end()).size());
  }
}

TEST_CASE("growing by many lines is growing by one after the other", "[hashed_lines]") {
  HashedLines at_once;
  HashedLines one_by_one;
  const auto count_splits = [](Line& from, Line& to) {
    ++from.content;
    to.content = from.content;
  };
  at_once.grow(37, count_splits);
  for (std::size_t count = 1; count <= 37; ++count) one_by_one.grow(count, count_splits);
  for (std::uint32_t hash = 0; hash < 64; ++hash) {
    CHECK(at_once.find(hash).line.content == one_by_one.find(hash).line.content);
    CHECK(at_once.find(hash).used_bits == one_by_one.find(hash).used_bits);
  }
  at_once.grow(5, [](Line&, Line&) { FAIL("there are never fewer"); });
}

TEST_CASE("cleared lines are gone, and new ones are empty", "[hashed_lines]") {
  HashedLines lines;
  lines.grow(8, [](Line& from, Line& to) { from.content = to.content = 1; });
  lines.clear();
  CHECK(lines.empty());
  lines.grow(8, [](Line&, Line&) {});
  for (std::uint32_t hash = 0; hash < 8; ++hash) CHECK(lines.find(hash).line.content == 0);
}
