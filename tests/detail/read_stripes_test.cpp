/// \file read_stripes_test.cpp
#include <larder/detail/read_stripes.hpp>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include <larder/mutex.hpp>

#include "tests/support/catch.hpp"

namespace {

struct Node {};

using Stripe = larder::detail::ReadStripe<Node, larder::NullMutex>;
using Stripes = larder::detail::ReadStripes<Node, larder::SpinMutex>;
using OneThread = larder::detail::ReadStripes<Node, larder::NullMutex>;

std::size_t count_used(Stripes& stripes) {
  std::size_t count = 0;
  stripes.for_each_locked([&count](Stripes::Stripe&) { ++count; });
  return count;
}

}  // namespace

TEST_CASE("a stripe notes hits in their order, and counts hits and misses", "[read_stripes]") {
  Stripe stripe;
  Node a;
  Node b;
  for (Node* node : {&a, &b, &a}) stripe.count_hit(*node);
  stripe.count_hit();
  stripe.count_miss();
  CHECK(std::vector<Node*>(stripe.pending().begin(), stripe.pending().end()) == std::vector<Node*>{&a, &b, &a});
  CHECK(stripe.hits() == 4);
  CHECK(stripe.misses() == 1);
}

TEST_CASE("what was noted counts also after it was worked off", "[read_stripes]") {
  Stripe stripe;
  Node node;
  stripe.count_hit(node);
  stripe.count_hit(node);
  stripe.forget_pending();
  CHECK(stripe.pending_count() == 0);
  CHECK(stripe.hits() == 2);
}

TEST_CASE("what was stored is noted and is no hit", "[read_stripes]") {
  Stripe stripe;
  Node node;
  stripe.note(node);
  CHECK(stripe.pending_count() == 1);
  CHECK(stripe.hits() == 0);
  stripe.count_hit(node);
  stripe.forget_pending();
  CHECK(stripe.hits() == 1);
}

TEST_CASE("a stripe that is full counts hits and notes no more", "[read_stripes]") {
  Stripe stripe;
  Node node;
  for (int i = 0; i < 100; ++i) stripe.count_hit(node);
  CHECK(stripe.pending_count() == Stripe::most_pending);
  CHECK(stripe.hits() == 100);
}

TEST_CASE("counters start again at zero, whatever is noted", "[read_stripes]") {
  Stripe stripe;
  Node node;
  stripe.count_hit(node);
  stripe.count_miss();
  stripe.reset_counters();
  CHECK(stripe.hits() == 0);
  CHECK(stripe.misses() == 0);
  CHECK(stripe.pending_count() == 1);
  stripe.forget_pending();
  stripe.count_hit(node);
  CHECK(stripe.hits() == 1);
}

TEST_CASE("with an interval one hit in so many is noted, and all are counted", "[read_stripes]") {
  for (const std::uint32_t interval : {2u, 10u, 100u}) {
    Stripe stripe;
    stripe.set_promotion_interval(interval);
    Node node;
    std::size_t noted = 0;
    constexpr std::size_t hits = 100000;
    for (std::size_t i = 0; i < hits; ++i) {
      stripe.count_hit(node);
      noted += stripe.pending_count();
      stripe.forget_pending();
    }
    INFO("interval " << interval << ": " << noted);
    CHECK(stripe.hits() == hits);
    CHECK(noted > hits / interval * 8 / 10);
    CHECK(noted < hits / interval * 12 / 10);
  }
}

TEST_CASE("the largest interval notes the first hit alone", "[read_stripes]") {
  Stripe stripe;
  stripe.set_promotion_interval(UINT32_MAX);
  Node node;
  for (int i = 0; i < 1000; ++i) stripe.count_hit(node);
  CHECK(stripe.pending_count() == 1);
  CHECK(stripe.hits() == 1000);
}

TEST_CASE("a thread's stripe is known once it was marked as used", "[read_stripes][threads]") {
  Stripes stripes;
  CHECK(stripes.own() == nullptr);
  CHECK(count_used(stripes) == 0);
  const std::uint32_t index = stripes.own_index();
  CHECK_FALSE(stripes.is_used(index));
  stripes.mark_used(index);
  CHECK(stripes.is_used(index));
  CHECK(stripes.own() == &stripes[index]);
  CHECK(count_used(stripes) == index + 1);
  stripes.mark_used(0);  // fewer than before
  CHECK(count_used(stripes) == index + 1);
}

TEST_CASE("threads that live at the same time have stripes of their own", "[read_stripes][threads]") {
  Stripes stripes;
  stripes.mark_used(stripes.own_index());
  std::uint32_t other = stripes.own_index();
  std::thread([&] { other = stripes.own_index(); }).join();
  CHECK(other != stripes.own_index());
}

TEST_CASE("a cache for one thread has one stripe, which needs no marking", "[read_stripes]") {
  OneThread stripes;
  REQUIRE(stripes.own() != nullptr);
  Node node;
  stripes.own()->count_hit(node);
  std::size_t pending = 0;
  stripes.for_each_locked([&pending](OneThread::Stripe& stripe) { pending += stripe.pending_count(); });
  CHECK(pending == 1);
}

TEST_CASE("no two stripes share a pair of cache lines", "[read_stripes]") {
  STATIC_REQUIRE(alignof(Stripes::Stripe) == 128);
  STATIC_REQUIRE(sizeof(Stripes::Stripe) % 128 == 0);
}
