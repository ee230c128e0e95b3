/// \file redis_backend_access_test.cpp
/// RedisBackend on a real server: how one gets there, and what types it takes.
#include <larder/backends/redis_backend.hpp>

#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/redis_cache.hpp"

using namespace larder_tests;
using larder::RedisBackend;
using larder::ServerError;

namespace {

const std::string secret = "correct horse";

std::string code_of(RedisCache& cache) {
  try {
    cache.get("k");
  } catch (const ServerError& error) {
    CHECK_FALSE(contains(error.what(), secret));
    return error.code();
  }
  return "";
}

struct Point {
  double x = 0;
  std::int32_t y = 0;
  std::int32_t z = 0;
  bool operator==(const Point&) const = default;
};

/// Of texts, and it does not like some.
struct MoodyCodec {
  std::string encode(const std::string& value) const {
    if (value == "unspeakable") throw std::length_error("what is this");
    return "moody " + value;
  }
  std::optional<std::string> decode(std::string_view bytes) const {
    if (bytes.ends_with("throw")) throw std::runtime_error("in a mood");
    if (bytes.ends_with("throw 1")) throw 1;
    if (!bytes.starts_with("moody ")) return std::nullopt;
    return std::string(bytes.substr(6));
  }
};

template <class Cache>
void check_round_trip(Cache& cache, const typename Cache::key_type& key, const typename Cache::mapped_type& value) {
  CHECK(cache.set(key, value));
  CHECK(cache.get(key) == value);
  CHECK(cache.set(key, value, {}, {{"name", "text"}}));
  CHECK(cache.get_entry(key)->value == value);
  CHECK(cache.get_many({key}).at(key) == value);
}

}  // namespace

TEST_CASE("RedisBackend: over a socket in the file system") {
  if (skipped_without_redis()) return;
  auto options = shared_redis();
  options.unix_socket = shared_redis_server().unix_socket();
  options.port = 1;  // where nobody is
  RedisCache cache(options);
  CHECK(cache.set("k", "v"));
  CHECK(cache.get("k") == "v");
  CHECK(shared_redis_server().command({"GET", options.prefix + "k"}) == "v");
  options.unix_socket += ".absent";
  CHECK(contains(message_of<larder::ConnectionError>([&] { RedisCache(options).get("k"); }), options.unix_socket));
  options.unix_socket = std::string(200, 'x');
  CHECK_THROWS_AS(RedisCache(options).get("k"), larder::ConnectionError);
}

TEST_CASE("RedisBackend: databases are apart, on every connection") {
  if (skipped_without_redis()) return;
  auto options = shared_redis();
  options.database = 7;
  RedisCache seventh(options);
  options.database = 0;
  RedisCache first(options);
  CHECK(seventh.set("k", "v"));
  CHECK_FALSE(first.exists("k"));
  for (const auto& line : {"normal", "pubsub"})
    shared_redis_server().client().command({"CLIENT", "KILL", "TYPE", line});
  CHECK(seventh.get("k") == "v");
  CHECK(seventh.clear() == 1);
  options.database = 1000;
  RedisCache none(options);
  CHECK(code_of(none) == "ERR");
}

TEST_CASE("RedisBackend: a password, right, wrong or none") {
  if (skipped_without_redis()) return;
  RedisServer server({.password = secret});
  auto options = redis_at(server.port());
  RedisCache none(options);
  CHECK(code_of(none) == "NOAUTH");
  options.password = secret + "!";
  RedisCache wrong(options);
  CHECK(code_of(wrong) == "WRONGPASS");
  CHECK(wrong.stats().errors == 1);
  options.password = secret;
  RedisCache right(options);
  CHECK(right.set("k", "v"));
  CHECK(right.get("k") == "v");
  server.restart();
  CHECK_FALSE(right.get("k"));
  CHECK(right.stats().errors == 0);
}

TEST_CASE("RedisBackend: a password that a server does not want") {
  if (skipped_without_redis()) return;
  auto options = shared_redis();
  options.password = secret;
  RedisCache cache(options);
  CHECK(code_of(cache) == "ERR");
  RedisServer without_auth({.extra_arguments = {"--rename-command", "AUTH", ""}});
  RedisCache unknown(larder::RedisOptions{.port = without_auth.port(), .password = secret});
  CHECK(code_of(unknown) == "ERR");
}

TEST_CASE("RedisBackend: a user with a password, and with limited rights") {
  if (skipped_without_redis()) return;
  RedisServer server({.password = secret, .username = "larder"});
  auto options = redis_at(server.port());
  options.username = "larder";
  options.password = secret;
  RedisCache cache(options);
  CHECK(cache.set("k", "v"));
  CHECK(cache.get("k") == "v");
  options.username = "nobody";
  RedisCache nobody(options);
  CHECK(code_of(nobody) == "WRONGPASS");
  server.command({"ACL", "SETUSER", "reader", "on", ">" + secret, "~" + options.prefix + "k", "+get"});
  options.username = "reader";
  RedisCache reader(options);
  CHECK(reader.get("k") == "v");
  CHECK_THROWS_AS(reader.get("l"), ServerError);
  CHECK_THROWS_AS(reader.set("k", "w"), ServerError);
  CHECK(reader.get("k") == "v");
  CHECK(reader.stats().errors == 2);
}

TEST_CASE("RedisBackend: values and keys of several types") {
  if (skipped_without_redis()) return;
  RedisBackend<> bytes(shared_redis());
  check_round_trip(bytes, "k", larder::Bytes(std::string_view("a\0b", 3)));
  RedisBackend<std::string, std::int64_t> numbers(shared_redis());
  check_round_trip(numbers, "k", std::numeric_limits<std::int64_t>::min());
  RedisBackend<std::string, Point> points(shared_redis());
  check_round_trip(points, "k", Point{1.5, -1, 2});
  RedisBackend<int, std::string> numbered(shared_redis());
  check_round_trip(numbered, -5, "five");
  CHECK(numbered.set(1000, "v"));
  const auto keys = numbered.keys();
  CHECK(std::vector<int>{std::min(keys.at(0), keys.at(1)), std::max(keys.at(0), keys.at(1))} == std::vector{-5, 1000});
  CHECK_THROWS_AS(numbered.keys("1*"), larder::NotSupportedError);
  // Which are no numbers, or spelt otherwise.
  for (const char* key : {"five", "007", "+1", ""}) {
    shared_redis_server().command({"SET", numbered.options().prefix + key, "v"});
  }
  CHECK(numbered.keys().size() == 2);
}

TEST_CASE("RedisBackend: bytes that are no value of the type are an undecodable miss") {
  if (skipped_without_redis()) return;
  auto options = shared_redis();
  std::vector<std::string> reasons;
  options.on_undecodable = [&](std::string_view key, std::string_view reason) {
    reasons.push_back(std::string(key) + ": " + std::string(reason));
  };
  RedisBackend<std::string, std::int64_t> numbers(options);
  shared_redis_server().command({"SET", options.prefix + "k", "seven b"});
  CHECK_FALSE(numbers.get("k"));
  CHECK(numbers.get_many({"k"}).empty());
  CHECK(numbers.stats().undecodable == 2);
  CHECK(numbers.stats().misses == 2);

  RedisBackend<std::string, std::string, MoodyCodec> moody(options);
  reasons.clear();
  for (const std::string value : {"fine", "throw", "throw 1"}) CHECK(moody.set(value, value));
  shared_redis_server().command({"SET", options.prefix + "foreign", "v"});
  CHECK(moody.get("fine") == "fine");
  CHECK_FALSE(moody.get("throw"));
  CHECK_FALSE(moody.get("throw 1"));
  CHECK_FALSE(moody.get_entry("foreign"));
  REQUIRE(reasons.size() == 3);
  CHECK(contains(reasons[0], "throw: the codec cannot decode it: in a mood"));
  CHECK(contains(reasons[1], "no std::exception"));
  CHECK(reasons[2] == "foreign: the codec cannot decode it");
  CHECK(moody.stats().errors == 0);
}

TEST_CASE("RedisBackend: what a codec throws in encoding reaches the caller, and nothing is stored") {
  if (skipped_without_redis()) return;
  RedisBackend<std::string, std::string, MoodyCodec> cache(shared_redis());
  CHECK(cache.set("k", "old"));
  CHECK_THROWS_AS(cache.set("k", "unspeakable"), std::length_error);
  CHECK_THROWS_AS(cache.set_many({{"a", "v"}, {"b", "unspeakable"}}), std::length_error);
  CHECK(cache.get("k") == "old");
  CHECK_FALSE(cache.exists("a"));
  CHECK(cache.stats().errors == 0);
  CHECK(cache.stats().sets == 1);
}

TEST_CASE("RedisBackend: counts what it does, and knows nothing of the server's entries") {
  if (skipped_without_redis()) return;
  RedisCache cache(shared_redis());
  cache.set("a", "v");
  cache.set_many({{"b", "v"}, {"c", "v"}});
  cache.get("a");
  cache.get("absent");
  cache.get_many({"a", "b", "absent"});
  cache.erase("a");
  cache.erase("absent");
  cache.erase_many({"b", "absent"});
  larder::CacheStats expected;
  expected.hits = 3;
  expected.misses = 2;
  expected.sets = 3;
  expected.deletes = 2;
  CHECK(cache.stats() == expected);
  cache.reset_stats();
  CHECK(cache.stats() == larder::CacheStats());
  CHECK(cache.exists("c"));
}
