#include "tests/support/redis_server.hpp"

#include <string>

#include "tests/support/message_of.hpp"

using namespace larder_tests;

TEST_CASE("RedisServer: stores what a client says, and an administrator sees it") {
  if (skipped_without_redis()) return;
  RespClient client(shared_redis_server().port());
  const std::string value("a\0\r\nb", 5);
  CHECK(client.command({"SET", "redis_server_test:key", value}).str() == "OK");
  CHECK(shared_redis_server().command({"GET", "redis_server_test:key"}) == value);
  CHECK(client.command({"GET", "redis_server_test:absent"}).is_nil());
  CHECK(client.command({"MGET", "redis_server_test:key", "redis_server_test:absent"}).str() == value + "\n(nil)");
  CHECK(client.command({"DEL", "redis_server_test:key"}).str() == "1");
}

TEST_CASE("RedisServer: an error of the server's is a reply to a client, and thrown by command") {
  if (skipped_without_redis()) return;
  RespClient client(shared_redis_server().port());
  CHECK(client.command({"NONSENSE"}).is_error());
  CHECK(contains(message_of<std::runtime_error>([] { shared_redis_server().command({"NONSENSE"}); }),
                 "ERR unknown command"));
}

TEST_CASE("RedisServer: after a restart it is empty, on the same port") {
  if (skipped_without_redis()) return;
  RedisServer server;
  server.command({"SET", "k", "v"});
  const auto port = server.port();
  RespClient client(port);
  server.kill();
  CHECK_FALSE(server.is_running());
  CHECK_THROWS(client.command({"PING"}));
  CHECK_THROWS(RespClient(port));
  server.restart();
  CHECK(server.port() == port);
  CHECK(RespClient(port).command({"DBSIZE"}).str() == "0");
}

TEST_CASE("RedisServer: keeps silent while it is stopped") {
  if (skipped_without_redis()) return;
  RedisServer server;
  RespClient client(server.port(), std::chrono::milliseconds(50));
  server.stop();
  CHECK_THROWS(client.command({"PING"}));
  server.resume();
  CHECK(client.read_reply().str() == "PONG");
}

TEST_CASE("RedisServer: a stopped server can be killed") {
  if (skipped_without_redis()) return;
  RedisServer server;
  server.stop();
  server.kill();
  CHECK_FALSE(server.is_running());
}

TEST_CASE("RedisServer: wants the password") {
  if (skipped_without_redis()) return;
  RedisServer server({.password = "secret"});
  RespClient client(server.port());
  CHECK(contains(client.command({"PING"}).text, "NOAUTH"));
  client.authenticate("", "secret");
  CHECK(client.command({"PING"}).str() == "PONG");
  CHECK(server.command({"PING"}) == "PONG");
}

TEST_CASE("RedisServer: wants the password of its only user") {
  if (skipped_without_redis()) return;
  RedisServer server({.password = "secret", .username = "alice"});
  RespClient client(server.port());
  CHECK(contains(client.command({"PING"}).text, "NOAUTH"));
  CHECK_THROWS(client.authenticate("", "secret"));
  client.authenticate("alice", "secret");
  CHECK(client.command({"ACL", "WHOAMI"}).str() == "alice");
}

TEST_CASE("RedisServer: refuses what exceeds its memory") {
  if (skipped_without_redis()) return;
  RedisServer server({.max_memory_bytes = 4 << 20});
  RespClient client(server.port());
  std::string reply = "OK";
  for (int key = 0; key < 100 && reply == "OK"; ++key) {
    reply = client.command({"SET", std::to_string(key), std::string(100'000, 'x')}).text;
  }
  CHECK(contains(reply, "OOM"));
  CHECK(client.command({"GET", "0"}).text.size() == 100'000);
}

TEST_CASE("RedisServer: one that cannot start says why") {
  if (skipped_without_redis()) return;
  const auto message = message_of<std::runtime_error>([] {
    RedisServer server({.extra_arguments = {"--no-such-option", "yes"}});
  });
  CHECK(contains(message, "no-such-option"));
}
