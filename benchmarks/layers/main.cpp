/// \file main.cpp
/// What a layer adds to a hit of the cache in process memory: each layer over it beside the cache itself, in turns.
/// Prints a table.
///
///     larder_layers [--smoke] [--rounds=N] [--entries=N] [--table=FILE] [--command=TEXT]
#include <larder/in_memory_backend.hpp>
#include <larder/layers/loading_cache.hpp>
#include <larder/layers/namespaced_backend.hpp>
#include <larder/layers/observed_backend.hpp>
#include <larder/layers/resilient_backend.hpp>
#include <larder/layers/tagged_backend.hpp>
#include <larder/layers/tiered_backend.hpp>
#include <larder/version.hpp>

#if LARDER_BENCHMARK_ZSTD
#include <larder/layers/compressed_backend.hpp>
#endif

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <memory>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

namespace {

using larder::Bytes;
using Cache = larder::CacheBackend<>;
using Memory = larder::InMemoryBackend<>;

struct Settings {
  std::size_t entries = 10'000;
  std::size_t calls = 1'000'000;
  std::size_t rounds = 41;
  std::string table;
  std::string command;

  Settings(int count, char** arguments) {
    for (int i = 1; i < count; ++i) {
      const std::string_view argument = arguments[i];
      if (argument == "--smoke") {
        entries = 1'000;
        calls = 10'000;
        rounds = 3;
      } else if (argument.starts_with("--rounds=")) {
        rounds = std::stoul(std::string(argument.substr(9)));
      } else if (argument.starts_with("--entries=")) {
        entries = std::stoul(std::string(argument.substr(10)));
      } else if (argument.starts_with("--table=")) {
        table = argument.substr(8);
      } else if (argument.starts_with("--command=")) {
        command = argument.substr(10);
      } else {
        throw std::invalid_argument("unknown argument: " + std::string(argument));
      }
    }
  }
};

constexpr std::size_t value_size = 100;

std::shared_ptr<Memory> memory() { return std::make_shared<Memory>(std::size_t{1} << 30); }

/// A layer, and the keys whose hits are measured.
struct Subject {
  std::string name;
  std::shared_ptr<Cache> cache;
  std::vector<std::string> keys{};
  std::vector<double> nanoseconds{};
  std::vector<double> beyond_bare{};
  std::vector<double> ratios{};
  /// If it is one, `cache` is what it wraps, and beside which it is measured.
  std::shared_ptr<larder::LoadingCache<>> loading{};
};

larder::Bytes load(std::string_view) { throw std::runtime_error("a hit that is none"); }

/// A LoadingCache over a cache of its own, which needs the clock if entries have a TTL.
Subject loading(std::string name, const larder::LoadingOptions& options, std::size_t entries) {
  Subject subject{std::move(name), memory()};
  subject.loading = std::make_shared<larder::LoadingCache<>>(subject.cache, options);
  for (std::size_t i = 0; i < entries; ++i) {
    subject.keys.push_back("user:0:" + std::to_string(10'000'000'000'000'000 + i));
    subject.loading->set(subject.keys.back(), std::string(value_size, 'v'));
  }
  return subject;
}

/// All over one cache, the first of them, with entries of their own there: so that only the layer makes the difference.
std::vector<Subject> subjects(std::size_t entries) {
  const auto bare = memory();
  const auto far = memory();
  const larder::TieredOptions<> for_ever{.near_ttl = {}};
  std::vector<Subject> all;
  all.push_back({"none: InMemoryBackend", bare});
  all.push_back({"NamespacedBackend", std::make_shared<larder::NamespacedBackend<>>(bare, "app")});
  all.push_back({"ObservedBackend", std::make_shared<larder::ObservedBackend<>>(bare)});
  all.push_back({"ObservedBackend without what-if",
                 std::make_shared<larder::ObservedBackend<>>(bare, larder::ObservedOptions<>{.what_if = false})});
  all.push_back({"ResilientBackend", std::make_shared<larder::ResilientBackend<>>(bare)});
  all.push_back({"TieredBackend, near cache", std::make_shared<larder::TieredBackend<>>(bare, far, for_ever)});
  all.push_back({"TaggedBackend, entries without tags", std::make_shared<larder::TaggedBackend<>>(bare, memory())});
  all.push_back({"TaggedBackend, entries with one tag", std::make_shared<larder::TaggedBackend<>>(bare, memory())});
#if LARDER_BENCHMARK_ZSTD
  all.push_back({"CompressedBackend, small values", std::make_shared<larder::CompressedBackend<>>(bare)});
#endif
  const auto resilient = std::make_shared<larder::ResilientBackend<>>(memory());
  all.push_back({"tagged over tiered over resilient, one tag",
                 std::make_shared<larder::TaggedBackend<>>(
                     std::make_shared<larder::TieredBackend<>>(bare, resilient, for_ever))});
  for (std::size_t number = 0; number < all.size(); ++number) {
    Subject& each = all[number];
    const bool tagged = each.name.find("one tag") != std::string::npos;
    for (std::size_t i = 0; i < entries; ++i) {
      each.keys.push_back("user:" + std::to_string(number) + ":" + std::to_string(10'000'000'000'000'000 + i));
      each.cache->set(each.keys.back(), std::string(value_size, 'v'), {},
                      tagged ? larder::Metadata{{"tags", "users"}} : larder::Metadata{});
      each.cache->get(each.keys.back());  // into the near cache
    }
  }
  using namespace std::chrono_literals;
  all.push_back(loading("LoadingCache", {}, entries));
  all.push_back(loading("LoadingCache, TTL", {.ttl = 24h}, entries));
  larder::LoadingOptions all_of_it{.ttl = 24h, .ttl_jitter = 0.1, .stale_while_revalidate = 1h, .stale_if_error = 2h};
  all_of_it.early_refresh_beta = 1;
  all.push_back(loading("LoadingCache, TTL, stale values, early refresh", all_of_it, entries));
  return all;
}

/// Result: nanoseconds a hit, for random keys. All that is read must be there.
template <class Hit>
double time_of(const Subject& subject, std::size_t calls, std::uint64_t seed, const Hit& hit) {
  for (const std::string& key : subject.keys) hit(key);  // what others pushed out comes back
  benchmark::ClearRegisteredBenchmarks();
  benchmark::RegisterBenchmark(subject.name.c_str(), [&](benchmark::State& state) {
    std::uint64_t random = seed;
    std::size_t bytes = 0;
    for (auto _ : state) {
      random = random * 6364136223846793005U + 1442695040888963407U;
      bytes += hit(subject.keys[(random >> 33) % subject.keys.size()]);
    }
    if (bytes != calls * value_size) state.SkipWithError("not the bytes that were stored");
  })->Iterations(static_cast<benchmark::IterationCount>(calls));
  struct Collector : benchmark::BenchmarkReporter {
    bool ReportContext(const Context&) override { return true; }
    void ReportRuns(const std::vector<Run>& runs) override {
      for (const Run& run : runs) {
        if (run.error_occurred) throw std::runtime_error(run.benchmark_name() + ": " + run.error_message);
        nanoseconds = run.real_accumulated_time * 1e9 / static_cast<double>(run.iterations);
      }
    }
    double nanoseconds = 0;
  } collector;
  benchmark::RunSpecifiedBenchmarks(&collector);
  return collector.nanoseconds;
}

double time_of_cache(const Subject& subject, std::size_t calls, std::uint64_t seed) {
  return time_of(subject, calls, seed, [&cache = *subject.cache](const std::string& key) {
    const auto value = cache.get(key);
    return value ? value->size() : 0;
  });
}

double time_of_loading(const Subject& subject, std::size_t calls, std::uint64_t seed) {
  return time_of(subject, calls, seed,
                 [&cache = *subject.loading](const std::string& key) { return cache.get(key, load).size(); });
}

double median(std::vector<double> numbers) {
  std::sort(numbers.begin(), numbers.end());
  return numbers.empty() ? 0 : numbers[numbers.size() / 2];
}

void measure(std::vector<Subject>& all, const Settings& settings) {
  std::mt19937 random(42);
  for (std::size_t round = 0; round < settings.rounds; ++round) {
    // The bare cache beside each, in an order that changes: so whatever else the machine does falls on both.
    for (Subject& each : all) {
      const bool bare_first = random() % 2 == 0;
      const std::uint64_t seed = random();
      const Subject& beside = each.loading ? each : all.front();
      double bare = bare_first ? time_of_cache(beside, settings.calls, seed) : 0;
      const double own = (each.loading ? time_of_loading : time_of_cache)(each, settings.calls, seed);
      if (!bare_first) bare = time_of_cache(beside, settings.calls, seed);
      each.nanoseconds.push_back(own);
      each.beyond_bare.push_back(own - bare);
      each.ratios.push_back(own / bare);
    }
  }
}

std::string table(const std::vector<Subject>& all, const Settings& settings) {
  std::ostringstream out;
  out << std::fixed << "# Layers\n\n";
  if (!settings.command.empty()) out << "`" << settings.command << "`, " << settings.rounds << " rounds in turns, ";
  out << settings.entries << " entries, keys of 24 bytes, values of " << value_size << ", uniform requests\n\n"
      << "| a hit | ns | beyond the bare cache, ns | x its time |\n| --- | --- | --- | --- |\n";
  for (const Subject& each : all) {
    out << "| " << each.name << " | " << std::setprecision(0) << median(each.nanoseconds) << " | "
        << median(each.beyond_bare) << " | " << std::setprecision(2) << median(each.ratios) << " |\n";
  }
  return out.str();
}

}  // namespace

int main(int count, char** arguments) try {
  const Settings settings(count, arguments);
  int none = 1;
  benchmark::Initialize(&none, arguments);
  std::vector<Subject> all = subjects(settings.entries);
  measure(all, settings);
  const std::string text = table(all, settings);
  std::cout << text;
  if (!settings.table.empty() && !(std::ofstream(settings.table) << text)) {
    throw std::runtime_error("cannot write " + settings.table);
  }
  return EXIT_SUCCESS;
} catch (const std::exception& error) {
  std::cerr << "larder_layers: " << error.what() << "\n";
  return EXIT_FAILURE;
}
