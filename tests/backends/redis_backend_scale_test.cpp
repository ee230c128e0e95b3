/// \file redis_backend_scale_test.cpp
/// RedisBackend among a great many keys of others: it touches none of them, and does not hold the server up.
#include <larder/backends/redis_backend.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/redis_cache.hpp"

using namespace larder_tests;
using namespace std::chrono_literals;

namespace {

/// The longest that one command has taken at the server, of all since it was last asked.
std::chrono::microseconds slowest_command(RespClient& client) {
  std::chrono::microseconds slowest{};
  for (const auto& entry : client.expect({"SLOWLOG", "GET", "-1"}).elements) {
    slowest = std::max(slowest, std::chrono::microseconds(std::stoll(entry.elements.at(2).text)));
  }
  client.expect({"SLOWLOG", "RESET"});
  return slowest;
}

void check_among(std::size_t others, std::size_t own) {
  RedisServer server({.extra_arguments = {"--enable-debug-command", "local", "--slowlog-max-len", "100000"}});
  RespClient client = server.client(60s);
  client.expect({"DEBUG", "POPULATE", std::to_string(others), "tenant"});
  auto options = redis_at(server.port());
  options.prefix = "tenant?";  // theirs are "tenant:0" and so on
  RedisCache cache(options);
  std::vector<std::pair<std::string, std::string>> items;
  for (std::size_t i = 0; i < own; ++i) items.emplace_back(std::to_string(i), "v");
  // Another program may take the processor in the middle of a command, but not of the same one each time.
  std::chrono::microseconds keys_step = 1h;
  std::chrono::microseconds clear_step = 1h;
  std::chrono::milliseconds keys_took{};
  std::chrono::milliseconds clear_took{};
  for (int attempt = 0; attempt < 3 && (keys_step > 20ms || clear_step > 20ms); ++attempt) {
    REQUIRE(cache.set_many(items) == own);
    client.expect({"CONFIG", "SET", "slowlog-log-slower-than", "1000"});
    client.expect({"SLOWLOG", "RESET"});
    auto begin = std::chrono::steady_clock::now();
    CHECK(cache.keys().size() == own);
    keys_took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
    keys_step = slowest_command(client);
    begin = std::chrono::steady_clock::now();
    CHECK(cache.clear() == own);
    clear_took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
    clear_step = slowest_command(client);
    CHECK(client.expect({"DBSIZE"}).text == std::to_string(others));
  }
  std::ostringstream text;
  text << others << " keys of others, " << own << " own: keys " << keys_took.count() << " ms, a step "
       << keys_step.count() << " us at most; clear " << clear_took.count() << " ms, a step " << clear_step.count()
       << " us at most";
  INFO(text.str());
  CHECK(keys_step <= 20ms);
  CHECK(clear_step <= 20ms);
  if (others > 500'000) WARN(text.str());
}

}  // namespace

TEST_CASE("RedisBackend: keys and clear among 50,000 keys of others") {
  if (skipped_without_redis()) return;
  check_among(50'000, 5'000);
}

TEST_CASE("RedisBackend: keys and clear among a million keys of others", "[.][campaign]") {
  if (skipped_without_redis()) return;
  check_among(1'000'000, 100'000);
}
