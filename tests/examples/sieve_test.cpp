/// \file sieve_test.cpp
#include "examples/sieve/sieve.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/policy_entries.hpp"

namespace {

using Entries = larder_tests::PolicyEntries<Sieve>;

}  // namespace

TEST_CASE("the hand of a Sieve passes by who was used, and takes who was not", "[sieve]") {
  Entries e;
  CHECK(e.victim() == '-');
  e.insert_all("abcd");
  e.use_all("ac");
  CHECK(e.evict() == 'b');
  e.insert('e');
  CHECK(e.evict() == 'd');  // the hand goes on behind b
  CHECK(e.evict_all() == "eac");
}

TEST_CASE("the hand of a Sieve stands behind who was erased", "[sieve]") {
  Entries e;
  e.insert_all("abc");
  e.use('a');
  CHECK(e.victim() == 'b');
  e.erase('b');
  CHECK(e.evict() == 'c');
  CHECK(e.evict() == 'a');
}

TEST_CASE("a Sieve spares whom it must", "[sieve]") {
  Entries e;
  e.insert('a');
  CHECK(e.victim(0, 'a') == '-');
  e.insert('b');
  e.use_all("ab");
  CHECK(e.victim(0, 'a') == 'b');
  CHECK(e.victim(0, 'b') == 'a');
  e.policy.clear();
  CHECK(e.victim() == '-');
}
