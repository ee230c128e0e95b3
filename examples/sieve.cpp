/// \file sieve.cpp
/// A cache with an eviction policy of one's own, beside the library's: hit ratios where many keys are asked for once.
#include <larder/larder.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <random>
#include <vector>

#include "sieve/sieve.hpp"

template <class Policy>
struct Evicting : larder::InMemoryTraits<std::uint64_t, int> {
  using Eviction = Policy;
};

/// Two of three requests are for popular keys (the n-th is asked for 1/n as often as the first), the third for one that
/// nobody has asked for and nobody will.
std::vector<std::uint64_t> requests() {
  std::mt19937_64 random(2024);
  std::uniform_real_distribution<double> uniform(0, 1);
  std::vector<std::uint64_t> all(150'000);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const double rank = std::pow(50'000.0, uniform(random));
    all[i] = i % 3 == 2 ? 1'000'000 + i : static_cast<std::uint64_t>(rank);
  }
  return all;
}

template <class Policy>
double hit_ratio(const std::vector<std::uint64_t>& keys) {
  larder::InMemoryBackend<std::uint64_t, int, Evicting<Policy>> cache{{.max_size_bytes = 0, .max_entries = 1000}};
  for (const std::uint64_t key : keys) {
    if (!cache.get(key)) cache.set(key, 1);
  }
  return cache.stats().hit_rate();
}

int main() {
  const auto keys = requests();
  const double sieve = hit_ratio<Sieve>(keys);
  const double lru = hit_ratio<larder::Lru>(keys);
  std::cout << std::fixed << std::setprecision(1) << "hit ratio of a cache of 1,000 entries, " << keys.size()
            << " requests:\n"
            << "  Lru       " << lru * 100 << " %\n"
            << "  Clock     " << hit_ratio<larder::Clock>(keys) * 100 << " %\n"
            << "  Sieve     " << sieve * 100 << " %\n"
            << "  S3Fifo    " << hit_ratio<larder::S3Fifo>(keys) * 100 << " %\n"
            << "  WTinyLfu  " << hit_ratio<larder::WTinyLfu>(keys) * 100 << " %\n";
  return sieve > lru ? EXIT_SUCCESS : EXIT_FAILURE;
}
