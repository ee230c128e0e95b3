/// \file thread_index_test.cpp
#include <larder/detail/thread_index.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <latch>
#include <set>
#include <thread>
#include <vector>

#include "tests/support/catch.hpp"

using larder::detail::ThreadIndex;

namespace {

std::uint32_t index_of_another_thread() {
  std::uint32_t index = 0;
  std::thread([&index] { index = ThreadIndex::get(); }).join();
  return index;
}

/// Those of so many threads that live at the same time.
std::vector<std::uint32_t> indices_of_threads(std::size_t threads) {
  std::vector<std::uint32_t> indices(threads);
  std::latch all_have_one(static_cast<std::ptrdiff_t>(threads));
  std::vector<std::thread> running;
  for (std::uint32_t& index : indices) {
    running.emplace_back([&index, &all_have_one] {
      index = ThreadIndex::get();
      all_have_one.arrive_and_wait();
    });
  }
  for (std::thread& thread : running) thread.join();
  return indices;
}

}  // namespace

TEST_CASE("a thread keeps its number", "[thread_index]") {
  const std::uint32_t index = ThreadIndex::get();
  CHECK(index < ThreadIndex::count);
  CHECK(ThreadIndex::get() == index);
  CHECK(ThreadIndex::peek() == index);
}

TEST_CASE("a thread that has not asked has none yet", "[thread_index][threads]") {
  std::uint32_t before = 0;
  std::thread([&before] { before = ThreadIndex::peek(); }).join();
  CHECK(before >= ThreadIndex::count);
}

TEST_CASE("threads that live at the same time have different numbers", "[thread_index][threads]") {
  constexpr std::size_t threads = 40;
  const std::vector<std::uint32_t> indices = indices_of_threads(threads);
  CHECK(std::set(indices.begin(), indices.end()).size() == threads);
}

TEST_CASE("the number of a thread that has ended is given again", "[thread_index][threads]") {
  const std::uint32_t index = index_of_another_thread();
  for (int i = 0; i < 200; ++i) CHECK(index_of_another_thread() == index);
}

TEST_CASE("more threads than there are numbers share them", "[thread_index][threads]") {
  constexpr std::size_t threads = ThreadIndex::count + 20;
  const std::vector<std::uint32_t> indices = indices_of_threads(threads);
  CHECK(std::all_of(indices.begin(), indices.end(), [](std::uint32_t index) { return index < ThreadIndex::count; }));
  // Those who shared had nothing to give back.
  CHECK(index_of_another_thread() < ThreadIndex::count);
}
