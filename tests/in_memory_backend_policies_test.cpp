/// \file in_memory_backend_policies_test.cpp
/// What holds with every eviction policy, of the library's and of anybody's: whoever chooses who leaves, the cache is
/// what its listener makes of it, within its limits.
#include <larder/in_memory_backend.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <larder/eviction/clock.hpp>
#include <larder/eviction/gdsf.hpp>
#include <larder/eviction/s3_fifo.hpp>
#include <larder/eviction/w_tiny_lfu.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/environment.hpp"
#include "tests/support/fixture.hpp"
#include "tests/support/random.hpp"

using larder::Bytes;
using larder::RemovalCause;
using larder_tests::Random;
using namespace std::chrono_literals;

namespace {

template <class Policy>
struct Evicting : larder::InMemoryTraits<> {
  using Eviction = Policy;
};

template <class Policy>
using Fixture = larder_tests::Fixture<std::string, Bytes, Evicting<Policy>>;

/// A cache beside what it must hold: what was stored, but what the listener was told of.
template <class Policy>
class Mirrored {
 public:
  using Options = typename Fixture<Policy>::Options;

  explicit Mirrored(Options options) : limits_(options), f_(std::move(options)) {}

  void run(Random& random, std::size_t operations) {
    for (std::size_t i = 0; i < operations; ++i) {
      one_operation(random);
      const auto stats = f_.cache.stats();
      follow();
      REQUIRE(stats.current_entries == mirror_.size());
      if (limits_.max_entries != 0) REQUIRE(*stats.current_entries <= limits_.max_entries);
      if (limits_.max_size_bytes != 0) REQUIRE(*stats.current_size_bytes <= limits_.max_size_bytes);
    }
  }

  void check_all() {
    f_.cache.stats();
    follow();
    for (const auto& [key, value] : mirror_) REQUIRE(f_.cache.get(key) == value);
    CHECK(f_.cache.clear() == mirror_.size());
    follow();
    CHECK(mirror_.empty());
  }

  std::size_t turned_away() const { return turned_away_; }

 private:
  void one_operation(Random& random) {
    const std::string key = std::to_string(random.one_in(2) ? random.below(20) : random.below(300));
    const std::size_t choice = random.below(100);
    if (choice < 50) {
      const auto value = f_.cache.get(key);
      follow();
      const auto held = mirror_.find(key);
      REQUIRE(value == (held == mirror_.end() ? std::nullopt : std::optional(held->second)));
    } else if (choice < 90) {
      set(key, random);
    } else if (choice < 95) {
      const bool erased = f_.cache.erase(key);
      REQUIRE(erased == mirror_.contains(key));
    } else if (choice < 99) {
      f_.clock.advance(std::chrono::milliseconds(random.below(5)));
    } else if (random.one_in(20)) {
      f_.cache.clear();
    }
  }

  void set(const std::string& key, Random& random) {
    const std::string value(random.one_in(20) ? random.below(3000) : random.below(50), 'v');
    const bool existed = mirror_.contains(key);
    const bool stored =
        f_.cache.set(key, value, random.one_in(3) ? larder::Ttl(1ms + 1ms * random.below(50)) : std::nullopt);
    follow();
    if (stored) mirror_[key] = Bytes(value);
    const bool fits = limits_.max_size_bytes == 0 || value.size() <= limits_.max_size_bytes;
    if (!stored && fits) ++turned_away_;
    // What is asked for cannot be turned away any more when it is there.
    if (existed && fits) REQUIRE((stored || !mirror_.contains(key)));
  }

  void follow() {
    for (const auto& removal : f_.removals.take()) {
      const auto held = mirror_.find(removal.key);
      REQUIRE(held != mirror_.end());
      REQUIRE(held->second == removal.value);
      mirror_.erase(held);
    }
  }

  Options limits_;
  Fixture<Policy> f_;
  std::map<std::string, Bytes> mirror_;
  std::size_t turned_away_ = 0;
};

/// Turns every second entry away, and evicts whatever comes first.
class Moody {
 public:
  void reserve(std::size_t ids) { present_.resize(std::max(ids, present_.size())); }
  template <class Entries>
  bool admit(const larder::EvictionEntry&, const Entries&) noexcept {
    return ++asked_ % 2 == 0;
  }
  void insert(const larder::EvictionEntry& entry) noexcept { present_[entry.id] = true; }
  void touch(const larder::EvictionEntry&) noexcept {}
  void erase(const larder::EvictionEntry& entry) noexcept { present_[entry.id] = false; }
  template <class Entries>
  larder::EvictionId victim(const larder::EvictionNeed& need, const Entries& entries) noexcept {
    for (larder::EvictionId id = 1; id < present_.size(); ++id) {
      if (present_[id] && id != need.spared && entries[id].id == id) return id;
    }
    return larder::no_entry;
  }
  void clear() noexcept { present_.clear(); }

 private:
  std::vector<bool> present_;
  unsigned asked_ = 0;
};
static_assert(larder::EvictionPolicy<Moody>);

}  // namespace

TEMPLATE_TEST_CASE("whoever chooses who leaves, the cache is what its listener makes of it", "[policies][model]",
                   larder::Lru, larder::Clock, larder::S3Fifo, larder::WTinyLfu, larder::Gdsf, Moody) {
  Random random(2);
  const std::size_t operations = larder_tests::scaled(5000);
  SECTION("a limit of entries") {
    Mirrored<TestType> m({.max_size_bytes = 0, .max_entries = 40});
    m.run(random, operations);
    m.check_all();
  }
  SECTION("a limit of weights") {
    Mirrored<TestType> m({.max_size_bytes = 2500});
    m.run(random, operations);
    m.check_all();
    if (std::is_same_v<TestType, larder::WTinyLfu> || std::is_same_v<TestType, Moody>) CHECK(m.turned_away() > 0);
  }
  SECTION("both") {
    Mirrored<TestType> m({.max_size_bytes = 2500, .max_entries = 60});
    m.run(random, operations);
    m.check_all();
  }
  SECTION("one entry") {
    Mirrored<TestType> m({.max_size_bytes = 0, .max_entries = 1});
    m.run(random, operations);
    m.check_all();
  }
}

TEMPLATE_TEST_CASE("what has expired makes room before anybody else", "[policies][expiry]", larder::Lru, larder::Clock,
                   larder::S3Fifo, larder::WTinyLfu, larder::Gdsf) {
  Fixture<TestType> f({.max_size_bytes = 0, .max_entries = 100});
  for (int i = 0; i < 100; ++i) f.cache.set(std::to_string(i), "v", i % 2 == 0 ? larder::Ttl(10ms) : larder::Ttl(1h));
  f.clock.advance(20ms);
  for (int i = 100; i < 150; ++i) CHECK(f.cache.set(std::to_string(i), "v"));
  const auto stats = f.cache.stats();
  CHECK(stats.expirations == 50);
  CHECK(stats.evictions == stats.expirations);  // which count as evictions
}

TEMPLATE_TEST_CASE("an entry that is replaced stays, with its new weight, whatever has to leave for it", "[policies]",
                   larder::Lru, larder::Clock, larder::S3Fifo, larder::WTinyLfu, larder::Gdsf) {
  Fixture<TestType> f({.max_size_bytes = 1000});
  for (int i = 0; i < 100; ++i) f.cache.set(std::to_string(i), "0123456789");
  const std::string key = f.cache.keys().front();
  for (const std::size_t size : {5ul, 500ul, 1000ul, 1ul, 1000ul}) {
    CHECK(f.cache.set(key, std::string(size, 'x')));
    CHECK(f.cache.get(key)->size() == size);
    CHECK(*f.cache.stats().current_size_bytes <= 1000u);
  }
  CHECK(f.cache.stats().current_entries == 1u);
}

TEMPLATE_TEST_CASE("keys that are asked for all the time stay while others come and go", "[policies]", larder::Lru,
                   larder::Clock, larder::S3Fifo, larder::WTinyLfu, larder::Gdsf) {
  Fixture<TestType> f({.max_size_bytes = 0, .max_entries = 100});
  int misses = 0;
  for (int i = 0; i < 5000; ++i) {
    const std::string hot = "hot " + std::to_string(i % 10);
    if (!f.cache.get(hot)) {
      ++misses;
      f.cache.set(hot, "v");
    }
    f.cache.set("cold " + std::to_string(i), "v");
  }
  CHECK(misses < 50);
}

TEST_CASE("what a policy turns away is not stored, costs nobody a place, and is not counted", "[policies]") {
  Fixture<Moody> f({.max_size_bytes = 0, .max_entries = 2});
  CHECK_FALSE(f.cache.set("a", "1"));
  CHECK(f.cache.set("b", "1"));
  CHECK_FALSE(f.cache.set_if_absent("c", "1"));
  CHECK(f.cache.set_if_absent("d", "1"));
  CHECK(f.cache.set_many({{"e", "1"}}) == 0);
  CHECK(f.removals.take().empty());
  CHECK(f.cache.stats().sets == 2);
  CHECK(larder_tests::sorted_keys(f.cache) == "b d");
  CHECK(f.cache.set_many({{"b", "2"}, {"f", "1"}}) == 2);  // nobody is asked about b, which is there
}
