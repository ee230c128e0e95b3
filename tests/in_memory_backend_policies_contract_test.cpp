/// \file in_memory_backend_policies_contract_test.cpp
/// The contract kit on the in-memory cache, with each eviction policy.
#include <larder/in_memory_backend.hpp>

#include <concepts>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include <larder/eviction/clock.hpp>
#include <larder/eviction/gdsf.hpp>
#include <larder/eviction/s3_fifo.hpp>
#include <larder/eviction/w_tiny_lfu.hpp>
#include <larder/testing/manual_clock.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/contract.hpp"
#include "tests/support/fixture.hpp"
// Behind Catch2's own header, which it finds again.
#include <larder/testing/catch2.hpp>

namespace {

using larder::Bytes;

template <class Policy>
struct Evicting : larder::InMemoryTraits<> {
  using Eviction = Policy;
};

template <class Policy>
bool add(const std::string& name) {
  using Backend = larder::InMemoryBackend<std::string, Bytes, larder_tests::OnManualClock<Evicting<Policy>>>;
  const larder::testing::ManualClock clock;
  return larder::testing::add_to_catch2(larder::testing::BackendContract<>({
      .name = "InMemoryBackend, " + name,
      .make =
          [clock](const larder::testing::BackendRequest<>& request) {
            typename Backend::Options options;
            options.max_size_bytes = request.max_size_bytes.value_or(std::size_t{1} << 30);
            options.on_removal = request.on_removal;
            options.clock = clock;
            return std::make_unique<Backend>(std::move(options));
          },
      .capabilities = Backend::capabilities,
      .clock = clock,
      // What a policy has a part in is the same whatever the key is asked for: shorter runs than elsewhere show it.
      .options = {.sequences = 30, .operations = 60, .history_operations = 1000},
  }));
}

const bool policies = add<larder::Clock>("Clock") && add<larder::S3Fifo>("S3Fifo") &&
                      add<larder::WTinyLfu>("WTinyLfu") && add<larder::Gdsf>("Gdsf");

}  // namespace
