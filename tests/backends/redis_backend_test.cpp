/// \file redis_backend_test.cpp
/// RedisBackend on a real server: how values, lifetimes and foreign things are stored and read.
#include <larder/backends/redis_backend.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/redis_cache.hpp"

using namespace larder_tests;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::system_clock;

struct Redis {
  std::vector<std::pair<std::string, std::string>> reports;
  larder::RedisOptions options;
  RedisCache cache;

  explicit Redis(larder::RedisOptions given = shared_redis()) : options(reporting(std::move(given))), cache(options) {}

  larder::RedisOptions reporting(larder::RedisOptions given) {
    given.on_undecodable = [this](std::string_view key, std::string_view reason) { reports.emplace_back(key, reason); };
    return given;
  }
  /// As another client says it, about a key of the cache.
  std::string say(const std::string& command, const std::string& key, std::vector<std::string> rest = {}) const {
    rest.insert(rest.begin(), {command, options.prefix + key});
    return shared_redis_server().command(rest);
  }
  long long pttl(const std::string& key) const { return std::stoll(say("PTTL", key)); }
};

bool is_within(long long value, long long low, long long high) { return low <= value && value <= high; }

/// What looks like an envelope and is none.
const std::string envelope_like("\xd3LRDR\r\n\0\x01 but a value all the same", 35);

}  // namespace

TEST_CASE("RedisBackend: a value is stored raw, and that of another client is read") {
  if (skipped_without_redis()) return;
  Redis redis;
  const std::string bytes("\0\r\n$5\xff*", 8);
  for (const std::string& value : {std::string(), std::string("text"), bytes}) {
    CHECK(redis.cache.set("k", value));
    CHECK(redis.say("GET", "k") == value);
    CHECK(redis.cache.get("k") == value);
  }
  redis.say("SET", bytes, {"by another"});
  CHECK(redis.cache.get(bytes) == "by another");
  CHECK(redis.cache.set("", "of no name"));
  CHECK(redis.say("GET", "") == "of no name");
  CHECK(redis.reports.empty());
}

TEST_CASE("RedisBackend: metadata go into an envelope, and so does a value that looks like one") {
  if (skipped_without_redis()) return;
  Redis redis;
  const larder::Metadata metadata{{"", "no name"}, {"endpoint", "/users"}, {std::string("\0x", 2), ""}};
  const auto before = Clock::now();
  CHECK(redis.cache.set("k", "value", 1h, metadata));
  const std::string stored = redis.say("GET", "k");
  CHECK(stored.substr(0, 9) == std::string("\xd3LRDR\r\n\0\x01", 9));
  CHECK(stored.substr(stored.size() - 5) == "value");
  CHECK(redis.cache.get("k") == "value");
  CHECK(redis.cache.get_many({"k"}).at("k") == "value");
  auto entry = redis.cache.get_entry("k");
  REQUIRE(entry);
  CHECK(entry->value == "value");
  CHECK(entry->metadata == metadata);
  CHECK(entry->created_at >= before - 1ms);
  CHECK(entry->created_at <= Clock::now());

  CHECK(redis.cache.set("k", envelope_like));
  CHECK(redis.say("GET", "k") != envelope_like);
  CHECK(redis.cache.get("k") == envelope_like);
  CHECK(redis.cache.set_many({{"l", envelope_like}, {"m", "plain"}}) == 2);
  CHECK(redis.cache.get("l") == envelope_like);
  CHECK(redis.say("GET", "m") == "plain");
  CHECK(redis.reports.empty());
}

TEST_CASE("RedisBackend: an entry without metadata has no known creation time") {
  if (skipped_without_redis()) return;
  Redis redis;
  CHECK(redis.cache.set("k", "v", {}, {{"a", "b"}}));
  CHECK(redis.cache.set("k", "w"));
  const auto entry = redis.cache.get_entry("k");
  REQUIRE(entry);
  CHECK(entry->key == "k");
  CHECK(entry->value == "w");
  CHECK(entry->size_bytes == 1);
  CHECK(entry->metadata.empty());
  CHECK(entry->created_at == Clock::time_point());
  CHECK_FALSE(entry->expires_at);
  CHECK_FALSE(redis.cache.get_entry("absent"));
  CHECK(redis.cache.stats().misses + redis.cache.stats().hits == 0);
}

TEST_CASE("RedisBackend: lifetimes are the server's, in milliseconds") {
  if (skipped_without_redis()) return;
  Redis redis;
  CHECK(redis.cache.set("k", "v", 90'500ms));
  CHECK(is_within(redis.pttl("k"), 60'000, 90'500));
  const auto entry = redis.cache.get_entry("k");
  REQUIRE(entry);
  REQUIRE(entry->expires_at);
  CHECK(*entry->expires_at > Clock::now() + 60s);
  CHECK(*entry->expires_at <= Clock::now() + 90'500ms);
  CHECK(redis.cache.set("k", "v"));
  CHECK(redis.pttl("k") == -1);
  CHECK(redis.cache.set("k", "v", 1us));  // which is 1 ms, and not no time at all, nor for ever
  std::this_thread::sleep_for(3ms);
  CHECK_FALSE(redis.cache.get("k"));
  CHECK_FALSE(redis.cache.exists("k"));
  CHECK_FALSE(redis.cache.erase("k"));
  CHECK_FALSE(redis.cache.get_entry("k"));
  CHECK(redis.cache.keys().empty());
}

TEST_CASE("RedisBackend: a lifetime beyond all that Redis can count is a very long one") {
  if (skipped_without_redis()) return;
  Redis redis;
  for (const larder::Ttl ttl :
       {larder::Ttl(std::chrono::milliseconds::max()), larder::Ttl(std::chrono::hours::max())}) {
    CHECK(redis.cache.set("k", "v", ttl));
    CHECK(redis.pttl("k") > 1000LL * 60 * 60 * 24 * 365 * 1000);
    CHECK(redis.cache.get("k") == "v");
    CHECK(redis.cache.get_entry("k")->expires_at == Clock::time_point::max());
    CHECK(redis.cache.touch("k", ttl));
    CHECK(redis.pttl("k") > 1000LL * 60 * 60 * 24 * 365 * 1000);
  }
}

TEST_CASE("RedisBackend: the default lifetime is for what has none of its own") {
  if (skipped_without_redis()) return;
  auto options = shared_redis();
  options.default_ttl = 50s;
  Redis redis(options);
  CHECK(redis.cache.set("default", "v"));
  CHECK(redis.cache.set("own", "v", 500s));
  CHECK(redis.cache.set_if_absent("absent", "v"));
  CHECK(redis.cache.set_many({{"many", "v"}}) == 1);
  CHECK(redis.cache.touch("own", 500s));
  for (const char* key : {"default", "absent", "many"}) CHECK(is_within(redis.pttl(key), 20'000, 50'000));
  CHECK(is_within(redis.pttl("own"), 400'000, 500'000));
  CHECK(redis.cache.touch("own", {}));
  CHECK(is_within(redis.pttl("own"), 20'000, 50'000));
}

TEST_CASE("RedisBackend: set_if_absent and touch") {
  if (skipped_without_redis()) return;
  Redis redis;
  CHECK(redis.cache.set_if_absent("k", "first", 500s, {{"a", "b"}}));
  CHECK_FALSE(redis.cache.set_if_absent("k", "second"));
  CHECK(redis.cache.get("k") == "first");
  CHECK(redis.cache.touch("k", 50s));
  CHECK(is_within(redis.pttl("k"), 20'000, 50'000));
  CHECK(redis.cache.get_entry("k")->metadata.at("a") == "b");
  CHECK(redis.cache.touch("k", {}));
  CHECK(redis.pttl("k") == -1);
  CHECK(redis.cache.touch("k", {}));
  CHECK_FALSE(redis.cache.touch("absent", {}));
  CHECK_FALSE(redis.cache.touch("absent", 1s));
  CHECK(redis.cache.touch("k", 0s));
  CHECK_FALSE(redis.cache.exists("k"));
  CHECK(redis.cache.stats().sets == 1);
  CHECK(redis.cache.stats().deletes == 1);
}

TEST_CASE("RedisBackend: what another program has stored in another type is an undecodable miss") {
  if (skipped_without_redis()) return;
  Redis redis;
  redis.say("RPUSH", "list", {"a"});
  CHECK_FALSE(redis.cache.get("list"));
  REQUIRE(redis.reports.size() == 1);
  CHECK(redis.reports[0].first == "list");
  CHECK(contains(redis.reports[0].second, "another type"));
  CHECK_FALSE(redis.cache.get_entry("list"));
  CHECK(redis.reports.size() == 2);
  CHECK(redis.cache.stats().undecodable == 2);
  CHECK(redis.cache.stats().misses == 1);
  CHECK(redis.cache.set("text", "v"));
  CHECK(redis.cache.get_many({"list", "text"}).size() == 1);
  CHECK(redis.reports.size() == 2);
  CHECK(redis.cache.exists("list"));
  CHECK(redis.cache.set("list", "v"));
  CHECK(redis.cache.get("list") == "v");
  redis.say("SADD", "set", {"a"});
  CHECK(redis.cache.erase("set"));
  redis.say("SADD", "set", {"a"});
  CHECK(redis.cache.clear() == 3);
  CHECK(redis.cache.stats().errors == 0);
}

TEST_CASE("RedisBackend: a broken envelope is an undecodable miss with a reason") {
  if (skipped_without_redis()) return;
  Redis redis;
  CHECK(redis.cache.set("k", "value", {}, {{"a", "b"}}));
  std::string stored = redis.say("GET", "k");
  stored.back() ^= 1;
  redis.say("SET", "k", {stored});
  CHECK_FALSE(redis.cache.get("k"));
  redis.say("SET", "k", {stored.substr(0, 20)});
  CHECK_FALSE(redis.cache.get_entry("k"));
  CHECK(redis.cache.get_many({"k"}).empty());
  REQUIRE(redis.reports.size() == 3);
  CHECK(contains(redis.reports[0].second, "checksum"));
  CHECK(contains(redis.reports[1].second, "too soon"));
  CHECK(redis.cache.stats().undecodable == 3);
  CHECK(redis.cache.stats().misses == 2);
}

TEST_CASE("RedisBackend: an error hook that throws changes nothing") {
  if (skipped_without_redis()) return;
  auto options = shared_redis();
  options.on_undecodable = [](std::string_view, std::string_view) { throw std::runtime_error("no"); };
  RedisCache cache(options);
  shared_redis_server().command({"SET", options.prefix + "k", envelope_like});
  CHECK_FALSE(cache.get("k"));
  CHECK(cache.stats().undecodable == 1);
}

TEST_CASE("RedisBackend: entries of a batch are visited, also where they are too much for one reply") {
  if (skipped_without_redis()) return;
  auto options = shared_redis();
  options.max_reply_bytes = 10'000;
  Redis redis(options);
  redis.cache.set("a", std::string(6'000, 'a'), std::chrono::seconds(100), {{"name", "text"}});
  redis.cache.set("b", std::string(6'000, 'b'));
  redis.say("LPUSH", "list", {"x"});
  const std::vector<std::string_view> keys{"b", "nobody", "a", "list", "b"};
  std::string seen;
  CHECK(redis.cache.visit_entries(keys, [&](std::size_t i, const larder::EntryView<std::string>& entry) {
    seen += std::to_string(i) + entry.value.substr(0, 1) + std::to_string(entry.metadata.size());
    CHECK(entry.value.size() == 6'000);
    CHECK(entry.ttl.has_value() == (i == 2));
    if (entry.ttl) CHECK((*entry.ttl <= std::chrono::seconds(100) && *entry.ttl > std::chrono::seconds(50)));
  }) == 3);
  CHECK(seen == "0b02a14b0");
  CHECK(redis.cache.stats().hits == 3);
  CHECK(redis.cache.stats().misses == 2);
  CHECK_FALSE(redis.cache.visit_entry("list", [](const larder::EntryView<std::string>&) { FAIL("it is a list"); }));
  CHECK(redis.cache.stats().undecodable == 2);
}

TEST_CASE("RedisBackend: a value that no reply could bring back is declined, and the old one is gone") {
  if (skipped_without_redis()) return;
  auto options = shared_redis();
  options.max_reply_bytes = 10'000;
  Redis redis(options);
  const std::string fits(10'000, 'v');
  const std::string large(10'001, 'v');
  CHECK(redis.cache.set("k", fits));
  CHECK(redis.cache.get("k") == fits);
  CHECK_FALSE(redis.cache.set("k", large));
  CHECK_FALSE(redis.cache.exists("k"));
  CHECK(redis.cache.set("k", "old"));
  CHECK_FALSE(redis.cache.set("k", fits, {}, {{"a", "b"}}));  // in its envelope
  CHECK_FALSE(redis.cache.exists("k"));
  CHECK(redis.cache.set("k", "old"));
  CHECK_FALSE(redis.cache.set_if_absent("k", large));
  CHECK(redis.cache.get("k") == "old");
  CHECK(redis.cache.set_many({{"a", "1"}, {"k", large}, {"a", large}, {"b", "1"}, {"a", "2"}}) == 3);
  CHECK_FALSE(redis.cache.exists("k"));
  CHECK(redis.cache.get("a") == "2");
  // Another client's is a fault of the connection's, and of no other call.
  redis.say("SET", "k", {std::string(100'000, 'v')});
  CHECK_THROWS_AS(redis.cache.get("k"), larder::ProtocolError);
  CHECK(redis.cache.get("a") == "2");
  CHECK(redis.cache.erase("k"));
}
