/// \file metric_samples.hpp
/// Caches that have everything to tell, with names that want to be escaped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>

#include <larder/in_memory_backend.hpp>
#include <larder/observability/metrics_registry.hpp>

namespace larder_tests {

inline larder::CacheObservation everything() {
  larder::CacheObservation all;
  all.stats.hits = 12345678901;
  all.stats.misses = 2;
  all.stats.current_entries = 3;
  all.stats.current_size_bytes = 100;
  all.stats.max_size_bytes = 1000;
  auto& get = all.operations[static_cast<std::size_t>(larder::CacheOperation::get)];
  get.latency.record(100, 7);
  get.latency.record(1'500'000, 3);
  get.latency.record(std::uint64_t{1} << 42);  // beyond the last bound
  get.errors[static_cast<std::size_t>(larder::ErrorKind::timeout)] = 4;
  all.predictions = {{0.25, 0.5}, {4, 1}};
  all.eviction_age.record(20);
  all.residency.record(90'000);
  all.loads.emplace();
  all.loads->loads = 5;
  all.loads->load_times.record(2'000'000, 5);
  return all;
}

inline void fill(larder::MetricsRegistry& registry) {
  registry.add("odd \"name\"\n\\ \xff", &everything, {{"data centre", "a\\b"}, {"9lives", "x"}});
  registry.add("plain", std::make_shared<larder::InMemoryBackend<>>());
  registry.add("broken", []() -> larder::CacheObservation { throw std::runtime_error("no"); });
}

}  // namespace larder_tests
