/// \file make_backend_test.cpp
/// One program, and its cache where a URL says that it is.
#include <larder/make_backend.hpp>

#include <larder/backends/dynamodb_backend.hpp>
#include <larder/backends/memcached_backend.hpp>
#include <larder/backends/redis_backend.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/dynalite_server.hpp"
#include "tests/support/fresh_prefix.hpp"
#include "tests/support/memcached_server.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/redis_server.hpp"

using namespace larder_tests;
using namespace std::chrono_literals;

namespace {

void register_all() {
  larder::register_backend<larder::RedisBackend<>>();
  larder::register_backend<larder::MemcachedBackend<>>();
  larder::register_backend<larder::DynamoDbBackend<>>();
}

/// What a program does that does not know which cache it has.
void check_use(const std::string& url) {
  INFO(url);
  const std::shared_ptr<larder::CacheBackend<>> cache = larder::make_backend(url);
  CHECK(cache->set("k", "v", 60s, {{"type", "user"}}));
  CHECK(cache->get("k") == "v");
  CHECK(cache->get_entry("k")->metadata.at("type") == "user");
  CHECK_FALSE(cache->set_if_absent("k", "w"));
  CHECK(cache->touch("k", 90s));
  CHECK(cache->set_many({{"a", "1"}, {"b", "2"}}) == 2);
  CHECK(cache->get_many({"a", "b", "c"}).size() == 2);
  CHECK(cache->erase_many({"a", "c"}) == 1);
  cache->clear();
  CHECK_FALSE(cache->exists("b"));
  CHECK(cache->stats().hits == 3);
  CHECK(cache->stats().misses == 1);
  CHECK(cache->stats().errors == 0);
}

}  // namespace

TEST_CASE("make_backend: in memory") {
  register_all();
  check_use("memory://?max_entries=100");
}

TEST_CASE("make_backend: in Redis") {
  if (skipped_without_redis()) return;
  register_all();
  check_use("redis://127.0.0.1:" + std::to_string(shared_redis_server().port()) + "/?prefix=" + fresh_prefix());
  check_use("redis+unix://" + shared_redis_server().unix_socket() + "?prefix=" + fresh_prefix());
}

TEST_CASE("make_backend: in Memcached") {
  if (skipped_without_memcached()) return;
  register_all();
  check_use("memcached://" + shared_memcached_server().name() + "/?prefix=" + fresh_prefix());
}

TEST_CASE("make_backend: in DynamoDB") {
  if (skipped_without_dynalite()) return;
  register_all();
  check_use("dynamodb://id:secret@us-east-1/tests?create_table&endpoint=" + shared_dynalite_server().url() +
            "&prefix=" + fresh_prefix());
}

TEST_CASE("make_backend: an unknown scheme is told all that the program has") {
  register_all();
  const std::string message =
      message_of<larder::InvalidArgumentError>([] { larder::make_backend("floppy://user:secret@a"); });
  CHECK(contains(message, "dynamodb, memcached, memcached+unix, memcacheds, memory, redis, redis+unix, rediss"));
  CHECK_FALSE(contains(message, "secret"));
}
