/// \file adversarial_keys_test.cpp
/// Keys with a pattern, and keys that were chosen to collide, cost no more than random ones: a look-up compares as few
/// keys, and they spread as evenly over the shards. The hash's seed is drawn anew in each process, so what is checked
/// here must hold for every seed.
#include <larder/in_memory_backend.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/environment.hpp"
#include "tests/support/random.hpp"

namespace {

/// Half of them are stored. Not fewer than this, for the shares of the shards must be large enough to compare.
const std::size_t key_count = std::max<std::size_t>(2 * larder_tests::scaled(100000), 20000);

/// A shard has some of these, of which a thread that only reads takes one: so they show to which shards the look-ups
/// went. It locks nothing.
class CountedMutex {
 public:
  CountedMutex() { all_.push_back(this); }
  ~CountedMutex() { std::erase(all_, this); }
  CountedMutex(const CountedMutex&) = delete;
  CountedMutex& operator=(const CountedMutex&) = delete;

  void lock() noexcept { ++taken_; }
  void unlock() noexcept {}

  /// How often each was taken since this was called last.
  static std::vector<std::size_t> take_counts() {
    std::vector<std::size_t> counts;
    for (CountedMutex* mutex : all_) {
      counts.push_back(mutex->taken_);
      mutex->taken_ = 0;
    }
    return counts;
  }

 private:
  static inline std::vector<CountedMutex*> all_;

  std::size_t taken_ = 0;
};

/// Counts, and gives up where a test would otherwise take hours to fail.
struct CountingEqual {
  static inline std::size_t comparisons = 0;

  bool operator()(const auto& left, const auto& right) const {
    if (++comparisons > 20 * key_count) throw std::runtime_error("far too many comparisons of keys");
    return left == right;
  }
};

template <class Key, class HashOfKey>
struct CountingTraits : larder::InMemoryTraits<Key, int> {
  using Hash = HashOfKey;
  using KeyEqual = CountingEqual;
  using Mutex = CountedMutex;
};

struct Cost {
  double present;    // comparisons for a key that is there
  double absent;     // and for one that is not
  double imbalance;  // the share of the busiest shard, as a multiple of that of the idlest
};

/// Stores every other one of the keys, and looks for each.
template <class Key, class HashOfKey>
Cost cost_of(const std::vector<Key>& keys, std::size_t shards) {
  larder::InMemoryBackend<Key, int, CountingTraits<Key, HashOfKey>> cache({.shards = shards});
  CountingEqual::comparisons = 0;
  for (std::size_t i = 0; i < keys.size(); i += 2) cache.set(keys[i], 0);
  REQUIRE(cache.stats().current_entries == keys.size() / 2);

  CountedMutex::take_counts();
  std::array<double, 2> comparisons{};  // by whether the key is absent
  for (const std::size_t absent : {0u, 1u}) {
    CountingEqual::comparisons = 0;
    std::size_t found = 0;
    for (std::size_t i = absent; i < keys.size(); i += 2) found += cache.exists(keys[i]) ? 1 : 0;
    REQUIRE(found == (absent == 0 ? keys.size() / 2 : 0));
    comparisons[absent] = static_cast<double>(CountingEqual::comparisons) / static_cast<double>(keys.size() / 2);
  }
  std::vector<std::size_t> shares = CountedMutex::take_counts();
  std::erase(shares, 0u);
  REQUIRE(shares.size() == shards);
  const auto [smallest, largest] = std::minmax_element(shares.begin(), shares.end());
  return {comparisons[0], comparisons[1], static_cast<double>(*largest) / static_cast<double>(*smallest)};
}

template <class Key>
std::vector<Key> make_keys(const std::function<Key(std::uint64_t)>& key_of) {
  std::vector<Key> keys;
  for (std::size_t i = 0; i < key_count; ++i) keys.push_back(key_of(i));
  return keys;
}

std::vector<std::uint64_t> multiples_of(std::uint64_t stride) {
  return make_keys<std::uint64_t>([stride](std::uint64_t i) { return i * stride; });
}

template <class Key>
std::vector<Key> random_keys() {
  larder_tests::Random random(1);
  return make_keys<Key>([&random](std::uint64_t) {
    if constexpr (std::integral<Key>) {
      return random.next();
    } else {
      return std::to_string(random.next());
    }
  });
}

/// Fails unless these keys are as good as random ones.
template <class HashOfKey, class Key>
void check_cost(const char* what, const std::vector<Key>& keys) {
  static const std::vector<Key> random = random_keys<Key>();
  for (const std::size_t shards : {1u, 16u}) {
    CAPTURE(what, shards);
    const Cost usual = cost_of<Key, HashOfKey>(random, shards);
    const Cost cost = cost_of<Key, HashOfKey>(keys, shards);
    CHECK(usual.present >= 1);  // it is not found without a comparison, so the counting counts
    CHECK(cost.present <= 2 * usual.present);
    CHECK(cost.absent <= 2 * usual.absent + 0.05);
    CHECK(cost.imbalance <= 2);
  }
}

template <class Key>
void check_default_hash(const char* what, const std::vector<Key>& keys) {
  check_cost<larder::Hash<Key>>(what, keys);
}

/// The hash of Java's strings and of many others: it is the same in each process.
std::uint32_t polynomial_hash(std::string_view text) {
  std::uint32_t hash = 0;
  for (const char character : text) hash = hash * 31 + static_cast<unsigned char>(character);
  return hash;
}

/// "Aa" and "BB" have one polynomial hash, and so has each sequence of as many of them.
std::string colliding_text(std::uint64_t number) {
  std::string text;
  for (unsigned bit = 0; bit < 20; ++bit) text += (number >> bit & 1) == 0 ? "Aa" : "BB";
  return text;
}

/// The bytes of a number, the lowest first.
std::string bytes_of(std::uint64_t number) {
  std::string bytes;
  for (unsigned shift = 0; shift < 64; shift += 8) bytes.push_back(static_cast<char>(number >> shift));
  return bytes;
}

/// A prime number of buckets that libstdc++'s tables have with some 100,000 entries.
constexpr std::uint64_t bucket_count_of_others = 172933;

}  // namespace

TEST_CASE("integer keys with a stride cost no more than random ones", "[adversarial]") {
  check_default_hash("a stride of 64", multiples_of(64));
  check_default_hash("a stride of 4096", multiples_of(4096));
  check_default_hash("a stride of 2^20", multiples_of(std::uint64_t{1} << 20));
  check_default_hash("a stride of 2^32", multiples_of(std::uint64_t{1} << 32));
}

TEST_CASE("integer keys with a stride cost no more where the user's hash maps them to themselves", "[adversarial]") {
  using Identity = std::hash<std::uint64_t>;
  check_cost<Identity>("a stride of 64", multiples_of(64));
  check_cost<Identity>("a stride of 4096", multiples_of(4096));
  if (sizeof(std::size_t) < 8) return;  // it cuts off the bits in which these differ
  check_cost<Identity>("a stride of 2^20", multiples_of(std::uint64_t{1} << 20));
  check_cost<Identity>("a stride of 2^32", multiples_of(std::uint64_t{1} << 32));
}

TEST_CASE("strings that differ in a few bytes alone cost no more than random ones", "[adversarial]") {
  using Text = std::string;
  const Text common(100, 'x');
  check_default_hash("a long prefix", make_keys<Text>([&](std::uint64_t i) { return common + std::to_string(i); }));
  check_default_hash("a long suffix", make_keys<Text>([&](std::uint64_t i) { return std::to_string(i) + common; }));
  check_default_hash("the upper half", make_keys<Text>([](std::uint64_t i) { return bytes_of(i << 32); }));
  check_default_hash("the lower half", make_keys<Text>([](std::uint64_t i) { return bytes_of(i) + bytes_of(0); }));
  check_default_hash("amid zeros",
                     make_keys<Text>([](std::uint64_t i) { return bytes_of(0) + bytes_of(i << 20) + bytes_of(0); }));
}

TEST_CASE("strings that were chosen to collide under a well-known hash cost no more than random ones",
          "[adversarial]") {
  const auto keys = make_keys<std::string>(colliding_text);
  const std::uint32_t hash = polynomial_hash(keys[0]);
  REQUIRE(std::all_of(keys.begin(), keys.end(), [=](const auto& key) { return polynomial_hash(key) == hash; }));
  check_default_hash("one polynomial hash", keys);
}

TEST_CASE("integers that are congruent modulo the size of others' tables cost no more than random ones",
          "[adversarial]") {
  check_default_hash("congruent", multiples_of(bucket_count_of_others));
  check_cost<std::hash<std::uint64_t>>("congruent, mapped to themselves", multiples_of(bucket_count_of_others));
}
