/// \file soak_load.hpp
/// SoakLoad: caches under every eviction policy, and threads that use them, window by window: calls of all kinds at
/// random, which are counted and whose latencies are measured.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <larder/larder.hpp>

#include "tests/support/random.hpp"

namespace larder_tests {

using SoakClock = std::chrono::steady_clock;

inline constexpr std::size_t causes = 5;
inline constexpr std::size_t measured_one_in = 16;

/// What the caches should have counted.
struct Tally {
  std::array<std::atomic<std::uint64_t>, causes> removed{};
  std::atomic<std::uint64_t> asked{0};
  std::atomic<std::uint64_t> hits{0};
  std::atomic<std::uint64_t> stored{0};
  std::atomic<std::uint64_t> erased{0};
};

struct Subject {
  std::string name;
  std::unique_ptr<Tally> tally;  // outlives the cache, which tells its listener of what its end removes
  std::unique_ptr<larder::CacheBackend<>> cache;
};

template <class Policy>
struct Weighed : larder::InMemoryTraits<> {
  using Eviction = Policy;
  using Weigher = larder::EntryFootprint;
};

template <class Policy>
Subject make_subject(std::string name, std::size_t bytes, std::size_t shards) {
  auto tally = std::make_unique<Tally>();
  using Cache = larder::InMemoryBackend<std::string, larder::Bytes, Weighed<Policy>>;
  auto cache = std::make_unique<Cache>(typename Cache::Options{
      .max_size_bytes = bytes,
      .shards = shards,
      .on_removal =
          [&removed = tally->removed](std::string_view, const larder::Bytes&, larder::RemovalCause cause) {
            removed[static_cast<std::size_t>(cause)].fetch_add(1, std::memory_order_relaxed);
          },
  });
  return {std::move(name), std::move(tally), std::move(cache)};
}

struct Phase {
  std::size_t keys;
  std::size_t longest_value;
  std::size_t ttl_one_in;
  std::chrono::milliseconds longest_ttl;
};

/// A value that tells whose it is and how long it should be: at its beginning, and at its end again.
inline std::string telling_value(std::uint64_t number, std::size_t size) {
  const std::array<std::uint64_t, 2> facts{number, std::max(size, sizeof(std::uint64_t) * 4)};
  std::string value(facts[1], static_cast<char>(number));
  std::memcpy(value.data(), facts.data(), sizeof facts);
  std::memcpy(value.data() + value.size() - sizeof facts, facts.data(), sizeof facts);
  return value;
}

inline bool is_telling_value(std::uint64_t number, std::string_view value) {
  const std::array<std::uint64_t, 2> facts{number, value.size()};
  return value.size() >= 2 * sizeof facts && std::memcmp(value.data(), facts.data(), sizeof facts) == 0 &&
         std::memcmp(value.data() + value.size() - sizeof facts, facts.data(), sizeof facts) == 0;
}

/// Of single calls, in nanoseconds.
struct Latencies {
  larder::Histogram gets;
  larder::Histogram sets;

  Latencies& operator+=(const Latencies& other) {
    gets += other.gets;
    sets += other.sets;
    return *this;
  }
};

/// What one or all threads did in a window.
struct SoakWindow {
  Latencies latencies;
  std::uint64_t operations = 0;
  std::uint64_t wrong = 0;

  SoakWindow& operator+=(const SoakWindow& other) {
    latencies += other.latencies;
    operations += other.operations;
    wrong += other.wrong;
    return *this;
  }
};

/// One of the threads.
class SoakWorker {
 public:
  SoakWorker(std::vector<Subject>& subjects, std::uint64_t seed, int idle)
      : subjects_(subjects), random_(seed), idle_(idle) {}

  SoakWindow window;

  void run(const Phase& phase, SoakClock::time_point end) {
    while (SoakClock::now() < end) {
      // A while with each, as a program would.
      Subject& subject = subjects_[random_.below(subjects_.size())];
      const auto begin = SoakClock::now();
      for (int i = 0; i < 2000; ++i) one_operation(subject, phase);
      std::this_thread::sleep_for((SoakClock::now() - begin) * idle_ / std::max(100 - idle_, 1));
    }
  }

 private:
  static std::string key_of(std::uint64_t number) { return "object:" + std::to_string(number); }

  /// Low numbers come more often: of all requests half are for the first sixteenth of the keys.
  std::uint64_t any_number(const Phase& phase) {
    const double share = static_cast<double>(random_.below(1 << 20)) / (1 << 20);
    return static_cast<std::uint64_t>(share * share * share * share * static_cast<double>(phase.keys));
  }
  std::string any_value(std::uint64_t number, const Phase& phase) {
    return telling_value(number, random_.below(random_.one_in(8) ? phase.longest_value : phase.longest_value / 8));
  }
  larder::Ttl any_ttl(const Phase& phase) {
    if (!random_.one_in(phase.ttl_one_in)) return {};
    return std::chrono::milliseconds(1 + random_.below(static_cast<std::size_t>(phase.longest_ttl.count())));
  }

  template <class Function>
  void measure(larder::Histogram& histogram, Function&& call) {
    if (window.operations % measured_one_in != 0) return call();
    const auto begin = SoakClock::now();
    call();
    histogram.record(static_cast<std::uint64_t>((SoakClock::now() - begin).count()));
  }

  void look_at(Tally& tally, std::uint64_t number, const std::optional<larder::Bytes>& value) {
    add(tally.asked, 1);
    if (!value) return;
    add(tally.hits, 1);
    if (!is_telling_value(number, value->view())) ++window.wrong;
  }

  void one_operation(Subject& subject, const Phase& phase) {
    larder::CacheBackend<>& cache = *subject.cache;
    Tally& tally = *subject.tally;
    ++window.operations;
    const std::uint64_t number = any_number(phase);
    const std::string key = key_of(number);
    const std::size_t choice = random_.below(100);
    if (choice < 55) {
      std::optional<larder::Bytes> value;
      measure(window.latencies.gets, [&] { value = cache.get(key); });
      look_at(tally, number, value);
    } else if (choice < 80) {
      const larder::Ttl ttl = any_ttl(phase);
      larder::Metadata metadata;
      if (random_.one_in(20)) metadata = {{"kind", "soak"}, {"number", std::to_string(number)}};
      larder::Bytes value(any_value(number, phase));
      bool stored = false;
      measure(window.latencies.sets, [&] { stored = cache.set(key, std::move(value), ttl, std::move(metadata)); });
      add(tally.stored, stored);
    } else if (choice < 84) {
      get_many(cache, tally, phase);
    } else if (choice < 88) {
      std::vector<std::pair<std::string, larder::Bytes>> items;
      for (int i = 0; i < 16; ++i) {
        const std::uint64_t each = any_number(phase);
        items.emplace_back(key_of(each), any_value(each, phase));
      }
      add(tally.stored, cache.set_many(items, any_ttl(phase)));
    } else if (choice < 92) {
      add(tally.erased, cache.erase(key));
    } else if (choice < 94) {
      cache.exists(key);
    } else if (choice < 96) {
      cache.touch(key, any_ttl(phase));
    } else if (choice < 98) {
      add(tally.stored, cache.set_if_absent(key, any_value(number, phase), any_ttl(phase)));
    } else {
      if (const auto entry = cache.get_entry(key); entry && !is_telling_value(number, entry->value.view()))
        ++window.wrong;
    }
  }

  void get_many(larder::CacheBackend<>& cache, Tally& tally, const Phase& phase) {
    std::array<std::uint64_t, 16> numbers;
    std::array<std::string, 16> keys;
    for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = key_of(numbers[i] = any_number(phase));
    std::array<std::string_view, 16> views;
    std::copy(keys.begin(), keys.end(), views.begin());
    std::array<std::optional<larder::Bytes>, 16> values;
    cache.get_many(views, values);
    for (std::size_t i = 0; i < keys.size(); ++i) look_at(tally, numbers[i], values[i]);
  }

  static void add(std::atomic<std::uint64_t>& counter, std::uint64_t count) {
    if (count != 0) counter.fetch_add(count, std::memory_order_relaxed);
  }

  std::vector<Subject>& subjects_;
  Random random_;
  int idle_;
};

struct SoakOptions {
  std::size_t threads = 2;
  std::size_t bytes = std::size_t{40} << 20;  ///< of each cache
  std::uint64_t seed = 1;
  bool shifting_sizes = false;
  int idle = 0;  ///< of a hundred parts of their time, in which the threads sleep
};

/// Threads that live as long as it, as those of a server do, and rest between two windows.
class SoakLoad {
 public:
  explicit SoakLoad(const SoakOptions& options)
      : options_(options), rendezvous_(static_cast<std::ptrdiff_t>(options.threads) + 1) {
    subjects_.push_back(make_subject<larder::Lru>("Lru", options.bytes, 1));
    subjects_.push_back(make_subject<larder::Clock>("Clock", options.bytes, 4));
    subjects_.push_back(make_subject<larder::S3Fifo>("S3Fifo", options.bytes, 1));
    subjects_.push_back(make_subject<larder::WTinyLfu>("WTinyLfu", options.bytes, 4));
    subjects_.push_back(make_subject<larder::Gdsf>("Gdsf", options.bytes, 1));
    workers_.reserve(options.threads);
    for (std::size_t i = 0; i < options.threads; ++i) workers_.emplace_back(subjects_, options.seed + i, options.idle);
    for (SoakWorker& worker : workers_) threads_.emplace_back([this, &worker] { work(worker); });
  }
  ~SoakLoad() {
    ending_ = true;
    rendezvous_.arrive_and_wait();
    for (std::thread& thread : threads_) thread.join();
  }
  SoakLoad(const SoakLoad&) = delete;
  SoakLoad& operator=(const SoakLoad&) = delete;

  const std::vector<Subject>& subjects() const { return subjects_; }

  /// Has the threads work, and calls `meanwhile` with the time of their beginning, in this thread.
  template <class Function>
  SoakWindow run_window(std::chrono::duration<double> length, Function&& meanwhile) {
    length_ = length;
    begin_ = SoakClock::now();
    rendezvous_.arrive_and_wait();
    meanwhile(begin_);
    rendezvous_.arrive_and_wait();
    SoakWindow all;
    for (SoakWorker& worker : workers_) all += std::exchange(worker.window, {});
    return all;
  }

 private:
  void work(SoakWorker& worker) {
    const std::array<Phase, 4> all = phases();
    for (;;) {
      rendezvous_.arrive_and_wait();
      if (ending_) return;
      for (std::size_t i = 0; i < all.size(); ++i) {
        const auto share = static_cast<double>(i + 1) / static_cast<double>(all.size());
        worker.run(all[i], begin_ + std::chrono::duration_cast<SoakClock::duration>(length_ * share));
      }
      rendezvous_.arrive_and_wait();
    }
  }

  std::array<Phase, 4> phases() const {
    using namespace std::chrono_literals;
    const std::size_t fitting = options_.bytes / 1200;  // entries of a mean of about 300 bytes, twice over
    return {{{fitting, 2000, 4, 60s},
             {fitting * 10, 2000, 4, 60s},
             {fitting, options_.shifting_sizes ? 20000u : 2000u, 8, 60s},
             {fitting * 4, 2000, 2, 300ms}}};
  }

  SoakOptions options_;
  std::vector<Subject> subjects_;
  std::vector<SoakWorker> workers_;
  // Written while the threads wait.
  std::chrono::duration<double> length_{0};
  SoakClock::time_point begin_;
  bool ending_ = false;
  std::barrier<> rendezvous_;
  std::vector<std::thread> threads_;
};

}  // namespace larder_tests
