/// \file codec_failures_test.cpp
/// A codec that throws, at each of its calls in turn, in every operation of every remote backend: what encodes throws
/// on and stores nothing, what decodes makes a miss; each key has its old value or its new one, and the connection goes
/// on.
#include <larder/backends/dynamodb_backend.hpp>
#include <larder/backends/memcached_backend.hpp>
#include <larder/backends/redis_backend.hpp>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <larder/testing/fragile_text.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/dynalite_server.hpp"
#include "tests/support/dynamodb_cache.hpp"
#include "tests/support/memcached_cache.hpp"
#include "tests/support/memcached_server.hpp"
#include "tests/support/redis_cache.hpp"
#include "tests/support/redis_server.hpp"

using larder::testing::FragileText;
using larder::testing::FragileTextBroke;
using larder::testing::LitFuse;
using namespace std::chrono_literals;

namespace {

/// Each call is a risk.
struct FragileCodec {
  std::string encode(const std::string& value) const {
    FragileText::take_risk();
    return value;
  }
  std::optional<std::string> decode(std::string_view bytes) const {
    FragileText::take_risk();
    return std::string(bytes);
  }
};

using Cache = larder::CacheBackend<std::string, std::string>;

const std::vector<std::string> keys{"a", "b", "c", "absent"};

struct Operation {
  const char* name;
  std::function<void(Cache&)> call;
};

std::vector<Operation> all_operations() {
  return {{"get", [](Cache& cache) { cache.get("a"); }},
          {"get_entry", [](Cache& cache) { cache.get_entry("a"); }},
          {"visit_entry", [](Cache& cache) { cache.visit_entry("a", [](const auto&) {}); }},
          {"get_many", [](Cache& cache) { cache.get_many(keys); }},
          {"exists", [](Cache& cache) { cache.exists("a"); }},
          {"set", [](Cache& cache) { cache.set("a", "new"); }},
          {"set with metadata",
           [](Cache& cache) {
             cache.set("a", "new", 60s, {{"name", "text"}});
           }},
          {"set_if_absent", [](Cache& cache) { cache.set_if_absent("absent", "new"); }},
          {"set_many",
           [](Cache& cache) {
             cache.set_many({{"a", "new"}, {"b", "new"}, {"absent", "new"}});
           }},
          {"touch", [](Cache& cache) { cache.touch("a", 60s); }},
          {"erase", [](Cache& cache) { cache.erase("a"); }},
          {"erase_many", [](Cache& cache) { cache.erase_many(keys); }}};
}

/// Result: how often something threw.
int check_failures(Cache& cache) {
  int failures = 0;
  for (const Operation& operation : all_operations()) {
    for (int risk = 1;; ++risk) {
      INFO(operation.name << ", call " << risk << " of the codec");
      for (const std::string& key : keys) key == "absent" ? cache.erase(key) : cache.set(key, "old " + key);
      bool over = false;
      {
        const LitFuse fuse(risk);
        try {
          operation.call(cache);
        } catch (const FragileTextBroke&) {
        }
        over = LitFuse::burning();
      }
      if (over) break;
      ++failures;
      REQUIRE(risk < 20);
      for (const std::string& key : keys) {
        const auto value = cache.get(key);
        if (value && *value != "new") CHECK(*value == "old " + key);
      }
      CHECK(cache.set("a", "after"));
      CHECK(cache.get("a") == "after");
    }
  }
  return failures;
}

}  // namespace

TEST_CASE("RedisBackend: a codec that throws at each of its calls", "[codec]") {
  if (larder_tests::skipped_without_redis()) return;
  larder::RedisBackend<std::string, std::string, FragileCodec> cache(larder_tests::shared_redis());
  CHECK(check_failures(cache) > 10);
  CHECK(cache.stats().undecodable > 0);
}

TEST_CASE("MemcachedBackend: a codec that throws at each of its calls", "[codec]") {
  if (larder_tests::skipped_without_memcached()) return;
  larder::MemcachedBackend<std::string, std::string, FragileCodec> cache(larder_tests::shared_memcached());
  CHECK(check_failures(cache) > 10);
  CHECK(cache.stats().undecodable > 0);
}

TEST_CASE("DynamoDbBackend: a codec that throws at each of its calls", "[codec]") {
  if (larder_tests::skipped_without_dynalite()) return;
  larder::DynamoDbBackend<std::string, std::string, FragileCodec> cache(larder_tests::shared_dynamodb());
  CHECK(check_failures(cache) > 10);
  CHECK(cache.stats().undecodable > 0);
}
