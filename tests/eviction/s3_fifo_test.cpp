/// \file s3_fifo_test.cpp
#include <larder/eviction/s3_fifo.hpp>

#include <string>

#include "tests/support/catch.hpp"
#include "tests/support/policy_entries.hpp"

using larder::S3Fifo;

static_assert(larder::EvictionPolicy<S3Fifo> && larder::MarkingEvictionPolicy<S3Fifo>);

namespace {

using Entries = larder_tests::PolicyEntries<S3Fifo>;

/// Room for 20 entries, two of them in the small queue; full, and nothing used.
struct Full : Entries {
  Full() : Entries(entries_at_most(20)) { insert_all("abcdefghijklmnopqrst"); }
};

}  // namespace

TEST_CASE("without uses an S3Fifo is first in, first out", "[s3_fifo]") {
  Entries e(Entries::entries_at_most(20));
  CHECK(e.victim() == '-');
  e.insert_all("cab");
  CHECK(e.evict_all() == "cab");
}

TEST_CASE("an entry goes over to the main queue if it was used twice in the small one", "[s3_fifo]") {
  Full e;
  e.use_all("aabcc");
  CHECK(e.evict() == 'b');  // a went over, b was used only once
  CHECK(e.evict() == 'd');  // and so did c
  CHECK(e.evict_all() == "efghijklmnopqrstac");
}

TEST_CASE("in the main queue an entry gets another turn for each use", "[s3_fifo]") {
  Entries e(Entries::entries_at_most(2));  // one in the small queue, one in the main one
  e.insert_all("ab");
  e.use_all("aabb");
  CHECK(e.victim() == 'a');  // both went over, which is one too many for the main queue
  e.use('a');
  CHECK(e.evict() == 'b');  // a had its turn
  CHECK(e.evict() == 'a');
}

TEST_CASE("who comes back before its ghost is gone enters the main queue", "[s3_fifo]") {
  Full e;
  CHECK(e.evict() == 'a');
  CHECK(e.evict() == 'b');
  e.insert('a');  // in the main queue
  e.insert('u');
  CHECK(e.evict_all() == "cdefghijklmnopqrstua");
}

TEST_CASE("a ghost is gone when others of nine tenths of the capacity have followed it", "[s3_fifo]") {
  for (const int followers : {17, 18}) {
    CAPTURE(followers);
    Entries e(Entries::entries_at_most(20));
    e.insert('a');
    CHECK(e.evict() == 'a');
    for (int i = 0; i < followers; ++i) {
      e.insert(static_cast<char>('b' + i));
      CHECK(e.evict() == 'b' + i);
    }
    e.insert('a');
    e.insert('z');
    CHECK(e.evict() == (followers == 17 ? 'z' : 'a'));
  }
}

TEST_CASE("who left the main queue, or was erased, leaves no ghost", "[s3_fifo]") {
  Full e;
  e.erase('a');
  e.insert('a');  // in the small queue, behind the others
  e.insert('u');
  CHECK(e.evict_all() == "bcdefghijklmnopqrstau");
}

TEST_CASE("where entries have weights, the queues' sizes are sums of weights", "[s3_fifo]") {
  Entries e(Entries::weight_at_most(100));
  e.insert('a', 50);
  e.insert('b', 45);
  e.use_all("aabb");
  e.insert('c', 5);
  // a and b, of 95, went over, of which the main queue holds 90.
  CHECK(e.evict(10) == 'a');
  CHECK(e.evict(10) == 'c');
  e.insert('d', 5);
  e.replace('b', 95);  // the main queue is over its size again, and b's use, by this, is soon gone
  CHECK(e.evict(1) == 'b');
}

TEST_CASE("an entry heavier than the small queue leaves next if nobody uses it, and goes over if somebody does",
          "[s3_fifo]") {
  for (const bool used : {false, true}) {
    CAPTURE(used);
    Entries e(Entries::weight_at_most(100));
    e.insert('a', 80);
    e.insert('b', 5);
    if (used) e.use_all("aa");
    CHECK(e.evict(20) == (used ? 'b' : 'a'));
  }
}

TEST_CASE("the spared entry is never the victim of an S3Fifo", "[s3_fifo]") {
  Entries e(Entries::entries_at_most(20));
  e.insert('a');
  CHECK(e.victim(0, 'a') == '-');
  e.insert('b');
  CHECK(e.victim(0, 'a') == 'b');
  e.use_all("bb");
  CHECK(e.victim(0, 'a') == 'b');  // in the main queue by now, and the small one has none but a
}

TEST_CASE("a cleared S3Fifo has forgotten its entries and ghosts, and can be filled again", "[s3_fifo]") {
  Full e;
  CHECK(e.evict() == 'a');
  e.policy.clear();
  CHECK(e.victim() == '-');
  e.policy.reserve(30);
  e.insert_all("ab");
  CHECK(e.evict_all() == "ab");
}
