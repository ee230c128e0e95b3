/// \file layers_contract_test.cpp
/// The contract kit on each layer over the cache in process memory, and on layers over layers.
#include <larder/in_memory_backend.hpp>
#include <larder/layers/namespaced_backend.hpp>
#include <larder/layers/resilient_backend.hpp>
#include <larder/layers/tagged_backend.hpp>
#include <larder/layers/tiered_backend.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <larder/testing/manual_clock.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/contract.hpp"
#include "tests/support/fixture.hpp"
#include "tests/support/layer_stacks.hpp"
#include "tests/support/narrow_backend.hpp"
// Behind Catch2's own header, which it finds again.
#include <larder/testing/catch2.hpp>

namespace {

using larder::BackendCapabilities;
using larder::testing::BackendRequest;
using larder::testing::ManualClock;
using larder_tests::Layer;

using Memory =
    larder::InMemoryBackend<std::string, larder::Bytes, larder_tests::OnManualClock<larder::InMemoryTraits<>>>;

/// Fewer than for the cache itself, since it is beneath each of them.
constexpr larder::testing::ContractOptions some{.sequences = 30, .operations = 60, .history_operations = 1000};

std::shared_ptr<Memory> memory(const ManualClock& clock) {
  return std::make_shared<Memory>(Memory::Options{.clock = clock});
}

/// The layers from the innermost on.
bool add(const std::string& name, const std::vector<Layer>& layers) {
  const ManualClock clock;
  BackendCapabilities capabilities = Memory::capabilities;
  capabilities.size_limit = capabilities.removal_listener = false;
  for (const Layer& layer : layers) capabilities = layer.capabilities_over(capabilities);
  return larder::testing::add_to_catch2(larder::testing::BackendContract<>({
      .name = name,
      .make = [clock, layers](const BackendRequest<>&) -> std::shared_ptr<larder::CacheBackend<>> {
        std::shared_ptr<larder::CacheBackend<>> cache = memory(clock);
        for (const Layer& layer : layers) cache = layer.over(cache, memory(clock));
        return cache;
      },
      .capabilities = capabilities,
      .clock = clock,
      .options = some,
  }));
}

const Layer tiered = larder_tests::tiered_layer();
const Layer namespaced = larder_tests::namespaced_layer("a:b*");
const Layer resilient = larder_tests::resilient_layer();
const Layer tagged = larder_tests::tagged_layer();

const bool over_memory =
    add("TieredBackend over memory", {tiered}) && add("NamespacedBackend over memory", {namespaced}) &&
    add("ResilientBackend over memory", {resilient}) && add("TaggedBackend over memory", {tagged}) &&
    add("ObservedBackend over memory", {larder_tests::observed_layer()});
const bool over_layers = add("tagged over tiered over resilient", {resilient, tiered, tagged}) &&
                         add("resilient over tagged over tiered", {tiered, tagged, resilient}) &&
                         add("tiered over namespaced over tagged", {tagged, namespaced, tiered}) &&
                         add("namespaced over namespaced", {namespaced, larder_tests::namespaced_layer("other")}) &&
                         add("tiered over tiered", {tiered, tiered});

/// Where keys cannot be listed, `clear` goes by generation.
bool add_narrow() {
  const ManualClock clock;
  return larder::testing::add_to_catch2(larder::testing::BackendContract<>({
      .name = "NamespacedBackend by generation",
      .make =
          [clock](const BackendRequest<>&) {
            return std::make_unique<larder::NamespacedBackend<>>(
                std::make_shared<larder_tests::NarrowBackend>(clock, true, 60), "n");
          },
      .capabilities = larder::NamespacedBackend<>::capabilities_over(
          [] {
            auto narrow = larder_tests::NarrowBackend::capabilities;
            narrow.largest_key = 60;
            return narrow;
          }(),
          "n"),
      .clock = clock,
      .options = some,
  }));
}

const bool generations = add_narrow();

}  // namespace
