/// \file redis_backend_errors_test.cpp
/// RedisBackend and the errors that a server has of its own: each is told by its code, and breaks nothing.
#include <larder/backends/redis_backend.hpp>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/redis_cache.hpp"
#include "tests/support/scripted_server.hpp"

using namespace larder_tests;
using namespace std::chrono_literals;
using larder::ServerError;

namespace {

/// The code of the error that `call()` ends with; empty if it does not.
template <class Call>
std::string code_of(const Call& call) {
  try {
    call();
  } catch (const ServerError& error) {
    return error.code();
  }
  return "";
}

/// A replica of nobody.
const std::vector<std::string> orphan{"--replicaof", "127.0.0.1 1"};

}  // namespace

TEST_CASE("RedisBackend: a server without memory keeps what it has, and is read") {
  if (skipped_without_redis()) return;
  RedisServer server({.max_memory_bytes = 100'000'000});
  RedisCache cache(redis_at(server.port()));
  CHECK(cache.set("k", "old"));
  server.command({"CONFIG", "SET", "maxmemory", "1"});
  CHECK(code_of([&] { cache.set("k", "new"); }) == "OOM");
  CHECK(code_of([&] { cache.set_if_absent("l", "new"); }) == "OOM");
  CHECK(code_of([&] { cache.set_many({{"k", "new"}, {"l", "new"}}); }) == "OOM");
  CHECK(cache.get("k") == "old");
  CHECK(cache.get_entry("k")->value == "old");
  CHECK(cache.exists("k"));
  CHECK(cache.get_many({"k", "l"}).size() == 1);
  CHECK(cache.touch("k", 100s));
  CHECK(cache.stats().errors == 3);
  CHECK(cache.stats().sets == 1);
  CHECK(cache.clear() == 1);
  server.command({"CONFIG", "SET", "maxmemory", "0"});
  CHECK(cache.set("k", "new"));
}

TEST_CASE("RedisBackend: a replica is read and not written") {
  if (skipped_without_redis()) return;
  RedisServer server({.extra_arguments = orphan});
  RedisCache cache(redis_at(server.port()));
  CHECK_FALSE(cache.get("k"));
  CHECK(code_of([&] { cache.set("k", "v"); }) == "READONLY");
  CHECK(code_of([&] { cache.erase("k"); }) == "READONLY");
  CHECK(code_of([&] { cache.set_many({{"k", "v"}, {"l", "v"}}); }) == "READONLY");
  CHECK_FALSE(cache.get_entry("k"));
  CHECK(cache.keys().empty());
  CHECK(cache.clear() == 0);
}

TEST_CASE("RedisBackend: a replica that shows nothing without its master") {
  if (skipped_without_redis()) return;
  RedisServer server({.extra_arguments = orphan});
  server.command({"CONFIG", "SET", "replica-serve-stale-data", "no"});
  RedisCache cache(redis_at(server.port()));
  CHECK(code_of([&] { cache.get("k"); }) == "MASTERDOWN");
  CHECK(code_of([&] { cache.get_many({"k"}); }) == "MASTERDOWN");
  CHECK(code_of([&] { cache.get_entry("k"); }) == "MASTERDOWN");
  CHECK(code_of([&] { cache.keys(); }) == "MASTERDOWN");
  CHECK(cache.stats().misses == 0);
}

TEST_CASE("RedisBackend: a master that wants a replica takes no writes without") {
  if (skipped_without_redis()) return;
  RedisServer server({.extra_arguments = {"--min-replicas-to-write", "1"}});
  RedisCache cache(redis_at(server.port()));
  CHECK(code_of([&] { cache.set("k", "v"); }) == "NOREPLICAS");
  CHECK_FALSE(cache.get("k"));
}

TEST_CASE("RedisBackend: a server of a cluster without slots") {
  if (skipped_without_redis()) return;
  RedisServer server({.cluster = true});
  RedisCache cache(redis_at(server.port()));
  CHECK(code_of([&] { cache.get("k"); }) == "CLUSTERDOWN");
}

TEST_CASE("RedisBackend: a server that is busy with a script, and then is not") {
  if (skipped_without_redis()) return;
  RedisServer server({.extra_arguments = {"--busy-reply-threshold", "20"}});
  RedisCache cache(redis_at(server.port()));
  CHECK(cache.set("k", "v"));
  RespClient other = server.client();
  other.send(resp_command({"EVAL", "while true do end", "0"}));
  std::this_thread::sleep_for(100ms);
  CHECK(code_of([&] { cache.get("k"); }) == "BUSY");
  CHECK(code_of([&] { cache.get_entry("k"); }) == "BUSY");
  CHECK(code_of([&] { cache.set("k", "w"); }) == "BUSY");
  server.command({"SCRIPT", "KILL"});
  CHECK(other.read_reply().is_error());
  CHECK(cache.get("k") == "v");
}

TEST_CASE("RedisBackend: a server with too many clients already") {
  if (skipped_without_redis()) return;
  RedisServer server({.extra_arguments = {"--maxclients", "2"}});
  RedisCache cache(redis_at(server.port()));
  {
    std::vector<RespClient> clients;
    for (int i = 0; i < 2; ++i) clients.push_back(server.client());
    for (auto& client : clients) CHECK(client.command({"PING"}).text == "PONG");
    for (int i = 0; i < 20; ++i) {
      CHECK(code_of([&] { cache.get("k"); }) == "MAXCLIENTS");
      CHECK(code_of([&] { cache.set("k", "v"); }) == "MAXCLIENTS");
    }
    CHECK(code_of([&] { cache.set("k", std::string(8'000'000, 'v')); }) == "MAXCLIENTS");
  }
  for (int attempt = 0; attempt < 100 && !code_of([&] { cache.get("k"); }).empty(); ++attempt) {
    std::this_thread::sleep_for(5ms);
  }
  CHECK(cache.set("k", "v"));
}

TEST_CASE("RedisBackend: any error is told by its code") {
  for (const std::string code : {"LOADING", "BUSY", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "MISCONF", "NOPERM",
                                 "NOREPLICAS", "OOM", "READONLY", "EXECABORT", "UNKILLABLE"}) {
    CAPTURE(code);
    const std::string error = "-" + code + " and why\r\n";
    ScriptedServer server(answer_commands({{"GET", error},
                                           {"MGET", error},
                                           {"SET", error},
                                           {"UNLINK", error},
                                           {"EXISTS", error},
                                           {"PEXPIRE", error},
                                           {"EVAL", error},
                                           {"SCAN", error},
                                           {"PERSIST", error}}));
    RedisCache cache(redis_at(server.port()));
    CHECK(code_of([&] { cache.get("k"); }) == code);
    CHECK(code_of([&] { cache.get_many({"k", "l"}); }) == code);
    CHECK(code_of([&] { cache.get_entry("k"); }) == code);
    CHECK(code_of([&] { cache.set("k", "v"); }) == code);
    CHECK(code_of([&] { cache.set_if_absent("k", "v"); }) == code);
    CHECK(code_of([&] { cache.set_many({{"k", "v"}, {"l", "v"}}); }) == code);
    CHECK(code_of([&] { cache.erase("k"); }) == code);
    CHECK(code_of([&] { cache.erase_many({"k", "l"}); }) == code);
    CHECK(code_of([&] { cache.exists("k"); }) == code);
    CHECK(code_of([&] { cache.touch("k", 1s); }) == code);
    CHECK(code_of([&] { cache.keys(); }) == code);
    CHECK(code_of([&] { cache.clear(); }) == code);
    CHECK(cache.stats().errors == 12);
    CHECK(server.connections() == 1);
    larder::CacheStats stats = cache.stats();
    stats.errors = 0;
    CHECK(stats == larder::CacheStats());
  }
}

TEST_CASE("RedisBackend: an error in the middle of a batch leaves the connection in step") {
  if (skipped_without_redis()) return;
  RedisServer server({.password = "secret", .username = "admin"});
  server.command({"ACL", "SETUSER", "limited", "on", ">other", "~ok*", "+@all"});
  larder::RedisOptions options{.port = server.port(), .username = "limited", .password = "other", .prefix = ""};
  RedisCache cache(options);
  CHECK(code_of([&] { cache.set_many({{"ok1", "1"}, {"forbidden", "2"}, {"ok2", "3"}}); }) == "NOPERM");
  CHECK(cache.stats().sets == 2);
  CHECK(cache.stats().errors == 1);
  CHECK(cache.get("ok1") == "1");
  CHECK(cache.get("ok2") == "3");
  CHECK(code_of([&] { cache.get_many({"ok1", "forbidden"}); }) == "NOPERM");
  CHECK(cache.get_many({"ok1", "ok2"}).size() == 2);
  CHECK(cache.stats().hits == 4);
  CHECK(cache.stats().misses == 0);
}

TEST_CASE("RedisBackend: an error where a value should be is no value") {
  if (skipped_without_redis()) return;
  RedisCache cache(shared_redis());
  // Which are values, and only look like errors.
  for (const std::string value : {"-ERR no", "WRONGTYPE", "+OK", ":1", "$-1"}) {
    CHECK(cache.set("k", value));
    CHECK(cache.get("k") == value);
    CHECK(cache.get_entry("k")->value == value);
  }
}
