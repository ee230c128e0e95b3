/// \file memcached_load_leases_test.cpp
/// MemcachedLoadLeases on a real server, and processes that share it.
#include <larder/backends/memcached_load_leases.hpp>

#include <memory>
#include <string>
#include <vector>

#include <larder/backends/memcached_backend.hpp>
#include <larder/layers/loading_cache.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/fresh_prefix.hpp"
#include "tests/support/lease_checks.hpp"
#include "tests/support/memcached_cache.hpp"

using namespace larder_tests;

namespace {

larder::MemcachedOptions options_with(const std::string& prefix) {
  larder::MemcachedOptions options = shared_memcached();
  options.prefix = prefix;
  return options;
}

}  // namespace

TEST_CASE("MemcachedLoadLeases: one gets the lease, and no other token ends it", "[memcached][loading]") {
  const auto options = options_with(fresh_prefix());
  larder::MemcachedLoadLeases ours(options);
  larder::MemcachedLoadLeases theirs(options);
  check_leases(ours, theirs);
}

TEST_CASE("MemcachedLoadLeases: keys and prefixes of any bytes", "[memcached][loading]") {
  auto options = shared_memcached();
  options.prefix = fresh_prefix() + " \r\n=";
  larder::MemcachedLoadLeases leases(options);
  options.prefix = "lease:" + options.prefix;
  larder::MemcachedLoadLeases others(options);
  const std::vector<std::string> keys = {
      "=", "", "=PQ==", "a b", "\r\nflush_all\r\n", std::string(1, '\0'), "\x7f", std::string(300, '\n')};
  for (const std::string& key : keys) {
    CAPTURE(key);
    CHECK(leases.acquire(key, std::chrono::minutes(1)));  // no two keys are one
    CHECK(others.acquire(key, std::chrono::minutes(1)));
  }
  for (const std::string& key : keys) CHECK_FALSE(leases.acquire(key, std::chrono::minutes(1)));
}

TEST_CASE("MemcachedLoadLeases: are no entries of the backend with the same options", "[memcached][loading]") {
  const auto options = options_with(fresh_prefix());
  larder::MemcachedBackend<> backend(options);
  larder::MemcachedLoadLeases leases(options);
  backend.set("entry", "v");
  const auto token = leases.acquire("entry", std::chrono::minutes(1));
  CHECK(backend.get("entry") == larder::Bytes("v"));
  backend.clear();
  CHECK(leases.holds("entry", token.value()));
  backend.set("entry", "v");
  leases.revoke_all();
  CHECK_FALSE(leases.holds("entry", token.value()));
  CHECK(backend.exists("entry"));
}

TEST_CASE("MemcachedLoadLeases: of several processes one loads each key", "[memcached][loading][threads]") {
  const auto options = options_with(fresh_prefix());
  check_that_processes_load_once(
      [&] {
        return std::make_unique<larder::LoadingCache<>>(
            std::make_shared<larder::MemcachedBackend<>>(options),
            larder::LoadingOptions{.leases = std::make_shared<larder::MemcachedLoadLeases>(options)});
      },
      "k");
}
