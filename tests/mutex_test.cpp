/// \file mutex_test.cpp
#include <larder/mutex.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/environment.hpp"

using larder::NullMutex;
using larder::SpinMutex;
using namespace std::chrono_literals;

static_assert(std::is_empty_v<NullMutex>);
static_assert(sizeof(SpinMutex) == 1);
static_assert(!std::is_copy_constructible_v<SpinMutex> && !std::is_copy_assignable_v<SpinMutex>);

namespace {

/// Whether another thread can have the lock at this moment.
bool free_for_others(SpinMutex& mutex) {
  bool got_it = false;
  std::thread([&] {
    got_it = mutex.try_lock();
    if (got_it) mutex.unlock();
  }).join();
  return got_it;
}

}  // namespace

TEST_CASE("a NullMutex lets everybody in at once", "[mutex]") {
  NullMutex mutex;
  const std::lock_guard first(mutex);
  const std::lock_guard second(mutex);
  CHECK(mutex.try_lock());
}

TEST_CASE("a SpinMutex is free at first, and again once it is unlocked", "[mutex][threads]") {
  SpinMutex mutex;
  CHECK(free_for_others(mutex));
  mutex.lock();
  CHECK_FALSE(free_for_others(mutex));
  mutex.unlock();
  CHECK(free_for_others(mutex));
}

TEST_CASE("try_lock takes a free SpinMutex, and leaves one that is held", "[mutex]") {
  SpinMutex mutex;
  CHECK(mutex.try_lock());
  CHECK_FALSE(mutex.try_lock());
  mutex.unlock();
  CHECK(mutex.try_lock());
  mutex.unlock();
}

TEST_CASE("the standard guards lock and unlock a SpinMutex", "[mutex][threads]") {
  SpinMutex mutex;
  {
    const std::lock_guard lock(mutex);
    CHECK_FALSE(free_for_others(mutex));
  }
  CHECK(free_for_others(mutex));
  {
    std::unique_lock lock(mutex, std::try_to_lock);
    CHECK(lock.owns_lock());
    CHECK_FALSE(free_for_others(mutex));
    lock.unlock();
    CHECK(free_for_others(mutex));
    lock.lock();
    CHECK_FALSE(free_for_others(mutex));
  }
  CHECK(free_for_others(mutex));
}

TEST_CASE("std::scoped_lock takes two SpinMutexes in either order without a deadlock", "[mutex][threads]") {
  SpinMutex left;
  SpinMutex right;
  const std::size_t rounds = larder_tests::scaled(2000);
  std::size_t count = 0;
  std::thread other([&] {
    for (std::size_t i = 0; i < rounds; ++i) {
      const std::scoped_lock lock(right, left);
      ++count;
    }
  });
  for (std::size_t i = 0; i < rounds; ++i) {
    const std::scoped_lock lock(left, right);
    ++count;
  }
  other.join();
  CHECK(count == 2 * rounds);
}

TEST_CASE("no two threads hold a SpinMutex at once", "[mutex][threads]") {
  constexpr std::size_t thread_count = 4;
  const std::size_t rounds = larder_tests::scaled(50000);
  SpinMutex mutex;
  std::size_t count = 0;  // no atomic: lost additions, and reports of a data race, are what is looked for
  std::atomic<int> inside{0};
  std::atomic<int> overlaps{0};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < thread_count; ++i) {
    threads.emplace_back([&] {
      for (std::size_t round = 0; round < rounds; ++round) {
        const std::lock_guard lock(mutex);
        if (inside.fetch_add(1, std::memory_order_relaxed) != 0) overlaps.fetch_add(1, std::memory_order_relaxed);
        ++count;
        inside.fetch_sub(1, std::memory_order_relaxed);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(overlaps == 0);
  CHECK(count == thread_count * rounds);
}

TEST_CASE("who waits long for a SpinMutex gets it in the end, and not before", "[mutex][threads]") {
  SpinMutex mutex;
  std::atomic<bool> waiting{false};
  bool released = false;  // guarded by the mutex
  bool seen_released = false;
  mutex.lock();
  std::thread waiter([&] {
    waiting = true;
    const std::lock_guard lock(mutex);
    seen_released = released;
  });
  while (!waiting) std::this_thread::yield();
  // Long enough for the waiter to be done with spinning and yielding, and to have slept several times.
  std::this_thread::sleep_for(10ms);
  released = true;
  mutex.unlock();
  waiter.join();
  CHECK(seen_released);
}

TEST_CASE("several who wait long for a SpinMutex all get their turn", "[mutex][threads]") {
  SpinMutex mutex;
  std::size_t turns = 0;
  std::vector<std::thread> threads;
  threads.reserve(4);
  mutex.lock();
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const std::lock_guard lock(mutex);
      ++turns;
      std::this_thread::sleep_for(1ms);
    });
  }
  std::this_thread::sleep_for(3ms);
  mutex.unlock();
  for (std::thread& thread : threads) thread.join();
  CHECK(turns == 4);
}
