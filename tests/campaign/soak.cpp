/// \file soak.cpp
/// Hours of mixed load on caches in memory under every eviction policy: whether memory, latencies and counters stay
/// what they are.
///
///     soak --seconds=3600 --windows=60 --threads=2 --megabytes=40 --seed=1
///
/// A window is one round of four phases: a working set that fits, one of ten times that size, few TTLs, and many of a
/// fraction of a second. With --shift-sizes=1 values are ten times as large in the third. With --idle=60 threads sleep
/// 60 % of their time. Before each, one of the caches is cleared. Between two windows all rests, and counters are
/// compared with what the threads and the listener counted. In the end a process that does the same and has just begun
/// takes turns with this one, in --pairs of short windows: what is old is to be as quick as what is young. With
/// --arenas=1 malloc has one heap for all threads; otherwise each has its own, which stays as large as it ever was.
/// Prints a line of figures a window, and whether each promise held. Result: 0 if all did.
#if __has_include(<malloc.h>)
#include <malloc.h>
#endif

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <larder/larder.hpp>

#include "tests/campaign/arguments.hpp"
#include "tests/campaign/comparison.hpp"
#include "tests/campaign/soak_load.hpp"
#include "tests/campaign/trend.hpp"
#include "tests/campaign/young_soak.hpp"
#include "tests/support/environment.hpp"

namespace {

using larder_tests::latency_figures;
using larder_tests::LatencyPercentiles;
using larder_tests::median;
using larder_tests::percentiles_of;
using larder_tests::SoakClock;
using larder_tests::SoakWindow;
using larder_tests::Subject;
using larder_tests::Tally;
using larder_tests::trend_of;

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
        pairs_(arguments["pairs"]),
        seconds_(static_cast<double>(arguments["seconds"])),
        one_heap_(arguments["arenas"] == 1),
        options_{arguments["threads"], arguments["megabytes"] << 20, arguments["seed"], arguments["shift-sizes"] != 0,
                 static_cast<int>(arguments["idle"])},
        young_(options_),
        resident_before_(static_cast<double>(resident_bytes())),
        load_(options_) {}

  int run() {
    std::cout << "window  operations  resident MiB  highest MiB  get p50  p99  p99.9  set p50  p99  p99.9 ns\n";
    for (std::size_t window = 0; window < windows_; ++window) {
      const auto& subjects = load_.subjects();
      subjects[window % subjects.size()].cache->clear();
      std::vector<double> resident;
      const SoakWindow done =
          load_.run_window(window_length(), [&](SoakClock::time_point begin) { resident = watch_memory(begin); });
      note(window, done, resident);
      check_all_counters(window);
    }
    compare_with_young();
    check_all_counters(windows_);
    return judge();
  }

 private:
  std::chrono::duration<double> window_length() const {
    return std::chrono::duration<double>(seconds_ / static_cast<double>(windows_));
  }

  /// Result: what is resident, again and again until the window ends.
  std::vector<double> watch_memory(SoakClock::time_point begin) const {
    std::vector<double> resident;
    const auto pause = std::chrono::duration_cast<SoakClock::duration>(window_length() / 40);
    for (int i = 0; i < 40; ++i) {
      std::this_thread::sleep_until(begin + pause * i);
      resident.push_back(static_cast<double>(resident_bytes()) - resident_before_);
    }
    return resident;
  }

  void note(std::size_t window, const SoakWindow& done, const std::vector<double>& resident) {
    operations_ += done.operations;
    wrong_ += done.wrong;
    double mean = 0;
    for (const double each : resident) mean += each / static_cast<double>(resident.size());
    const double highest = *std::max_element(resident.begin(), resident.end());
    const double mebibyte = 1 << 20;
    std::cout << std::fixed << std::setprecision(1) << window << ' ' << done.operations << ' ' << mean / mebibyte << ' '
              << highest / mebibyte << std::setprecision(0);
    const LatencyPercentiles percentiles = percentiles_of(done.latencies);
    for (const double each : percentiles) std::cout << ' ' << each;
    std::cout << std::endl;
    if (!is_warm(window)) return;
    resident_.push_back(mean);
    highest_ = std::max(highest_, highest);
    append(latencies_, percentiles);
  }

  using Series = std::array<std::vector<double>, latency_figures.size()>;
  static void append(Series& series, const LatencyPercentiles& percentiles) {
    for (std::size_t i = 0; i < series.size(); ++i) series[i].push_back(percentiles[i]);
  }

  /// What the machine does to both is in the figures of both: they take turns, and to be first in turns.
  void compare_with_young() {
    const std::chrono::duration<double> all(std::min(seconds_ / 2, 180.0));
    young_.run_window(all / 3);
    const auto length = all * 2 / 3 / static_cast<double>(pairs_ * 2);
    for (std::size_t pair = 0; pair < pairs_; ++pair) {
      const auto run_old = [&] {
        const SoakWindow done = load_.run_window(length, [](SoakClock::time_point) {});
        operations_ += done.operations;
        wrong_ += done.wrong;
        append(of_old_, percentiles_of(done.latencies));
      };
      if (pair % 2 == 0) run_old();
      append(of_young_, young_.run_window(length));
      if (pair % 2 != 0) run_old();
    }
  }

  /// The first sixth of the windows warms up, two at least.
  bool is_warm(std::size_t window) const { return window >= std::max<std::size_t>(2, windows_ / 6); }

  void check_all_counters(std::size_t window) {
    for (const Subject& subject : load_.subjects()) check_counters(window, subject);
  }

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
    fine = judge_memory() && fine;
    return judge_latencies() && fine ? 0 : 1;
  }

  /// Sanitizers keep what is freed, and add to what is not.
  bool judge_memory() const {
    if (larder_tests::sanitized || resident_.empty()) return true;
    const double limit = static_cast<double>(options_.bytes * load_.subjects().size());
    const bool within = highest_ <= limit * 1.1;
    std::cout << std::setprecision(3) << "resident memory: at most " << highest_ / limit
              << " of the limit: " << (within ? "within 10 %" : "NOT within 10 %") << '\n';
    // Until malloc has blocks of all sizes at hand, memory rises by ever less: it is judged by the second half. Where
    // each thread has a heap, and chance says which has how much of what is cached, that takes ten minutes.
    const std::size_t left_out = resident_.size() - std::min(resident_.size(), windows_ / 2);
    const larder_tests::Trend trend =
        trend_of({resident_.begin() + static_cast<std::ptrdiff_t>(left_out), resident_.end()});
    const bool flat = trend.is_flat(0.02);
    const bool judged = resident_.size() >= 10 && (one_heap_ || seconds_ >= 1200);
    std::cout << "resident memory: median " << std::setprecision(0) << median(resident_) << ", drift "
              << std::setprecision(1) << trend.drift * 100 << " %, " << trend.deviations << " deviations: "
              << (!judged ? "not judged"
                  : flat  ? "flat"
                          : "NOT flat")
              << '\n';
    return within && (flat || !judged);
  }

  /// The drift is the machine's as well, and only told.
  bool judge_latencies() const {
    bool fine = true;
    for (std::size_t i = 0; i < latency_figures.size(); ++i) {
      const larder_tests::Comparison comparison = larder_tests::compare(of_old_[i], of_young_[i]);
      const bool flat = comparison.is_equal(0.125);
      const bool judged = latencies_[i].size() >= 10 && of_old_[i].size() >= 10;
      std::cout << latency_figures[i].name << ": median " << std::setprecision(0) << median(latencies_[i])
                << " ns, drift " << std::setprecision(1) << trend_of(latencies_[i]).drift * 100 << " %; in the end "
                << std::setprecision(2) << comparison.quotient << " of a young process', " << std::setprecision(1)
                << comparison.deviations << " deviations: "
                << (!judged ? "not judged"
                    : flat  ? "flat"
                            : "NOT flat")
                << '\n';
      fine = fine && (flat || !judged);
    }
    return fine;
  }

  std::size_t windows_;
  std::size_t pairs_;
  double seconds_;
  bool one_heap_;
  larder_tests::SoakOptions options_;
  larder_tests::YoungSoak young_;  // before there are threads
  double resident_before_;
  larder_tests::SoakLoad load_;
  double highest_ = 0;
  std::uint64_t operations_ = 0;
  std::uint64_t wrong_ = 0;
  std::uint64_t inconsistent_ = 0;
  std::vector<double> resident_;
  Series latencies_;  // window by window
  Series of_old_;     // pair by pair
  Series of_young_;
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
                                           {"arenas", 0},
                                           {"pairs", 24},
                                           {"idle", 0}});
#if defined(M_ARENA_MAX)
  if (arguments["arenas"] != 0) mallopt(M_ARENA_MAX, static_cast<int>(arguments["arenas"]));
#endif
  return Soak(arguments).run();
}
