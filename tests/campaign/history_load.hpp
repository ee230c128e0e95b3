/// \file history_load.hpp
/// HistoryLoad: threads that use one cache at random and record what they do, call by call, and whether what they saw
/// can have been there.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <larder/cache_backend.hpp>
#include <larder/cache_error.hpp>
#include <larder/testing/history.hpp>

#include "tests/support/random.hpp"

namespace larder_tests {

struct HistoryLoadOptions {
  std::size_t threads = 4;
  std::size_t operations = 1000;  ///< of each thread
  std::size_t keys = 8;
  std::size_t longest_value = 3000;
  std::uint64_t seed = 1;
  /// What no call may take longer than, but for waiting for a processor; zero: as long as it likes.
  std::chrono::milliseconds most{0};
  bool touches = true;  ///< not every backend can
  /// Not where a set may be declined without an entry being there, which a history would take for one.
  bool conditional_sets = true;
};

/// How long the thread that made it has waited for a processor, which others had: for that, none of its calls is to
/// blame. Where the system does not tell, it is none.
class WaitingForProcessor {
 public:
  WaitingForProcessor() : file_(::open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC)) {}
  WaitingForProcessor(const WaitingForProcessor&) = delete;
  WaitingForProcessor& operator=(const WaitingForProcessor&) = delete;
  ~WaitingForProcessor() {
    if (file_ >= 0) ::close(file_);
  }

  std::chrono::nanoseconds so_far() const {
    std::array<char, 128> text{};  // nanoseconds on a processor, and waiting for one
    if (file_ < 0 || ::pread(file_, text.data(), text.size() - 1, 0) <= 0) return {};
    char* second = nullptr;
    std::strtoull(text.data(), &second, 10);
    return std::chrono::nanoseconds(std::strtoll(second, nullptr, 10));
  }

 private:
  int file_;
};

/// Counts what goes wrong, and lets calls fail with a CacheError.
class HistoryLoad {
 public:
  using Cache = larder::CacheBackend<std::string, std::string>;
  using Recorder = larder::testing::History::Recorder;
  using Clock = std::chrono::steady_clock;

  HistoryLoad(Cache& cache, const HistoryLoadOptions& options)
      : cache_(cache), options_(options), history_(options.threads + 1) {
    for (std::size_t i = 0; i < options.keys; ++i) keys_.push_back("key " + std::to_string(i));
  }

  /// Lets them run, beside `meanwhile(is_over)`, on this thread.
  template <class Meanwhile>
  void run(const Meanwhile& meanwhile) {
    std::atomic<std::size_t> running{options_.threads};
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < options_.threads; ++i) {
      threads.emplace_back([&, i] {
        run_thread(i);
        --running;
      });
    }
    meanwhile([&running] { return running == 0; });
    for (std::thread& thread : threads) thread.join();
  }
  void run() {
    run([](const auto&) {});
  }

  /// For what takes all entries away, such as the death of a server: calls it, and notes that they are gone.
  template <class Removal>
  void remove_all(const Removal& removal) {
    auto call = history_.thread(options_.threads).begin("all is lost");
    removal();
    for (const std::string& key : keys_) call.removed(key);
  }

  /// Result: the first read that no order of the calls explains, as text; empty if there is none.
  std::string impossible_read(bool nothing_is_evicted) const {
    const auto impossible = larder::testing::find_impossible_read(history_.events(), nothing_is_evicted);
    return impossible ? impossible->to_text() : std::string();
  }

  std::size_t calls() const noexcept { return calls_; }    ///< that succeeded
  std::size_t errors() const noexcept { return errors_; }  ///< that ended with a CacheError
  std::size_t late() const noexcept { return late_; }      ///< that took longer than they may
  std::chrono::milliseconds longest() const noexcept { return std::chrono::milliseconds(longest_); }
  /// What ended a thread that should not: empty if nothing did.
  const std::string& failure() const noexcept { return failure_; }

 private:
  void run_thread(std::size_t index) {
    Random random(options_.seed * 1000 + index);
    const WaitingForProcessor waiting;
    Recorder& recorder = history_.thread(index);
    try {
      for (std::size_t i = 0; i < options_.operations; ++i) {
        const auto begin = Clock::now();
        const Clock::duration waited = waiting.so_far();
        try {
          one_operation(random, recorder, any_value(random, index, i));
          calls_.fetch_add(1, std::memory_order_relaxed);
        } catch (const larder::CacheError&) {
          errors_.fetch_add(1, std::memory_order_relaxed);
        }
        note_time(Clock::now() - begin - (waiting.so_far() - waited));
      }
    } catch (const std::exception& error) {
      if (!failed_.exchange(true)) failure_ = error.what();
    }
  }

  void note_time(Clock::duration time) {
    if (options_.most.count() == 0) return;
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
    auto longest = longest_.load();
    while (milliseconds > longest && !longest_.compare_exchange_weak(longest, milliseconds)) continue;
    if (time > options_.most) late_.fetch_add(1, std::memory_order_relaxed);
  }

  /// New to every key, and of such lengths that a backend may keep some values in one way and some in another.
  std::string any_value(Random& random, std::size_t thread, std::size_t number) const {
    std::string value = std::to_string(thread) + "." + std::to_string(number) + ".";
    const std::size_t size = random.one_in(32) ? options_.longest_value : random.below(40);
    return value.append(size, static_cast<char>('a' + number % 26));
  }

  void one_operation(Random& random, Recorder& recorder, const std::string& value) {
    const std::string& key = keys_[random.below(keys_.size())];
    const std::size_t choice = random.below(1000);
    if (choice < 350) {
      recorder.get(cache_, key);
    } else if (choice < 400) {
      visit_entry(recorder, key);
    } else if (choice < 430 && options_.conditional_sets) {
      recorder.set_if_absent(cache_, key, value.substr(0, 40));
    } else if (choice < 460 && options_.touches) {
      recorder.touch(cache_, key, random.one_in(2) ? larder::Ttl(std::chrono::hours(1)) : larder::Ttl());
    } else if (choice < 650) {
      recorder.set(cache_, key, value, random.one_in(4) ? larder::Ttl(std::chrono::hours(1)) : larder::Ttl());
    } else if (choice < 730) {
      recorder.erase(cache_, key);
    } else if (choice < 790) {
      recorder.exists(cache_, key);
    } else if (choice < 870) {
      recorder.get_many(cache_, several_keys(random));
    } else if (choice < 950) {
      std::vector<std::pair<std::string, std::string>> items;
      for (const std::string& each : several_keys(random)) items.emplace_back(each, value);
      recorder.set_many(cache_, items);
    } else if (choice < 998) {
      recorder.erase_many(cache_, several_keys(random));
    } else {
      recorder.clear(cache_, keys_);
    }
  }

  void visit_entry(Recorder& recorder, const std::string& key) {
    std::string value;
    auto call = recorder.begin("visit_entry");
    const bool found =
        cache_.visit_entry(key, [&](const larder::EntryView<std::string>& entry) { value = entry.value; });
    found ? call.read(key, value) : call.missed(key);
  }

  /// Each at most once: a history wants a value written to a key once.
  std::vector<std::string> several_keys(Random& random) const {
    const std::size_t first = random.below(keys_.size());
    std::vector<std::string> keys;
    for (std::size_t i = 0; i < std::min<std::size_t>(3, keys_.size()); ++i) {
      keys.push_back(keys_[(first + i) % keys_.size()]);
    }
    return keys;
  }

  Cache& cache_;
  HistoryLoadOptions options_;
  larder::testing::History history_;
  std::vector<std::string> keys_;
  std::atomic<std::size_t> calls_{0};
  std::atomic<std::size_t> errors_{0};
  std::atomic<std::size_t> late_{0};
  std::atomic<std::chrono::milliseconds::rep> longest_{0};
  std::atomic<bool> failed_{false};
  std::string failure_;
};

}  // namespace larder_tests
