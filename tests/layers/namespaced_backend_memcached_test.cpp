/// \file namespaced_backend_memcached_test.cpp
/// NamespacedBackend in a real Memcached, which cannot list its keys.
#include <larder/layers/namespaced_backend.hpp>

#include <chrono>
#include <memory>
#include <string>

#include <larder/backends/memcached_backend.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/fresh_prefix.hpp"
#include "tests/support/memcached_server.hpp"

using larder::Bytes;
using larder::NamespacedBackend;
using namespace larder_tests;

TEST_CASE("NamespacedBackend: in Memcached it clears its own entries alone", "[namespaced]") {
  const std::string prefix = fresh_prefix();
  const auto connect = [&prefix] {
    return std::make_shared<larder::MemcachedBackend<>>(larder::MemcachedOptions{
        .servers = {"127.0.0.1:" + std::to_string(shared_memcached_server().port())}, .prefix = prefix});
  };
  const auto store = connect();
  CHECK_FALSE(store->can_list_keys());
  NamespacedBackend<> users(store, "user");
  NamespacedBackend<> others(store, "users");
  NamespacedBackend<> elsewhere(connect(), "user");  // another process
  CHECK(users.set("1", "Alice"));
  CHECK(users.set_many({{"2", "Bob"}, {"3", "Carol"}}) == 2);
  CHECK(others.set("1", "Dave"));
  store->set("user", "v");
  CHECK(elsewhere.get_many({"1", "2", "3"}).size() == 3);
  CHECK(elsewhere.clear() == 0);
  CHECK(users.get_many({"1", "2", "3"}).empty());
  CHECK(others.get("1") == Bytes("Dave"));
  CHECK(store->get("user") == Bytes("v"));
  CHECK(users.set_if_absent("1", "Eve"));
  CHECK(elsewhere.get("1") == Bytes("Eve"));
  CHECK(elsewhere.erase("1"));
  CHECK_FALSE(users.exists("1"));
}
