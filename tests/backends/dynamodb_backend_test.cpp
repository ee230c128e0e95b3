/// \file dynamodb_backend_test.cpp
/// What DynamoDbBackend adds to the contract: what items look like, limits, batches, tables and pages.
#include <larder/backends/dynamodb_backend.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/dynamodb_cache.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/tls_certificates.hpp"

using namespace larder_tests;
using namespace std::chrono_literals;
using larder::InvalidArgumentError;
using larder::ServerError;
using larder::detail::base64;

namespace {

using larder::detail::Deadline;
using larder::detail::DynamoDbClient;
using larder::detail::DynamoDbReply;

/// What another program is told, in its own words.
std::string ask(const larder::DynamoDbOptions& options, const std::string& operation, const std::string& body) {
  larder::detail::HttpConnection connection(options);
  return connection.post(operation, body, Deadline::in(10s)).body;
}
std::string item_of(const larder::DynamoDbOptions& options, const std::string& key) {
  return ask(options, "GetItem",
             R"({"TableName":"tests","Key":{"k":{"B":")" + base64(options.prefix + key) + R"("}}})");
}
long long seconds_since_1970() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

TEST_CASE("DynamoDbBackend: an item is what it is said to be") {
  if (skipped_without_dynalite()) return;
  const auto options = shared_dynamodb();
  DynamoDbCache cache(options);
  CHECK(cache.set("k", "raw value"));
  std::string item = item_of(options, "k");
  CHECK(contains(item, R"("v":{"B":")" + base64("raw value") + R"("})"));
  CHECK(contains(item, R"("k":{"B":")" + base64(options.prefix + "k") + R"("})"));
  CHECK(contains(item, R"("created_at":{"N":")"));
  CHECK_FALSE(contains(item, "ttl"));
  CHECK_FALSE(contains(item, "expires_at_ms"));
  CHECK(cache.set("k", "v", 90s));
  item = item_of(options, "k");
  const std::size_t ttl = item.find(R"("ttl":{"N":")");
  REQUIRE(ttl != std::string::npos);
  const long long at = std::stoll(item.substr(ttl + 12));
  CHECK(at >= seconds_since_1970() + 88);
  CHECK(at <= seconds_since_1970() + 91);
  CHECK(cache.touch("k", {}));
  CHECK_FALSE(contains(item_of(options, "k"), "ttl"));
  CHECK_FALSE(contains(item_of(options, "k"), "expires_at_ms"));
}

TEST_CASE("DynamoDbBackend: an expired item is not there, though DynamoDB still has it") {
  if (skipped_without_dynalite()) return;
  const auto options = shared_dynamodb();
  DynamoDbCache cache(options);
  for (const char* key : {"get", "erase", "touch", "add", "set"}) CHECK(cache.set(key, "old", 1ms));
  std::this_thread::sleep_for(5ms);
  CHECK(contains(item_of(options, "get"), "Item"));
  CHECK_FALSE(cache.get("get"));
  CHECK_FALSE(cache.exists("get"));
  CHECK_FALSE(cache.get_entry("get"));
  CHECK(cache.get_many({"get"}).empty());
  CHECK(cache.keys().empty());
  CHECK_FALSE(cache.erase("erase"));
  CHECK_FALSE(contains(item_of(options, "erase"), "Item"));
  CHECK_FALSE(cache.touch("touch", 10s));
  CHECK(cache.set_if_absent("add", "new"));
  CHECK(cache.get("add") == "new");
  CHECK(cache.erase_many({"get", "touch", "set"}) == 0);
  CHECK(cache.clear() == 1);
}

TEST_CASE("DynamoDbBackend: TTLs that no clock can count are clamped") {
  if (skipped_without_dynalite()) return;
  DynamoDbCache cache(shared_dynamodb());
  CHECK(cache.set("k", "v", std::chrono::milliseconds::max()));
  CHECK(cache.get("k") == "v");
  CHECK(*cache.get_entry("k")->ttl_remaining() > std::chrono::hours(24 * 365 * 100));
}

TEST_CASE("DynamoDbBackend: entries tell when they were stored, and their metadata") {
  if (skipped_without_dynalite()) return;
  DynamoDbCache cache(shared_dynamodb());
  const auto before = std::chrono::system_clock::now() - 1ms;
  CHECK(cache.set("plain", "v"));
  CHECK(cache.set("k", "v", 100s, {{"type", "user"}, {"", std::string("\0\xff", 2)}}));
  for (const char* key : {"plain", "k"}) {
    const auto entry = cache.get_entry(key);
    REQUIRE(entry);
    CHECK(entry->created_at >= before);
    CHECK(entry->created_at <= std::chrono::system_clock::now());
  }
  CHECK(cache.get_entry("k")->metadata == larder::Metadata{{"type", "user"}, {"", std::string("\0\xff", 2)}});
}

TEST_CASE("DynamoDbBackend: keys of any bytes, with a prefix and without") {
  if (skipped_without_dynalite()) return;
  std::vector<std::string> keys{"",
                                "a",
                                " ",
                                "\r\n",
                                "\"",
                                "\\",
                                "{}",
                                "\xff\xfe",
                                std::string(1, '\0'),
                                std::string(2, '\0'),
                                std::string(3, '\0'),
                                std::string("\0a", 2),
                                std::string(2000, 'k')};
  auto options = shared_dynamodb();
  for (const bool with_prefix : {true, false}) {
    if (!with_prefix) {
      options.table = "without-prefix";
      options.prefix.clear();
    }
    DynamoDbCache cache(options);
    for (std::size_t i = 0; i < keys.size(); ++i) CHECK(cache.set_if_absent(keys[i], std::to_string(i)));
    for (std::size_t i = 0; i < keys.size(); ++i) CHECK(cache.get(keys[i]) == std::to_string(i));
    CHECK(cache.get_many(keys).size() == keys.size());
    auto listed = cache.keys();
    std::sort(listed.begin(), listed.end());
    auto sorted = keys;
    std::sort(sorted.begin(), sorted.end());
    CHECK(listed == sorted);
    CHECK(cache.clear() == keys.size());
  }
}

TEST_CASE("DynamoDbBackend: a key that is too long is refused before anything is done") {
  if (skipped_without_dynalite()) return;
  DynamoDbCache cache(shared_dynamodb());
  const std::string longest(2048 - cache.options().prefix.size(), 'k');
  CHECK(cache.set(longest, "v"));
  CHECK(cache.get(longest) == "v");
  CHECK_THROWS_AS(cache.set(longest + "k", "v"), InvalidArgumentError);
  CHECK_THROWS_AS(cache.set_many({{"a", "1"}, {longest + "k", "2"}}), InvalidArgumentError);
  CHECK_FALSE(cache.exists("a"));
}

TEST_CASE("DynamoDbBackend: a value that is too large is declined, and the old one is gone") {
  if (skipped_without_dynalite()) return;
  auto options = shared_dynamodb();
  options.max_value_bytes = 1'000'000;  // so that it is the item's limit that counts
  DynamoDbCache cache(options);
  CHECK(cache.set("k", std::string(409'000, 'v')));
  CHECK(cache.get("k")->size() == 409'000);
  CHECK_FALSE(cache.set("k", std::string(410'000, 'v')));
  CHECK_FALSE(cache.get("k"));
  // Whether by our count or by the server's.
  for (std::size_t size = 409'450; size <= 409'600; size += 10) {
    CAPTURE(size);
    CHECK(cache.set("k", "old"));
    const bool stored = cache.set("k", std::string(size, 'v'));
    CHECK(cache.exists("k") == stored);
  }
  CHECK(cache.set("k", "old"));
  CHECK_FALSE(cache.set_if_absent("k", std::string(500'000, 'v')));
  CHECK(cache.get("k") == "old");
  CHECK(cache.set_many({{"a", "1"}, {"k", std::string(500'000, 'v')}, {"b", "2"}}) == 2);
  CHECK_FALSE(cache.get("k"));
  CHECK(cache.get("b") == "2");
  CHECK(cache.stats().errors == 0);
}

TEST_CASE("DynamoDbBackend: batches of more keys and bytes than a request has") {
  if (skipped_without_dynalite()) return;
  DynamoDbCache cache(shared_dynamodb());
  std::vector<std::pair<std::string, std::string>> items;
  for (std::size_t i = 0; i < 260; ++i) {
    items.emplace_back("key " + std::to_string(i), std::string(i % 50 == 0 ? 300'000 : 10, 'v') + std::to_string(i));
  }
  CHECK(cache.set_many(items) == items.size());
  std::vector<std::string> keys;
  for (const auto& [key, value] : items) keys.push_back(key);
  keys.push_back("missing");
  const auto found = cache.get_many(keys);
  CHECK(found.size() == items.size());
  std::size_t right = 0;
  for (const auto& [key, value] : items) right += found.at(key) == value ? 1 : 0;
  CHECK(right == items.size());
  CHECK(cache.stats().hits == 260);
  CHECK(cache.stats().misses == 1);
  CHECK(cache.keys("key 25?").size() == 10);
  CHECK(cache.erase_many(keys) == items.size());
  CHECK(cache.stats().deletes == items.size());
}

TEST_CASE("DynamoDbBackend: a batch with the same key several times") {
  if (skipped_without_dynalite()) return;
  DynamoDbCache cache(shared_dynamodb());
  CHECK(cache.set_many({{"a", "1"}, {"b", "2"}, {"a", "3"}}) == 3);
  CHECK(cache.stats().sets == 3);
  CHECK(cache.get("a") == "3");
  CHECK(cache.get_many({"a", "a", "none", "b"}).size() == 2);
  CHECK(cache.stats().hits == 4);
  CHECK(cache.set_many({{"a", "1"}, {"a", std::string(500'000, 'v')}}) == 1);
  CHECK_FALSE(cache.exists("a"));
  CHECK(cache.erase_many({"a", "b", "b"}) == 1);
}

TEST_CASE("DynamoDbBackend: clear and keys read all pages, and touch nobody else's items") {
  if (skipped_without_dynalite()) return;
  auto options = shared_dynamodb();
  options.table = "pages";
  DynamoDbCache cache(options);
  auto others = options;
  others.prefix = options.prefix.substr(0, options.prefix.size() - 1);  // which ours begins with
  DynamoDbCache other(others);
  CHECK(other.set("x", "v"));
  // More than 1 MB, which is what a page of a scan has.
  for (int i = 0; i < 8; ++i) CHECK(cache.set("large " + std::to_string(i), std::string(300'000, 'v')));
  CHECK(cache.keys().size() == 8);
  CHECK(cache.keys("*3").size() == 1);
  CHECK(cache.clear() == 8);
  CHECK(cache.keys().empty());
  CHECK(other.get("x") == "v");
}

TEST_CASE("DynamoDbBackend: a table is created if that is wanted, by many at once", "[threads]") {
  if (skipped_without_dynalite()) return;
  DynaliteServer slow(300ms);
  auto options = dynamodb_at(slow.port());
  {
    DynamoDbCache cache(options);
    std::string code;
    try {
      cache.get("k");
    } catch (const ServerError& error) {
      code = error.code();
    }
    CHECK(code == "ResourceNotFoundException");
  }
  options.create_table = true;
  std::vector<std::thread> threads;
  std::atomic<int> stored{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&options, &stored, i] {
      DynamoDbCache cache(options);
      stored += cache.set(std::to_string(i), "v") ? 1 : 0;
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(stored == 4);
}

TEST_CASE("DynamoDbBackend: a table that takes longer than a call is waited for by the next one") {
  if (skipped_without_dynalite()) return;
  DynaliteServer slow(600ms);
  auto options = dynamodb_at(slow.port(), 200ms);
  options.create_table = true;
  DynamoDbCache cache(options);
  CHECK_THROWS_AS(cache.get("k"), larder::TimeoutError);
  bool is_there = false;
  for (int attempt = 0; attempt < 20 && !is_there; ++attempt) {
    try {
      is_there = cache.set("k", "v");
    } catch (const larder::TimeoutError&) {
    }
  }
  CHECK(is_there);
}

TEST_CASE("DynamoDbBackend: integers as keys, plain objects as values") {
  if (skipped_without_dynalite()) return;
  struct Point {
    int x = 0;
    int y = 0;
  };
  larder::DynamoDbBackend<std::int64_t, Point> cache(shared_dynamodb());
  CHECK(cache.set(-7, Point{1, 2}));
  CHECK(cache.get(-7)->y == 2);
  CHECK(cache.keys() == std::vector<std::int64_t>{-7});
}

TEST_CASE("DynamoDbBackend: through TLS, to servers that prove who they are and to others") {
  if (skipped_without_dynalite() || skipped_without_openssl()) return;
  DynaliteServer server(0ms, tls_certificates().server);
  auto options = dynamodb_at(server.port());
  options.endpoint = server.url();
  options.create_table = true;
  options.ca_file = tls_certificates().authority;
  DynamoDbCache cache(options);
  for (const std::size_t size : {0U, 1U, 20'000U, 300'000U}) {
    CHECK(cache.set("k", std::string(size, 'v')));
    CHECK(cache.get("k") == std::string(size, 'v'));
  }
  auto distrustful = options;
  distrustful.ca_file.clear();
  CHECK_THROWS_AS(DynamoDbCache(distrustful).get("k"), larder::ConnectionError);
  distrustful.verify = false;
  CHECK(DynamoDbCache(distrustful).exists("k"));
  DynaliteServer impostor(0ms, tls_certificates().wrong_host);
  options.endpoint = impostor.url();
  CHECK_THROWS_AS(DynamoDbCache(options).get("k"), larder::ConnectionError);
}
