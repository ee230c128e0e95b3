/// \file history_checks.hpp
/// Several threads at once on few keys: what they read must have been there, and when they rest, all must add up.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <latch>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <larder/testing/detail/random.hpp>
#include <larder/testing/detail/trial.hpp>
#include <larder/testing/history.hpp>

namespace larder::testing::detail {

/// Threads that use one cache and record what they do.
class Crowd {
 public:
  Crowd(Trial& trial, CacheBackend<>& cache)
      : trial_(trial),
        cache_(cache),
        threads_(trial.can().concurrent_use ? trial.options().threads : 1),
        history_(static_cast<unsigned>(threads_)) {
    for (std::size_t i = 0; i < 8; ++i) keys_.push_back("key " + std::to_string(i));
    const std::string text = "// " + std::to_string(threads_) + (threads_ == 1 ? " thread does " : " threads do ") +
                             std::to_string(trial.options().history_operations) + " calls each, at random, on 8 keys " +
                             "(ContractOptions::seed = " + std::to_string(trial.options().seed) + ")";
    trial.story().tell(text);
  }
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  /// What the threads counted for themselves.
  struct Tally {
    std::atomic<std::uint64_t> hits{0};
    std::atomic<std::uint64_t> misses{0};
    std::atomic<std::uint64_t> stored{0};
    std::atomic<std::uint64_t> erased{0};
    std::atomic<std::uint64_t> cleared{0};
  };

  const Tally& tally() const noexcept { return tally_; }
  const std::vector<std::string>& keys() const noexcept { return keys_; }

  /// Lets them run, and fails if one of their calls throws.
  void run() {
    std::latch start(static_cast<std::ptrdiff_t>(threads_));
    std::mutex mutex;
    std::string error;
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < threads_; ++i) {
      threads.emplace_back([&, i] {
        start.arrive_and_wait();
        try {
          run_thread(i);
        } catch (...) {
          const std::lock_guard lock(mutex);
          error = describe_current_exception();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    if (!error.empty()) trial_.fail("no exception, but in one of the threads a call threw " + error);
  }

  /// Fails if one of the reads is impossible.
  void judge(bool nothing_is_evicted) const {
    const auto events = history_.events();
    const auto impossible = find_impossible_read(events, nothing_is_evicted);
    if (!impossible) return;
    std::string table = impossible->to_text();
    if (!table.empty() && table.back() == '\n') table.pop_back();
    for (std::size_t at = 0; (at = table.find('\n', at)) != std::string::npos; at += 5) table.replace(at, 1, "\n  // ");
    trial_.story().tell("// " + table);
    trial_.fail("only reads of what may have been there, but " + impossible->explanation);
  }

 private:
  void run_thread(std::size_t index) {
    Random random(trial_.options().seed * 1000 + index);
    History::Recorder& recorder = history_.thread(index);
    for (std::size_t i = 0; i < trial_.options().history_operations; ++i) {
      // Unique, and of such lengths that a backend may keep some values one way and some another.
      const std::string number = std::to_string(index) + "." + std::to_string(i) + ".";
      const std::size_t most = trial_.can().largest_value - number.size();
      const std::size_t size = random.one_in(16) ? 3000 : random.below(40);
      const std::string value = number + std::string(std::min(size, most), static_cast<char>('a' + i % 26));
      one_operation(random, recorder, value);
    }
  }

  void one_operation(Random& random, History::Recorder& recorder, const std::string& value) {
    const std::string& key = keys_[random.below(keys_.size())];
    const std::size_t choice = random.below(1000);
    if (choice < 400) {
      count(recorder.get(cache_, key).has_value());
    } else if (choice < 430 && trial_.can().conditional_set) {
      // Short, so that it is not declined.
      tally_.stored += recorder.set_if_absent(cache_, key, value.substr(0, 40)) ? 1 : 0;
    } else if (choice >= 430 && choice < 460 && trial_.can().touch) {
      const bool has_ttl = trial_.can().expiry && random.one_in(2);
      recorder.touch(cache_, key, has_ttl ? Ttl(std::chrono::hours(1)) : Ttl());
    } else if (choice < 650) {
      tally_.stored += recorder.set(cache_, key, value) ? 1 : 0;
    } else if (choice < 730) {
      tally_.erased += recorder.erase(cache_, key) ? 1 : 0;
    } else if (choice < 790) {
      recorder.exists(cache_, key);
    } else if (choice < 870) {
      for (const auto& found : recorder.get_many(cache_, several_keys(random))) count(found.has_value());
    } else if (choice < 950) {
      std::vector<std::pair<std::string, std::string>> items;
      for (const std::string& each : several_keys(random)) items.emplace_back(each, value);
      tally_.stored += recorder.set_many(cache_, items);
    } else if (choice < 997) {
      tally_.erased += recorder.erase_many(cache_, several_keys(random));
    } else {
      tally_.cleared += recorder.clear(cache_, keys_);
    }
  }

  /// Each at most once: a history wants a value written to a key once.
  std::vector<std::string> several_keys(Random& random) const {
    const std::size_t first = random.below(keys_.size());
    std::vector<std::string> keys;
    for (std::size_t i = 0; i < 3; ++i) keys.push_back(keys_[(first + i) % keys_.size()]);
    return keys;
  }

  void count(bool hit) { ++(hit ? tally_.hits : tally_.misses); }

  Trial& trial_;
  CacheBackend<>& cache_;
  std::size_t threads_;
  History history_;
  std::vector<std::string> keys_;
  Tally tally_;
};

inline void reads_are_possible(Trial& trial) {
  const auto cache = trial.fresh();
  Crowd crowd(trial, cache.backend());
  crowd.run();
  crowd.judge(true);
}

inline void reads_are_possible_under_a_limit(Trial& trial) {
  trial.only_if(trial.can().size_limit, "size_limit = false: this backend has no limit of its own");
  const auto cache = trial.fresh({.max_size_bytes = 16384});
  Crowd crowd(trial, cache.backend());
  crowd.run();
  crowd.judge(false);
}

inline void all_adds_up_at_rest(Trial& trial, bool limited) {
  trial.only_if(!limited || trial.can().size_limit, "size_limit = false: this backend has no limit of its own");
  BackendRequest<> request;
  if (limited) request.max_size_bytes = 16384;
  const auto cache = trial.fresh(request);
  Crowd crowd(trial, cache.backend());
  crowd.run();
  const CacheStats stats = cache.stats();
  const Crowd::Tally& tally = crowd.tally();
  const auto expect = [&](const char* name, std::optional<std::uint64_t> number, std::uint64_t expected,
                          const char* why) {
    trial.expect(number == expected, std::string(name) + "=" + std::to_string(expected) + ": " + why);
  };
  if (trial.can().request_counters) {
    expect("hits", stats.hits, tally.hits, "so many reads returned a value");
    expect("misses", stats.misses, tally.misses, "so many reads returned none");
    expect("sets", stats.sets, tally.stored, "so many values were stored");
    expect("deletes", stats.deletes, tally.erased, "so many entries were erased");
  }
  std::size_t entries = 0;
  std::size_t bytes = 0;
  for (const std::string& key : crowd.keys()) {
    const auto value = cache.backend().get(key);
    entries += value ? 1 : 0;
    bytes += value ? trial.size_of(*value) : 0;
  }
  if (trial.can().exact_size_accounting) {
    expect("current_entries", stats.current_entries, entries, "so many keys have a value");
    expect("current_size_bytes", stats.current_size_bytes, bytes, "so many bytes do these values have");
  }
  if (trial.can().enumerable_keys) {
    trial.expect(cache.keys().size() == entries, std::to_string(entries) + " keys: so many have a value");
  }
  if (trial.can().clear_count) {
    trial.expect(cache.clear() == entries, std::to_string(entries) + ": so many keys have a value");
  }
}

inline void add_history_checks(CheckList& checks) {
  checks.push_back({"history: threads read only what may have been there", reads_are_possible});
  checks.push_back(
      {"history: threads read only what may have been there, under a limit", reads_are_possible_under_a_limit});
  checks.push_back(
      {"history: when the threads rest, all adds up", [](Trial& trial) { all_adds_up_at_rest(trial, false); }});
  checks.push_back({"history: when the threads rest, all adds up, under a limit",
                    [](Trial& trial) { all_adds_up_at_rest(trial, true); }});
}

}  // namespace larder::testing::detail
