#include "tests/support/redis_cluster.hpp"

#include <string>

#include "tests/support/message_of.hpp"

using namespace larder_tests;

namespace {

std::string text_of(std::size_t number) { return std::to_string(number); }

/// What a client hears that asks a node, be it an error.
std::string ask(RedisCluster& cluster, std::size_t node, const std::vector<std::string>& command) {
  return RespClient(cluster.node(node).port()).command(command).str();
}

}  // namespace

TEST_CASE("RedisCluster: every slot has its master, which sends clients to the others") {
  if (skipped_without_redis()) return;
  RedisCluster& cluster = shared_redis_cluster();
  CHECK(cluster.node_of_slot(0) == 0);
  CHECK(cluster.node_of_slot(8000) == 1);
  CHECK(cluster.node_of_slot(16383) == 2);
  CHECK(cluster.slot_of("{foo}bar") == 12182);
  CHECK(ask(cluster, 2, {"SET", "foo", "v"}) == "OK");
  CHECK(ask(cluster, 0, {"GET", "foo"}) == "MOVED 12182 127.0.0.1:" + text_of(cluster.node(2).port()));
  CHECK(ask(cluster, 2, {"DEL", "foo"}) == "1");
}

TEST_CASE("RedisCluster: moves a slot, and a test may stand in the middle") {
  if (skipped_without_redis()) return;
  RedisCluster& cluster = shared_redis_cluster();
  const std::size_t slot = 12182;
  CHECK(ask(cluster, 2, {"MSET", "{foo}1", "a", "{foo}2", "b"}) == "OK");
  cluster.begin_move(slot, 2, 0);
  CHECK(cluster.move_keys(slot, 2, 0, 1) == 1);
  const std::string ask_reply = "ASK 12182 127.0.0.1:" + text_of(cluster.node(0).port());
  CHECK(ask(cluster, 2, {"GET", "{foo}absent"}) == ask_reply);
  CHECK(contains(ask(cluster, 2, {"MGET", "{foo}1", "{foo}2"}), "TRYAGAIN"));
  CHECK(cluster.move_keys(slot, 2, 0) == 1);
  CHECK(ask(cluster, 2, {"GET", "{foo}1"}) == ask_reply);
  cluster.finish_move(slot, 2, 0);
  cluster.wait_until_ok();
  CHECK(cluster.node_of_slot(slot) == 0);
  CHECK(ask(cluster, 0, {"MGET", "{foo}1", "{foo}2"}) == "a\nb");
  cluster.move_slot(slot, 0, 2);
  cluster.wait_until_ok();
  CHECK(ask(cluster, 2, {"DEL", "{foo}1", "{foo}2"}) == "2");
}

TEST_CASE("RedisCluster: a replica takes over, and the old master becomes its replica") {
  if (skipped_without_redis()) return;
  RedisCluster cluster({.replicas = true,
                        .full_coverage_required = false,
                        .node_timeout = std::chrono::milliseconds(500),
                        .server = {.password = "secret", .username = "alice"}});
  CHECK(cluster.size() == 6);
  CHECK(contains(ask(cluster, 0, {"GET", "bar"}), "NOAUTH"));
  CHECK(contains(cluster.node(1).command({"CONFIG", "GET", "cluster-require-full-coverage"}), "\nno"));
  RespClient client = cluster.node(0).client();
  CHECK(client.command({"SET", "bar", "v"}).str() == "OK");
  CHECK(client.command({"WAIT", "1", "5000"}).str() == "1");

  cluster.kill_master(0);
  cluster.wait_until_ok();
  CHECK(cluster.node_of_slot(0) == 3);
  CHECK(cluster.node(3).command({"GET", "bar"}) == "v");

  cluster.restart(0);
  cluster.wait_until_ok();
  CHECK(cluster.node_of_slot(0) == 3);
  CHECK(contains(cluster.node(0).command({"INFO", "replication"}), "role:slave"));

  cluster.move_slot(cluster.slot_of("bar"), 3, 1);
  cluster.wait_until_ok();
  CHECK(cluster.node(1).command({"GET", "bar"}) == "v");
}
