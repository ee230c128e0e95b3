#include <larder/backends/redis_invalidation_listener.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <larder/backends/redis_backend.hpp>

#include "tests/support/invalidation_log.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/redis_cluster.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/scripted_server.hpp"
#include "tests/support/tcp_proxy.hpp"
#include "tests/support/tls_certificates.hpp"

using namespace larder_tests;
using namespace std::chrono_literals;

namespace {

using Texts = std::vector<std::string>;

template <class Server>
larder::RedisOptions options_for(const Server& server, const std::string& prefix) {
  return {.host = server.host(), .port = server.port(), .prefix = prefix};
}

/// A log and the listener that writes it, armed.
template <class Key = std::string>
struct Listening {
  explicit Listening(larder::RedisOptions options, std::chrono::milliseconds heartbeat = 4s)
      : listener(std::in_place, std::move(options), log, larder::RedisInvalidationOptions{heartbeat}) {
    INFO(listener->stats().last_error);
    REQUIRE(listener->wait_until_armed(log.patience));
  }

  InvalidationLog<Key> log;
  std::optional<larder::RedisInvalidationListener<Key>> listener;
};

/// A field of each line of CLIENT LIST that has these flags.
Texts clients_with(const RedisServer& server, const std::string& flags) {
  Texts ids;
  std::istringstream lines(server.command({"CLIENT", "LIST"}));
  for (std::string line; std::getline(lines, line);) {
    if (line.find(" flags=" + flags + " ") == std::string::npos) continue;
    ids.push_back(line.substr(3, line.find(' ') - 3));
  }
  return ids;
}

/// Waits until what was told ends like this, since the order is no other.
bool ends_with(const InvalidationLog<>& log, const Texts& expected) {
  const SteadyTime deadline = after(log.patience);
  for (;;) {
    const Texts events = log.events();
    if (events.size() >= expected.size() && std::equal(expected.rbegin(), expected.rend(), events.rbegin()))
      return true;
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(1ms);
  }
}

/// Says what the listener expects of a server, but for these answers to PING, and to GETREDIR from the second one on.
ScriptedServer::Script answer_pings(const std::string& bytes, const std::string& later_redirection = ":7\r\n") {
  return [=](ScriptedServer::Connection& connection) {
    int redirections = 0;
    for (;;) {
      const auto command = connection.read_command();
      if (command[0] == "PING") {
        connection.send(bytes);
      } else if (command[0] == "SUBSCRIBE") {
        connection.send("*3\r\n$9\r\nsubscribe\r\n$20\r\n__redis__:invalidate\r\n:1\r\n");
      } else if (command[1] == "ID") {
        connection.send(":7\r\n");
      } else if (command[1] == "GETREDIR") {
        connection.send(redirections++ == 0 ? ":7\r\n" : later_redirection);
      } else {
        connection.send("+OK\r\n");
      }
    }
  };
}

const std::string pong = "*2\r\n$4\r\npong\r\n$0\r\n\r\n";

}  // namespace

TEST_CASE("RedisInvalidationListener: tells what others change, in order, without the prefix", "[threads]") {
  if (skipped_without_redis()) return;
  const std::string prefix = "listener_changes:";
  Listening<> listening(options_for(shared_redis_server(), prefix));
  auto client = shared_redis_server().client();
  client.expect({"SET", prefix + "set", "v"});
  client.expect({"SET", "listener_change:other", "v"});
  client.expect({"PEXPIRE", prefix + "set", "100000"});
  client.expect({"APPEND", prefix + "append", "v"});
  client.expect({"DEL", prefix + "set"});
  client.expect({"DEL", prefix + "absent"});
  client.expect({"SET", prefix, "v"});
  CHECK(listening.log.waits_for("[]"));
  CHECK(listening.log.events() == Texts{"armed", "[set]", "[set]", "[append]", "[set]", "[]"});
  CHECK(listening.listener->stats().invalidations == 5);
}

TEST_CASE("RedisInvalidationListener: tells what expires when the server removes it", "[threads]") {
  if (skipped_without_redis()) return;
  Listening<> listening(options_for(shared_redis_server(), "listener_expiry:"));
  shared_redis_server().command({"SET", "listener_expiry:k", "v", "PX", "20"});
  CHECK(listening.log.waits_for("[k]", 2));
}

TEST_CASE("RedisInvalidationListener: tells this process's own changes, and keys of other types", "[threads]") {
  if (skipped_without_redis()) return;
  const larder::RedisOptions options = options_for(shared_redis_server(), "listener_own:");
  Listening<int> listening(options);
  larder::RedisBackend<int, std::string> cache(options);
  REQUIRE(cache.set(42, "value"));
  shared_redis_server().command({"SET", "listener_own:no number", "v"});
  REQUIRE(cache.erase(42));
  REQUIRE(cache.set(-7, "value"));
  CHECK(listening.log.waits_for("[-7]"));
  CHECK(listening.log.events() == Texts{"armed", "[42]", "[42]", "[-7]"});
}

TEST_CASE("RedisInvalidationListener: characters of a pattern in the prefix mean themselves", "[threads]") {
  if (skipped_without_redis()) return;
  const std::string prefix = "listener[a-z]*?\\:";
  Listening<> listening(options_for(shared_redis_server(), prefix));
  shared_redis_server().command({"SET", "listenerbbb:k", "v"});
  shared_redis_server().command({"SET", "listener[a-z]*?:k", "v"});
  shared_redis_server().command({"SET", prefix + "*", "v"});
  CHECK(ends_with(listening.log, {"armed", "[*]"}));
}

TEST_CASE("RedisInvalidationListener: without a prefix, tells every key", "[threads]") {
  if (skipped_without_redis()) return;
  RedisServer server;
  Listening<> listening(options_for(server, ""));
  const std::string key("any\0\r\nkey", 9);
  server.command({"SET", key, "v"});
  CHECK(ends_with(listening.log, {"armed", "[" + key + "]"}));
}

TEST_CASE("RedisInvalidationListener: a flush is told as everything", "[threads]") {
  if (skipped_without_redis()) return;
  RedisServer server;
  Listening<> listening(options_for(server, "p:"));
  server.command({"SET", "p:a", "v"});
  server.command({"FLUSHALL"});
  server.command({"SET", "p:b", "v"});
  server.command({"FLUSHDB"});
  CHECK(ends_with(listening.log, {"armed", "[a]", "lost", "armed", "[b]", "lost", "armed"}));
  CHECK(listening.listener->is_armed());
  const larder::InvalidationStats stats = listening.listener->stats();
  CHECK(stats.flushes == 2);
  CHECK(stats.losses == 0);
  CHECK(stats.last_error == "");
}

TEST_CASE("RedisInvalidationListener: misses none of many changes, in the clear and through TLS", "[threads]") {
  if (skipped_without_redis() || !TlsCertificates::available()) return;
  const TlsCertificates certificates;
  RedisServer server(
      {.password = "secret",
       .username = "reader",
       .tls = RedisTls{certificates.server.certificate, certificates.server.key, certificates.authority}});
  larder::RedisOptions encrypted = options_for(server, "p:");
  encrypted.username = "reader";
  encrypted.password = "secret";
  encrypted.tls = {.enabled = true, .ca_file = certificates.authority};
  larder::RedisOptions plain = encrypted;
  plain.tls = {};
  plain.unix_socket = server.unix_socket();
  for (const auto& options : {plain, encrypted}) {
    Listening<> listening(options);
    auto client = server.client();
    std::set<std::string> expected;
    std::string commands;
    for (int i = 0; i < 1000; ++i) {
      const std::string key = std::to_string(i) + std::string(1000, 'x');
      expected.insert("[" + key + "]");
      commands += resp_command({"SET", "p:" + key, "v"});
    }
    client.send(commands);
    for (int i = 0; i < 1000; ++i) REQUIRE_FALSE(client.read_reply().is_error());
    client.expect({"SET", "p:last", "v"});
    REQUIRE(listening.log.waits_for("[last]"));
    const Texts events = listening.log.events();
    CHECK(events.size() == 1002);
    CHECK(std::set<std::string>(events.begin() + 1, events.end() - 1) == expected);
  }
}

TEST_CASE("RedisInvalidationListener: a server that does not let it in is tried again and again", "[threads]") {
  if (skipped_without_redis()) return;
  RedisServer server({.password = "secret"});
  larder::RedisOptions options = options_for(server, "p:");
  InvalidationLog<> log;
  const larder::RedisInvalidationListener<> listener(options, log);
  CHECK_FALSE(listener.wait_until_armed(100ms));
  CHECK_FALSE(listener.is_armed());
  CHECK(contains(listener.stats().last_error, "NOAUTH"));
  CHECK(listener.stats().losses == 0);
  server.command({"CONFIG", "SET", "requirepass", ""});
  CHECK(listener.wait_until_armed(log.patience));
  CHECK(log.events() == Texts{"armed"});
}

TEST_CASE("RedisInvalidationListener: a link that is cut or frozen is told as lost, and armed again", "[threads]") {
  if (skipped_without_redis()) return;
  const std::string prefix = "listener_link:";
  TcpProxy proxy(shared_redis_server().port());
  const auto heartbeat = 600ms;
  Listening<> listening(options_for(proxy, prefix), heartbeat);
  SECTION("cut") { proxy.cut(); }
  SECTION("reset") { proxy.cut_with_reset(); }
  SECTION("frozen") {
    const auto begin = std::chrono::steady_clock::now();
    proxy.freeze();
    shared_redis_server().command({"SET", prefix + "missed", "v"});
    REQUIRE(listening.log.waits_for("lost"));
    CHECK(std::chrono::steady_clock::now() - begin < heartbeat + 2s);
    CHECK_FALSE(listening.listener->wait_until_armed(50ms));
    proxy.thaw();
  }
  REQUIRE(listening.log.waits_for("armed", 2));
  shared_redis_server().command({"SET", prefix + "k", "v"});
  CHECK(listening.log.waits_for("[k]"));
  CHECK(listening.log.count("[missed]") == 0);
  CHECK(listening.log.events()[1] == "lost");
  CHECK(listening.listener->stats().losses >= 1);
  CHECK(listening.listener->stats().reconnects >= 1);
  CHECK(contains(listening.listener->stats().last_error, "redis 127.0.0.1:"));
}

TEST_CASE("RedisInvalidationListener: a server may come late, be killed, and come back", "[threads]") {
  if (skipped_without_redis()) return;
  RedisServer server;
  server.kill();
  InvalidationLog<> log;
  const larder::RedisInvalidationListener<> listener(options_for(server, "p:"), log);
  CHECK_FALSE(listener.wait_until_armed(50ms));
  server.restart();
  REQUIRE(log.waits_for("armed", 1));
  server.kill();
  REQUIRE(log.waits_for("lost", 1));
  server.restart();
  REQUIRE(log.waits_for("armed", 2));
  server.command({"SET", "p:k", "v"});
  CHECK(ends_with(log, {"armed", "lost", "armed", "[k]"}));
}

TEST_CASE("RedisInvalidationListener: the end of either of its connections is a loss", "[threads]") {
  if (skipped_without_redis()) return;
  RedisServer server;
  Listening<> listening(options_for(server, "p:"));
  const std::string flags = GENERATE("tB", "P");
  const Texts clients = clients_with(server, flags);
  REQUIRE(clients.size() == 1);
  server.command({"CLIENT", "KILL", "ID", clients[0]});
  REQUIRE(listening.log.waits_for("armed", 2));
  server.command({"SET", "p:k", "v"});
  CHECK(ends_with(listening.log, {"armed", "lost", "armed", "[k]"}));
  // Neither connection of the first pair has been left behind.
  CHECK(clients_with(server, "tB").size() == 1);
  CHECK(clients_with(server, "P").size() == 1);
}

TEST_CASE("RedisInvalidationListener: a message of too many bytes is a loss", "[threads]") {
  if (skipped_without_redis()) return;
  const std::string prefix = "listener_bytes:";
  larder::RedisOptions options = options_for(shared_redis_server(), prefix);
  options.max_reply_bytes = 1024;
  Listening<> listening(options);
  shared_redis_server().command({"SET", prefix + std::string(std::size_t{1} << 20, 'x'), "v"});
  REQUIRE(listening.log.waits_for("armed", 2));
  CHECK(contains(listening.listener->stats().last_error, "max_reply_bytes"));
}

TEST_CASE("RedisInvalidationListener: senseless messages are a loss", "[threads]") {
  const std::string message = "*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n";
  std::string nested;
  for (int i = 0; i < 1000; ++i) nested += "*1\r\n";
  const std::string bytes =
      GENERATE_COPY(std::string("nonsense\r\n"), std::string("+PONG\r\n"), std::string("-ERR no\r\n"),
                    std::string(":1\r\n"), std::string("$-1\r\n"), std::string("*-1\r\n"), std::string("*0\r\n"),
                    pong + pong, std::string("*3\r\n$7\r\nmessage\r\n$5\r\nother\r\n*0\r\n"), message + "$1\r\nk\r\n",
                    message + ":1\r\n", message + "*1\r\n*1\r\n$1\r\nk\r\n", message + "*1\r\n$-1\r\n",
                    message + "*2000000000\r\n", message + "*1\r\n$99999999999\r\n", nested, std::string(1 << 20, '*'));
  INFO(bytes.substr(0, 100));
  ScriptedServer server(answer_pings(bytes));
  InvalidationLog<> log;
  {
    const larder::RedisInvalidationListener<> listener(options_for(server, "p:"), log);
    REQUIRE(log.waits_for("lost", 2));
    CHECK(listener.stats().losses >= 2);
    CHECK(listener.stats().invalidations == 0);
  }
  CHECK(log.events()[2] == "armed");
  CHECK(server.failures() == Texts{});
}

TEST_CASE("RedisInvalidationListener: a server that never stops talking is a loss", "[threads]") {
  const std::string bytes = GENERATE(
      std::string("*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n*1\r\n$3\r\nq:k\r\n"), std::string("*1\r\n"));
  std::string many;
  for (int i = 0; i < 1000; ++i) many += bytes;
  ScriptedServer server([&](ScriptedServer::Connection& connection) {
    int pings = 0;
    while (true) {
      const auto command = connection.read_command();
      if (command[0] == "PING" && ++pings == 1) connection.send_forever(many);
      if (command[0] == "SUBSCRIBE") connection.send("*3\r\n$9\r\nsubscribe\r\n$20\r\n__redis__:invalidate\r\n:1\r\n");
      if (command[0] == "CLIENT") connection.send(command[1] == "TRACKING" ? "+OK\r\n" : ":7\r\n");
    }
  });
  InvalidationLog<> log;
  const larder::RedisInvalidationListener<> listener(options_for(server, "p:"), log, {.heartbeat = 100ms});
  CHECK(log.waits_for("lost", 2));
}

TEST_CASE("RedisInvalidationListener: that tracking has been switched off is a loss", "[threads]") {
  const std::string redirection = GENERATE(":-1\r\n", ":0\r\n", ":8\r\n", "+OK\r\n", ":7\r\n:7\r\n", "-ERR no\r\n");
  ScriptedServer server(answer_pings(pong, redirection));
  InvalidationLog<> log;
  const larder::RedisInvalidationListener<> listener(options_for(server, "p:"), log, {.heartbeat = 20ms});
  CHECK(log.waits_for("lost", 2));
}

TEST_CASE("RedisInvalidationListener: that one of its connections alone falls silent is a loss", "[threads]") {
  std::string ping_answer = pong;
  std::string later_redirection = ":7\r\n";
  SECTION("the subscriber") { ping_answer.clear(); }
  SECTION("the other") { later_redirection.clear(); }
  ScriptedServer server(answer_pings(ping_answer, later_redirection));
  InvalidationLog<> log;
  const larder::RedisInvalidationListener<> listener(options_for(server, "p:"), log, {.heartbeat = 50ms});
  CHECK(log.waits_for("lost", 2));
  CHECK(contains(listener.stats().last_error, "no sign of life"));
}

TEST_CASE("RedisInvalidationListener: keys of another prefix, and none, are not told", "[threads]") {
  const std::string message = "*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n";
  ScriptedServer server(
      answer_pings(message + "*3\r\n$3\r\nq:a\r\n$1\r\np\r\n$3\r\np:b\r\n" + message + "*0\r\n" + pong));
  Listening<> listening(options_for(server, "p:"));
  CHECK(ends_with(listening.log, {"armed", "[b]"}));
}

namespace {

/// Throws from everything.
class ThrowingEvents final : public larder::InvalidationEvents<> {
 public:
  void on_armed() override {
    log.on_armed();
    throw std::runtime_error("armed");
  }
  void on_invalidated(std::string_view key) override {
    log.on_invalidated(key);
    throw 1;
  }
  void on_lost() override {
    log.on_lost();
    throw std::runtime_error("lost");
  }

  InvalidationLog<> log;
};

}  // namespace

TEST_CASE("RedisInvalidationListener: a change that was told in vain is told as everything", "[threads]") {
  if (skipped_without_redis()) return;
  ThrowingEvents events;
  {
    const larder::RedisInvalidationListener<> listener(options_for(shared_redis_server(), "listener_throw:"), events);
    REQUIRE(listener.wait_until_armed(events.log.patience));
    shared_redis_server().command({"SET", "listener_throw:k", "v"});
    CHECK(events.log.waits_for("armed", 2));
    CHECK(listener.is_armed());
  }
  CHECK(events.log.events() == Texts{"armed", "[k]", "lost", "armed", "lost"});
}

TEST_CASE("RedisInvalidationListener: its end is prompt whatever the server does, and told as a loss", "[threads]") {
  if (skipped_without_redis()) return;
  TcpProxy proxy(shared_redis_server().port());
  larder::RedisOptions options = options_for(proxy, "listener_end:");
  options.timeout = options.connect_timeout = 1min;
  SECTION("armed, and frozen") {
    Listening<> listening(options, 1min);
    proxy.freeze();
    const auto begin = std::chrono::steady_clock::now();
    listening.listener.reset();
    CHECK(std::chrono::steady_clock::now() - begin < 10s);
    CHECK(listening.log.events() == Texts{"armed", "lost"});
  }
  SECTION("connecting, and frozen") {
    proxy.freeze();
    InvalidationLog<> log;
    SECTION("a server") {}
    SECTION("a cluster") { options.cluster = true; }
    SECTION("TLS") { options.tls = {.enabled = true, .verify = false}; }
    auto listener = std::make_unique<larder::RedisInvalidationListener<>>(options, log);
    CHECK_FALSE(listener->wait_until_armed(100ms));
    const auto begin = std::chrono::steady_clock::now();
    listener.reset();
    CHECK(std::chrono::steady_clock::now() - begin < 10s);
    CHECK(log.events() == Texts{});
  }
  SECTION("at once") {
    InvalidationLog<> log;
    const auto begin = std::chrono::steady_clock::now();
    { const larder::RedisInvalidationListener<> listener(options, log); }
    CHECK(std::chrono::steady_clock::now() - begin < 10s);
  }
}

TEST_CASE("RedisInvalidationListener: options that make no sense are refused") {
  InvalidationLog<> log;
  using Listener = larder::RedisInvalidationListener<>;
  CHECK_THROWS_AS(Listener({.port = 0}, log), larder::InvalidArgumentError);
  CHECK(contains(message_of<larder::InvalidArgumentError>([&] { Listener({}, log, {.heartbeat = 9ms}); }),
                 "heartbeat = 9 ms"));
}

TEST_CASE("RedisInvalidationListener: tells the changes at every master of a cluster, and that slots move",
          "[threads]") {
  if (skipped_without_redis()) return;
  RedisCluster& cluster = shared_redis_cluster();
  larder::RedisOptions options = options_for(cluster.node(0), "listener:");
  options.cluster = true;
  Listening<> listening(options, 2s);
  larder::RedisBackend<> cache(options);
  for (int i = 0; i < 30; ++i) REQUIRE(cache.set(std::to_string(i), "v"));
  for (int i = 0; i < 30; ++i) CHECK(listening.log.waits_for("[" + std::to_string(i) + "]"));
  CHECK(listening.log.count("lost") == 0);

  const std::size_t slot = cluster.slot_of("listener:1");
  const std::size_t home = cluster.node_of_slot(slot);
  const std::size_t other = (home + 1) % RedisCluster::masters;
  cluster.move_slot(slot, home, other);
  CHECK(listening.log.waits_for("lost"));
  CHECK(listening.log.waits_for("armed", 2));
  CHECK(contains(listening.listener->stats().last_error, "slots"));
  const std::size_t told = listening.log.count("[1]");
  REQUIRE(cache.set("1", "again"));
  CHECK(listening.log.waits_for("[1]", told + 1));
  cluster.move_slot(slot, other, home);
  cluster.wait_until_ok();
}

TEST_CASE("RedisInvalidationListener: in a cluster, a fail-over is a loss", "[threads]") {
  if (skipped_without_redis()) return;
  RedisCluster cluster({.replicas = true});
  larder::RedisOptions options = options_for(cluster.node(0), "listener:");
  options.cluster = true;
  Listening<> listening(options, 2s);
  const std::size_t slot = cluster.slot_of("listener:k");
  const std::size_t home = cluster.node_of_slot(slot);
  cluster.kill_master(home);
  CHECK(listening.log.waits_for("lost"));
  cluster.wait_until_ok();
  CHECK(cluster.node_of_slot(slot) == home + RedisCluster::masters);
  REQUIRE(listening.listener->wait_until_armed(listening.log.patience));
  cluster.node(home + RedisCluster::masters).command({"SET", "listener:k", "v"});
  CHECK(listening.log.waits_for("[k]"));
}
