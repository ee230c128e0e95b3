/// \file clock_test.cpp
#include <larder/eviction/clock.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "tests/support/catch.hpp"
#include "tests/support/policy_entries.hpp"

static_assert(larder::EvictionPolicy<larder::Clock> && larder::MarkingEvictionPolicy<larder::Clock>);

namespace {

using Entries = larder_tests::PolicyEntries<larder::Clock>;

}  // namespace

TEST_CASE("without uses a Clock is first in, first out", "[clock]") {
  Entries e;
  CHECK(e.victim() == '-');
  e.insert_all("cab");
  CHECK(e.evict_all() == "cab");
}

TEST_CASE("a used entry gets another turn of a Clock for each use", "[clock]") {
  Entries e;
  e.insert_all("abcd");
  e.use_all("abb");
  CHECK(e.evict() == 'c');  // a and b have had a turn each
  CHECK(e.evict() == 'd');
  CHECK(e.evict() == 'a');  // b has had its second one
  CHECK(e.evict() == 'b');
}

TEST_CASE("a Clock counts three uses, and no more", "[clock]") {
  Entries e;
  e.insert_all("ab");
  for (int i = 0; i < 100; ++i) e.use('a');
  for (int i = 0; i < 3; ++i) e.use('b');
  CHECK(e.evict_all() == "ab");
}

TEST_CASE("the spared entry is never the victim of a Clock, and loses no use", "[clock]") {
  Entries e;
  e.insert('a');
  CHECK(e.victim(1, 'a') == '-');
  e.insert('b');
  e.use_all("ab");
  CHECK(e.victim(1, 'a') == 'b');
  CHECK(e[e.id_of('a')].uses() == 1);
}

TEST_CASE("one eviction of a Clock does not go round all that was used", "[clock]") {
  larder::Clock clock;
  constexpr larder::EvictionId count = 5000;
  clock.reserve(count + 1);
  for (larder::EvictionId id = 1; id <= count; ++id) clock.insert({id, id, 1});
  struct AllUsed {
    std::atomic<std::uint8_t>& mark;
    std::size_t& asked;
    larder::MarkedEntry operator[](larder::EvictionId id) const {
      ++asked;
      mark = 3 << larder::MarkedEntry::shift;
      return {{id, id, 1}, mark};
    }
  };
  std::atomic<std::uint8_t> mark{0};
  std::size_t asked = 0;
  const auto victim = clock.victim({larder::no_entry, false, count, 1}, AllUsed{mark, asked});
  CHECK(victim == 1001);
  CHECK(asked == 1001);
}
