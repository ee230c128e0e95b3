/// \file memoize.cpp
/// memoize: a function that remembers its results, in a cache of any kind and of a limited size.
#include <larder/larder.hpp>

#include <chrono>
#include <cstdint>
#include <iomanip>
#include <iostream>
#include <map>
#include <optional>
#include <random>
#include <utility>
#include <vector>

/// Result: a function that answers from `cache` what it can, and asks `function` for the rest. `function` must
/// be pure: its result depends on its argument alone. The cache must outlive what is returned.
///
/// Two threads that miss the same argument at the same time both compute it, and both are right.
template <class Argument, class Result, class Function>
auto memoize(larder::CacheBackend<Argument, Result>& cache, Function function, larder::Ttl ttl = {}) {
  return [&cache, function = std::move(function), ttl](const Argument& argument) -> Result {
    if (std::optional<Result> known = cache.get(argument)) return *std::move(known);
    Result result = function(argument);
    cache.set(argument, result, ttl);
    return result;
  };
}

/// How often each prime divides a number.
using Factors = std::map<std::uint64_t, int>;

Factors factorize(std::uint64_t number) {
  Factors factors;
  for (std::uint64_t prime = 2; prime * prime <= number; ++prime) {
    for (; number % prime == 0; number /= prime) ++factors[prime];
  }
  if (number > 1) ++factors[number];
  return factors;
}

/// Asks for numbers of which a few are asked for much more often than the others, as it is with most requests.
template <class Function>
std::uint64_t work(Function&& factors_of) {
  std::mt19937_64 random(42);
  std::geometric_distribution<std::uint64_t> rank(0.02);
  std::uint64_t sum = 0;
  for (int i = 0; i < 2000; ++i) {
    for (const auto& [prime, times] : factors_of(1'000'000'000'000 + rank(random))) {
      sum += prime * static_cast<std::uint64_t>(times);
    }
  }
  return sum;
}

template <class Function>
std::uint64_t timed(const char* name, Function&& factors_of) {
  const auto begin = std::chrono::steady_clock::now();
  const std::uint64_t sum = work(factors_of);
  const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - begin;
  std::cout << std::setw(8) << name << ": " << time.count() << " ms, checksum " << sum << "\n";
  return sum;
}

int main() {
  // A value may be of any type that can be copied; here 100 entries are the limit.
  larder::InMemoryBackend<std::uint64_t, Factors> cache{{.max_entries = 100}};
  const auto remembered = memoize(cache, factorize);

  std::cout << std::fixed << std::setprecision(1);
  const std::uint64_t plain = timed("plain", factorize);
  const std::uint64_t memoized = timed("memoized", remembered);
  const larder::CacheStats stats = cache.stats();
  std::cout << stats.hits << " hits, " << stats.misses << " misses, hit rate " << stats.hit_rate() * 100 << " %, "
            << stats.current_entries.value_or(0) << " entries, " << stats.evictions << " evictions\n";
  return plain == memoized ? 0 : 1;
}
