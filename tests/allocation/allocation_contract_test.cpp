/// \file allocation_contract_test.cpp
/// The contract kit's row about exceptions where every allocation may fail, and every copy, comparison and hash.
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <larder/eviction/clock.hpp>
#include <larder/eviction/gdsf.hpp>
#include <larder/eviction/s3_fifo.hpp>
#include <larder/eviction/w_tiny_lfu.hpp>
#include <larder/in_memory_backend.hpp>
#include <larder/testing/fragile_text.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/contract.hpp"

using larder::Bytes;
using larder::testing::BackendContract;
using larder::testing::CheckResult;
using larder::testing::ContractCheck;
using larder::testing::FragileText;
using larder::testing::Verdict;

namespace {

template <class Policy>
struct Evicting : larder::InMemoryTraits<> {
  using Eviction = Policy;
};

/// Result: how many of the checks about exceptions applied. Each must pass.
template <class Key, class Value, class Traits = larder::InMemoryTraits<Key, Value>>
std::size_t exceptions_applied() {
  const BackendContract<Key, Value> contract({
      .name = "InMemoryBackend",
      .make = [] { return std::make_unique<larder::InMemoryBackend<Key, Value, Traits>>(); },
  });
  std::size_t applied = 0;
  for (const ContractCheck& check : contract.checks()) {
    if (!check.name().starts_with("exceptions: ")) continue;
    const CheckResult result = check.run();
    INFO(result.to_text());
    CHECK(result.ok());
    applied += result.verdict == Verdict::passed ? 1 : 0;
  }
  return applied;
}

/// A cache that writes to its map before it counts, and so has a value that it does not know of when counting fails.
class Careless final : public larder::CacheBackend<> {
 public:
  static constexpr larder::BackendCapabilities capabilities{
      .enumerable_keys = false, .entries = false, .conditional_set = false, .touch = false};

 private:
  std::optional<Bytes> do_get(std::string_view key) override {
    const auto found = values_.find(std::string(key));
    return found == values_.end() ? std::nullopt : std::optional(found->second);
  }
  bool do_set(std::string_view key, Bytes value, larder::Ttl, larder::Metadata) override {
    values_[std::string(key)] = std::move(value);
    log_.push_back(std::make_unique<std::string>(key));  // throws too late
    return true;
  }
  bool do_erase(std::string_view key) override { return values_.erase(std::string(key)) > 0; }
  bool do_exists(std::string_view key) override { return values_.contains(std::string(key)); }
  std::size_t do_clear() override { return std::exchange(values_, {}).size(); }
  larder::CacheStats do_stats() const override {
    larder::CacheStats stats;
    stats.current_entries = values_.size();
    return stats;
  }

  std::map<std::string, Bytes> values_;
  std::vector<std::unique_ptr<std::string>> log_;
};

}  // namespace

TEST_CASE("whichever allocation fails, the in-memory cache is as before", "[allocation][exceptions]") {
  CHECK(exceptions_applied<std::string, Bytes>() >= 3);  // set, set_many and keys allocate
  CHECK(exceptions_applied<std::string, std::string>() >= 3);
}

TEST_CASE("whatever throws in a key or value, or for want of memory, the in-memory cache is as before",
          "[allocation][exceptions]") {
  CHECK(exceptions_applied<std::string, FragileText>() >= 5);
  CHECK(exceptions_applied<FragileText, FragileText>() >= 8);
}

TEMPLATE_TEST_CASE("whichever allocation fails, the in-memory cache is as before with every eviction policy",
                   "[allocation][exceptions][policies]", larder::Clock, larder::S3Fifo, larder::WTinyLfu,
                   larder::Gdsf) {
  CHECK((exceptions_applied<std::string, Bytes, Evicting<TestType>>()) >= 3);
}

TEST_CASE("a cache that is changed by a set that throws is caught", "[allocation][exceptions]") {
  const BackendContract<> contract({.name = "Careless", .make = [] { return std::make_unique<Careless>(); }});
  for (const ContractCheck& check : contract.checks()) {
    if (!check.name().starts_with("exceptions: set changes nothing")) continue;
    const CheckResult result = check.run();
    CHECK(result.verdict == Verdict::failed);
    CHECK_THAT(result.reason, Catch::Matchers::ContainsSubstring("set threw, so \"k\" is as before"));
    CHECK_THAT(result.story, Catch::Matchers::ContainsSubstring("allocation number"));
  }
}
