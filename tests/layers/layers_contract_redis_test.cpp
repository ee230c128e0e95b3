/// \file layers_contract_redis_test.cpp
/// The contract kit on each layer over Redis, on the stack of a typical service, and on what compresses over memory.
#include <larder/layers/compressed_backend.hpp>
#include <larder/layers/tiered_backend.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <larder/backends/redis_backend.hpp>
#include <larder/backends/redis_invalidation_listener.hpp>
#include <larder/in_memory_backend.hpp>
#include <larder/testing/manual_clock.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/contract.hpp"
#include "tests/support/fixture.hpp"
#include "tests/support/layer_stacks.hpp"
#include "tests/support/redis_cache.hpp"
// Behind Catch2's own header, which it finds again.
#include <larder/testing/catch2.hpp>

namespace {

using namespace std::chrono_literals;
using larder::BackendCapabilities;
using larder::testing::BackendRequest;
using larder::testing::ManualClock;
using larder_tests::AnyCache;
using larder_tests::Layer;

using Memory = larder::InMemoryBackend<>;
using Redis = larder::RedisBackend<>;

// Less than for a cache in memory, to which a call costs a thousandth.
constexpr larder::testing::ContractOptions some{
    .sequences = 6, .operations = 40, .threads = 3, .history_operations = 150};

/// The layers from the innermost on, over a RedisBackend.
bool add(const std::string& name, const std::vector<Layer>& layers) {
  if (!larder_tests::RedisServer::available()) return false;
  BackendCapabilities capabilities = Redis::capabilities;
  for (const Layer& layer : layers) capabilities = layer.capabilities_over(capabilities);
  capabilities.error_hook = false;
  return larder::testing::add_to_catch2(larder::testing::BackendContract<>({
      .name = name,
      .make = [layers](const BackendRequest<>&) -> AnyCache {
        AnyCache cache = std::make_shared<Redis>(larder_tests::shared_redis());
        for (const Layer& layer : layers) cache = layer.over(cache, std::make_shared<Memory>());
        return cache;
      },
      .capabilities = capabilities,
      .options = some,
  }));
}

/// Whose near cache hears of what changes in the very Redis that it is in front of. It must be the innermost layer.
Layer tiered_with_listener() {
  return {.over = [](const AnyCache& cache, const AnyCache& beside) -> AnyCache {
            const auto options = dynamic_cast<Redis&>(*cache).options();
            return std::make_shared<larder::TieredBackend<>>(
                beside, cache, larder::TieredOptions<>{.invalidation = [options](larder::InvalidationEvents<>& events) {
                  auto listener = std::make_unique<larder::RedisInvalidationListener<>>(options, events);
                  listener->wait_until_armed(5s);
                  return listener;
                }});
          },
          .capabilities_over = &larder::TieredBackend<>::capabilities_over};
}

Layer compressed() {
  return {.over = [](const AnyCache& cache, const AnyCache&) -> AnyCache {
            return std::make_shared<larder::CompressedBackend<>>(cache,
                                                                 larder::CompressedOptions{.min_size_bytes = 64});
          },
          .capabilities_over = &larder::CompressedBackend<>::capabilities_over};
}

const bool over_redis =
    add("TieredBackend over Redis", {tiered_with_listener()}) &&
    add("NamespacedBackend over Redis", {larder_tests::namespaced_layer("n")}) &&
    add("ResilientBackend over Redis", {larder_tests::resilient_layer()}) &&
    add("TaggedBackend over Redis", {larder_tests::tagged_layer()}) &&
    add("CompressedBackend over Redis", {compressed()}) &&
    add("tagged over tiered over resilient Redis",
        {larder_tests::resilient_layer(), larder_tests::tiered_layer(), larder_tests::tagged_layer()});

bool add_compressed_memory() {
  using VirtualMemory =
      larder::InMemoryBackend<std::string, larder::Bytes, larder_tests::OnManualClock<larder::InMemoryTraits<>>>;
  const ManualClock clock;
  BackendCapabilities capabilities = larder::CompressedBackend<>::capabilities_over(VirtualMemory::capabilities);
  return larder::testing::add_to_catch2(larder::testing::BackendContract<>({
      .name = "CompressedBackend over memory",
      .make =
          [clock](const BackendRequest<>& request) {
            larder::CompressedOptions options{.min_size_bytes = 64};
            if (request.on_undecodable) {
              options.on_undecodable = [tell = request.on_undecodable](std::string_view, std::string_view) { tell(); };
            }
            return std::make_unique<larder::CompressedBackend<>>(
                std::make_shared<VirtualMemory>(VirtualMemory::Options{.clock = clock}), std::move(options));
          },
      .capabilities = capabilities,
      .clock = clock,
      .options = {.sequences = 30, .operations = 60, .history_operations = 1000},
  }));
}

const bool compressed_memory = add_compressed_memory();

}  // namespace
