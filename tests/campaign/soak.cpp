/// \file soak.cpp
/// Hours of mixed load on caches in memory under every eviction policy: whether memory, latencies and counters stay
/// what they are.
///
///     soak --seconds=3600 --windows=60 --threads=2 --megabytes=40 --seed=1
///
/// A window is one round of four phases: a working set that fits, one of ten times that size, few TTLs, and many of a
/// fraction of a second. With --shift-sizes=1 values are ten times as large in the third. With --idle=60 threads sleep
/// 60 % of their time. Before each, one of the caches is cleared. Between two windows all rests,
/// and counters are compared with what the threads and the listener counted.
/// Prints a line of figures a window, and whether each promise held. Result: 0 if all did.
#include <larder/larder.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "tests/campaign/arguments.hpp"
#include "tests/campaign/trend.hpp"
#include "tests/support/environment.hpp"
#include "tests/support/random.hpp"

namespace {

using larder::Bytes;
using larder::Histogram;
using larder_tests::Random;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t causes = 5;
constexpr std::size_t measured_one_in = 16;

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
  using Cache = larder::InMemoryBackend<std::string, Bytes, Weighed<Policy>>;
  auto cache = std::make_unique<Cache>(typename Cache::Options{
      .max_size_bytes = bytes,
      .shards = shards,
      .on_removal =
          [&removed = tally->removed](std::string_view, const Bytes&, larder::RemovalCause cause) {
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
std::string telling_value(std::uint64_t number, std::size_t size) {
  const std::array<std::uint64_t, 2> facts{number, std::max(size, sizeof(std::uint64_t) * 4)};
  std::string value(facts[1], static_cast<char>(number));
  std::memcpy(value.data(), facts.data(), sizeof facts);
  std::memcpy(value.data() + value.size() - sizeof facts, facts.data(), sizeof facts);
  return value;
}

bool is_telling_value(std::uint64_t number, std::string_view value) {
  const std::array<std::uint64_t, 2> facts{number, value.size()};
  return value.size() >= 2 * sizeof facts && std::memcmp(value.data(), facts.data(), sizeof facts) == 0 &&
         std::memcmp(value.data() + value.size() - sizeof facts, facts.data(), sizeof facts) == 0;
}

/// One thread's share of a window.
class Worker {
 public:
  Worker(std::vector<Subject>& subjects, std::uint64_t seed, int idle)
      : subjects_(subjects), random_(seed), idle_(idle) {}

  void run(const Phase& phase, Clock::time_point end) {
    while (Clock::now() < end) {
      // A while with each, as a program would.
      Subject& subject = subjects_[random_.below(subjects_.size())];
      const auto begin = Clock::now();
      for (int i = 0; i < 2000; ++i) one_operation(subject, phase);
      std::this_thread::sleep_for((Clock::now() - begin) * idle_ / std::max(100 - idle_, 1));
    }
  }

  Histogram gets;
  Histogram sets;
  std::uint64_t operations = 0;
  std::uint64_t wrong = 0;

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
  void measure(Histogram& histogram, Function&& call) {
    if (operations % measured_one_in != 0) return call();
    const auto begin = Clock::now();
    call();
    histogram.record(static_cast<std::uint64_t>((Clock::now() - begin).count()));
  }

  void look_at(Tally& tally, std::uint64_t number, const std::optional<Bytes>& value) {
    add(tally.asked, 1);
    if (!value) return;
    add(tally.hits, 1);
    if (!is_telling_value(number, value->view())) ++wrong;
  }

  void one_operation(Subject& subject, const Phase& phase) {
    larder::CacheBackend<>& cache = *subject.cache;
    Tally& tally = *subject.tally;
    ++operations;
    const std::uint64_t number = any_number(phase);
    const std::string key = key_of(number);
    const std::size_t choice = random_.below(100);
    if (choice < 55) {
      std::optional<Bytes> value;
      measure(gets, [&] { value = cache.get(key); });
      look_at(tally, number, value);
    } else if (choice < 80) {
      const larder::Ttl ttl = any_ttl(phase);
      larder::Metadata metadata;
      if (random_.one_in(20)) metadata = {{"kind", "soak"}, {"number", std::to_string(number)}};
      Bytes value(any_value(number, phase));
      bool stored = false;
      measure(sets, [&] { stored = cache.set(key, std::move(value), ttl, std::move(metadata)); });
      add(tally.stored, stored);
    } else if (choice < 84) {
      get_many(cache, tally, phase);
    } else if (choice < 88) {
      std::vector<std::pair<std::string, Bytes>> items;
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
      if (const auto entry = cache.get_entry(key); entry && !is_telling_value(number, entry->value.view())) ++wrong;
    }
  }

  void get_many(larder::CacheBackend<>& cache, Tally& tally, const Phase& phase) {
    std::array<std::uint64_t, 16> numbers;
    std::array<std::string, 16> keys;
    for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = key_of(numbers[i] = any_number(phase));
    std::array<std::string_view, 16> views;
    std::copy(keys.begin(), keys.end(), views.begin());
    std::array<std::optional<Bytes>, 16> values;
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

std::size_t resident_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::size_t kilobytes = 0;
    if (word == "VmRSS:" && status >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}

class Soak {
 public:
  explicit Soak(const larder_tests::Arguments& arguments)
      : windows_(arguments["windows"]),
        threads_(arguments["threads"]),
        limit_(arguments["megabytes"] << 20),
        seed_(arguments["seed"]),
        shifting_(arguments["shift-sizes"] != 0),
        idle_(static_cast<int>(arguments["idle"])),
        window_(std::chrono::seconds(arguments["seconds"]) * 1000 / std::max<std::uint64_t>(windows_, 1) / 1000.0) {
    // What the threads and the loader's own pages take is there before it is measured.
    resident_before_ = static_cast<double>(resident_bytes());
    const std::size_t bytes = limit_;
    subjects_.push_back(make_subject<larder::Lru>("Lru", bytes, 1));
    subjects_.push_back(make_subject<larder::Clock>("Clock", bytes, 4));
    subjects_.push_back(make_subject<larder::S3Fifo>("S3Fifo", bytes, 1));
    subjects_.push_back(make_subject<larder::WTinyLfu>("WTinyLfu", bytes, 4));
    subjects_.push_back(make_subject<larder::Gdsf>("Gdsf", bytes, 1));
  }

  int run() {
    std::cout << "window  operations  resident MiB  highest MiB  get p50  p99  p99.9  set p50  p99  p99.9 ns\n";
    run_windows();
    return judge();
  }

 private:
  std::array<Phase, 4> phases() const {
    const std::size_t fitting = limit_ / 1200;  // entries of a mean of about 300 bytes, twice over
    return {{{fitting, 2000, 4, 60s},
             {fitting * 10, 2000, 4, 60s},
             {fitting, shifting_ ? 20000u : 2000u, 8, 60s},
             {fitting * 4, 2000, 2, 300ms}}};
  }

  /// The threads live as long as the soak, as those of a server do: to begin and to end, they wait for each other.
  void run_windows() {
    std::vector<Worker> workers;
    for (std::size_t i = 0; i < threads_; ++i) workers.emplace_back(subjects_, seed_ + i, idle_);
    std::barrier rendezvous(static_cast<std::ptrdiff_t>(threads_) + 1);
    Clock::time_point begin;
    std::vector<std::thread> threads;
    for (Worker& worker : workers) {
      threads.emplace_back([&] {
        const auto all = phases();
        for (std::size_t window = 0; window < windows_; ++window) {
          rendezvous.arrive_and_wait();
          for (std::size_t i = 0; i < all.size(); ++i) {
            const auto share = static_cast<double>(i + 1) / static_cast<double>(all.size());
            worker.run(all[i], begin + std::chrono::duration_cast<Clock::duration>(window_ * share));
          }
          rendezvous.arrive_and_wait();
        }
      });
    }
    for (std::size_t window = 0; window < windows_; ++window) {
      subjects_[window % subjects_.size()].cache->clear();
      begin = Clock::now();
      rendezvous.arrive_and_wait();
      const std::vector<double> resident = watch_memory(begin);
      rendezvous.arrive_and_wait();
      note(window, workers, resident);
    }
    for (std::thread& thread : threads) thread.join();
  }

  /// Result: what is resident, again and again until the window ends.
  std::vector<double> watch_memory(Clock::time_point begin) const {
    std::vector<double> resident;
    const auto pause = std::chrono::duration_cast<Clock::duration>(window_ / 40);
    for (int i = 0; i < 40; ++i) {
      std::this_thread::sleep_until(begin + pause * i);
      resident.push_back(static_cast<double>(resident_bytes()) - resident_before_);
    }
    return resident;
  }

  void note(std::size_t window, std::vector<Worker>& workers, const std::vector<double>& resident) {
    Histogram gets;
    Histogram sets;
    std::uint64_t operations = 0;
    for (Worker& worker : workers) {
      gets += std::exchange(worker.gets, {});
      sets += std::exchange(worker.sets, {});
      operations += std::exchange(worker.operations, 0);
      wrong_ += std::exchange(worker.wrong, 0);
    }
    operations_ += operations;
    double mean = 0;
    for (const double each : resident) mean += each / static_cast<double>(resident.size());
    const double highest = *std::max_element(resident.begin(), resident.end());
    const double mebibyte = 1 << 20;
    std::cout << std::fixed << std::setprecision(1) << window << ' ' << operations << ' ' << mean / mebibyte << ' '
              << highest / mebibyte;
    const auto add = [this, window](const std::string& name, double figure) {
      if (!is_warm(window)) return;
      auto& figures =
          std::find_if(series_.begin(), series_.end(), [&](auto& each) { return each.first == name; })->second;
      figures.push_back(figure);
    };
    add("resident memory", mean);
    if (is_warm(window)) highest_ = std::max(highest_, highest);
    for (const auto& [kind, histogram] : {std::pair("get", &gets), std::pair("set", &sets)}) {
      for (const auto& [name, share] : {std::pair(" p50", .5), std::pair(" p99", .99), std::pair(" p99.9", .999)}) {
        const auto figure = static_cast<double>(histogram->percentile(share));
        add(std::string(kind) + name, figure);
        std::cout << ' ' << static_cast<std::uint64_t>(figure);
      }
    }
    std::cout << std::endl;
    for (const Subject& subject : subjects_) check_counters(window, subject);
  }

  /// The first sixth of the windows warms up, two at least.
  bool is_warm(std::size_t window) const { return window >= std::max<std::size_t>(2, windows_ / 6); }

  void check_counters(std::size_t window, const Subject& subject) {
    const larder::CacheStats stats = subject.cache->stats();
    const Tally& tally = *subject.tally;
    using larder::RemovalCause;
    const auto removed = [&](RemovalCause cause) { return tally.removed[static_cast<std::size_t>(cause)].load(); };
    std::uint64_t left = 0;
    for (const auto& each : tally.removed) left += each;
    const auto expect = [&](const char* what, std::uint64_t counted, std::uint64_t expected) {
      if (counted == expected) return;
      ++inconsistent_;
      std::cout << "window " << window << ", " << subject.name << ": " << what << " is " << counted << ", and not "
                << expected << std::endl;
    };
    expect("hits", stats.hits, tally.hits);
    expect("hits + misses", stats.hits + stats.misses, tally.asked);
    expect("sets", stats.sets, tally.stored);
    expect("deletes", stats.deletes, tally.erased);
    expect("errors", stats.errors, 0);
    expect("evictions", stats.evictions, removed(RemovalCause::evicted) + removed(RemovalCause::expired));
    expect("expirations", stats.expirations, removed(RemovalCause::expired));
    expect("current_entries", *stats.current_entries, tally.stored - left);
    std::size_t entries = 0;
    std::size_t bytes = 0;
    for (const std::string& key : subject.cache->keys()) {
      const auto entry = subject.cache->get_entry(key);
      if (!entry) continue;  // expired meanwhile
      ++entries;
      bytes += entry->size_bytes;
    }
    const larder::CacheStats after = subject.cache->stats();
    if (after.expirations == stats.expirations) {
      expect("what its entries have", bytes, *stats.current_size_bytes);
      expect("what its keys are", entries, *stats.current_entries);
    }
  }

  int judge() const {
    bool fine = wrong_ == 0 && inconsistent_ == 0;
    std::cout << "operations: " << operations_ << "; wrong values: " << wrong_
              << "; counters that are inconsistent: " << inconsistent_ << '\n';
    const double limit = static_cast<double>(limit_ * subjects_.size());
    // Sanitizers keep what is freed, and add to what is not.
    if (!larder_tests::sanitized && highest_ != 0) {
      const bool within = highest_ <= limit * 1.1;
      fine = fine && within;
      std::cout << std::setprecision(3) << "resident memory: at most " << highest_ / limit
                << " of the limit: " << (within ? "within 10 %" : "NOT within 10 %") << '\n';
    }
    for (const auto& [name, figures] : series_) {
      const bool memory = name == "resident memory";
      // Until malloc has blocks of all sizes at hand, memory rises by ever less: it is judged by the second half.
      const std::size_t left_out = memory ? figures.size() - std::min(figures.size(), windows_ / 2) : 0;
      const larder_tests::Trend trend =
          larder_tests::trend_of({figures.begin() + static_cast<std::ptrdiff_t>(left_out), figures.end()});
      // A histogram tells latencies to an eighth.
      const bool flat = trend.is_flat(memory ? 0.02 : 0.125);
      const bool judged = figures.size() >= 10 && !(memory && larder_tests::sanitized);
      std::cout << name << ": median " << std::setprecision(0) << larder_tests::median(figures) << ", drift "
                << std::setprecision(2) << trend.drift * 100 << " %, " << trend.deviations << " deviations: "
                << (!judged ? "not judged"
                    : flat  ? "flat"
                            : "NOT flat")
                << '\n';
      fine = fine && (flat || !judged);
    }
    return fine ? 0 : 1;
  }

  std::size_t windows_;
  std::size_t threads_;
  std::size_t limit_;
  std::uint64_t seed_;
  bool shifting_;
  int idle_;
  std::chrono::duration<double> window_;
  std::vector<Subject> subjects_;
  double resident_before_ = 0;
  double highest_ = 0;
  std::uint64_t operations_ = 0;
  std::uint64_t wrong_ = 0;
  std::uint64_t inconsistent_ = 0;
  std::vector<std::pair<std::string, std::vector<double>>> series_{
      {"resident memory", {}}, {"get p50", {}}, {"get p99", {}},  {"get p99.9", {}},
      {"set p50", {}},         {"set p99", {}}, {"set p99.9", {}}};
};

}  // namespace

int main(int argc, char** argv) {
  const larder_tests::Arguments arguments(argc, argv,
                                          {{"seconds", 3600},
                                           {"windows", 60},
                                           {"threads", 2},
                                           {"megabytes", 40},
                                           {"seed", 1},
                                           {"shift-sizes", 0},
                                           {"idle", 0}});
  return Soak(arguments).run();
}
