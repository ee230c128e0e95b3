/// \file call_sampler_test.cpp
#include <larder/observability/detail/call_sampler.hpp>

#include <cstdint>

#include "tests/support/catch.hpp"

using larder::detail::CallSampler;

namespace {

struct Chosen {
  int calls = 0;
  std::uint64_t weight = 0;

  void ask(CallSampler& sampler) {
    std::uint64_t one = 0;
    if (!sampler.chooses(one)) return;
    ++calls;
    weight += one;
  }
};

}  // namespace

TEST_CASE("one call in so many is chosen, and stands for the others", "[call_sampler]") {
  CallSampler sampler(50);
  Chosen chosen;
  for (int i = 0; i < 500'000; ++i) chosen.ask(sampler);
  CHECK(chosen.calls == Approx(10'000).epsilon(0.05));
  CHECK(static_cast<double>(chosen.weight) == Approx(500'000).epsilon(0.05));
}

TEST_CASE("an interval of one chooses all", "[call_sampler]") {
  CallSampler sampler(1);
  Chosen chosen;
  for (int i = 0; i < 100; ++i) chosen.ask(sampler);
  CHECK(chosen.calls == 100);
  CHECK(chosen.weight == 100);
}

TEST_CASE("samplers of one thread do not disturb each other", "[call_sampler]") {
  CallSampler often(4);
  CallSampler seldom(1'000'000'000);
  CallSampler now_and_then(400);
  Chosen of_often;
  Chosen of_seldom;
  Chosen of_now_and_then;
  for (int i = 0; i < 1'000'000; ++i) {
    of_seldom.ask(seldom);
    of_often.ask(often);
    of_now_and_then.ask(now_and_then);
  }
  CHECK(of_seldom.calls <= 1);
  CHECK(static_cast<double>(of_often.weight) == Approx(1'000'000).epsilon(0.05));
  CHECK(static_cast<double>(of_now_and_then.weight) == Approx(1'000'000).epsilon(0.1));
}
