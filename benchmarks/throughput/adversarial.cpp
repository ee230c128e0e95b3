/// \file adversarial.cpp
/// Hits of keys that are regular, or chosen by somebody who knows the code but not the seed, beside random keys of
/// the same type and length. The two caches of a pair take turns.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <larder/in_memory_backend.hpp>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "fresh_process.hpp"
#include "report.hpp"
#include "thread_clock.hpp"
#include "workload.hpp"

namespace larder::bench {

namespace {

using Text = std::array<char, 16>;

std::string_view key_of(const Text& text) { return {text.data(), text.size()}; }
std::uint64_t key_of(std::uint64_t number) { return number; }

Text text_of(std::uint64_t left, std::uint64_t right) {
  Text text;
  std::memcpy(text.data(), &left, sizeof left);
  std::memcpy(text.data() + sizeof left, &right, sizeof right);
  return text;
}

/// The number in sixteen decimal digits.
Text decimal(std::uint64_t number) {
  Text text;
  for (auto digit = text.rbegin(); digit != text.rend(); ++digit, number /= 10) {
    *digit = static_cast<char>('0' + number % 10);
  }
  return text;
}

/// One of the texts of sixteen bytes that all have the same `std::hash` where that is the 64-bit MurmurHash2 with a
/// constant seed, as in libstdc++. It mixes each eight bytes by steps that can be undone, and multiplies their sum
/// (without carry) with the state so far: so whatever the first eight do to the state, the last eight can make good.
Text colliding_under_murmur(std::uint64_t which) {
  constexpr std::uint64_t factor = 0xc6a4a7935bd1e995u;
  constexpr std::uint64_t start = 0xc70f6907u ^ 16 * factor;
  std::uint64_t inverse = factor;  // modulo 2^64, by Newton's steps: each doubles the number of right bits
  for (int step = 0; step < 6; ++step) inverse *= 2 - factor * inverse;
  const auto unmix = [inverse](std::uint64_t mixed) {
    mixed *= inverse;
    return (mixed ^ mixed >> 47) * inverse;  // a shift by more than half is its own inverse
  };
  const std::uint64_t state = (start ^ which) * factor;
  return text_of(unmix(which), unmix(state));
}

/// These collide under larder's own hash of texts, were its seed zero: a factor of zero swallows the other one.
Text colliding_without_seed(std::uint64_t which) { return text_of(0, which); }

template <class KeyText, class Make>
std::vector<KeyText> make_keys(Make make) {
  std::vector<KeyText> keys;
  keys.reserve(sizes.adversarial_keys);
  for (std::uint64_t i = 0; i < sizes.adversarial_keys; ++i) keys.push_back(make(i));
  return keys;
}

/// A cache of all keys, each with its place as its value.
template <class Key, class KeyText>
class Filled {
 public:
  explicit Filled(const std::vector<KeyText>& keys)
      : keys_(keys), cache_(*new InMemoryBackend<Key, std::uint64_t>({.max_size_bytes = std::size_t{1} << 40})) {
    for (std::size_t i = 0; i < keys.size(); ++i) cache_.set(key_of(keys[i]), i);
  }

  /// Nanoseconds a hit, all keys in the order of `places`.
  double time(const std::vector<std::uint32_t>& places) {
    std::vector<KeyText> requests;
    requests.reserve(places.size());
    for (const std::uint32_t place : places) requests.push_back(keys_[place]);
    std::uint64_t sum = 0;
    const double start = thread_nanoseconds();
    for (const KeyText& request : requests) sum += cache_.get(key_of(request)).value_or(0);
    const double took = thread_nanoseconds() - start;
    if (sum != places.size() * (places.size() - 1) / 2)
      throw std::runtime_error("the values read are not those stored");
    return took / static_cast<double>(places.size());
  }

 private:
  const std::vector<KeyText>& keys_;
  InMemoryBackend<Key, std::uint64_t>& cache_;
};

template <class Key, class KeyText>
void compare(Timings& timings, const std::string& name, const std::vector<KeyText>& chosen,
             const std::vector<KeyText>& random_keys) {
  for (std::size_t process = 0; process < sizes.processes; ++process) {
    const SharedArray<double> times(2 * sizes.rounds);
    in_fresh_process([&] {
      std::mt19937_64 random(process);
      Filled<Key, KeyText> first(process % 2 == 0 ? chosen : random_keys);
      Filled<Key, KeyText> second(process % 2 == 0 ? random_keys : chosen);
      std::vector<std::uint32_t> places(chosen.size());
      std::iota(places.begin(), places.end(), std::uint32_t{0});
      for (std::size_t round = 0; round <= sizes.rounds; ++round) {
        std::shuffle(places.begin(), places.end(), random);
        const double one = first.time(places);
        const double other = second.time(places);
        if (round == 0) continue;  // to warm up
        times[2 * round - 2] = process % 2 == 0 ? one : other;
        times[2 * round - 1] = process % 2 == 0 ? other : one;
      }
    });
    for (std::size_t round = 0; round < sizes.rounds; ++round) {
      timings["adversarial/" + name + "/chosen"].add(process, times[2 * round]);
      timings["adversarial/" + name + "/random"].add(process, times[2 * round + 1]);
    }
  }
}

}  // namespace

void measure_adversarial_keys(Timings& timings) {
  std::mt19937_64 random(46);
  const auto random_numbers = make_keys<std::uint64_t>([&](std::uint64_t) { return random(); });
  const auto numbers = [&](const char* name, auto make) {
    compare<std::uint64_t>(timings, name, make_keys<std::uint64_t>(make), random_numbers);
  };
  numbers("integers, consecutive", [](std::uint64_t i) { return i; });
  numbers("integers, a stride of 64", [](std::uint64_t i) { return i * 64; });
  numbers("integers, the low 32 bits the same", [](std::uint64_t i) { return i << 32; });

  const auto random_texts = make_keys<Text>([&](std::uint64_t) { return text_of(random(), random()); });
  const auto texts = [&](const char* name, auto make) {
    compare<std::string>(timings, name, make_keys<Text>(make), random_texts);
  };
  texts("strings, decimals with a stride of 64", [](std::uint64_t i) { return decimal(i * 64); });
  const auto murmur = make_keys<Text>(colliding_under_murmur);
#if defined(__GLIBCXX__) && __SIZEOF_SIZE_T__ == 8
  const auto hash_of = [](const Text& text) { return std::hash<std::string_view>()(key_of(text)); };
  if (!std::ranges::all_of(murmur, [&](const Text& text) { return hash_of(text) == hash_of(murmur.front()); })) {
    throw std::runtime_error("the keys that should collide under std::hash do not");
  }
#endif
  compare<std::string>(timings, "strings, all colliding under libstdc++'s unseeded `std::hash`", murmur, random_texts);
  texts("strings, all colliding under the default hash, were it not seeded", colliding_without_seed);
}

}  // namespace larder::bench
