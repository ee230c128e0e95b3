/// \file in_memory_backend_model_test.cpp
/// Random sequences of operations, compared step by step with a naive reference on the same manual clock.
///
/// The two must agree on every result, on what leaves and in which order, and now and then on all that the cache
/// holds. Only when an expired entry is reported is the cache's own choice, as long as nothing sees it before.
/// Each run prints its seed: LARDER_SEED=<seed> runs that sequence alone, LARDER_TEST_SCALE=<percent> sets how
/// many operations a run has.
#include <larder/in_memory_backend.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/environment.hpp"
#include "tests/support/fixture.hpp"
#include "tests/support/random.hpp"
#include "tests/support/reference_cache.hpp"

using larder::Bytes;
using larder_tests::Fixture;
using larder_tests::Random;
using namespace std::chrono_literals;

namespace {

template <class KeyType = std::string, class ValueType = Bytes>
struct Types {
  using Key = KeyType;
  using Value = ValueType;
  using Traits = larder::InMemoryTraits<Key, Value>;
  static constexpr std::size_t key_count = 100;
  static constexpr std::size_t longest_value = 60;
  static constexpr std::size_t shards = 1;
  static constexpr std::size_t max_size_bytes = 0;
  static constexpr std::size_t max_entries = 0;
  static constexpr std::chrono::milliseconds default_ttl = 0ms;  // none
};

struct EntriesLimit : Types<> {
  static constexpr std::size_t max_entries = 40;
};
struct BytesLimit : Types<> {
  static constexpr std::size_t max_size_bytes = 1200;
};
struct BothLimitsAndDefaultTtl : Types<> {
  static constexpr std::size_t max_size_bytes = 1500;
  static constexpr std::size_t max_entries = 45;
  static constexpr std::chrono::milliseconds default_ttl = 30ms;
};
struct LongValues : Types<> {
  static constexpr std::size_t longest_value = 3000;  // some inside the entry, some shared
  static constexpr std::size_t max_size_bytes = 60000;
};
struct ManyEntries : Types<> {
  static constexpr std::size_t key_count = 4000;
  static constexpr std::size_t max_entries = 2500;
};
struct Unlocked : Types<int, std::string> {
  struct Traits : larder::InMemoryTraits<int, std::string> {
    using Mutex = larder::NullMutex;
  };
  static constexpr std::size_t max_entries = 30;
};
struct WeighedInMemory : Types<int, Bytes> {
  struct Traits : larder::InMemoryTraits<int, Bytes> {
    using Mutex = std::mutex;
    using Weigher = larder::EntryFootprint;
  };
  static constexpr std::size_t max_size_bytes = 6000;
};
struct ShardsWithRoom : Types<std::string, std::string> {
  static constexpr std::size_t shards = 4;
  static constexpr std::size_t max_entries = 100000;
};
struct FewHashes : Types<> {
  struct Traits : larder::InMemoryTraits<> {
    struct Hash {
      using is_avalanching = void;
      std::size_t operator()(std::string_view key) const noexcept { return key.size() * 0x10000001; }
    };
  };
  static constexpr std::size_t max_entries = 60;
};

template <class Config>
class ModelRun {
  using Key = typename Config::Key;
  using Value = typename Config::Value;
  using Metadata = larder::Metadata;

 public:
  explicit ModelRun(std::uint64_t seed)
      : seed_(seed),
        random_(seed),
        f_(options()),
        reference_(Config::max_size_bytes, Config::max_entries, default_ttl()) {
    for (std::size_t i = 0; i < Config::key_count; ++i) keys_.push_back(make_key(i));
  }

  void run(std::size_t operations) {
    for (step_ = 0; step_ < operations; ++step_) {
      one_operation();
      compare_removals();
      if (random_.one_in(1000)) compare_everything();
    }
    compare_everything();
  }

 private:
  static larder::Ttl default_ttl() {
    return Config::default_ttl == 0ms ? larder::Ttl() : larder::Ttl(Config::default_ttl);
  }

  static auto options() {
    typename Fixture<Key, Value, typename Config::Traits>::Options options;
    options.max_size_bytes = Config::max_size_bytes;
    options.max_entries = Config::max_entries;
    options.shards = Config::shards;
    options.default_ttl = default_ttl();
    return options;
  }

  static Key make_key(std::size_t i) {
    if constexpr (std::is_same_v<Key, std::string>) {
      // Of many lengths, the empty one among them, and with bytes that are no text.
      return i == 0 ? std::string() : std::to_string(i) + std::string(i % 37, static_cast<char>(i));
    } else {
      return static_cast<Key>(i * 64);
    }
  }

  const Key& any_key() {
    // Two draws of which the smaller counts: some keys are asked for more often than others.
    return keys_[std::min(random_.below(keys_.size()), random_.below(keys_.size()))];
  }

  Value any_value() {
    if (Config::max_size_bytes != 0 && random_.one_in(200)) return Value(std::string(Config::max_size_bytes + 1, 'x'));
    std::string text = std::to_string(random_.next());
    text.resize(random_.below(Config::longest_value + 1), '.');
    return Value(text);
  }

  larder::Ttl any_ttl() {
    const auto number = [this](std::size_t bound) { return static_cast<std::int64_t>(random_.below(bound)); };
    switch (random_.below(12)) {
      case 0: return std::chrono::milliseconds(number(20));  // 0 now and then
      case 1: return std::chrono::milliseconds(1 + number(64));
      case 2: return std::chrono::milliseconds(1 + number(5000));
      case 3: return std::chrono::nanoseconds(1 + number(3000000));
      case 4: return std::chrono::seconds(1 + number(100000));
      case 5: return random_.one_in(10) ? std::chrono::milliseconds::max() : std::chrono::hours(24 * 365 * number(50));
      default: return {};
    }
  }

  Metadata any_metadata() {
    if (!random_.one_in(5)) return {};
    return {{"step", std::to_string(step_)}, {"name", std::string(random_.below(40), 'm')}};
  }

  std::chrono::nanoseconds any_time() {
    const auto number = [this](std::size_t bound) { return static_cast<std::int64_t>(random_.below(bound)); };
    if (random_.one_in(500)) return std::chrono::hours(number(24 * 20));
    if (random_.one_in(50)) return std::chrono::milliseconds(number(20000));
    return random_.one_in(2) ? std::chrono::nanoseconds(number(1500000)) : std::chrono::milliseconds(number(8));
  }

  static std::size_t weight_of(const Key& key, const Value& value, const Metadata& metadata, bool expires) {
    const typename Config::Traits::Weigher weigher{};
    const larder::KeyView<Key> view = key;
    if constexpr (requires { weigher(view, value, metadata, expires); }) {
      return weigher(view, value, metadata, expires);
    } else {
      return weigher(view, value);
    }
  }

  bool reference_set(const Key& key, const Value& value, larder::Ttl ttl, const Metadata& metadata) {
    const bool expires = ttl.has_value() || default_ttl().has_value();
    return reference_.set(key, value, ttl, metadata, weight_of(key, value, metadata, expires));
  }

  void one_operation() {
    const std::size_t choice = random_.below(100);
    if (choice < 30) return get();
    if (choice < 55) return set();
    if (choice < 60) return visit();
    if (choice < 66) return get_many();
    if (choice < 70) return set_many();
    if (choice < 75) return erase();
    if (choice < 77) return erase_many();
    if (choice < 81) return exists();
    if (choice < 85) return compare_entry(any_key());
    if (choice < 87) return set_to_itself();
    if (choice == 99 && random_.one_in(40)) return random_.one_in(2) ? clear() : reset_stats();
    const auto time = any_time();
    f_.clock.advance(time);
    reference_.advance(time);
  }

  void get() {
    const Key& key = any_key();
    expect(f_.cache.get(key) == reference_.get(key), "get");
  }

  void erase() {
    const Key& key = any_key();
    expect(f_.cache.erase(key) == reference_.erase(key), "erase");
  }

  void exists() {
    const Key& key = any_key();
    expect(f_.cache.exists(key) == (reference_.peek(key) != nullptr), "exists");
  }

  void set() {
    const Key& key = any_key();
    const Value value = any_value();
    const larder::Ttl ttl = any_ttl();
    const Metadata metadata = any_metadata();
    expect(f_.cache.set(key, value, ttl, metadata) == reference_set(key, value, ttl, metadata), "set");
  }

  void set_to_itself() {
    const Key& key = any_key();
    const auto expected = reference_.get(key);
    auto value = f_.cache.get(key);
    expect(value == expected, "get");
    if (!value) return;
    const bool stored = f_.cache.set(key, *std::move(value));
    expect(stored == reference_set(key, *expected, {}, {}), "set to itself");
  }

  void visit() {
    const Key& key = any_key();
    std::optional<Value> seen;
    const bool hit = f_.cache.visit(key, [&seen](const Value& value) { seen = value; });
    expect(seen == reference_.get(key) && hit == seen.has_value(), "visit");
  }

  std::vector<Key> some_keys() {
    std::vector<Key> some(random_.below(12));
    for (Key& key : some) key = any_key();
    return some;
  }

  void get_many() {
    const std::vector<Key> some = some_keys();
    std::vector<std::optional<Value>> expected;
    for (const Key& key : some) expected.push_back(reference_.get(key));
    if (random_.one_in(2)) {
      const std::vector<larder::KeyItem<Key>> items(some.begin(), some.end());
      std::vector<std::optional<Value>> values(some.size());
      f_.cache.get_many(items, values);
      return expect(values == expected, "get_many by position");
    }
    const auto found = f_.cache.get_many(some);
    for (std::size_t i = 0; i < some.size(); ++i) {
      const auto at = found.find(some[i]);
      expect(expected[i] ? at != found.end() && at->second == *expected[i] : at == found.end(), "get_many");
    }
  }

  void set_many() {
    std::vector<std::pair<Key, Value>> items;
    for (Key& key : some_keys()) items.emplace_back(std::move(key), any_value());
    const larder::Ttl ttl = any_ttl();
    std::size_t stored = 0;
    for (const auto& [key, value] : items) stored += reference_set(key, value, ttl, {}) ? 1 : 0;
    expect(f_.cache.set_many(items, ttl) == stored, "set_many");
    // Shard by shard: only within one is the order that of the items.
    if (Config::shards > 1) account_for_removed(f_.removals.take());
  }

  void erase_many() {
    const std::vector<Key> some = some_keys();
    std::size_t erased = 0;
    for (const Key& key : some) erased += reference_.erase(key) ? 1 : 0;
    expect(f_.cache.erase_many(some) == erased, "erase_many");
  }

  void reset_stats() {
    f_.cache.reset_stats();
    account_for_expired(f_.removals.take());
    // What has expired but is yet to be reported is counted when it is.
    reference_.counters = {};
    reference_.counters.evictions = reference_.counters.expirations = reference_.expired.size();
  }

  void clear() {
    expect(f_.cache.clear() == reference_.clear(), "clear");
    account_for_removed(f_.removals.take());  // nobody promises in which order a clear reports
    expect(reference_.expired.empty(), "clear lets all expired entries go first");
  }

  void compare_entry(const Key& key) {
    const auto entry = f_.cache.get_entry(key);
    const auto* expected = reference_.peek(key);
    expect(entry.has_value() == (expected != nullptr), "get_entry finds");
    if (expected == nullptr) return;
    expect(entry->key == key && entry->value == expected->value, "get_entry shows key and value");
    expect(entry->metadata == expected->metadata, "get_entry shows metadata");
    expect(entry->size_bytes == larder::value_size(expected->value), "get_entry shows the size");
    if (expected->deadline) expect(entry->expires_at.has_value(), "get_entry shows the expiry");
  }

  /// What was reported, in whatever order, must be what has left, and for the rest what has expired.
  void account_for_removed(std::vector<larder_tests::Removal<Key, Value>> reported) {
    for (const auto& expected : reference_.removed) {
      const auto found = std::find(reported.begin(), reported.end(), expected);
      expect(found != reported.end(), "each entry that has left is reported");
      reported.erase(found);
    }
    reference_.removed.clear();
    account_for_expired(reported);
  }

  /// Each removal that the cache reported as expired must be one that the reference knows to have expired.
  void account_for_expired(const std::vector<larder_tests::Removal<Key, Value>>& reported) {
    for (const auto& removal : reported) {
      const auto due = std::find(reference_.expired.begin(), reference_.expired.end(), removal);
      expect(due != reference_.expired.end(), "what is reported as expired has expired, and only once");
      reference_.expired.erase(due);
    }
  }

  void compare_removals() {
    auto reported = f_.removals.take();
    if (reported.empty() && reference_.removed.empty()) return;
    const auto others = std::stable_partition(reported.begin(), reported.end(), [](const auto& removal) {
      return removal.cause == larder::RemovalCause::expired;
    });
    expect(std::vector(others, reported.end()) == reference_.removed, "what leaves, and in which order");
    reference_.removed.clear();
    reported.erase(others, reported.end());
    account_for_expired(reported);
  }

  void compare_everything() {
    expect(f_.cache.stats() == reference_.stats(), "stats");
    compare_removals();
    expect(reference_.expired.empty(), "stats lets all expired entries go first");
    auto listed = f_.cache.keys();
    std::sort(listed.begin(), listed.end());
    expect(listed == reference_.keys(), "keys");
    for (const Key& key : listed) compare_entry(key);
  }

  void expect(bool as_it_should_be, const char* what) const {
    if (as_it_should_be) return;
    FAIL("LARDER_SEED=" << seed_ << ": operation " << step_ << ": " << what << ". The reference says "
                        << reference_.stats() << "; the cache says " << f_.cache.stats());
  }

  std::uint64_t seed_;
  Random random_;
  Fixture<Key, Value, typename Config::Traits> f_;
  larder_tests::ReferenceCache<Key, Value> reference_;
  std::vector<Key> keys_;
  std::size_t step_ = 0;
};

}  // namespace

TEMPLATE_TEST_CASE("random operations do what a list and a map would do", "[model]", EntriesLimit, BytesLimit,
                   BothLimitsAndDefaultTtl, LongValues, ManyEntries, Unlocked, WeighedInMemory, ShardsWithRoom,
                   FewHashes) {
  constexpr std::size_t operations = 40000;
  const std::uint64_t given = larder_tests::environment_number("LARDER_SEED", 0);
  // Two sequences that are the same everywhere, and one that nobody has seen before.
  std::vector<std::uint64_t> seeds = {given};
  if (given == 0) seeds = {1, 2, std::random_device()()};
  for (const std::uint64_t seed : seeds) {
    // At once, so that it is known even if the run ends the program.
    std::cout << "LARDER_SEED=" << seed << std::endl;
    ModelRun<TestType>(seed).run(larder_tests::scaled(operations));
  }
}
