/// \file chaos_backend_contract_test.cpp
/// The contract kit through ChaosBackend: a calm one keeps what the cache under it keeps, and faults show as faults.
#include <larder/testing/chaos_backend.hpp>

#include <cstddef>
#include <memory>
#include <sstream>
#include <string>
#include <utility>

#include <larder/in_memory_backend.hpp>
#include <larder/testing/manual_clock.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/contract.hpp"
#include "tests/support/fixture.hpp"
// Behind Catch2's own header, which it finds again.
#include <larder/testing/catch2.hpp>

namespace {

using larder::CacheBackend;
using larder::testing::BackendContract;
using larder::testing::BackendRequest;
using larder::testing::ChaosBackend;
using larder::testing::ChaosOptions;
using larder::testing::ManualClock;

template <class Key, class Value, class Traits = larder::InMemoryTraits<Key, Value>>
BackendContract<Key, Value> contract_through_chaos(const std::string& name, std::size_t shards,
                                                   const ChaosOptions& options = {}) {
  using Store = larder::InMemoryBackend<Key, Value, larder_tests::OnManualClock<Traits>>;
  using Layer = ChaosBackend<Key, Value>;
  const ManualClock clock;
  return BackendContract<Key, Value>({
      .name = "ChaosBackend over " + name,
      .make =
          [=](const BackendRequest<Key, Value>& request) {
            typename Store::Options store;
            store.max_size_bytes = request.max_size_bytes.value_or(std::size_t{1} << 30);
            store.shards = shards;
            store.on_removal = request.on_removal;
            store.clock = clock;
            return std::make_shared<Layer>(std::make_shared<Store>(std::move(store)), options);
          },
      .capabilities = Store::capabilities,
      .clock = clock,
      .break_store = [](CacheBackend<Key, Value>& cache) { dynamic_cast<Layer&>(cache).break_store(); },
      .mend_store = [](CacheBackend<Key, Value>& cache) { dynamic_cast<Layer&>(cache).mend_store(); },
  });
}

struct Unlocked : larder::InMemoryTraits<> {
  using Mutex = larder::NullMutex;
  using Weigher = larder::EntryFootprint;
};

using larder::Bytes;
const bool one_lock = larder::testing::add_to_catch2(contract_through_chaos<std::string, Bytes>("one shard", 1));
const bool shards = larder::testing::add_to_catch2(contract_through_chaos<std::string, Bytes>("4 shards", 4));
const bool unlocked =
    larder::testing::add_to_catch2(contract_through_chaos<std::string, Bytes, Unlocked>("no lock, by footprint", 1));
const bool integers = larder::testing::add_to_catch2(contract_through_chaos<int, std::size_t>("integers", 1));

}  // namespace

TEST_CASE("a layer that loses a few writes does not keep the contract") {
  std::ostringstream report;
  CHECK_FALSE(contract_through_chaos<std::string, Bytes>("a careless store", 1, {.lost_writes = 0.01}).run(report));
}

TEST_CASE("a calm layer over a sound cache fails no row, and the row about faults applies") {
  std::ostringstream report;
  CHECK(contract_through_chaos<std::string, Bytes>("a cache", 1).run(report));
  CHECK_THAT(report.str(), !Catch::Matchers::ContainsSubstring("break_store"));
}
