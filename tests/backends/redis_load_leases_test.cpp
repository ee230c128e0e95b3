/// \file redis_load_leases_test.cpp
/// RedisLoadLeases on a real server, and processes that share it.
#include <larder/backends/redis_load_leases.hpp>

#include <memory>
#include <string>

#include <larder/backends/redis_backend.hpp>
#include <larder/layers/loading_cache.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/fresh_prefix.hpp"
#include "tests/support/lease_checks.hpp"
#include "tests/support/redis_cache.hpp"

using namespace larder_tests;

namespace {

larder::RedisOptions options_with(const std::string& prefix) {
  larder::RedisOptions options = shared_redis();
  options.prefix = prefix;
  return options;
}

}  // namespace

TEST_CASE("RedisLoadLeases: one gets the lease, and no other token ends it", "[redis][loading]") {
  const auto options = options_with(fresh_prefix());
  larder::RedisLoadLeases ours(options);
  larder::RedisLoadLeases theirs(options);
  check_leases(ours, theirs);
}

TEST_CASE("RedisLoadLeases: are no entries of the backend with the same options", "[redis][loading]") {
  const auto options = options_with(fresh_prefix());
  larder::RedisBackend<> backend(options);
  larder::RedisLoadLeases leases(options);
  backend.set("entry", "v");
  const auto token = leases.acquire("entry", std::chrono::minutes(1));
  CHECK(backend.keys() == std::vector<std::string>{"entry"});
  CHECK(backend.clear() == 1);
  CHECK(leases.holds("entry", token.value()));
  backend.set("entry", "v");
  leases.revoke_all();
  CHECK_FALSE(leases.holds("entry", token.value()));
  CHECK(backend.exists("entry"));
}

TEST_CASE("RedisLoadLeases: of several processes one loads each key", "[redis][loading][threads]") {
  const auto options = options_with(fresh_prefix());
  check_that_processes_load_once(
      [&] {
        return std::make_unique<larder::LoadingCache<>>(
            std::make_shared<larder::RedisBackend<>>(options),
            larder::LoadingOptions{.leases = std::make_shared<larder::RedisLoadLeases>(options)});
      },
      "k");
}
