/// \file cache_entry_test.cpp
#include <larder/cache_entry.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "tests/support/catch.hpp"

using larder::CacheEntry;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::system_clock;

const Clock::time_point noon = Clock::time_point(std::chrono::hours(12));

}  // namespace

TEST_CASE("a default CacheEntry is usable and never expires", "[cache_entry]") {
  const CacheEntry<> entry;
  CHECK(entry.key.empty());
  CHECK(entry.value.empty());
  CHECK(entry.size_bytes == 0);
  CHECK(entry.metadata.empty());
  CHECK_FALSE(entry.expires_at.has_value());
  CHECK_FALSE(entry.is_expired());
  CHECK_FALSE(entry.is_expired(Clock::time_point::max()));
  CHECK_FALSE(entry.ttl_remaining().has_value());
}

TEST_CASE("a CacheEntry is filled in by the names of its fields", "[cache_entry]") {
  const auto before = Clock::now();
  const CacheEntry<> entry{.key = "user:123",
                           .value = "user data",
                           .expires_at = before + 1h,
                           .metadata = {{"endpoint", "/api/users"}, {"user_type", "premium"}}};
  CHECK(entry.key == "user:123");
  CHECK(entry.value == "user data");
  CHECK(entry.size_bytes == 9);
  CHECK(entry.created_at >= before);
  CHECK(entry.created_at <= Clock::now());
  CHECK(entry.metadata.at("endpoint") == "/api/users");
  CHECK(entry.metadata.find(std::string_view("user_type"))->second == "premium");
  CHECK_FALSE(entry.is_expired());
  CHECK(*entry.ttl_remaining() > 59min);
  CHECK(*entry.ttl_remaining() <= 1h);
}

TEST_CASE("an entry is expired from the very instant it expires at", "[cache_entry]") {
  const CacheEntry<> entry{.created_at = noon, .expires_at = noon + 10s};
  const auto instant = Clock::duration(1);
  CHECK_FALSE(entry.is_expired(noon));
  CHECK_FALSE(entry.is_expired(noon + 10s - instant));
  CHECK(entry.is_expired(noon + 10s));
  CHECK(entry.is_expired(noon + 10s + instant));
}

TEST_CASE("the time left runs down to zero and never below", "[cache_entry]") {
  const CacheEntry<> entry{.created_at = noon, .expires_at = noon + 10s};
  CHECK(entry.ttl_remaining(noon) == Clock::duration(10s));
  CHECK(entry.ttl_remaining(noon + 4s) == Clock::duration(6s));
  CHECK(entry.ttl_remaining(noon + 10s) == Clock::duration(0));
  CHECK(entry.ttl_remaining(noon + 1h) == Clock::duration(0));
}

TEST_CASE("an entry that expired before now is expired now", "[cache_entry]") {
  const CacheEntry<> entry{.expires_at = Clock::now() - 1s};
  CHECK(entry.is_expired());
  CHECK(entry.ttl_remaining() == Clock::duration(0));
}

TEST_CASE("entries may have any key and value", "[cache_entry]") {
  const CacheEntry<int, std::shared_ptr<const std::string>> entry{.key = 7,
                                                                 .value = std::make_shared<const std::string>("four")};
  CHECK(entry.key == 7);
  CHECK(entry.size_bytes == 4);
  CHECK(CacheEntry<int, double>{.value = 1.5}.size_bytes == sizeof(double));
}

TEST_CASE("a copied entry is independent of the original", "[cache_entry]") {
  CacheEntry<> entry{.key = "k", .value = "v", .metadata = {{"a", "1"}}};
  const CacheEntry<> copy = entry;
  entry.key = "other";
  entry.metadata["a"] = "2";
  CHECK(copy.key == "k");
  CHECK(copy.metadata.at("a") == "1");
}
