#include "tests/support/tcp_proxy.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/resp_client.hpp"
#include "tests/support/scripted_server.hpp"

using namespace larder_tests;
using namespace std::chrono_literals;

namespace {

struct ProxiedServer {
  ScriptedServer server{answer_commands({{"GET", "$5\r\nvalue\r\n"}, {"BIG", big_reply()}})};
  TcpProxy proxy{server.port()};

  static std::string big_text() { return std::string(2'000'000, 'x'); }
  static std::string big_reply() { return "$2000000\r\n" + big_text() + "\r\n"; }
};

}  // namespace

TEST_CASE("TcpProxy: carries both ways, and counts") {
  ProxiedServer proxied;
  RespClient client(proxied.proxy.port());
  CHECK(client.command({"GET", "k"}).str() == "value");
  CHECK(proxied.proxy.bytes_to_server() == resp_command({"GET", "k"}).size());
  CHECK(proxied.proxy.bytes_to_clients() == 11);
  CHECK(proxied.proxy.connections() == 1);
  CHECK(client.command({"BIG"}).str() == ProxiedServer::big_text());
  CHECK(client.command({"SET", "k", ProxiedServer::big_text()}).str() == "OK");
}

TEST_CASE("TcpProxy: passes the end of a connection on, from either side") {
  ScriptedServer server([](ScriptedServer::Connection& connection) {
    if (connection.number() == 1) return;
    connection.wait_closed();
    throw std::runtime_error("the client has gone");
  });
  TcpProxy proxy(server.port());
  RespClient left(proxy.port());
  CHECK_THROWS_AS(left.read_reply(), ConnectionEnded);
  { RespClient leaving(proxy.port()); }
  const auto deadline = after(5s);
  while (server.failures().empty() && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(1ms);
  CHECK(server.failures().size() == 1);
}

TEST_CASE("TcpProxy: a cut ends all connections, and new ones may come") {
  ProxiedServer proxied;
  RespClient first(proxied.proxy.port());
  RespClient second(proxied.proxy.port());
  CHECK(first.command({"PING"}).str() == "PONG");
  CHECK(second.command({"PING"}).str() == "PONG");
  proxied.proxy.cut();
  CHECK_THROWS_AS(first.read_reply(), ConnectionEnded);
  CHECK_THROWS_AS(second.command({"PING"}), ConnectionEnded);
  RespClient third(proxied.proxy.port());
  CHECK(third.command({"PING"}).str() == "PONG");
  proxied.proxy.cut_with_reset();
  CHECK(contains(message_of<ConnectionEnded>([&] { third.read_reply(); }), "reset"));
  CHECK(proxied.proxy.open_connections() == 0);
}

TEST_CASE("TcpProxy: while it is frozen nothing passes, and thereafter all") {
  ProxiedServer proxied;
  RespClient client(proxied.proxy.port(), 50ms);
  CHECK(client.command({"PING"}).str() == "PONG");
  proxied.proxy.freeze();
  CHECK(contains(message_of<std::runtime_error>([&] { client.command({"GET", "k"}); }), "does not answer"));
  RespClient late(proxied.proxy.port(), 50ms);
  CHECK(contains(message_of<std::runtime_error>([&] { late.command({"PING"}); }), "does not answer"));
  CHECK(proxied.server.commands().size() == 1);
  proxied.proxy.thaw();
  CHECK(client.read_reply().str() == "value");
  CHECK(late.read_reply().str() == "PONG");
}

TEST_CASE("TcpProxy: refuses new connections and keeps the old ones") {
  ProxiedServer proxied;
  RespClient client(proxied.proxy.port());
  CHECK(client.command({"PING"}).str() == "PONG");
  proxied.proxy.refuse();
  CHECK_THROWS_AS(RespClient(proxied.proxy.port()), std::system_error);
  CHECK(client.command({"PING"}).str() == "PONG");
  proxied.proxy.accept();
  CHECK(RespClient(proxied.proxy.port()).command({"PING"}).str() == "PONG");
}

TEST_CASE("TcpProxy: delays replies") {
  ProxiedServer proxied;
  proxied.proxy.delay(30ms);
  RespClient client(proxied.proxy.port());
  const auto begin = std::chrono::steady_clock::now();
  CHECK(client.command({"GET", "k"}).str() == "value");
  CHECK(std::chrono::steady_clock::now() - begin >= 30ms);
}

TEST_CASE("TcpProxy: drips replies") {
  ProxiedServer proxied;
  proxied.proxy.drip(2, 10ms);
  RespClient client(proxied.proxy.port());
  const auto begin = std::chrono::steady_clock::now();
  CHECK(client.command({"GET", "k"}).str() == "value");  // 11 bytes
  CHECK(std::chrono::steady_clock::now() - begin >= 50ms);
}

TEST_CASE("TcpProxy: breaks off in the middle of a reply, once") {
  ProxiedServer proxied;
  RespClient client(proxied.proxy.port());
  proxied.proxy.cut_after(11 + 4 + 3);
  CHECK(client.command({"GET", "k"}).str() == "value");
  CHECK_THROWS_AS(client.command({"GET", "k"}), ConnectionEnded);
  CHECK(proxied.proxy.bytes_to_clients() == 18);
  CHECK(proxied.server.commands().size() == 2);
  CHECK(RespClient(proxied.proxy.port()).command({"GET", "k"}).str() == "value");
}

TEST_CASE("TcpProxy: loses a reply to a command that was carried out") {
  ProxiedServer proxied;
  RespClient client(proxied.proxy.port());
  proxied.proxy.cut_after(0);
  CHECK_THROWS_AS(client.command({"SET", "k", "v"}), ConnectionEnded);
  CHECK(proxied.proxy.bytes_to_clients() == 0);
  CHECK(proxied.server.commands().size() == 1);
}

TEST_CASE("TcpProxy: sends clients away while there is no server") {
  auto server = std::make_unique<ScriptedServer>(answer_commands({}));
  TcpProxy proxy(server->port());
  RespClient client(proxy.port());
  CHECK(client.command({"PING"}).str() == "PONG");
  server.reset();
  CHECK_THROWS_AS(client.read_reply(), ConnectionEnded);
  CHECK_THROWS_AS(RespClient(proxy.port()).command({"PING"}), ConnectionEnded);
}

TEST_CASE("TcpProxy: may be troubled by several threads") {
  ProxiedServer proxied;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 3; ++thread) {
    threads.emplace_back([&] {
      for (int call = 0; call < 50; ++call) {
        try {
          RespClient client(proxied.proxy.port());
          while (true) client.command({"GET", "k"});
        } catch (const ConnectionEnded&) {
        }
      }
    });
  }
  std::thread cutting([&] {
    while (proxied.proxy.connections() < 150 || proxied.proxy.open_connections() > 0) {
      proxied.proxy.cut();
      std::this_thread::sleep_for(1ms);
    }
  });
  for (auto& thread : threads) thread.join();
  cutting.join();
  CHECK(proxied.proxy.connections() == 150);
}
