#include "tests/support/scripted_server.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/resp_client.hpp"

using namespace larder_tests;
using namespace std::chrono_literals;

using Connection = ScriptedServer::Connection;

TEST_CASE("ScriptedServer: answers commands as it was told, and tells what it was asked") {
  ScriptedServer server(answer_commands({{"GET", "$3\r\nabc\r\n"}}));
  RespClient client(server.port());
  CHECK(client.command({"get", "k"}).str() == "abc");
  CHECK(client.command({"PING"}).str() == "PONG");
  CHECK(client.command({"SET", "k", "a\r\nb"}).str() == "OK");
  CHECK(server.commands() == std::vector<ScriptedServer::Command>{{"get", "k"}, {"PING"}, {"SET", "k", "a\r\nb"}});
  CHECK(server.connections() == 1);
  CHECK(server.failures().empty());
}

TEST_CASE("ScriptedServer: serves several connections at once, each by its number") {
  ScriptedServer server([](Connection& connection) {
    connection.read_command();
    connection.send(":" + std::to_string(connection.number()) + "\r\n");
    connection.wait_closed();
  });
  RespClient first(server.port());
  CHECK(first.command({"X"}).str() == "1");
  RespClient second(server.port());
  CHECK(second.command({"X"}).str() == "2");
}

TEST_CASE("ScriptedServer: closes when the script is done, resets when it says so") {
  ScriptedServer server([](Connection& connection) {
    connection.read_command();
    connection.send("+half");
    if (connection.number() == 2) connection.reset();
  });
  RespClient first(server.port());
  CHECK(contains(message_of<ConnectionEnded>([&] { first.command({"X"}); }), "closed"));
  RespClient second(server.port());
  CHECK(contains(message_of<ConnectionEnded>([&] { second.command({"X"}); }), "reset"));
}

TEST_CASE("ScriptedServer: drips") {
  ScriptedServer server([](Connection& connection) {
    connection.read_line();
    connection.drip("+12345\r\n", 10ms, 2);
  });
  RespClient client(server.port());
  client.send("a line\r\n");
  const auto begin = std::chrono::steady_clock::now();
  CHECK(client.read_reply().str() == "12345");
  CHECK(std::chrono::steady_clock::now() - begin >= 25ms);
}

TEST_CASE("ScriptedServer: a malformed command is a failure") {
  ScriptedServer server(answer_commands({}));
  RespClient client(server.port());
  client.send("*1\r\n+PING\r\n");
  CHECK_THROWS_AS(client.read_reply(), ConnectionEnded);
  CHECK(server.failures() == std::vector<std::string>{"not a command: +PING"});
}

TEST_CASE("ScriptedServer: ends whatever its scripts are doing") {
  const std::vector<ScriptedServer::Script> scripts{
      [](Connection& connection) { connection.read_command(); },
      [](Connection& connection) { connection.pause(1h); },
      [](Connection& connection) { connection.drip("text", 1h); },
      [](Connection& connection) { connection.send_forever("text"); },
      [](Connection& connection) { connection.wait_closed(); },
      [](Connection& connection) {
        connection.close();
        connection.pause(1h);
      },
  };
  for (const auto& script : scripts) {
    std::optional<RespClient> client;
    ScriptedServer server(script);
    client.emplace(server.port());
    while (server.connections() == 0) std::this_thread::sleep_for(1ms);
  }
  ScriptedServer nobody_comes(scripts.front());
}

TEST_CASE("ScriptedServer: what is sent forever ends with the peer") {
  ScriptedServer server([](Connection& connection) {
    try {
      connection.send_forever("+text\r\n");
    } catch (const ConnectionEnded&) {
      throw std::runtime_error("the peer has gone");
    }
  });
  CHECK(RespClient(server.port()).read_reply().str() == "text");
  const auto deadline = after(5s);
  while (server.failures().empty() && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(1ms);
  CHECK(server.failures() == std::vector<std::string>{"the peer has gone"});
}
