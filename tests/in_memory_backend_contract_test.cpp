/// \file in_memory_backend_contract_test.cpp
/// The contract kit on the in-memory cache: under every combination of what the traits offer, with keys and values of
/// several types, on a clock of the test's and in real time.
#include <larder/in_memory_backend.hpp>

#include <concepts>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include <larder/testing/fragile_text.hpp>
#include <larder/testing/manual_clock.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/contract.hpp"
#include "tests/support/fixture.hpp"
// Behind Catch2's own header, which it finds again.
#include <larder/testing/catch2.hpp>

namespace {

using larder::Bytes;
using larder::testing::BackendRequest;
using larder::testing::ManualClock;

template <class MutexType, class WeigherType>
struct Traits : larder::InMemoryTraits<> {
  using Mutex = MutexType;
  using Weigher = WeigherType;
};

/// A factory of caches with so many shards, on a clock where there is one.
template <class Key, class Value, class Traits>
auto in_memory(std::size_t shards, typename Traits::Clock clock) {
  return [shards, clock](const BackendRequest<Key, Value>& request) {
    using Backend = larder::InMemoryBackend<Key, Value, Traits>;
    typename Backend::Options options;
    options.max_size_bytes = request.max_size_bytes.value_or(std::size_t{1} << 30);
    options.shards = shards;
    options.on_removal = request.on_removal;
    options.clock = clock;
    return std::make_unique<Backend>(std::move(options));
  };
}

/// Where others go through the same code already.
constexpr larder::testing::ContractOptions fewer{.sequences = 150, .history_operations = 3000};

template <class Key, class Value, class Traits>
bool add(const std::string& name, std::size_t shards, const larder::testing::ContractOptions& options = {}) {
  const ManualClock clock;
  larder::BackendCapabilities capabilities = larder::InMemoryBackend<Key, Value, Traits>::capabilities;
  // What the class cannot promise, because it depends on the options.
  capabilities.exact_size_limit = std::same_as<typename Traits::Weigher, larder::ValueSize> && shards == 1;
  return larder::testing::add_to_catch2(larder::testing::BackendContract<Key, Value>({
      .name = "InMemoryBackend, " + name,
      .make = in_memory<Key, Value, larder_tests::OnManualClock<Traits>>(shards, clock),
      .capabilities = capabilities,
      .clock = clock,
      .options = options,
  }));
}

template <class Mutex, class Weigher>
bool add_traits(const std::string& name) {
  using Default = larder::InMemoryTraits<>;
  constexpr bool is_default =
      std::same_as<Mutex, typename Default::Mutex> && std::same_as<Weigher, typename Default::Weigher>;
  const auto options = is_default ? larder::testing::ContractOptions() : fewer;
  return add<std::string, Bytes, Traits<Mutex, Weigher>>(name, 1, options) &&
         add<std::string, Bytes, Traits<Mutex, Weigher>>(name + ", 4 shards", 4, options);
}

template <class Mutex>
bool add_weighers(const std::string& name) {
  return add_traits<Mutex, larder::ValueSize>(name + ", ValueSize") &&
         add_traits<Mutex, larder::EntryFootprint>(name + ", EntryFootprint");
}

const bool traits = add_weighers<larder::SpinMutex>("SpinMutex") && add_weighers<std::mutex>("std::mutex") &&
                    add_weighers<larder::NullMutex>("NullMutex");

const bool strings = add<std::string, std::string, larder::InMemoryTraits<std::string, std::string>>("strings", 1);
const bool integers = add<int, std::size_t, larder::InMemoryTraits<int, std::size_t>>("integers", 1);

// Whose copies, comparisons and hashes throw.
using larder::testing::FragileText;
const bool fragile_values =
    add<std::string, FragileText, larder::InMemoryTraits<std::string, FragileText>>("fragile values", 1);
const bool fragile_keys = add<FragileText, Bytes, larder::InMemoryTraits<FragileText, Bytes>>("fragile keys", 1);

const bool real_time = larder::testing::add_to_catch2(larder::testing::BackendContract<>({
    .name = "InMemoryBackend, real time",
    .make = in_memory<std::string, Bytes, larder::InMemoryTraits<>>(1, {}),
}));

/// Values of a type that the kit cannot know: it is told how they are made.
struct Report {
  std::string title;
  std::size_t size_bytes() const noexcept { return title.size(); }
};
using SharedReport = std::shared_ptr<const Report>;

const ManualClock report_clock;
const bool reports = larder::testing::add_to_catch2(larder::testing::BackendContract<std::string, SharedReport>({
    .name = "InMemoryBackend, shared values",
    .make = in_memory<std::string, SharedReport,
                      larder_tests::OnManualClock<larder::InMemoryTraits<std::string, SharedReport>>>(1, report_clock),
    .clock = report_clock,
    .samples = {.value = {
                    .make =
                        [](std::string_view text) { return std::make_shared<const Report>(Report{std::string(text)}); },
                    .text = [](const SharedReport& report) { return report->title; }}},
}));

}  // namespace
