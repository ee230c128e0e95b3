/// \file memcached_backend_hostile_test.cpp
/// MemcachedBackend against servers that answer what no server should, and keys that would like to be commands.
#include <larder/backends/memcached_backend.hpp>

#include <chrono>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/hostile_memcached.hpp"
#include "tests/support/message_of.hpp"

using namespace larder_tests;
using namespace std::chrono_literals;
using larder::ConnectionError;
using larder::ProtocolError;
using larder::ServerError;
using larder::TimeoutError;

namespace {

using Connection = ScriptedServer::Connection;

void get(MemcachedCache& cache) { cache.get("k"); }
void set(MemcachedCache& cache) { cache.set("k", "v"); }
void add(MemcachedCache& cache) { cache.set_if_absent("k", "v"); }
void erase(MemcachedCache& cache) { cache.erase("k"); }
void look(MemcachedCache& cache) { cache.exists("k"); }
void entry(MemcachedCache& cache) { cache.get_entry("k"); }
void get_three(MemcachedCache& cache) { cache.get_many({"a", "b", "c"}); }

/// Each of these answers to one command.
template <class Error>
void check_answers(const std::vector<std::string>& answers, void (*call)(MemcachedCache&) = &get) {
  for (const std::string& answer : answers) {
    check_memcached_attack<Error>(answer.substr(0, 60), say_to_memcached(answer), call);
  }
}

std::string again(const std::string& text, std::size_t times) {
  std::string all;
  for (; times > 0; --times) all += text;
  return all;
}

/// What follows comes with the beginning: sent apart, it could come after a client that had a whole answer went on.
ScriptedServer::Script begin_and_go_on(std::string begin, std::string rest) {
  return [begin = std::move(begin), rest = std::move(rest)](Connection& connection) {
    connection.send(MemcachedCommand::read(connection).fill(begin) + rest);
    connection.send_forever(rest);
  };
}

}  // namespace

TEST_CASE("MemcachedBackend: wrong lengths of values", "[hostile]") {
  check_answers<ProtocolError>({"VA 3 k{k} O{O}\r\nvalue\r\n", "VA 0 k{k} O{O}\r\nvalue\r\n",
                                "VA 5 k{k} O{O}\r\nvalue\n\r\n", "VA 5 k{k} O{O}\r\nvalueXY", "VA -1 k{k} O{O}\r\n",
                                "VA k{k} O{O}\r\n", "VA x k{k} O{O}\r\n", "VA 5x k{k} O{O}\r\nvalue\r\n",
                                "VA  5 k{k} O{O}\r\nvalue\r\n", "VA 1048577 k{k} O{O}\r\n",
                                "VA 536870912 k{k} O{O}\r\n", "VA 9223372036854775807 k{k} O{O}\r\n",
                                "VA 18446744073709551615 k{k} O{O}\r\n", "VA 99999999999999999999 k{k} O{O}\r\n"});
  check_answers<TimeoutError>({"VA 5 k{k} O{O}\r\nval", "VA 5 k{k} O{O}\r\nvalue", "VA 5 k{k} O{O}\r\nvalue\r",
                               "VA 1000000 k{k} O{O}\r\nvalue\r\n"});
}

TEST_CASE("MemcachedBackend: an answer to another key or command is nobody's", "[hostile]") {
  check_answers<ProtocolError>({"VA 5 kother O{O}\r\nvalue\r\n", "VA 5 k{k}x O{O}\r\nvalue\r\n",
                                "VA 5 kp: O{O}\r\nvalue\r\n", "VA 5 O{O}\r\nvalue\r\n", "VA 5 k{k}\r\nvalue\r\n",
                                "VA 5\r\nvalue\r\n", "VA 5 k{k} O1{O}\r\nvalue\r\n", "VA 5 k{k} O0\r\nvalue\r\n",
                                "VA 5 k{k} O\r\nvalue\r\n", "VA 5 k{k} O-1\r\nvalue\r\n",
                                "VA 5 k{k} O{O}x\r\nvalue\r\n", "EN\r\n", "EN k{k}\r\n", "EN O{O}\r\n",
                                "EN kother O{O}\r\n", "EN k{k} O9{O}\r\n"});
  check_answers<ProtocolError>({"HD\r\n", "HD kother O{O}\r\n", "HD k{k} O9{O}\r\n"}, set);
}

TEST_CASE("MemcachedBackend: answers of another kind than the command has", "[hostile]") {
  check_answers<ProtocolError>({"HD k{k} O{O}\r\n", "NF k{k} O{O}\r\n", "NS k{k} O{O}\r\n", "EX k{k} O{O}\r\n",
                                "MN\r\n", "OK\r\n", "VALUE {k} 0 5\r\nvalue\r\nEND\r\n", "END\r\n", "STORED\r\n",
                                "va 5 k{k} O{O}\r\nvalue\r\n"});
  check_answers<ProtocolError>(
      {"NS k{k} O{O}\r\n", "EN k{k} O{O}\r\n", "NF k{k} O{O}\r\n", "VA 1 k{k} O{O}\r\nv\r\n", "STORED\r\n"}, set);
  check_answers<ProtocolError>({"EN k{k} O{O}\r\n", "NF k{k} O{O}\r\n"}, add);
  check_answers<ProtocolError>({"EN k{k} O{O}\r\n", "NS k{k} O{O}\r\n", "DELETED\r\n"}, erase);
  check_answers<ProtocolError>({"VA 1 k{k} O{O}\r\nv\r\n", "NF k{k} O{O}\r\n"}, look);
  check_answers<ProtocolError>({"VA 1 k{k} O{O}\r\nv\r\n", "VA 1 k{k} O{O} tx\r\nv\r\n", "VA 1 k{k} O{O} t\r\nv\r\n"},
                               entry);
}

TEST_CASE("MemcachedBackend: an error of the server is none of a miss", "[hostile]") {
  check_answers<ServerError>(
      {"SERVER_ERROR\r\n", "SERVER_ERROR unknown\r\n", "CLIENT_ERROR bad command line format\r\n", "ERROR\r\n",
       "ERROR Too many open connections\r\n", "SERVER_ERROR " + std::string(2000, 'x') + "\r\n"});
  check_answers<ServerError>({"CLIENT_ERROR bad data chunk\r\nERROR\r\n"}, set);
  for (const auto call : {get, set}) {  // after which the connection is still in step
    check_memcached_attack<ServerError>(
        "out of memory",
        [](Connection& connection) {
          MemcachedCommand::read(connection);
          connection.send("SERVER_ERROR out of memory storing object\r\n");
          HostileMemcached::behave(connection);
        },
        call);
  }
  for (const auto& [answer, code] :
       std::vector<std::pair<std::string, std::string>>{{"SERVER_ERROR busy\r\n", "SERVER_ERROR"},
                                                        {"CLIENT_ERROR what\r\n", "CLIENT_ERROR"},
                                                        {"ERROR\r\n", "ERROR"}}) {
    ScriptedServer server(say_to_memcached(answer));
    MemcachedCache cache(hostile_memcached_options(server.port()));
    std::string told;
    try {
      cache.get("k");
    } catch (const ServerError& error) {
      told = error.code();
    }
    CHECK(told == code);
  }
}

TEST_CASE("MemcachedBackend: a server that says why before it closes the connection is heard", "[hostile]") {
  check_memcached_attack<ServerError>(
      "too many",
      [](Connection& connection) {
        MemcachedCommand::read(connection);
        MemcachedCommand::read(connection);
        connection.send("ERROR Too many open connections\r\n");
        connection.close();
      },
      [](MemcachedCache& cache) {
        cache.get_many({"a", "b c"});
      });
}

TEST_CASE("MemcachedBackend: an introduction that is answered by something else", "[hostile]") {
  for (const auto& [first, second] :
       std::vector<std::pair<std::string, std::string>>{{"OK\r\n", ""},
                                                        {"MN\r\nMN\r\n", ""},
                                                        {"VA 1\r\n", ""},
                                                        {"CLIENT_ERROR unauthenticated\r\n", "OK\r\n"},
                                                        {"CLIENT_ERROR unauthenticated\r\n", "STORED\r\nSTORED\r\n"},
                                                        {"CLIENT_ERROR a\r\nCLIENT_ERROR b\r\n", ""}}) {
    INFO(first << second);
    ScriptedServer server([first = first, second = second](Connection& connection) {
      connection.read_line();
      connection.send(first);
      connection.read_line();
      connection.read_line();
      connection.send(second);
      connection.wait_closed();
    });
    auto options = hostile_memcached_options(server.port());
    options.username = "alice";
    options.password = "secret";
    MemcachedCache cache(options);
    const std::string message = message_of<ProtocolError>([&] { cache.get("k"); });
    CHECK_FALSE(message.empty());
    CHECK_FALSE(contains(message, "secret"));
  }
}

TEST_CASE("MemcachedBackend: noise", "[hostile]") {
  std::string noise;
  for (int byte = 0; byte < 256; ++byte) noise += static_cast<char>(byte);
  check_answers<ProtocolError>({"HTTP/1.1 400 Bad Request\r\n\r\n", "\r\n", "\n", noise, std::string(3000, '\0'),
                                "-ERR unknown command\r\n", "VA 5 k{k} O{O}\nvalue\r\n"});
}

TEST_CASE("MemcachedBackend: more than anybody wants", "[hostile]") {
  for (const std::string begin : {"", "VA ", "VA 1", "EN ", "EN k{k} O{O} ", "SERVER_ERROR ", "HD "}) {
    check_memcached_attack<ProtocolError>("endless " + begin, begin_and_go_on(begin, std::string(1 << 16, '1')), get);
  }
  check_memcached_attack<ProtocolError>("endless value",
                                        begin_and_go_on("VA 999999999 k{k} O{O}\r\n", std::string(1 << 16, 'x')), get);
  check_memcached_attack<ProtocolError>("endless answers", begin_and_go_on("", again("EN k O1\r\n", 1000)), get);
  check_memcached_attack<ProtocolError>("an answer and an endless rest",
                                        begin_and_go_on("EN k{k} O{O}\r\n", again("EN k O1\r\n", 1000)), get);
}

TEST_CASE("MemcachedBackend: an answer that does not come, or not all of it", "[hostile]") {
  check_answers<TimeoutError>({"", "V", "VA 5", "EN k{k} O{O}", "EN k{k} O{O}\r", "HD"});
  const auto end_with = [](std::string bytes, void (Connection::*end)()) {
    return [bytes = std::move(bytes), end](Connection& connection) {
      connection.send(MemcachedCommand::read(connection).fill(bytes));
      (connection.*end)();
    };
  };
  for (const char* begin : {"", "VA 5 k{k} O{O}\r\nva", "EN k{k} O{O}\r"}) {
    check_memcached_attack<ConnectionError>("then an end", end_with(begin, &Connection::close), get);
    check_memcached_attack<ConnectionError>("then a reset", end_with(begin, &Connection::reset), get);
  }
  check_memcached_attack<ConnectionError>(
      "closed at once", [](Connection& connection) { connection.close(); }, get);
  for (const std::string head : {"VA 100000 k{k} O{O}\r\n", "EN k{k} O{O} "}) {
    check_memcached_attack<TimeoutError>(
        "byte by byte",
        [head](Connection& connection) {
          connection.send(MemcachedCommand::read(connection).fill(head));
          connection.drip(std::string(1000, 'x'), 20ms);
        },
        get);
  }
}

TEST_CASE("MemcachedBackend: one answer too many with the right one", "[hostile]") {
  check_answers<ProtocolError>({"VA 1 k{k} O{O}\r\na\r\nVA 1 k{k} O{O}\r\nb\r\n", "EN k{k} O{O}\r\nEN k{k} O{O}\r\n",
                                "EN k{k} O{O}\r\nE", "EN k{k} O{O}\r\n\r\n"});
}

TEST_CASE("MemcachedBackend: groups of keys of another kind or order", "[hostile]") {
  const auto check_group = [](auto error, const std::string& answers) {
    check_memcached_attack<typename decltype(error)::type>(
        answers.substr(0, 60),
        [answers](Connection& connection) {
          HostileMemcached::answer(connection, MemcachedCommand::read(connection));  // of the first key
          MemcachedCommand::read(connection);
          connection.send(answers);
          connection.wait_closed();
        },
        get_three);
  };
  const std::string b = "VALUE p:b 0 1\r\nv\r\n";
  const std::string c = "VALUE p:c 0 1\r\nv\r\n";
  const std::vector<std::string> wrong{c + b + "END\r\n",
                                       b + b + "END\r\n",
                                       b + c + b + "END\r\n",
                                       c + c + "END\r\n",
                                       "VALUE p:a 0 1\r\nv\r\nEND\r\n",
                                       "VALUE other 0 1\r\nv\r\nEND\r\n",
                                       "VALUE  0 1\r\nv\r\nEND\r\n",
                                       b + "VALUE p:c 0 -1\r\nEND\r\n",
                                       b + "VALUE p:c 0 2\r\nv\r\nEND\r\n",
                                       "VALUE p:b 0 536870912\r\n",
                                       "VA 1 kp:b O2\r\nv\r\n",
                                       "EN\r\n",
                                       b + c + "END\r\nEND\r\n",
                                       "END\r\n" + b,
                                       "HD\r\n"};
  for (const std::string& answers : wrong) check_group(std::type_identity<ProtocolError>(), answers);
  const std::vector<std::string> unfinished{"", b, b + c, b + "VALUE p:c 0 1\r\nv", "EN"};
  for (const std::string& answers : unfinished) check_group(std::type_identity<TimeoutError>(), answers);
  const std::vector<std::string> errors{"SERVER_ERROR out of memory\r\n",
                                        b + "SERVER_ERROR out of memory writing get response\r\n", "ERROR\r\n"};
  for (const std::string& answers : errors) check_group(std::type_identity<ServerError>(), answers);
}

TEST_CASE("MemcachedBackend: some of a group are there", "[hostile]") {
  ScriptedServer server([](Connection& connection) {
    while (true) {
      const auto command = MemcachedCommand::read(connection);
      connection.send(command.words.at(0) == "mg" ? command.fill("EN k{k} O{O}\r\n") : "VALUE p:c 7 1\r\nv\r\nEND\r\n");
    }
  });
  MemcachedCache cache(hostile_memcached_options(server.port()));
  for (int i = 0; i < 3; ++i) {
    const auto found = cache.get_many({"a", "b", "c", "d"});
    CHECK(found.size() == 1);
    CHECK(found.at("c") == "v");
  }
  CHECK(server.connections() == 1);
}

TEST_CASE("MemcachedBackend: a server that does not keep a generation", "[hostile]") {
  const auto check_generation = [](auto error, const std::string& look_answer, const std::string& store_answer) {
    check_memcached_attack<typename decltype(error)::type>(
        look_answer + store_answer,
        [look_answer, store_answer](Connection& connection) {
          while (true) {
            const auto command = MemcachedCommand::read(connection);
            connection.send(command.fill(command.words.at(0) == "mg" ? look_answer : store_answer));
          }
        },
        get, true);
  };
  const std::string none = "EN k{k} O{O}\r\n";
  check_generation(std::type_identity<ProtocolError>(), none, "NS k{k} O{O}\r\n");
  check_generation(std::type_identity<ProtocolError>(), none, "EN k{k} O{O}\r\n");
  check_generation(std::type_identity<ProtocolError>(), "VA 3 k{k} O{O}\r\nabc\r\n", "NS k{k} O{O}\r\n");
  check_generation(std::type_identity<ServerError>(), none, "SERVER_ERROR out of memory storing object\r\n");
}

TEST_CASE("MemcachedBackend: one answer too many a moment later is nobody's", "[hostile]") {
  ScriptedServer server([](Connection& connection) {
    HostileMemcached::answer(connection, MemcachedCommand::read(connection));
    connection.pause(20ms);
    connection.send("VA 5 kp:b O2\r\nwrong\r\n");
    HostileMemcached::behave(connection);
  });
  MemcachedCache cache(hostile_memcached_options(server.port()));
  for (const char* key : {"a", "b", "c"}) {
    CHECK(cache.get(key) == HostileMemcached::value_of(std::string("p:") + key));
    std::this_thread::sleep_for(50ms);
  }
  CHECK(server.connections() == 3);
  CHECK(cache.stats().errors == 0);
}

TEST_CASE("MemcachedBackend: an answer that comes after its call is over is nobody's", "[hostile]") {
  ScriptedServer server([](Connection& connection) {
    const auto command = MemcachedCommand::read(connection);
    if (connection.number() == 1) connection.pause(150ms);
    HostileMemcached::answer(connection, command);
    HostileMemcached::behave(connection);
  });
  auto options = hostile_memcached_options(server.port());
  options.timeout = 100ms;
  options.pool_size = 1;
  MemcachedCache cache(options);
  CHECK_THROWS_AS(cache.get("a"), TimeoutError);
  for (const char* key : {"b", "c", "d", "e"}) {
    CHECK(cache.get(key) == HostileMemcached::value_of(std::string("p:") + key));
    std::this_thread::sleep_for(25ms);
  }
  CHECK(cache.stats().errors == 1);
  CHECK(cache.stats().hits == 4);
}

TEST_CASE("MemcachedBackend: after an error that may mean more than it says, its connection is not used again",
          "[hostile]") {
  for (const auto& [answer, connections] :
       std::vector<std::pair<std::string, std::size_t>>{{"SERVER_ERROR out of memory storing object\r\n", 1},
                                                        {"SERVER_ERROR object too large for cache\r\n", 1},
                                                        {"SERVER_ERROR something else\r\n", 2},
                                                        {"CLIENT_ERROR bad data chunk\r\n", 2},
                                                        {"ERROR\r\n", 2}}) {
    CAPTURE(answer);
    ScriptedServer server([answer = answer](Connection& connection) {
      while (true) {
        const auto command = MemcachedCommand::read(connection);
        if (command.words.at(0) == "ms") {
          connection.send(answer);
        } else {
          HostileMemcached::answer(connection, command);
        }
      }
    });
    MemcachedCache cache(hostile_memcached_options(server.port()));
    try {
      cache.set("k", "v");
    } catch (const ServerError&) {
    }
    CHECK(cache.get("k") == "value of p:k");
    CHECK(server.connections() == connections);
  }
}

TEST_CASE("MemcachedBackend: a key is never a command", "[hostile]") {
  std::vector<std::string> keys{"k\r\nflush_all\r\n",
                                "k 0 0 1\r\nx\r\n",
                                "\r\n",
                                "\n",
                                "k\nmn",
                                std::string("\0 \r\n", 4),
                                "k\t",
                                " k",
                                "k O1",
                                "k\x7f",
                                std::string(500, ' '),
                                "k\r\n" + std::string(300, 'x')};
  for (int byte = 0; byte <= 32; ++byte) keys.push_back(std::string("k") + static_cast<char>(byte) + "k");
  ScriptedServer server([](Connection& connection) {
    while (true) {
      const auto command = MemcachedCommand::read(connection);
      const std::string name = command.words.empty() ? "" : command.words[0];
      const bool is_whole = name.size() == 2 && command.words.size() >= 4 && command.key().size() <= 250;
      connection.send(is_whole ? command.fill("HD k{k} O{O}\r\n") : "ERROR\r\n");
    }
  });
  MemcachedCache cache(hostile_memcached_options(server.port()));
  for (const std::string& key : keys) {
    CAPTURE(key);
    CHECK(cache.set(key, "v"));
    CHECK(cache.erase(key));
    CHECK(cache.exists(key));
  }
  CHECK(cache.set_many({{keys[0], "v"}, {keys[1], "v"}}) == 2);
  CHECK(server.connections() == 1);
  CHECK(cache.stats().errors == 0);
}
