/// \file redis_backend_hostile_test.cpp
/// Servers that mean harm, or are broken: whatever they say, a call ends with a typed error in time, takes no memory to
/// speak of, and no key ever gets another one's value. Tests that start threads: [threads].
#include <larder/backends/redis_backend.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/echo_redis.hpp"
#include "tests/support/peak_memory.hpp"

namespace {

using larder::Bytes;
using larder::CacheError;
using larder::ConnectionError;
using larder::ProtocolError;
using larder::RedisBackend;
using larder::RedisOptions;
using larder::TimeoutError;
using larder_tests::EchoRedis;
using larder_tests::echo_value;
using larder_tests::PeakMemory;
using Connection = larder_tests::ScriptedServer::Connection;
using Command = larder_tests::ScriptedServer::Command;
using Time = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto timeout = 200ms;
/// By how much a call may be late.
constexpr auto slack = 50ms;
constexpr std::size_t max_reply_bytes = std::size_t{1} << 20;
constexpr std::size_t memory_limit = std::size_t{16} << 20;

RedisOptions options_for(const EchoRedis& server) {
  return {.port = server.port(), .prefix = "", .timeout = timeout, .scan_timeout = timeout,
          .max_reply_bytes = max_reply_bytes};
}

EchoRedis::Misbehaviour say(std::string bytes) {
  return [bytes](Connection& connection, const Command&) { connection.send(bytes); };
}
/// And then for ever.
EchoRedis::Misbehaviour say_without_end(std::string begin, std::string again) {
  return [begin, again](Connection& connection, const Command&) {
    connection.send(begin);
    connection.send_forever(again);
  };
}

enum class Kind { broken, late, senseless };

std::string to_text(Kind kind) {
  return kind == Kind::broken ? "ConnectionError" : kind == Kind::late ? "TimeoutError" : "ProtocolError";
}

/// What `call` throws; a miss or a value is a failure of the test.
template <class Call>
std::optional<Kind> thrown_by(const Call& call) {
  try {
    call();
  } catch (const ConnectionError&) {
    return Kind::broken;
  } catch (const TimeoutError&) {
    return Kind::late;
  } catch (const ProtocolError&) {
    return Kind::senseless;
  }
  return std::nullopt;
}

/// Expects that `call` throws such an error in time and without much memory; afterwards all is well again.
template <class Call>
void expect_error(EchoRedis& server, RedisBackend<>& cache, const EchoRedis::Misbehaviour& how, Kind expected,
                  const Call& call) {
  // The machine may have better things to do for a moment, but not every time.
  for (int attempt = 1;; ++attempt) {
    CHECK(cache.get("before") == echo_value("before"));
    const auto before = cache.stats();
    server.misbehave(how);
    const PeakMemory memory;
    const auto begin = Time::now();
    const auto thrown = thrown_by([&] { call(cache); });
    const auto took = Time::now() - begin;
    const auto growth = memory.growth();
    server.behave();
    REQUIRE(thrown.has_value());
    CHECK(to_text(*thrown) == to_text(expected));
    if (growth) CHECK(*growth < memory_limit);
    const auto after = cache.stats();
    CHECK(after.errors == before.errors + 1);
    CHECK(after.hits == before.hits);
    CHECK(after.misses == before.misses);
    CHECK(cache.get("after") == echo_value("after"));
    if (took <= timeout + slack) break;
    CAPTURE(std::chrono::duration_cast<std::chrono::milliseconds>(took).count());
    REQUIRE(attempt < 3);
  }
}

struct Case {
  const char* name;
  EchoRedis::Misbehaviour how;
  Kind expected;
};

std::string nested(std::size_t levels) {
  std::string text;
  for (std::size_t i = 0; i < levels; ++i) text += "*1\r\n";
  return text + ":1\r\n";
}

std::string numbers(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += ":1\r\n";
  return text;
}

std::vector<Case> replies_to_a_get() {
  return {
      {"a text longer than it says", say("$3\r\nabcdef\r\n"), Kind::senseless},
      {"a text shorter than it says", say("$10\r\nabc\r\n"), Kind::late},
      {"a negative length", say("$-5\r\n"), Kind::senseless},
      {"a length of 20 digits", say("$99999999999999999999\r\n"), Kind::senseless},
      {"a length that is none", say("$ten\r\n"), Kind::senseless},
      {"a huge text that is only announced", say("$536870912\r\n"), Kind::senseless},
      {"a huge text", say_without_end("$536870912\r\n", std::string(65536, 'x')), Kind::senseless},
      {"a text just above the limit",
       say_without_end("$" + std::to_string(max_reply_bytes + 2000) + "\r\n", std::string(65536, 'x')), Kind::senseless},
      {"a huge array that is only announced", say("*1000000000\r\n"), Kind::senseless},
      {"an array of huge arrays", say("*1000000\r\n*1000000\r\n"), Kind::senseless},
      {"an endless array", say_without_end("*1000000\r\n", numbers(10'000)), Kind::senseless},
      {"an endless status", say_without_end("+", std::string(4096, 'a')), Kind::senseless},
      {"an endless error", say_without_end("-", std::string(4096, 'a')), Kind::senseless},
      {"an endless number", say_without_end(":", std::string(4096, '1')), Kind::senseless},
      {"an endless length", say_without_end("$", std::string(4096, '1')), Kind::senseless},
      {"arrays in arrays, eight levels", say(nested(8)), Kind::senseless},
      {"arrays in arrays, 100,000 levels", say(nested(100'000)), Kind::senseless},
      {"one reply too many", say("$1\r\na\r\n$1\r\nb\r\n"), Kind::senseless},
      {"the beginning of one reply too many", say("$1\r\na\r\n$"), Kind::senseless},
      {"a status", say("+OK\r\n"), Kind::senseless},
      {"a number", say(":1\r\n"), Kind::senseless},
      {"an array", say("*1\r\n$1\r\na\r\n"), Kind::senseless},
      {"another protocol", say("HTTP/1.1 400 Bad Request\r\n\r\n"), Kind::senseless},
      {"garbage", say(std::string("\0\xff\x01garbage\r\n", 12)), Kind::senseless},
      {"nothing", [](Connection& connection, const Command&) { connection.wait_closed(); }, Kind::late},
      {"half a reply, then silence", say("$10\r\nabc"), Kind::late},
      {"half a reply, then the end",
       [](Connection& connection, const Command&) {
         connection.send("$10\r\nabc");
         connection.close();
       },
       Kind::broken},
      {"a reset", [](Connection& connection, const Command&) { connection.reset(); }, Kind::broken},
      {"the end", [](Connection& connection, const Command&) { connection.close(); }, Kind::broken},
      {"a reply that drips",
       [](Connection& connection, const Command&) { connection.drip("$100000\r\n" + std::string(100'000, 'x'), 20ms); },
       Kind::late},
      {"a status that drips",
       [](Connection& connection, const Command&) { connection.drip("+" + std::string(100'000, 'x'), 5ms); },
       Kind::late},
  };
}

TEST_CASE("RedisBackend, hostile servers: a get ends in time with an error that says what was wrong", "[hostile][threads]") {
  EchoRedis server;
  RedisBackend<> cache(options_for(server));
  for (const Case& each : replies_to_a_get()) {
    INFO(each.name);
    expect_error(server, cache, each.how, each.expected, [](RedisBackend<>& asked) { asked.get("k"); });
  }
}

TEST_CASE("RedisBackend, hostile servers: a batch whose reply has other elements than it must", "[hostile][threads]") {
  EchoRedis server;
  RedisBackend<> cache(options_for(server));
  for (const char* reply : {"*0\r\n", "*1\r\n$1\r\na\r\n", "*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n", "$1\r\na\r\n", "*-1\r\n",
                            "*2\r\n$1\r\na\r\n*1\r\n$1\r\nb\r\n", "*2\r\n:1\r\n:2\r\n", "*2\r\n$1\r\na\r\n-ERR no\r\n"}) {
    INFO(reply);
    expect_error(server, cache, say(reply), Kind::senseless, [](RedisBackend<>& asked) { asked.get_many({"k", "l"}); });
  }
}

TEST_CASE("RedisBackend, hostile servers: keys and clear among pages that make no sense", "[hostile][threads]") {
  EchoRedis server;
  RedisBackend<> cache(options_for(server));
  for (const char* page : {"*0\r\n", "*1\r\n$1\r\n0\r\n", "*2\r\n:0\r\n*0\r\n", "*2\r\n$1\r\n0\r\n$1\r\na\r\n", "+OK\r\n"}) {
    INFO(page);
    expect_error(server, cache, say(page), Kind::senseless, [](RedisBackend<>& asked) { asked.keys(); });
    expect_error(server, cache, say(page), Kind::senseless, [](RedisBackend<>& asked) { asked.clear(); });
  }
  const auto huge = say_without_end("*2\r\n$1\r\n0\r\n*1000000\r\n", numbers(10'000));
  expect_error(server, cache, huge, Kind::senseless, [](RedisBackend<>& asked) { asked.keys(); });
  const auto endless = say("*2\r\n$1\r\n7\r\n*1\r\n$1\r\na\r\n");
  expect_error(server, cache, endless, Kind::late, [](RedisBackend<>& asked) { asked.keys(); });
}

TEST_CASE("RedisBackend, hostile servers: keys without the prefix are nobody's", "[hostile][threads]") {
  EchoRedis server;
  RedisOptions options = options_for(server);
  options.prefix = "mine:";
  RedisBackend<> cache(options);
  server.misbehave(say("*2\r\n$1\r\n0\r\n*3\r\n$6\r\nmine:a\r\n$7\r\nother:b\r\n$0\r\n\r\n"));
  CHECK(cache.keys() == std::vector<std::string>{"a"});
  // Only what is ours is removed, whatever the server lists.
  std::atomic<std::size_t> removed = 0;
  server.misbehave([&removed](Connection& connection, const Command& command) {
    if (command.at(0) == "UNLINK") removed += command.size() - 1;
    connection.send(command.at(0) == "UNLINK" ? ":1\r\n"
                                              : "*2\r\n$1\r\n0\r\n*2\r\n$6\r\nmine:a\r\n$7\r\nother:b\r\n");
  });
  CHECK(cache.clear() == 1);
  CHECK(removed == 1);
}

TEST_CASE("RedisBackend, hostile servers: a late reply is not the next call's", "[hostile][threads]") {
  EchoRedis server;
  RedisBackend<> cache(options_for(server));
  server.misbehave([](Connection& connection, const Command& command) {
    connection.pause(timeout + 100ms);
    connection.send(larder_tests::bulk(echo_value(command.at(1))));
  });
  CHECK_THROWS_AS(cache.get("a"), TimeoutError);
  server.behave();
  for (int i = 0; i < 20; ++i) {
    const std::string key = "b" + std::to_string(i);
    CHECK(cache.get(key) == echo_value(key));
    std::this_thread::sleep_for(10ms);
  }
}

TEST_CASE("RedisBackend, hostile servers: a reply that nobody asked for is not the next call's", "[hostile][threads]") {
  EchoRedis server;
  RedisBackend<> cache(options_for(server));
  std::atomic<bool> has_said_more = false;
  server.misbehave([&has_said_more](Connection& connection, const Command& command) {
    connection.send(larder_tests::bulk(echo_value(command.at(1))));
    connection.pause(20ms);
    connection.send("$5\r\nwrong\r\n");
    has_said_more = true;
  });
  CHECK(cache.get("a") == echo_value("a"));
  while (!has_said_more) std::this_thread::sleep_for(1ms);
  std::this_thread::sleep_for(20ms);
  server.behave();
  CHECK(cache.get("b") == echo_value("b"));
  CHECK(cache.stats().errors == 0);
}

TEST_CASE("RedisBackend, hostile servers: an error's text is shown only so far", "[hostile][threads]") {
  EchoRedis server;
  RedisBackend<> cache(options_for(server));
  server.misbehave(say("-ERR " + std::string(60'000, 'x') + "\r\n"));
  try {
    cache.get("k");
    FAIL("no error");
  } catch (const larder::ServerError& error) {
    CHECK(error.code() == "ERR");
    CHECK(std::string_view(error.what()).size() < 2000);
  }
}

TEST_CASE("RedisBackend: reads are repeated once when a connection breaks, writes never", "[hostile][threads]") {
  EchoRedis server;
  RedisBackend<> cache(options_for(server));
  std::atomic<int> breaks = 0;
  const auto break_next = [&](int times) {
    breaks = times;
    server.misbehave([&](Connection& connection, const Command& command) {
      if (breaks-- > 0) connection.close();
      connection.send(command.at(0) == "GET" ? larder_tests::bulk(echo_value(command.at(1))) : "+OK\r\n");
    });
  };
  break_next(1);
  CHECK(cache.get("k") == echo_value("k"));
  CHECK(server.count("GET") == 2);
  CHECK(cache.stats().errors == 0);
  break_next(2);
  CHECK_THROWS_AS(cache.get("k"), ConnectionError);
  CHECK(server.count("GET") == 4);
  break_next(1);
  CHECK_THROWS_AS(cache.set("k", "v"), ConnectionError);
  CHECK(server.count("SET") == 1);
  server.behave();
  CHECK(cache.set("k", "v"));
}

}  // namespace
