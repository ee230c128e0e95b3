/// \file redis_cluster_test.cpp
/// RedisBackend and the nodes of a cluster that say and do what real ones seldom do.
#include <larder/backends/redis_backend.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/scripted_server.hpp"

using namespace larder_tests;
using namespace std::chrono_literals;
using larder::RedisOptions;

namespace {

using Cache = larder::RedisBackend<std::string, std::string>;
using Command = ScriptedServer::Command;

// Their slots.
const std::string foo = "{foo}";  // 12182
const std::string bar = "{bar}";  // 5061

std::string bulk(const std::string& text) { return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n"; }

/// Nodes that all say what `answer` makes of a command to the node of that number; where it is empty, nothing more on
/// that connection. CLUSTER SLOTS is answered by `table`.
class Nodes {
 public:
  using Answer = std::function<std::string(std::size_t node, const Command& command)>;

  Nodes(std::size_t count, Answer answer) : answer_(std::move(answer)) {
    for (std::size_t i = 0; i < count; ++i) {
      servers_.push_back(std::make_unique<ScriptedServer>([this, i](ScriptedServer::Connection& connection) {
        while (true) {
          const Command command = connection.read_command();
          const std::string said = answer_(i, command);
          if (said == closing) return;
          if (said.empty()) return connection.wait_closed();
          connection.send(said);
        }
      }));
    }
  }

  static inline const std::string closing = "close";

  std::uint16_t port(std::size_t node) const { return servers_.at(node)->port(); }
  void end(std::size_t node) { servers_.at(node).reset(); }

  std::string at(std::size_t node) const { return "127.0.0.1:" + std::to_string(port(node)) + "\r\n"; }
  std::string moved(std::size_t slot, std::size_t to) const { return "-MOVED " + std::to_string(slot) + " " + at(to); }
  std::string ask(std::size_t slot, std::size_t to) const { return "-ASK " + std::to_string(slot) + " " + at(to); }

  /// A table of slots: from 0 to 8191, and the others.
  std::string table(std::size_t low, std::size_t high, const std::string& host = bulk("127.0.0.1")) const {
    const auto range = [&](const char* slots, std::size_t node) {
      return "*3\r\n" + std::string(slots) + "*2\r\n" + host + ":" + std::to_string(port(node)) + "\r\n";
    };
    return "*2\r\n" + range(":0\r\n:8191\r\n", low) + range(":8192\r\n:16383\r\n", high);
  }

  /// How often a node was told to do something; all of them, without a number.
  std::size_t count(const std::string& name, std::optional<std::size_t> node = {}) const {
    std::size_t count = 0;
    for (std::size_t i = 0; i < servers_.size(); ++i) {
      if (servers_[i] == nullptr || (node && *node != i)) continue;
      for (const Command& each : servers_[i]->commands()) count += each.front() == name ? 1U : 0U;
    }
    return count;
  }

  /// Node 0 is the seed.
  RedisOptions options(std::chrono::milliseconds interval = 1h) const {
    return {.port = port(0),
            .prefix = "",
            .timeout = 10s,
            .pool_size = 4,
            .cluster = true,
            .topology_refresh_interval = interval};
  }

 private:
  const Answer answer_;
  std::vector<std::unique_ptr<ScriptedServer>> servers_;
};

std::string code_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const larder::ServerError& error) {
    return error.code();
  }
  return "none";
}

}  // namespace

TEST_CASE("RedisCluster: what has moved is followed, and not forgotten") {
  Nodes nodes(2, [&](std::size_t node, const Command& command) {
    if (command[0] == "CLUSTER") return nodes.table(0, 0);
    return node == 0 ? nodes.moved(12182, 1) : bulk("value of " + command[1]);
  });
  Cache cache(nodes.options());
  CHECK(cache.get(foo + "1") == "value of {foo}1");
  CHECK(cache.get(foo + "2") == "value of {foo}2");
  CHECK(nodes.count("GET", 0) == 1);
  CHECK(nodes.count("GET", 1) == 2);
  CHECK(nodes.count("CLUSTER") == 1);
}

TEST_CASE("RedisCluster: ASKING stands before each command that is sent elsewhere for once, and shifts no reply") {
  std::atomic<bool> asking{false};
  Nodes nodes(2, [&](std::size_t node, const Command& command) -> std::string {
    if (command[0] == "CLUSTER") return nodes.table(0, 0);
    if (command[0] == "ASKING") {
      asking = true;
      return "+OK\r\n";
    }
    if (node == 0 && command[1].ends_with("here")) return bulk("value of " + command[1]);
    if (node == 0) return nodes.ask(12182, 1);
    return asking.exchange(false) ? bulk("value of " + command[1]) : nodes.moved(12182, 0);
  });
  Cache cache(nodes.options());
  const std::vector<std::string> keys{foo + "1", foo + "here", foo + "2", foo + "3", foo + "and here"};
  for (int round = 0; round < 2; ++round) {
    const auto values = cache.get_many(keys);
    REQUIRE(values.size() == keys.size());
    for (const auto& [key, value] : values) CHECK(value == "value of " + key);
  }
  CHECK(nodes.count("ASKING", 1) == 6);
  CHECK(nodes.count("GET", 1) == 6);
  CHECK(nodes.count("ASKING", 0) == 0);
  CHECK(nodes.count("CLUSTER") == 1);
}

TEST_CASE("RedisCluster: redirections in a circle end") {
  const auto kind = GENERATE(0, 1, 2);
  Nodes nodes(2, [&](std::size_t node, const Command& command) -> std::string {
    if (command[0] == "CLUSTER") return nodes.table(0, 0);
    if (command[0] == "ASKING") return "+OK\r\n";
    if (kind == 0) return nodes.moved(12182, 1 - node);
    return kind == 1 ? nodes.moved(12182, 0) : nodes.ask(12182, 1 - node);
  });
  auto options = nodes.options(0ms);
  options.max_redirects = 3;
  Cache cache(options);
  CHECK(code_of([&] { cache.get(foo); }) == (kind == 2 ? "ASK" : "MOVED"));
  CHECK(nodes.count("GET") == 4);
  CHECK(code_of([&] { cache.set(foo, "v"); }) == (kind == 2 ? "ASK" : "MOVED"));
  CHECK(nodes.count("SET") == 4);
}

TEST_CASE("RedisCluster: redirections to nowhere, or of another slot, are an error of the protocol") {
  const std::string said = GENERATE(as<std::string>(), "-MOVED\t12182\r\n", "-MOVED 12182 nowhere\r\n",
                                    "-ASK 99999 127.0.0.1:1\r\n", "-MOVED 5061 127.0.0.1:1\r\n");
  Nodes nodes(1,
              [&](std::size_t, const Command& command) { return command[0] == "CLUSTER" ? nodes.table(0, 0) : said; });
  Cache cache(nodes.options());
  INFO(said);
  if (said.front() == '-' && said[6] == '\t') {
    CHECK(code_of([&] { cache.get(foo); }) == "MOVED\t12182");
  } else {
    CHECK_THROWS_AS(cache.get(foo), larder::ProtocolError);
  }
}

TEST_CASE("RedisCluster: a slot in motion is tried again") {
  std::atomic<int> refusals{2};
  Nodes nodes(1, [&](std::size_t, const Command& command) -> std::string {
    if (command[0] == "CLUSTER") return nodes.table(0, 0);
    return refusals-- > 0 ? "-TRYAGAIN Multiple keys request during rehashing of slot\r\n" : bulk("value");
  });
  Cache cache(nodes.options());
  CHECK(cache.get(foo) == "value");
  CHECK(nodes.count("GET") == 3);
  refusals = 1000;
  CHECK(code_of([&] { cache.get(foo); }) == "TRYAGAIN");
  CHECK(nodes.count("GET") == 3 + 6);
}

TEST_CASE("RedisCluster: a storm of redirections asks for the slots once an interval", "[threads]") {
  constexpr auto interval = 200ms;
  Nodes nodes(2, [&](std::size_t node, const Command& command) {
    if (command[0] == "CLUSTER") return nodes.table(0, 0);  // again and again what is out of date
    return node == 0 ? nodes.moved(larder::detail::redis_slot_of(command[1]), 1) : bulk("value");
  });
  Cache cache(nodes.options(interval));
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; std::chrono::steady_clock::now() - begin < 1s; ++i) {
        std::vector<std::string> keys;
        for (int key = 0; key < 186; ++key) keys.push_back(std::to_string(thread * 1'000'000 + i * 1000 + key));
        if (cache.get_many(keys).size() != keys.size()) ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  const auto took = std::chrono::steady_clock::now() - begin;
  CHECK(wrong == 0);
  CHECK(nodes.count("GET", 0) > 186);
  CHECK(nodes.count("CLUSTER") >= 2);
  CHECK(nodes.count("CLUSTER") <= 1 + static_cast<std::size_t>(took / interval));
}

TEST_CASE("RedisCluster: a host that is left out is the one that was asked") {
  const std::string host = GENERATE(as<std::string>(), "$-1\r\n", "$0\r\n\r\n", "$1\r\n?\r\n");
  Nodes nodes(3, [&](std::size_t node, const Command& command) {
    if (command[0] == "CLUSTER") return nodes.table(0, 1, host);
    return node == 1 ? "-MOVED 12182 :" + std::to_string(nodes.port(2)) + "\r\n" : bulk("value");
  });
  Cache cache(nodes.options());
  CHECK(cache.get(bar) == "value");
  CHECK(cache.get(foo) == "value");
  CHECK(nodes.count("GET", 2) == 1);
}

TEST_CASE("RedisCluster: a table that is none is an error of the protocol, and asked for again") {
  static const std::vector<std::string> tables{
      "+OK\r\n",
      ":1\r\n",
      "$-1\r\n",
      "*1\r\n*2\r\n:0\r\n:1\r\n",
      "*1\r\n*3\r\n:0\r\n:99999\r\n*2\r\n$1\r\na\r\n:1\r\n",
      "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$1\r\na\r\n:0\r\n",
      "*99999999\r\n",
      "*0\r\n",
      "-ERR This instance has cluster support disabled\r\n",
  };
  std::atomic<std::size_t> said{0};
  Nodes nodes(1, [&](std::size_t, const Command& command) {
    if (command[0] != "CLUSTER") return bulk("value");
    return said < tables.size() ? tables[said] : nodes.table(0, 0);
  });
  Cache cache(nodes.options(0ms));
  for (; said < 7; ++said) {
    INFO(tables[said]);
    CHECK_THROWS_AS(cache.get(foo), larder::ProtocolError);
  }
  CHECK(code_of([&] { cache.get(foo); }) == "CLUSTERDOWN");
  ++said;
  CHECK(code_of([&] { cache.get(foo); }) == "ERR");
  ++said;
  CHECK(cache.get(foo) == "value");
}

TEST_CASE("RedisCluster: slots that nobody has are an error, not a miss") {
  Nodes nodes(1, [&](std::size_t, const Command& command) {
    if (command[0] != "CLUSTER") return bulk("value");
    return "*1\r\n*3\r\n:0\r\n:8191\r\n*2\r\n$0\r\n\r\n:" + std::to_string(nodes.port(0)) + "\r\n";
  });
  Cache cache(nodes.options());
  CHECK(cache.get(bar) == "value");
  CHECK(code_of([&] { cache.get(foo); }) == "CLUSTERDOWN");
  CHECK(code_of([&] { cache.keys(); }) == "CLUSTERDOWN");
  CHECK(code_of([&] { cache.get_many(std::vector<std::string>{foo, bar}); }) == "CLUSTERDOWN");
}

TEST_CASE("RedisCluster: a node that hangs keeps nobody from the others", "[threads]") {
  std::atomic<bool> hangs{false};
  Nodes nodes(3, [&](std::size_t node, const Command& command) -> std::string {
    if (hangs && node == 1) return "";
    return command[0] == "CLUSTER" ? nodes.table(0, 1) : bulk("value of " + command[1]);
  });
  auto options = nodes.options(10ms);
  options.timeout = 1s;
  options.pool_size = 2;
  Cache cache(options);
  const std::vector<std::string> both{foo, bar};
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 20; ++j) cache.get_many(both);  // so that there are connections to both
    });
  }
  for (auto& thread : threads) thread.join();
  threads.clear();
  hangs = true;
  std::atomic<int> timeouts{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 2; ++j) {
        try {
          cache.get_many(both);
        } catch (const larder::TimeoutError&) {
          ++timeouts;
        }
      }
    });
  }
  auto slowest = 0ns;
  while (timeouts < 8) {
    const auto begin = std::chrono::steady_clock::now();
    CHECK(cache.get(bar) == "value of {bar}");
    slowest = std::max(slowest, std::chrono::steady_clock::now() - begin);
    std::this_thread::sleep_for(1ms);
  }
  for (auto& thread : threads) thread.join();
  CHECK(slowest < options.timeout / 2);
}

TEST_CASE("RedisCluster: when a node hangs, the others are asked who has taken its place") {
  std::atomic<bool> hangs{false};
  Nodes nodes(3, [&](std::size_t node, const Command& command) -> std::string {
    if (hangs && node == 1) return "";
    return command[0] == "CLUSTER" ? nodes.table(0, hangs ? 2 : 1) : "+OK\r\n";
  });
  auto options = nodes.options(0ms);
  options.timeout = 200ms;
  Cache cache(options);
  CHECK(cache.set(foo, "v"));
  hangs = true;
  CHECK_THROWS_AS(cache.set(foo, "v"), larder::TimeoutError);
  CHECK(cache.set(foo, "v"));
  CHECK(nodes.count("SET", 2) == 1);
}

TEST_CASE("RedisCluster: the seed is needed once") {
  const bool hangs = GENERATE(false, true);
  std::atomic<std::size_t> home{1};
  std::atomic<bool> seed_is_away{false};
  Nodes nodes(3, [&](std::size_t node, const Command& command) -> std::string {
    if (node == 0 && seed_is_away) return hangs ? "" : Nodes::closing;
    if (command[0] == "CLUSTER") return nodes.table(home, home);
    return node == home ? bulk("value") : nodes.moved(12182, home);
  });
  auto options = nodes.options(0ms);
  options.timeout = 1s;
  Cache cache(options);
  CHECK(cache.get(foo) == "value");
  seed_is_away = true;
  for (int i = 0; i < 4; ++i) {
    home = 3 - home;
    CHECK(cache.get(foo) == "value");
  }
  CHECK(nodes.count("CLUSTER", 0) == 1);
  CHECK(nodes.count("CLUSTER") == 5);
}

TEST_CASE("RedisCluster: a write is sent once, a read again") {
  Nodes nodes(1, [&](std::size_t, const Command& command) {
    return command[0] == "CLUSTER" ? nodes.table(0, 0) : Nodes::closing;
  });
  Cache cache(nodes.options(0ms));
  CHECK_THROWS_AS(cache.set(foo, "v"), larder::ConnectionError);
  CHECK_THROWS_AS(cache.erase(foo), larder::ConnectionError);
  CHECK_THROWS_AS(cache.set_many({{foo, "v"}, {bar, "w"}}), larder::ConnectionError);
  CHECK(nodes.count("SET") == 2);  // of the batch, it read one
  CHECK(nodes.count("UNLINK") == 1);
  CHECK_THROWS_AS(cache.get(foo), larder::ConnectionError);
  CHECK(nodes.count("GET") == 2);
}

TEST_CASE("RedisCluster: what could not be sent goes to who has taken the slot") {
  std::atomic<bool> is_away{false};
  Nodes nodes(3, [&](std::size_t, const Command& command) -> std::string {
    if (command[0] != "CLUSTER") return "+OK\r\n";
    return is_away ? nodes.table(0, 2) : nodes.table(0, 1);
  });
  Cache cache(nodes.options(0ms));
  CHECK(cache.set(bar, "v"));
  is_away = true;
  nodes.end(1);
  CHECK(cache.set_many({{foo, "v"}, {bar, "w"}}) == 2);
  CHECK(nodes.count("SET", 2) == 1);
  CHECK(nodes.count("SET", 0) == 2);
}

TEST_CASE("RedisCluster: the first question is asked once, whoever waits for it", "[threads]") {
  Nodes nodes(1, [&](std::size_t, const Command& command) {
    if (command[0] != "CLUSTER") return bulk("value");
    std::this_thread::sleep_for(100ms);
    return nodes.table(0, 0);
  });
  Cache cache(nodes.options());
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&] { right += cache.get(foo) == "value" ? 1 : 0; });
  for (auto& thread : threads) thread.join();
  CHECK(right == 4);
  CHECK(nodes.count("CLUSTER") == 1);
}

TEST_CASE("RedisCluster: one connection to each node is enough for anything", "[threads]") {
  Nodes nodes(3, [&](std::size_t node, const Command& command) {
    if (command[0] == "CLUSTER") return nodes.table(0, 1);
    return node == 2 ? bulk("value of " + command[1]) : nodes.moved(node == 0 ? 5061 : 12182, 2);
  });
  auto options = nodes.options(1ms);
  options.pool_size = 1;
  Cache cache(options);
  std::atomic<int> wrong{0};
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        const auto values = cache.get_many(std::vector<std::string>{foo + "1", bar, foo + "2"});
        if (values.size() != 3) ++wrong;
        for (const auto& [key, value] : values) wrong += value == "value of " + key ? 0 : 1;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(nodes.count("CLUSTER") > 1);
  CHECK(std::chrono::steady_clock::now() - begin < options.timeout / 2);  // nobody waits for themselves
}
