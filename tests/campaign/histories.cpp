/// \file histories.cpp
/// Histories of two to sixteen threads on caches in memory, under every policy, mutex and weigher, with and without
/// limits, each checked for reads of what cannot have been there.
///
///     histories --operations=100000000 --seed=1 --seconds=0
///
/// Ends after so many operations, or after so many seconds if these are not zero. Prints what was done for each policy. Result: 0 if
/// all that was read may have been there.
#include <larder/larder.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "tests/campaign/arguments.hpp"
#include "tests/campaign/history_load.hpp"
#include "tests/support/random.hpp"

namespace {

using larder_tests::HistoryLoad;
using larder_tests::Random;
using Cache = HistoryLoad::Cache;

template <class Policy, class MutexType, class WeigherType>
struct Traits : larder::InMemoryTraits<std::string, std::string> {
  using Eviction = Policy;
  using Mutex = MutexType;
  using Weigher = WeigherType;
};

struct Circumstances {
  std::size_t shards;
  bool limited;
  std::uint32_t promotion_interval;
};

template <class Policy, class Mutex, class Weigher>
std::unique_ptr<Cache> make_traits(const Circumstances& its) {
  using Made = larder::InMemoryBackend<std::string, std::string, Traits<Policy, Mutex, Weigher>>;
  typename Made::Options options;
  // Room for about half of what is stored.
  options.max_size_bytes = its.limited ? 8000 * its.shards : std::size_t{1} << 28;
  options.shards = its.shards;
  options.promotion_interval = its.promotion_interval;
  return std::make_unique<Made>(std::move(options));
}

template <class Policy>
std::unique_ptr<Cache> make(const Circumstances& its, std::size_t traits) {
  switch (traits % 4) {
    case 0: return make_traits<Policy, larder::SpinMutex, larder::ValueSize>(its);
    case 1: return make_traits<Policy, larder::SpinMutex, larder::EntryFootprint>(its);
    case 2: return make_traits<Policy, std::mutex, larder::ValueSize>(its);
    default: return make_traits<Policy, std::mutex, larder::EntryFootprint>(its);
  }
}

using Make = std::unique_ptr<Cache> (*)(const Circumstances&, std::size_t);
constexpr std::array<std::pair<std::string_view, Make>, 5> policies{{{"Lru", make<larder::Lru>},
                                                                     {"Clock", make<larder::Clock>},
                                                                     {"S3Fifo", make<larder::S3Fifo>},
                                                                     {"WTinyLfu", make<larder::WTinyLfu>},
                                                                     {"Gdsf", make<larder::Gdsf>}}};

constexpr std::string_view turns_away = "WTinyLfu";

}  // namespace

int main(int argc, char** argv) {
  const larder_tests::Arguments arguments(argc, argv, {{"operations", 100'000'000}, {"seed", 1}, {"seconds", 0}});
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  std::array<std::uint64_t, policies.size()> done{};
  std::uint64_t operations = 0;
  std::uint64_t histories = 0;
  bool fine = true;
  const auto is_over = [&] {
    if (operations >= arguments["operations"]) return true;
    return arguments["seconds"] != 0 && Clock::now() - begin >= std::chrono::seconds(arguments["seconds"]);
  };
  for (; fine && (!is_over() || histories < 2 * policies.size()); ++histories) {
    const std::uint64_t seed = arguments["seed"] * 1'000'000 + histories;
    Random random(seed);
    const std::size_t policy = histories % policies.size();
    const Circumstances circumstances{.shards = random.one_in(2) ? 1u : 4u,
                                      .limited = random.one_in(2),
                                      .promotion_interval = random.one_in(4) ? 16u : 1u};
    const std::size_t threads = std::size_t{2} << random.below(4);
    const auto cache = policies[policy].second(circumstances, random.below(4));
    HistoryLoad load(*cache, {.threads = threads,
                              .operations = 20'000 / threads,
                              .keys = random.one_in(2) ? 4u : 24u,
                              .longest_value = random.one_in(2) ? 100u : 3000u,
                              .seed = seed,
                              // WTinyLfu turns entries away.
                              .conditional_sets = !circumstances.limited || policies[policy].first != turns_away});
    load.run();
    done[policy] += load.calls();
    operations += load.calls();
    std::string wrong = load.failure();
    if (load.errors() != 0) wrong += " calls failed";
    if (wrong.empty()) wrong = load.impossible_read(!circumstances.limited);
    if (wrong.empty()) continue;
    fine = false;
    std::cout << policies[policy].first << ", " << threads << " threads, " << circumstances.shards << " shards, seed "
              << seed << ": " << wrong << '\n';
  }
  for (std::size_t i = 0; i < policies.size(); ++i)
    std::cout << policies[i].first << ": " << done[i] << " operations\n";
  std::cout << "operations: " << operations << "; histories: " << histories << "; impossible reads: " << (fine ? 0 : 1)
            << '\n';
  return fine ? 0 : 1;
}
