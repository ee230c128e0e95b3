/// \file memcached_backend_test.cpp
/// What MemcachedBackend adds to the contract: how entries are stored, what a server declines, and `clear`.
#include <larder/backends/memcached_backend.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/memcached_cache.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/tls_certificates.hpp"

using namespace larder_tests;
using namespace std::chrono_literals;
using larder::InvalidArgumentError;
using larder::NotSupportedError;
using larder::ServerError;

namespace {

/// Seconds that the server has left for a key of a cache without generations.
long long seconds_left(const larder::MemcachedOptions& options, const std::string& key) {
  const std::string answer = shared_memcached_server().command("mg " + options.prefix + key + " t");
  return answer.starts_with("HD t") ? std::stoll(answer.substr(4)) : 0;
}

larder::MemcachedOptions without_generations() {
  auto options = shared_memcached();
  options.clearable = false;
  return options;
}

}  // namespace

TEST_CASE("MemcachedBackend: a value is stored raw for other clients under prefix, generation and key") {
  if (skipped_without_memcached()) return;
  const auto options = shared_memcached();
  MemcachedCache cache(options);
  const MemcachedServer& server = shared_memcached_server();
  CHECK(cache.set("k", "raw \r\n value"));
  const std::string name = options.prefix + generation_of(server, options) + ":k";
  CHECK(server.command("mg " + name + " v") == "VA 12\nraw \r\n value");
  CHECK(server.command("ms " + name + " 5\r\nother") == "HD");
  CHECK(cache.get("k") == "other");
}

TEST_CASE("MemcachedBackend: without generations a key is prefix and key, and clear is not supported") {
  if (skipped_without_memcached()) return;
  const auto options = without_generations();
  MemcachedCache cache(options);
  CHECK(cache.set("k", "v"));
  CHECK(shared_memcached_server().command("mg " + options.prefix + "k v") == "VA 1\nv");
  CHECK_THROWS_AS(cache.clear(), NotSupportedError);
  CHECK(cache.get("k") == "v");
}

TEST_CASE("MemcachedBackend: keys cannot be listed") {
  if (skipped_without_memcached()) return;
  MemcachedCache cache(shared_memcached());
  CHECK_THROWS_AS(cache.keys(), NotSupportedError);
}

TEST_CASE("MemcachedBackend: TTLs of up to 30 days are sent as they are, longer ones as a time of day") {
  if (skipped_without_memcached()) return;
  const auto options = without_generations();
  MemcachedCache cache(options);
  const auto left_of = [&](larder::Ttl ttl) {
    CHECK(cache.set("k", "v", ttl));
    return seconds_left(options, "k");
  };
  constexpr long long day = 86'400;
  // One second more, since the server's clock may be about to tick.
  CHECK(left_of(10s) == 11);
  CHECK(left_of(9001ms) == 11);
  CHECK(left_of(1ms) == 2);
  for (const long long seconds : {30 * day - 1, 30 * day, 30 * day + 1, 60 * day, 365 * day}) {
    CAPTURE(seconds);
    const long long left = left_of(std::chrono::seconds(seconds));
    CHECK(left >= seconds);
    CHECK(left <= seconds + 3);
  }
  // There is no later time for a server than this.
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
  for (const auto ttl : {std::chrono::hours(24) * 365 * 100, std::chrono::hours::max()}) {
    const long long left = left_of(ttl);
    CHECK(left >= 0x7fffffff - now.count() - 3);
    CHECK(left <= 0x7fffffff - now.count() + 3);
  }
  CHECK(left_of({}) == -1);
  CHECK(cache.touch("k", 100s));
  CHECK(seconds_left(options, "k") == 101);
  CHECK(cache.touch("k", {}));
  CHECK(seconds_left(options, "k") == -1);
}

TEST_CASE("MemcachedBackend: default_ttl is for what has none") {
  if (skipped_without_memcached()) return;
  auto options = without_generations();
  options.default_ttl = 100s;
  MemcachedCache cache(options);
  CHECK(cache.set("k", "v"));
  CHECK(seconds_left(options, "k") == 101);
  CHECK(cache.set("k", "v", 10s));
  CHECK(seconds_left(options, "k") == 11);
  CHECK(cache.touch("k", {}));
  CHECK(seconds_left(options, "k") == 101);
  CHECK(cache.set_many({{"a", "1"}}) == 1);
  CHECK(seconds_left(options, "a") == 101);
}

TEST_CASE("MemcachedBackend: a value that is too large is declined, and the old one is gone") {
  if (skipped_without_memcached()) return;
  MemcachedCache cache(shared_memcached());
  const std::string largest(cache.options().max_value_bytes, 'v');
  CHECK(cache.set("k", largest));
  CHECK(cache.get("k") == largest);
  CHECK_FALSE(cache.set("k", largest + "v"));
  CHECK_FALSE(cache.get("k"));
  CHECK(cache.set("k", "old"));
  CHECK_FALSE(cache.set_if_absent("k", largest + "v"));
  CHECK(cache.get("k") == "old");
  CHECK(cache.set_many({{"a", "1"}, {"k", largest + "v"}, {"b", "2"}}) == 2);
  CHECK_FALSE(cache.get("k"));
  CHECK(cache.get("b") == "2");
  CHECK(cache.stats().errors == 0);
}

TEST_CASE("MemcachedBackend: so is one that the server itself finds too large") {
  if (skipped_without_memcached()) return;
  MemcachedServer small({.extra_arguments = {"-I", "512k"}});
  MemcachedCache cache(memcached_at(small.port()));
  CHECK(cache.set("k", "old"));
  CHECK_FALSE(cache.set("k", std::string(600'000, 'v')));
  CHECK_FALSE(cache.get("k"));
  CHECK(cache.set_many({{"a", "1"}, {"k", std::string(600'000, 'v')}, {"b", "2"}}) == 2);
  CHECK(cache.get_many({"a", "k", "b"}).size() == 2);
  CHECK(cache.stats().errors == 0);
  CHECK(cache.stats().sets == 3);
}

TEST_CASE("MemcachedBackend: keys of any bytes and lengths round-trip, and none collides with another") {
  if (skipped_without_memcached()) return;
  std::vector<std::string> keys{"",
                                " ",
                                "a",
                                "a b",
                                "\r\n",
                                std::string(1, '\0'),
                                std::string(2, '\0'),
                                "\x7f",
                                "\xff\xfe",
                                "#",
                                "##",
                                "YQ==",
                                "YSBi",
                                "k\r\nset x 0 0 1\r\n1\r\n",
                                "mn\r\n",
                                "caf\xc3\xa9"};
  for (const std::size_t size : {120U, 180U, 186U, 187U, 188U, 230U, 240U, 250U, 251U, 1000U, 100'000U}) {
    keys.push_back(std::string(size, 'k'));
    keys.push_back(std::string(size - 1, 'k') + " ");
    keys.push_back("#" + std::string(size - 1, 'k'));
  }
  for (const bool clearable : {true, false}) {
    for (const std::string& prefix :
         {std::string("plain:"), std::string("with space\r\n:"), std::string(), std::string(300, 'p')}) {
      CAPTURE(clearable, prefix.size());
      auto options = shared_memcached();
      options.clearable = clearable;
      options.prefix = prefix + (prefix.empty() ? "" : fresh_prefix());
      MemcachedCache cache(options);
      for (const std::string& key : keys) cache.erase(key);
      for (std::size_t i = 0; i < keys.size(); ++i) {
        CHECK(cache.set_if_absent(keys[i], "value " + std::to_string(i)));
      }
      const auto all = cache.get_many(keys);
      CHECK(all.size() == keys.size());
      for (std::size_t i = 0; i < keys.size(); ++i) {
        CAPTURE(keys[i].substr(0, 300));
        CHECK(cache.get(keys[i]) == "value " + std::to_string(i));
        CHECK(all.at(keys[i]) == "value " + std::to_string(i));
        CHECK(cache.exists(keys[i]));
        CHECK(cache.get_entry(keys[i])->key == keys[i]);
      }
      CHECK(cache.erase_many(keys) == keys.size());
    }
  }
}

TEST_CASE("MemcachedBackend: a hashed key's value tells whose it is") {
  if (skipped_without_memcached()) return;
  auto options = without_generations();
  std::vector<std::string> reasons;
  options.on_undecodable = [&reasons](std::string_view, std::string_view reason) { reasons.emplace_back(reason); };
  MemcachedCache cache(options);
  const std::string key(300, 'k');
  CHECK(cache.set(key, "v", {}, {{"type", "long"}}));
  CHECK(cache.get_entry(key)->metadata.at("type") == "long");
  const std::string token = larder::detail::MemcachedKey::of(options.prefix, {}, key).token;
  const MemcachedServer& server = shared_memcached_server();
  const std::string stored = server.command("mg " + token + " v");
  CHECK(contains(stored, key));
  // As if another key had the same hash.
  using larder::detail::Envelope;
  const std::string other = Envelope::seal("other", {}, {}, std::string(299, 'k') + "x");
  for (const std::string& foreign : {other, Envelope::seal("other", {}, {}), std::string("raw")}) {
    CHECK(server.command("ms " + token + " " + std::to_string(foreign.size()) + "\r\n" + foreign) == "HD");
    CHECK_FALSE(cache.get(key));
  }
  CHECK(reasons.size() == 3);
  CHECK(cache.stats().undecodable == 3);
}

TEST_CASE("MemcachedBackend: clear is seen at once by everybody who has the prefix, and by nobody else") {
  if (skipped_without_memcached()) return;
  const auto options = shared_memcached();
  MemcachedCache one(options);
  MemcachedCache two(options);
  auto longer = options;
  longer.prefix += "x:";
  MemcachedCache other(longer);
  one.set("k", "v");
  two.set("l", "w");
  other.set("k", "other");
  CHECK(two.get("k") == "v");
  CHECK(one.clear() == 0);
  CHECK_FALSE(two.get("k"));
  CHECK(two.get_many({"k", "l"}).empty());
  CHECK_FALSE(two.erase("l"));
  CHECK_FALSE(two.exists("l"));
  CHECK_FALSE(two.touch("l", 100s));
  CHECK(two.set_if_absent("l", "new"));
  CHECK(one.get("l") == "new");
  CHECK(other.get("k") == "other");
  two.clear();
  CHECK(one.set_many({{"a", "1"}, {"b", "2"}}) == 2);
  CHECK(two.get_many({"a", "b"}).size() == 2);
}

TEST_CASE("MemcachedBackend: what was stored before the generation was lost never comes back") {
  if (skipped_without_memcached()) return;
  const auto options = shared_memcached();
  MemcachedCache one(options);
  MemcachedCache two(options);
  MemcachedServer& server = shared_memcached_server();
  const std::string generation_key = options.prefix + "generation";
  one.set("k", "old");
  const std::string old = generation_of(server, options);
  CHECK(server.command("md " + generation_key) == "HD");
  CHECK_FALSE(two.get("k"));
  CHECK_FALSE(one.get("k"));
  CHECK(generation_of(server, options) != old);
  CHECK(one.set("k", "new"));
  CHECK(two.get("k") == "new");
  // Somebody stores something else there.
  for (const std::string& foreign :
       {std::string("1"), std::string(11, ' '), std::string("AAAAA\r\nAAAA"), std::string(5000, 'x')}) {
    CHECK(server.command("ms " + generation_key + " " + std::to_string(foreign.size()) + "\r\n" + foreign) == "HD");
    one.set("k", "v");
    CHECK(two.get("k") == "v");
    MemcachedCache three(options);
    CHECK(three.get("k") == "v");
  }
}

TEST_CASE("MemcachedBackend: many objects agree on the first generation", "[threads]") {
  if (skipped_without_memcached()) return;
  for (int round = 0; round < 20; ++round) {
    const auto options = shared_memcached();
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&options, i] {
        MemcachedCache cache(options);
        cache.set("key " + std::to_string(i), "v");
      });
    }
    for (auto& thread : threads) thread.join();
    MemcachedCache cache(options);
    std::size_t found = 0;
    for (int i = 0; i < 8; ++i) found += cache.exists("key " + std::to_string(i)) ? 1 : 0;
    CHECK(found == 8);
  }
}

TEST_CASE("MemcachedBackend: metadata and the creation time come back; without metadata it is unknown") {
  if (skipped_without_memcached()) return;
  MemcachedCache cache(shared_memcached());
  const auto before = std::chrono::system_clock::now() - 1ms;
  CHECK(cache.set("k", "v", 100s, {{"type", "user"}, {"", std::string("\0\r\n", 3)}}));
  const auto entry = cache.get_entry("k");
  REQUIRE(entry);
  CHECK(entry->metadata == larder::Metadata{{"type", "user"}, {"", std::string("\0\r\n", 3)}});
  CHECK(entry->created_at >= before);
  CHECK(entry->created_at <= std::chrono::system_clock::now());
  CHECK(*entry->ttl_remaining() > 98s);
  CHECK(*entry->ttl_remaining() <= 101s);
  CHECK(cache.set("k", "v"));
  CHECK(cache.get_entry("k")->created_at == std::chrono::system_clock::time_point());
  CHECK_FALSE(cache.get_entry("k")->expires_at);
}

TEST_CASE("MemcachedBackend: batches of more keys and bytes than one exchange has") {
  if (skipped_without_memcached()) return;
  MemcachedCache cache(shared_memcached());
  std::vector<std::pair<std::string, std::string>> items;
  for (std::size_t i = 0; i < 2500; ++i) {
    // Some of them in base64, some hashed, some large.
    std::string key = (i % 7 == 0 ? "with space " : "k") + std::to_string(i);
    if (i % 11 == 0) key.append(300, 'x');
    items.emplace_back(key, std::string(i % 100 == 0 ? 300'000 : i % 50, 'v') + std::to_string(i));
  }
  CHECK(cache.set_many(items) == items.size());
  std::vector<std::string> keys;
  for (const auto& [key, value] : items) keys.push_back(key);
  for (std::size_t i = 0; i < 500; ++i) keys.push_back("missing " + std::to_string(i));
  const auto found = cache.get_many(keys);
  CHECK(found.size() == items.size());
  std::size_t right = 0;
  for (const auto& [key, value] : items) right += found.at(key) == value ? 1 : 0;
  CHECK(right == items.size());
  CHECK(cache.stats().hits == 2500);
  CHECK(cache.stats().misses == 500);
  CHECK(cache.erase_many(keys) == items.size());
}

TEST_CASE("MemcachedBackend: a batch with the same key several times") {
  if (skipped_without_memcached()) return;
  MemcachedCache cache(shared_memcached());
  CHECK(cache.set_many({{"a", "1"}, {"b", "2"}, {"a", "3"}}) == 3);
  CHECK(cache.get("a") == "3");
  std::vector<std::optional<std::string>> values(5);
  const std::vector<std::string_view> keys{"a", "a", "none", "b", "a"};
  cache.get_many(std::span<const std::string_view>(keys), std::span<std::optional<std::string>>(values));
  CHECK(values == std::vector<std::optional<std::string>>{"3", "3", std::nullopt, "2", "3"});
  CHECK(cache.erase_many({"a", "a", "b"}) == 2);
}

TEST_CASE("MemcachedBackend: integers as keys, plain objects as values") {
  if (skipped_without_memcached()) return;
  struct Point {
    int x = 0;
    int y = 0;
  };
  larder::MemcachedBackend<std::int64_t, Point> cache(shared_memcached());
  CHECK(cache.set(-7, Point{1, 2}));
  CHECK(cache.get(-7)->y == 2);
  CHECK(cache.get_many({-7, 8}).size() == 1);
}

TEST_CASE("MemcachedBackend: a server that wants to know who we are") {
  if (skipped_without_memcached()) return;
  TemporaryFolder folder;
  std::ofstream(folder.path("users")) << "alice:correct-horse\n";
  MemcachedServer server({.extra_arguments = {"-Y", folder.path("users")}});
  auto options = memcached_at(server.port());
  MemcachedCache nobody(options);
  CHECK(message_of<ServerError>([&] { nobody.get("k"); }).find("unauthenticated") != std::string::npos);
  options.username = "alice";
  options.password = "correct-horse";
  MemcachedCache alice(options);
  CHECK(alice.set("k", "v"));
  CHECK(alice.get("k") == "v");
  options.password = "wrong-horse";
  MemcachedCache mallory(options);
  const std::string message = message_of<ServerError>([&] { mallory.get("k"); });
  CHECK(contains(message, "does not take username and password"));
  CHECK_FALSE(contains(message, "horse"));
  CHECK(mallory.stats().errors == 1);
}

TEST_CASE("MemcachedBackend: a server that does not want to know who we are does not store the password") {
  if (skipped_without_memcached()) return;
  MemcachedServer server;
  auto options = memcached_at(server.port());
  options.username = "alice";
  options.password = "correct-horse";
  MemcachedCache cache(options);
  CHECK(cache.set("k", "v"));
  CHECK(cache.get("k") == "v");
  CHECK(server.command("mg larder v").starts_with("EN"));
}

TEST_CASE("MemcachedBackend: through TLS") {
  if (skipped_without_memcached() || skipped_without_openssl()) return;
  const TlsCertificate& own = tls_certificates().server;
  MemcachedServer server(
      {.extra_arguments = {"-Z", "-o", "ssl_chain_cert=" + own.certificate + ",ssl_key=" + own.key}, .tls = true});
  auto options = memcached_at(server.port());
  options.tls = {.enabled = true, .ca_file = tls_certificates().authority};
  MemcachedCache cache(options);
  for (const std::size_t size : {0U, 1U, 3000U, 16'000U, 16'384U, 16'385U, 900'000U}) {
    const std::string value(size, 'v');
    CHECK(cache.set("k", value));
    CHECK(cache.get("k") == value);
  }
  std::vector<std::pair<std::string, std::string>> items;
  for (std::size_t i = 0; i < 1500; ++i) items.emplace_back("key " + std::to_string(i), std::string(i % 3000, 'v'));
  CHECK(cache.set_many(items) == items.size());
  std::vector<std::string> keys;
  for (const auto& [key, value] : items) keys.push_back(key);
  CHECK(cache.get_many(keys).size() == items.size());
  CHECK(cache.erase_many(keys) == items.size());
  options.tls.server_name = "somebody.else.example";
  MemcachedCache of_another_name(options);
  CHECK_THROWS_AS(of_another_name.get("k"), larder::ConnectionError);
  options.tls.server_name.clear();
  options.tls.ca_file.clear();
  MemcachedCache distrustful(options);
  CHECK_THROWS_AS(distrustful.get("k"), larder::ConnectionError);
}

TEST_CASE("MemcachedBackend: over a socket in the file system") {
  if (skipped_without_memcached()) return;
  MemcachedServer server({.unix_socket = true});
  MemcachedCache cache(memcached_at(server.name()));
  CHECK(cache.set("k", "v"));
  CHECK(cache.get("k") == "v");
  MemcachedCache by_url(
      larder::MemcachedOptions::from_url("memcached+unix://" + server.name() + "?prefix=" + cache.options().prefix));
  CHECK(by_url.get("k") == "v");
}

TEST_CASE("MemcachedBackend: a full server that evicts nothing says so, and reads go on") {
  if (skipped_without_memcached()) return;
  MemcachedServer server({.extra_arguments = {"-M", "-m", "2", "-o", "slab_chunk_max=256"}});
  MemcachedCache cache(memcached_at(server.port()));
  CHECK(cache.set("first", "v"));
  std::string code;
  for (int i = 0; i < 10'000 && code.empty(); ++i) {
    try {
      cache.set("key " + std::to_string(i), std::string(10'000, 'v'));
    } catch (const ServerError& error) {
      code = error.code();
    }
  }
  CHECK(code == "SERVER_ERROR");
  CHECK(cache.get("first") == "v");
  CHECK(cache.stats().errors == 1);
}
