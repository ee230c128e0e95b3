/// \file redis_backend_hostile_test.cpp
/// RedisBackend against servers that answer what no server should.
#include <larder/backends/redis_backend.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/hostile_redis.hpp"
#include "tests/support/message_of.hpp"

using namespace larder_tests;
using namespace std::chrono_literals;

namespace {

using Connection = ScriptedServer::Connection;
using larder::ConnectionError;
using larder::ProtocolError;
using larder::ServerError;
using larder::TimeoutError;

void get(RedisCache& cache) { cache.get("k"); }
void set(RedisCache& cache) { cache.set("k", "v"); }
void get_three(RedisCache& cache) { cache.get_many({"a", "b", "c"}); }
void list(RedisCache& cache) { cache.keys(); }
void clear(RedisCache& cache) { cache.clear(); }

/// Each of these replies to a GET.
template <class Error>
void check_replies(const std::vector<std::string>& replies, void (*call)(RedisCache&) = &get) {
  for (const std::string& reply : replies) check_attack<Error>(reply.substr(0, 60), say(reply), call);
}

std::string repeat(const std::string& text, std::size_t times) {
  std::string all;
  for (; times > 0; --times) all += text;
  return all;
}

/// A script that answers a command with a beginning and an endless rest.
ScriptedServer::Script say_forever(std::string begin, char rest) {
  return [begin = std::move(begin), rest](Connection& connection) {
    connection.read_command();
    connection.send(begin);
    connection.send_forever(std::string(1 << 16, rest));
  };
}

}  // namespace

TEST_CASE("RedisBackend: wrong lengths of bulk strings", "[hostile]") {
  check_replies<ProtocolError>({"$3\r\nvalue\r\n", "$0\r\nvalue\r\n", "$4\r\nvalue\r\n", "$-2\r\n", "$-\r\n", "$\r\n",
                                "$12345678901234567890\r\nvalue\r\n", "$99999999999999999999\r\n", "$1x\r\nv\r\n",
                                "$9223372036854775807\r\nvalue\r\n", "$536870912\r\n", "$1060000\r\n"});
  check_replies<TimeoutError>({"$9\r\nvalue\r\n", "$5\nvalue\n"});
}

TEST_CASE("RedisBackend: more than anybody wants", "[hostile]") {
  check_attack<ProtocolError>("huge bulk", say_forever("$536870912\r\n", 'x'), get);
  for (const char* kind : {"+", "-", ":", "$", "*"}) check_attack<ProtocolError>(kind, say_forever(kind, '1'), get);
  check_attack<ProtocolError>("endless name of an error", say_forever("-ERR", 'x'), get);
  check_attack<ProtocolError>("endless noise", say_forever("", '\0'), get);
  check_attack<ProtocolError>(
      "endless replies",
      [](Connection& connection) {
        connection.read_command();
        connection.send_forever(repeat("$1\r\na\r\n", 1000));
      },
      get);
}

TEST_CASE("RedisBackend: a flood instead of reading what is sent", "[hostile]") {
  const std::string key(std::size_t{16} << 20, 'k');
  check_attack<TimeoutError>(
      "flood", [](Connection& connection) { connection.send_forever(repeat(":1\r\n", 1000)); },
      [&key](RedisCache& cache) { cache.exists(key); }, 2 * key.size());
}

TEST_CASE("RedisBackend: arrays too large or too deep", "[hostile]") {
  check_replies<ProtocolError>({"*1000000000\r\n", "*1000000\r\n", "*200000\r\n", "*9223372036854775807\r\n", "*-2\r\n",
                                "*12345678901234567890\r\n", repeat("*1\r\n", 7) + ":1\r\n",
                                repeat("*1\r\n", 8) + ":1\r\n", repeat("*1\r\n", 100'000)});
  check_replies<ProtocolError>(
      {"*1000000\r\n" + repeat("$-1\r\n", 150'000), repeat("*30000\r\n", 7) + repeat(":1\r\n", 150'000)}, get_three);
}

TEST_CASE("RedisBackend: replies of another kind than the command has", "[hostile]") {
  check_replies<ProtocolError>(
      {":1\r\n", "+OK\r\n", "*0\r\n", "*-1\r\n*1\r\n", "*1\r\n$1\r\na\r\n", "_\r\n", "%1\r\n"});
  check_replies<ProtocolError>({":1\r\n", "+QUEUED\r\n", "$2\r\nOK\r\n", "$-1\r\n", "*0\r\n", "+\r\n"}, set);
  check_replies<ProtocolError>({"+OK\r\n", "$1\r\n1\r\n", "$-1\r\n", "*0\r\n"},
                               [](RedisCache& cache) { cache.exists("k"); });
  check_replies<ProtocolError>({"+OK\r\n", "$1\r\n1\r\n", "$-1\r\n", "*0\r\n"},
                               [](RedisCache& cache) { cache.erase("k"); });
  check_replies<ProtocolError>({"$1\r\na\r\n", "+OK\r\n", "*1\r\n$1\r\na\r\n", "*2\r\n:1\r\n:1\r\n",
                                "*2\r\n$1\r\na\r\n$1\r\n1\r\n", "*2\r\n+a\r\n:1\r\n", "*2\r\n*0\r\n:1\r\n"},
                               [](RedisCache& cache) { cache.get_entry("k"); });
  for (const char* error : {"-\r\n", "-ERR\r\n", "- \r\n"}) {  // which leave the connection in step
    check_attack<ServerError>(
        error,
        [error](Connection& connection) {
          connection.read_command();
          connection.send(error);
          HostileRedis::behave(connection);
        },
        get);
  }
}

TEST_CASE("RedisBackend: batches of another size or shape", "[hostile]") {
  const std::string a = "$1\r\na\r\n";
  check_replies<ProtocolError>({"*2\r\n" + a + a, "*4\r\n" + a + a + a + a, "*0\r\n", "*3\r\n" + a + "*1\r\n" + a + a,
                                "*3\r\n" + a + ":1\r\n" + a, "*3\r\n+a\r\n" + a + a, "*3\r\n" + a + "-ERR x\r\n" + a, a,
                                "$-1\r\n", "*3\r\n" + a + a + a + a},
                               get_three);
  check_replies<TimeoutError>({"*3\r\n" + a + a, "*3\r\n" + a + a + "$1\r\n"}, get_three);
}

TEST_CASE("RedisBackend: noise", "[hostile]") {
  std::string noise;
  for (int byte = 0; byte < 256; ++byte) noise += static_cast<char>(byte);
  check_replies<ProtocolError>({"HTTP/1.1 400 Bad Request\r\n\r\n", "\r\n", noise, std::string(3, '\0'), "\x15\x03\x01",
                                ":abc\r\n", ":99999999999999999999\r\n"});
}

TEST_CASE("RedisBackend: a reply that does not come, or not all of it", "[hostile]") {
  check_replies<TimeoutError>({"", "$", "$5\r\nva", "$5\r\nvalue\r", "+O"});
  const auto end_with = [](std::string bytes, void (Connection::*end)()) {
    return [bytes = std::move(bytes), end](Connection& connection) {
      connection.read_command();
      connection.send(bytes);
      (connection.*end)();
    };
  };
  for (const char* begin : {"", "$5\r\nva", "$5\r\nvalue\r"}) {
    check_attack<ConnectionError>("then an end", end_with(begin, &Connection::close), get);
    check_attack<ConnectionError>("then a reset", end_with(begin, &Connection::reset), get);
  }
  check_attack<ConnectionError>(
      "closed at once", [](Connection& connection) { connection.close(); }, get);
  check_attack<ConnectionError>(
      "reset at once", [](Connection& connection) { connection.reset(); }, get);
  for (const std::string head : {"$100000\r\n", "+", "*3\r\n$100000\r\n"}) {
    check_attack<TimeoutError>(
        "byte by byte",
        [head](Connection& connection) {
          connection.read_command();
          connection.send(head);
          connection.drip(std::string(100'000, 'x'), 20ms);
        },
        head.front() == '*' ? get_three : get);
  }
}

TEST_CASE("RedisBackend: one reply too many with the right one", "[hostile]") {
  check_replies<ProtocolError>({"$1\r\na\r\n$1\r\nb\r\n", "$1\r\na\r\n$", "$1\r\na\r\n\r\n", "$-1\r\n$1\r\nb\r\n"});
}

TEST_CASE("RedisBackend: one reply too many a moment later is nobody's", "[hostile]") {
  ScriptedServer server([](Connection& connection) {
    HostileRedis::answer(connection, connection.read_command());
    connection.pause(20ms);
    connection.send("$5\r\nwrong\r\n");
    HostileRedis::behave(connection);
  });
  auto options = redis_at(server.port());
  RedisCache cache(options);
  for (const char* key : {"a", "b", "c"}) {
    CHECK(cache.get(key) == HostileRedis::value_of(options.prefix + key));
    std::this_thread::sleep_for(50ms);
  }
  CHECK(server.connections() == 3);
  CHECK(cache.stats().errors == 0);
}

TEST_CASE("RedisBackend: a reply that comes after its call is over is nobody's", "[hostile]") {
  ScriptedServer server([](Connection& connection) {
    const auto command = connection.read_command();
    if (connection.number() == 1) connection.pause(150ms);
    HostileRedis::answer(connection, command);
    HostileRedis::behave(connection);
  });
  auto options = redis_at(server.port(), 100ms);
  options.pool_size = 1;
  RedisCache cache(options);
  CHECK_THROWS_AS(cache.get("a"), TimeoutError);
  for (const char* key : {"b", "c", "d", "e"}) {
    CHECK(cache.get(key) == HostileRedis::value_of(options.prefix + key));
    std::this_thread::sleep_for(25ms);
  }
  CHECK(cache.stats().errors == 1);
  CHECK(cache.stats().hits == 4);
}

TEST_CASE("RedisBackend: an introduction that is answered by something else", "[hostile]") {
  for (const char* replies : {"+OK\r\n+OK\r\n$5\r\nwrong\r\n", ":1\r\n+OK\r\n", "+OK\r\n$2\r\nOK\r\n", "+OK\r\n*0\r\n",
                              "+QUEUED\r\n+OK\r\n", "$-1\r\n$-1\r\n"}) {
    INFO(replies);
    ScriptedServer server([replies](Connection& connection) {
      connection.read_command();
      connection.read_command();
      connection.send(replies);
      connection.read_command();
      connection.send("$5\r\nright\r\n");
      connection.wait_closed();
    });
    auto options = redis_at(server.port(), hostile_timeout);
    options.password = "secret";
    options.database = 1;
    RedisCache cache(options);
    CHECK_THROWS_AS(cache.get("k"), ProtocolError);
    CHECK(cache.stats().errors == 1);
  }
}

TEST_CASE("RedisBackend: a server that repeats the password does not get it into a message", "[hostile]") {
  const std::string secret = "correct horse battery staple";
  for (const std::string reply :
       {"-ERR unknown command 'AUTH', with args beginning with: 'correct horse battery staple' \r\n",
        "-ERR unknown command `AUTH`, with args beginning with: `correct horse bat` \r\n",
        "-WRONGPASS correct horse battery staple is wrong\r\n"}) {
    ScriptedServer server(say(reply));
    auto options = redis_at(server.port(), hostile_timeout);
    options.password = secret;
    RedisCache cache(options);
    const std::string message = message_of<ServerError>([&] { cache.get("k"); });
    INFO(message);
    CHECK_FALSE(message.empty());
    CHECK_FALSE(contains(message, "horse"));
  }
}

TEST_CASE("RedisBackend: pages of keys that are none", "[hostile]") {
  for (const auto call : {list, clear}) {
    check_replies<ProtocolError>(
        {"*1\r\n$1\r\n0\r\n", "*3\r\n$1\r\n0\r\n*0\r\n*0\r\n", "*2\r\n:0\r\n*0\r\n", "*2\r\n$1\r\n0\r\n$1\r\na\r\n",
         "*2\r\n$1\r\n0\r\n*-1\r\n", "*2\r\n$1\r\n0\r\n*1\r\n:1\r\n", "*2\r\n$1\r\n0\r\n*1\r\n*1\r\n$3\r\np:k\r\n",
         "*2\r\n$3\r\nabc\r\n*0\r\n", "*2\r\n$0\r\n\r\n*0\r\n", "*2\r\n$-1\r\n*0\r\n", "*2\r\n$2\r\n-1\r\n*0\r\n",
         "+OK\r\n", "$-1\r\n", "*0\r\n"},
        call);
    check_attack<TimeoutError>(
        "no end",
        [](Connection& connection) {
          while (true) {
            const auto command = connection.read_command();
            if (command[0] == "GET") HostileRedis::answer(connection, command);
            if (command[0] == "SCAN") connection.send("*2\r\n$1\r\n7\r\n*1\r\n$3\r\np:k\r\n");
            if (command[0] == "UNLINK") connection.send(":1\r\n");
          }
        },
        call);
  }
}

TEST_CASE("RedisBackend: no key of another is removed, whatever the server's pages have", "[hostile]") {
  ScriptedServer server(
      answer_commands({{"SCAN", "*2\r\n$1\r\n0\r\n*3\r\n$3\r\np:k\r\n$3\r\nq:k\r\n$0\r\n\r\n"}, {"UNLINK", ":1\r\n"}}));
  auto options = redis_at(server.port());
  options.prefix = "p:";
  RedisCache cache(options);
  CHECK(cache.keys() == std::vector<std::string>{"k"});
  CHECK(cache.clear() == 1);
  CHECK(server.commands().back() == ScriptedServer::Command{"UNLINK", "p:k"});
}
