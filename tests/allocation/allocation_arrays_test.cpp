/// \file allocation_arrays_test.cpp
/// What is kept in arrays by the entries' numbers: it allocates only to make room, and if it cannot, it is as it was.
#include <cstddef>
#include <cstdint>
#include <new>

#include <larder/detail/chunked_array.hpp>
#include <larder/detail/entry_ids.hpp>
#include <larder/eviction/clock.hpp>
#include <larder/eviction/entry_lists.hpp>
#include <larder/eviction/gdsf.hpp>
#include <larder/eviction/lru.hpp>
#include <larder/eviction/s3_fifo.hpp>
#include <larder/eviction/w_tiny_lfu.hpp>

#include "tests/allocation/allocation_hooks.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/policy_entries.hpp"

using larder::EntryLists;
using larder::detail::ChunkedArray;
using larder::detail::EntryIds;
using larder_tests::allocations_of;
using larder_tests::FailingAllocation;

namespace {

/// Lets the first, second, third ... allocation of make_room() fail, and calls check() after each failure, until none
/// fails any more. Result: how many did.
template <class MakeRoom, class Check>
std::size_t for_each_failure(MakeRoom&& make_room, Check&& check) {
  for (std::size_t number = 1; number < 500; ++number) {
    bool thrown = false;
    {
      const FailingAllocation failure(number, false);
      try {
        make_room();
      } catch (const std::bad_alloc&) {
        thrown = true;
      }
    }
    if (!thrown) return number - 1;
    CAPTURE(number);
    check();
  }
  FAIL("there is no end of it");
  return 0;
}

}  // namespace

TEST_CASE("a chunked array that cannot grow is as it was", "[allocation][chunked_array]") {
  ChunkedArray<std::uint64_t> numbers;
  numbers.reserve(2048);
  for (std::size_t i = 0; i < 2048; ++i) numbers[i] = i;
  const auto make_room = [&numbers] { numbers.reserve(10 * 1024); };
  const std::size_t failures = for_each_failure(make_room, [&] {
    CHECK(numbers.capacity() == 2048);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < 2048; ++i) wrong += numbers[i] == i ? 0 : 1;
    CHECK(wrong == 0);
  });
  CHECK(failures >= 8);
  CHECK(numbers.capacity() == 10 * 1024);
}

TEST_CASE("entry numbers that cannot be more are as they were", "[allocation][entry_ids]") {
  EntryIds ids;
  CHECK(allocations_of([] { return EntryIds().bound(); }) == 0);
  const auto reserve_one = [&ids] { ids.reserve_one(); };
  CHECK(for_each_failure(reserve_one, [&] { CHECK(ids.bound() == 1); }) > 0);
  for (std::uint32_t i = 1; i < 1024; ++i) {
    ids.reserve_one();
    ids.take(i);
  }
  CHECK(for_each_failure(reserve_one, [&] {
          CHECK(ids.bound() == 1024);
          CHECK(ids.hash_of(1023) == 1023);
        }) > 0);
  CHECK(allocations_of([&] { return ids.take(5); }) == 0);
  CHECK(ids.hash_of(1024) == 5);
}

TEST_CASE("a number that was given back needs no allocation to be taken again", "[allocation][entry_ids]") {
  EntryIds ids;
  for (std::uint32_t i = 1; i < 1024; ++i) {
    ids.reserve_one();
    ids.take(i);
  }
  CHECK(allocations_of([&] {
          ids.give_back(10);
          ids.reserve_one();
          return ids.take(10);
        }) == 0);
}

TEST_CASE("EntryLists without entries have allocated nothing, and where no room can be made they are as they were",
          "[allocation][entry_lists]") {
  CHECK(allocations_of([] { return EntryLists<2>().oldest(1); }) == 0);
  EntryLists<2> lists;
  CHECK(for_each_failure([&] { lists.reserve(10); }, [&] { CHECK(lists.oldest(1) == 0); }) > 0);
  for (const std::uint32_t id : {3u, 1u, 2u}) lists.push(id, 1);
  CHECK(for_each_failure([&] { lists.reserve(5000); },
                         [&] {
                           CHECK(lists.oldest(1) == 3);
                           CHECK(lists.newer(3) == 1);
                         }) > 0);
  CHECK(allocations_of([&] {
          lists.push(4999, 0);
          lists.move(3, 1);
          lists.erase(1);
          return lists.oldest(0);
        }) == 0);
  CHECK(lists.oldest(1) == 2);
}

namespace {

/// Where room for more entries cannot be made, a policy is as it was; and nothing but that allocates.
template <class Policy>
void check_policy() {
  larder_tests::PolicyEntries<Policy> entries(larder_tests::PolicyEntries<Policy>::weight_at_most(20));
  entries.insert_all("abcdefghij");
  const char victim = entries.victim();
  CHECK(for_each_failure([&] { entries.policy.reserve(20'000); }, [&] { CHECK(entries.victim() == victim); }) > 0);
  CHECK(allocations_of([&] {
          for (int i = 0; i < 100; ++i) {
            entries.use_all("jij");
            const char evicted = entries.evict(3);
            if (entries.insert('z', 3)) {
              entries.replace('z', 2);
              entries.erase('z');
            }
            entries.insert(evicted);
          }
          return 0;
        }) == 0);
}

}  // namespace

TEST_CASE("eviction policies allocate where room is made, and nowhere else", "[allocation][eviction]") {
  SECTION("Lru") { check_policy<larder::Lru>(); }
  SECTION("Clock") { check_policy<larder::Clock>(); }
  SECTION("S3Fifo") { check_policy<larder::S3Fifo>(); }
  SECTION("WTinyLfu") { check_policy<larder::WTinyLfu>(); }
  SECTION("Gdsf") { check_policy<larder::Gdsf>(); }
}
