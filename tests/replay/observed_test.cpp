/// \file observed_test.cpp
/// What an ObservedBackend predicts of other sizes beside what LRU caches of these sizes do, on real traces; and what
/// it records, replayed.
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include <larder/layers/observed_backend.hpp>

#include "benchmarks/hit_ratio/simulation.hpp"
#include "benchmarks/hit_ratio/trace_file.hpp"
#include "benchmarks/hit_ratio/trace_reader.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/environment.hpp"
#include "tests/support/random.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace larder::replay;
using namespace std::chrono_literals;

namespace {

using Cache = larder::InMemoryBackend<std::uint32_t, Object, ReplayTraits<larder::Lru>>;
using Observed = larder::ObservedBackend<std::uint32_t, Object>;

/// What the layer predicts of a cache that has served a trace.
larder::CacheObservation observe(const Trace& trace, Mode mode, std::size_t capacity) {
  const auto cache = std::make_shared<Cache>(Cache::Options{.max_size_bytes = mode == Mode::bytes ? capacity : 0,
                                                            .max_entries = mode == Mode::entries ? capacity : 0});
  Observed observed(cache, {.what_if_samples = 8192});
  for (const std::uint32_t key : trace.requests) {
    const std::uint64_t size = trace.sizes.empty() ? 0 : trace.sizes[key];
    if (!observed.get(key)) observed.set(key, Object(size));
  }
  return observed.observe();
}

void check_predictions(const Trace& trace, Mode mode) {
  const std::uint64_t capacity = footprint_of(trace.summary, mode) / 20;
  const auto predictions = observe(trace, mode, static_cast<std::size_t>(capacity)).predictions;
  REQUIRE(predictions.size() == 5);
  double error = 0;
  for (const auto& [factor, hit_ratio] : predictions) {
    if (factor == 1) continue;
    const auto size = static_cast<std::uint64_t>(static_cast<double>(capacity) * factor);
    const auto unit = mode == Mode::bytes ? Capacity::Unit::bytes : Capacity::Unit::entries;
    const double exact = simulate(trace, mode, {unit, size}).stats.hit_rate();
    UNSCOPED_INFO(trace.summary.name << ", " << to_string(mode) << ", " << factor << " x: " << hit_ratio << " beside "
                                     << exact);
    error += std::abs(hit_ratio - exact) / 4;
  }
  CHECK(error <= 0.02);
}

}  // namespace

TEST_CASE("what a live cache was asked is a trace, and replayed it is the same", "[replay]") {
  const larder_tests::TemporaryFolder folder;
  const std::string file = folder.path() + "/live.trace";
  const auto recorder = std::make_shared<larder::TraceRecorder>(larder::TraceRecorderOptions{.file = file});
  const auto cache = std::make_shared<larder::InMemoryBackend<>>(std::size_t{5'000});
  larder::ObservedOptions<> options;
  options.recorder = recorder;
  larder::ObservedBackend<> observed(cache, std::move(options));
  larder_tests::Random random(1);
  for (int i = 0; i < 20'000; ++i) {
    const std::size_t key = random.below(1 + random.below(500));
    if (!observed.get(std::to_string(key))) observed.set(std::to_string(key), std::string(key % 100, 'v'), 1h);
  }
  recorder->stop();
  TraceFile bytes(file);
  const Trace trace = read_trace(bytes.stream(), file, TraceFormat::fields);
  CHECK(trace.summary.requests == 20'000);
  CHECK(trace.summary.has_sizes);
  CHECK(trace.summary.has_ttls);
  const auto replayed = simulate(trace, Mode::bytes, {Capacity::Unit::bytes, 5'000});
  CHECK(cache->stats().evictions > 0);
  CHECK(replayed.stats.hits == cache->stats().hits);
  CHECK(replayed.stats.evictions == cache->stats().evictions);
}

TEST_CASE("the hit ratios that are predicted of other sizes are those of LRU", "[replay][reference]") {
  const char* named = std::getenv("LARDER_TRACES");
  const std::string folder = named != nullptr && *named != '\0' ? named : LARDER_TRACES;
  if (!std::filesystem::exists(folder)) {
    WARN("not compared: no traces in " << folder << " (LARDER_TRACES names another folder)");
    return;
  }
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string file = entry.path().string();
    if (!file.ends_with(".trace.xz")) continue;
    TraceFile bytes(file);
    const Trace trace = read_trace(bytes.stream(), entry.path().filename().string(), TraceFormat::fields);
    bytes.check_end();
    if (larder_tests::sanitized && trace.summary.requests >= 200'000) continue;  // for it is long
    check_predictions(trace, Mode::entries);
    if (trace.summary.has_sizes) check_predictions(trace, Mode::bytes);
  }
}
