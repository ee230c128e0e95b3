/// \file redis_cluster_faults_test.cpp
/// RedisBackend on a real cluster: batches over all nodes, and threads that go on while slots move and masters die.
#include <larder/backends/redis_backend.hpp>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/random.hpp"
#include "tests/support/redis_cluster.hpp"
#include "tests/support/tls_certificates.hpp"

using namespace larder_tests;
using namespace std::chrono_literals;
using larder::RedisOptions;

namespace {

using Cache = larder::RedisBackend<std::string, std::string>;
using Clock = std::chrono::steady_clock;

std::vector<std::string> numbered(const std::string& name, std::size_t count) {
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < count; ++i) keys.push_back(name + std::to_string(i));
  return keys;
}

RedisOptions options_for(RedisCluster& cluster, std::string prefix) {
  return {.port = cluster.node(0).port(), .prefix = std::move(prefix), .timeout = 10s, .cluster = true};
}

/// Which third of the slots a key is in.
std::size_t third_of(std::string_view prefix, const std::string& key) {
  const std::size_t slot = larder::detail::redis_slot_of(std::string(prefix) + key);
  for (std::size_t third = 0;; ++third) {
    if (slot < RedisCluster::slots * (third + 1) / RedisCluster::masters) return third;
  }
}

/// What a key has at a version: the two stand in the value, and all the rest of it follows from them.
std::string value_of(const std::string& key, std::uint64_t version) {
  std::string value = key + "#" + std::to_string(version) + "#";
  value.append((version * 37 + key.size()) % 1500, static_cast<char>('a' + version % 26));
  return value;
}

/// Result: the version of a value, or nothing if the key never had it.
std::optional<std::uint64_t> version_in(const std::string& key, const std::string& value) {
  if (!value.starts_with(key + "#")) return std::nullopt;
  std::uint64_t version = 0;
  const char* begin = value.data() + key.size() + 1;
  std::from_chars(begin, value.data() + value.size(), version);
  if (value != value_of(key, version)) return std::nullopt;
  return version;
}

/// Threads that read and write keys of one cache for as long as it lives. Each key is written by one thread; its
/// versions count up, and every fourth is that it is erased.
class Load {
 public:
  struct Counts {
    std::atomic<std::uint64_t> calls{0};
    std::atomic<std::uint64_t> errors{0};
    std::atomic<std::uint64_t> forbidden_errors{0};
    std::atomic<std::uint64_t> wrong{0};
  };

  /// With `may_lose`, an acknowledged write may be lost: any version that ever was is right, and so is a miss.
  Load(Cache& cache, std::size_t threads, bool may_lose) : cache_(cache), may_lose_(may_lose), keys_(threads * own) {
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      keys_[i].name = "key" + std::to_string(i);
      keys_[i].third = third_of(cache.options().prefix, keys_[i].name);
    }
    for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this, i] { run(i); });
  }
  ~Load() { stop(); }

  void stop() {
    stopping_ = true;
    for (auto& thread : threads_) thread.join();
    threads_.clear();
  }

  /// From now on, calls about keys of this third may fail, and batches; `nobody`: none may.
  void allow_errors(std::size_t third) { failing_third_ = third; }

  const Counts& counts() const noexcept { return counts_; }
  /// Of the first that went wrong, whatever it was.
  std::string story() const {
    const std::lock_guard lock(mutex_);
    return story_;
  }
  std::vector<std::size_t> slots() const {
    std::vector<std::size_t> slots;
    for (const Key& key : keys_) slots.push_back(larder::detail::redis_slot_of(cache_.options().prefix + key.name));
    std::sort(slots.begin(), slots.end());
    slots.erase(std::unique(slots.begin(), slots.end()), slots.end());
    return slots;
  }

 private:
  static constexpr std::size_t own = 40;
  static constexpr std::size_t batch = 25;
  static constexpr std::size_t nobody = RedisCluster::nobody;

  struct Key {
    std::string name;
    std::size_t third = 0;
    std::atomic<std::uint64_t> started{0};
    std::atomic<std::uint64_t> acknowledged{0};
  };

  static bool is_erased(std::uint64_t version) { return version % 4 == 0; }

  void run(std::size_t thread) {
    Random random(7 * thread + 1);
    while (!stopping_) {
      const std::size_t first = thread * own + random.below(own - batch);
      switch (random.below(8)) {
        case 0: read_many(random.below(keys_.size() - batch)); break;
        case 1: read_many(first); break;
        case 2: write_many(first); break;
        case 3: read(keys_[random.below(keys_.size())]); break;
        case 4: read(keys_[first]); break;
        default: write(keys_[first]);
      }
    }
  }

  /// Result: whether the call succeeded.
  template <class Call>
  bool attempt(std::size_t third, const Call& call) {
    ++counts_.calls;
    const std::size_t failing_before = failing_third_;
    try {
      call();
      return true;
    } catch (const larder::CacheError& error) {
      ++counts_.errors;
      // It may have begun a moment before or ended a moment after.
      const std::size_t failing = failing_before != nobody ? failing_before : failing_third_.load();
      if (failing == nobody || (third != nobody && third != failing)) {
        ++counts_.forbidden_errors;
        note("error: " + std::string(error.what()));
      }
      return false;
    }
  }

  void note(const std::string& what) {
    const std::lock_guard lock(mutex_);
    if (story_.empty()) story_ = what;
  }

  /// Checks what was read of a key between two looks at its versions.
  void check(const Key& key, const std::string* value, std::uint64_t acknowledged, std::uint64_t started) {
    bool right = false;
    if (value == nullptr) {
      right = may_lose_;
      for (std::uint64_t version = acknowledged; version <= started; ++version) right = right || is_erased(version);
    } else if (const auto version = version_in(key.name, *value)) {
      right = !is_erased(*version) && *version <= started && (may_lose_ || *version >= acknowledged);
    }
    if (right) return;
    ++counts_.wrong;
    note(key.name + " of version " + std::to_string(acknowledged) + " to " + std::to_string(started) + " has " +
         (value == nullptr ? "nothing" : value->substr(0, 60)));
  }

  void read(const Key& key) {
    const std::uint64_t acknowledged = key.acknowledged;
    std::optional<std::string> value;
    if (!attempt(key.third, [&] { value = cache_.get(key.name); })) return;
    check(key, value ? &*value : nullptr, acknowledged, key.started);
  }

  void read_many(std::size_t first) {
    std::vector<std::string> names;
    std::vector<std::uint64_t> acknowledged;
    for (std::size_t i = first; i < first + batch; ++i) {
      names.push_back(keys_[i].name);
      acknowledged.push_back(keys_[i].acknowledged);
    }
    std::unordered_map<std::string, std::string> values;
    if (!attempt(nobody, [&] { values = cache_.get_many(names); })) return;
    for (std::size_t i = 0; i < batch; ++i) {
      const auto found = values.find(names[i]);
      check(keys_[first + i], found == values.end() ? nullptr : &found->second, acknowledged[i],
            keys_[first + i].started);
    }
  }

  void write(Key& key) {
    const std::uint64_t version = ++key.started;
    const bool done = attempt(key.third, [&] {
      if (is_erased(version)) {
        cache_.erase(key.name);
      } else {
        cache_.set(key.name, value_of(key.name, version));
      }
    });
    if (done) key.acknowledged = version;
  }

  /// All that are next to be set, and then all that are next to be erased.
  void write_many(std::size_t first) {
    std::vector<std::pair<std::string, std::string>> items;
    std::vector<std::string> erased;
    std::vector<std::pair<Key*, std::uint64_t>> set;
    std::vector<std::pair<Key*, std::uint64_t>> gone;
    for (std::size_t i = first; i < first + batch; ++i) {
      Key& key = keys_[i];
      const std::uint64_t version = ++key.started;
      if (is_erased(version)) {
        erased.push_back(key.name);
        gone.emplace_back(&key, version);
      } else {
        items.emplace_back(key.name, value_of(key.name, version));
        set.emplace_back(&key, version);
      }
    }
    if (attempt(nobody, [&] { cache_.set_many(items); })) acknowledge(set);
    if (attempt(nobody, [&] { cache_.erase_many(erased); })) acknowledge(gone);
  }

  static void acknowledge(const std::vector<std::pair<Key*, std::uint64_t>>& written) {
    for (const auto& [key, version] : written) key->acknowledged = version;
  }

  Cache& cache_;
  const bool may_lose_;
  std::vector<Key> keys_;
  Counts counts_;
  std::atomic<std::size_t> failing_third_{nobody};
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;
  std::string story_;
  std::vector<std::thread> threads_;
};

/// Moves slots of a load from master to master and back. Result: how many moves there were.
std::size_t reshard(RedisCluster& cluster, const std::vector<std::size_t>& slots, std::chrono::milliseconds duration) {
  Random random(3);
  std::vector<std::size_t> homes;
  for (const std::size_t slot : slots) homes.push_back(cluster.node_of_slot(slot));
  std::vector<std::size_t> owners = homes;
  std::size_t moves = 0;
  const auto move = [&](std::size_t i, std::size_t to) {
    if (owners[i] == to) return;
    cluster.begin_move(slots[i], owners[i], to);
    if (random.one_in(2)) std::this_thread::sleep_for(5ms);  // so that new keys are sent elsewhere
    cluster.move_keys(slots[i], owners[i], to);
    if (random.one_in(2)) std::this_thread::sleep_for(5ms);
    cluster.finish_move(slots[i], owners[i], to);
    owners[i] = to;
    ++moves;
  };
  for (const SteadyTime end = after(duration); Clock::now() < end;) {
    move(random.below(slots.size()), random.below(RedisCluster::masters));
  }
  for (std::size_t i = 0; i < slots.size(); ++i) move(i, homes[i]);
  cluster.wait_until_ok();
  return moves;
}

void reshard_under_load(RedisCluster& cluster, std::chrono::milliseconds duration, bool tells) {
  Cache cache(options_for(cluster, "reshard:"));
  Load load(cache, 4, false);
  const std::size_t moves = reshard(cluster, load.slots(), duration);
  load.stop();
  INFO(load.story());
  CHECK(load.counts().wrong == 0);
  CHECK(load.counts().errors == 0);
  CHECK(moves > 10);
  CHECK(load.counts().calls > 100);
  if (tells) WARN(load.counts().calls << " calls, " << moves << " moves, " << load.counts().wrong << " wrong values");
  cache.clear();
}

/// Kills masters, one after the other, and has them come back as replicas.
void fail_over_under_load(std::size_t rounds, bool tells) {
  RedisCluster cluster({.replicas = true, .full_coverage_required = false, .node_timeout = 500ms});
  auto options = options_for(cluster, "failover:");
  options.timeout = 2s;
  Cache cache(options);
  Load load(cache, 4, true);
  auto longest = 0ns;
  for (std::size_t round = 0; round < rounds; ++round) {
    std::this_thread::sleep_for(200ms);
    const std::size_t third = round / 2 % RedisCluster::masters;
    const std::size_t victim = cluster.node_of_slot(RedisCluster::slots * third / RedisCluster::masters);
    load.allow_errors(third);
    const auto killed = Clock::now();
    cluster.kill_master(victim);
    cluster.wait_until_ok();
    longest = std::max(longest, Clock::now() - killed);
    std::this_thread::sleep_for(1s);
    load.allow_errors(RedisCluster::nobody);
    std::this_thread::sleep_for(200ms);
    cluster.restart(victim);
    cluster.wait_until_ok();
  }
  load.stop();
  INFO(load.story());
  CHECK(load.counts().wrong == 0);
  CHECK(load.counts().forbidden_errors == 0);
  CHECK(load.counts().errors > 0);
  CHECK(load.counts().calls > 100);
  if (tells) {
    WARN(load.counts().calls << " calls, " << rounds << " fail-overs of " << longest / 1ms << " ms at most, "
                             << load.counts().errors << " errors, " << load.counts().wrong << " wrong values");
  }
}

}  // namespace

TEST_CASE("RedisBackend on a cluster: batches go to all nodes, and come back complete") {
  if (skipped_without_redis()) return;
  Cache cache(options_for(shared_redis_cluster(), "batch:"));
  const auto keys = numbered("k", 2500);
  std::vector<std::pair<std::string, std::string>> items;
  for (const auto& key : keys) items.emplace_back(key, value_of(key, 1));
  CHECK(cache.set_many(items) == keys.size());
  for (std::size_t i = 0; i < RedisCluster::masters; ++i) {
    CHECK(shared_redis_cluster().node(i).client().expect({"KEYS", "batch:*"}).elements.size() > 700);
  }
  auto wanted = keys;
  for (const auto& absent : numbered("absent", 500)) wanted.push_back(absent);
  const auto found = cache.get_many(wanted);
  CHECK(found.size() == keys.size());
  for (const auto& [key, value] : found) {
    if (value != value_of(key, 1)) FAIL(key << " has " << value);
  }
  CHECK(cache.erase_many(std::vector<std::string>(wanted.begin() + 2000, wanted.end())) == 500);
  CHECK(cache.get_many(wanted).size() == 2000);
  CHECK(cache.clear() == 2000);
}

TEST_CASE("RedisBackend on a cluster: large values take their turns") {
  if (skipped_without_redis()) return;
  Cache cache(options_for(shared_redis_cluster(), "large:"));
  std::vector<std::pair<std::string, std::string>> items;
  for (const auto& key : numbered("k", 60)) items.emplace_back(key, key + std::string(200'000, 'x'));
  CHECK(cache.set_many(items) == items.size());
  const auto found = cache.get_many(numbered("k", 60));
  CHECK(found.size() == items.size());
  for (const auto& [key, value] : found) CHECK(value.size() == key.size() + 200'000);
  CHECK(cache.clear() == items.size());
}

TEST_CASE("RedisBackend on a cluster: batches through TLS") {
  if (skipped_without_redis() || skipped_without_openssl()) return;
  const auto& made = tls_certificates();
  RedisCluster cluster({.server = {.tls = RedisTls{made.server.certificate, made.server.key, made.authority}}});
  auto options = options_for(cluster, "tls:");
  options.tls.enabled = true;
  options.tls.ca_file = made.authority;
  Cache cache(options);
  const auto keys = numbered("k", 500);
  std::vector<std::pair<std::string, std::string>> items;
  for (const auto& key : keys) items.emplace_back(key, value_of(key, key.size()) + std::string(500, 'x'));
  // Twice, since the first time the connections are still to be opened, one after the other.
  for (int round = 0; round < 2; ++round) {
    CHECK(cache.set_many(items) == keys.size());
    const auto found = cache.get_many(keys);
    CHECK(found.size() == keys.size());
    for (const auto& [key, value] : items) {
      if (found.at(key) != value) FAIL(key << " has " << found.at(key));
    }
  }
  CHECK(cache.clear() == keys.size());
}

TEST_CASE("RedisBackend on a cluster: keys with a hash tag are kept together") {
  if (skipped_without_redis()) return;
  Cache cache(options_for(shared_redis_cluster(), "tags:"));
  for (const auto& key : numbered("{foo}", 50)) CHECK(cache.set(key, "v"));
  CHECK(shared_redis_cluster().node(2).client().expect({"KEYS", "tags:*"}).elements.size() == 50);
  CHECK(cache.clear() == 50);
}

TEST_CASE("RedisBackend on a cluster: keys and clear see all masters, and their own prefix alone") {
  if (skipped_without_redis()) return;
  Cache cache(options_for(shared_redis_cluster(), "mine:"));
  Cache other(options_for(shared_redis_cluster(), "mine"));
  auto keys = numbered("k", 1000);
  for (const auto& key : keys) {
    cache.set(key, "v");
    if (key.size() == 2) other.set(key, "v");
  }
  auto seen = cache.keys();
  std::sort(seen.begin(), seen.end());
  std::sort(keys.begin(), keys.end());
  CHECK(seen == keys);
  CHECK(cache.keys("k?").size() == 10);
  CHECK(cache.clear() == 1000);
  CHECK(cache.keys().empty());
  CHECK(other.clear() == 10);
}

TEST_CASE("RedisBackend on a cluster: values stay right while their slots move", "[threads]") {
  if (skipped_without_redis()) return;
  reshard_under_load(shared_redis_cluster(), 4s, false);
}

TEST_CASE("RedisBackend on a cluster: values stay right while masters die, and calls succeed again", "[threads]") {
  if (skipped_without_redis()) return;
  fail_over_under_load(2, false);
}

TEST_CASE("RedisBackend on a cluster: slots that move, for long", "[.][campaign][threads]") {
  if (skipped_without_redis()) return;
  reshard_under_load(shared_redis_cluster(), 90s, true);
}

TEST_CASE("RedisBackend on a cluster: masters that die, again and again", "[.][campaign][threads]") {
  if (skipped_without_redis()) return;
  fail_over_under_load(12, true);
}
