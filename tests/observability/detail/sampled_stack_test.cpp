/// \file sampled_stack_test.cpp
#include <larder/observability/detail/sampled_stack.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <list>
#include <utility>

#include "tests/support/catch.hpp"
#include "tests/support/random.hpp"

using larder::detail::SampledStack;

TEST_CASE("a stack knows how much was used since each key was", "[sampled_stack]") {
  SampledStack stack;
  CHECK(stack.find(7) == nullptr);
  for (const std::uint64_t key : {1u, 2u, 3u}) stack.insert(key, 10 * key);
  CHECK(stack.used_since(*stack.find(1)) == 50);
  CHECK(stack.used_since(*stack.find(3)) == 0);
  stack.touch(*stack.find(1));
  CHECK(stack.used_since(*stack.find(1)) == 0);
  CHECK(stack.used_since(*stack.find(2)) == 40);
  stack.set_weight(*stack.find(3), 1);
  CHECK(stack.used_since(*stack.find(2)) == 11);
  CHECK(stack.total_weight() == 31);
  CHECK(stack.oldest().hash == 2);
  stack.erase(*stack.find(3));
  CHECK(stack.used_since(*stack.find(2)) == 10);
  stack.clear();
  CHECK(stack.size() == 0);
  CHECK(stack.find(1) == nullptr);
  stack.insert(1, 5);
  CHECK(stack.total_weight() == 5);
}

TEST_CASE("whatever happens, a stack is as a list would be", "[sampled_stack]") {
  larder_tests::Random random(1);
  SampledStack stack;
  std::list<std::pair<std::uint64_t, std::uint64_t>> list;  // key and weight, the last used at the front
  const auto in_list = [&list](std::uint64_t key) {
    return std::find_if(list.begin(), list.end(), [key](const auto& each) { return each.first == key; });
  };
  for (int i = 0; i < 20'000; ++i) {
    // Hashes that meet in the table.
    const std::uint64_t key = random.below(300) << 4;
    const auto at = in_list(key);
    SampledStack::Sample* sample = stack.find(key);
    REQUIRE((sample != nullptr) == (at != list.end()));
    const std::uint64_t weight = random.below(100);
    if (sample == nullptr) {
      list.emplace_front(key, weight);
      REQUIRE(stack.insert(key, weight).weight == weight);
    } else if (random.one_in(4)) {
      list.erase(at);
      stack.erase(*sample);
    } else {
      std::uint64_t since = 0;
      for (auto each = list.begin(); each != at; ++each) since += each->second;
      REQUIRE(stack.used_since(*sample) == since);
      list.splice(list.begin(), list, at);
      stack.touch(*sample);
      if (random.one_in(3)) {
        at->second = weight;
        stack.set_weight(*sample, weight);
      }
    }
    REQUIRE(stack.size() == list.size());
    if (!list.empty()) REQUIRE(stack.oldest().hash == list.back().first);
    if (random.one_in(2'000)) {
      const auto leaves = [](std::uint64_t hash) { return hash % 48 == 0; };
      stack.erase_if([&](const SampledStack::Sample& each) { return leaves(each.hash); });
      std::erase_if(list, [&](const auto& each) { return leaves(each.first); });
    }
  }
}

TEST_CASE("a stack of a power of two of keys takes what it says", "[sampled_stack]") {
  SampledStack stack;
  for (std::uint64_t key = 0; key < 4096; ++key) stack.insert(key, 1);
  CHECK(stack.memory_bytes() == 4096 * SampledStack::bytes_a_key);
}
