/// \file redis_cluster.hpp
/// RedisCluster: three masters, and a replica of each if asked for, that fail over and move slots.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/redis_server.hpp"

namespace larder_tests {

struct RedisClusterOptions {
  bool replicas = false;
  bool full_coverage_required = true;            ///< else the slots that are there are served while others are not
  std::chrono::milliseconds node_timeout{1000};  ///< until a node that is away is taken for failed
  RedisServerOptions server = {};                ///< of each node
};

/// Nodes 0 to 2 start as masters of a third of the slots each, in order; node 3 + i starts as the replica of node i.
/// Not for several threads at once, whatever its clients do.
class RedisCluster {
 public:
  static constexpr std::size_t masters = 3;
  static constexpr std::size_t slots = 16384;
  static constexpr std::size_t nobody = static_cast<std::size_t>(-1);

  /// Returns when every node takes the cluster for sound: after two seconds, which Redis has new masters wait.
  explicit RedisCluster(RedisClusterOptions options = {}) {
    const RedisServerOptions server = options_of_a_node(options);
    const std::size_t count = options.replicas ? 2 * masters : masters;
    for (std::size_t i = 0; i < count; ++i) nodes_.push_back(std::make_unique<RedisServer>(server));
    for (std::size_t i = 0; i < count; ++i) node(i).command({"CLUSTER", "SET-CONFIG-EPOCH", std::to_string(i + 1)});
    for (std::size_t i = 0; i < count; ++i) ids_.push_back(node(i).command({"CLUSTER", "MYID"}));
    for (std::size_t i = 0; i < masters; ++i) {
      node(i).command({"CLUSTER", "ADDSLOTSRANGE", std::to_string(slots * i / masters),
                       std::to_string(slots * (i + 1) / masters - 1)});
    }
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t j = 0; j < i; ++j) node(i).command({"CLUSTER", "MEET", node(j).host(), port_text(j)});
    }
    for (std::size_t i = masters; i < count; ++i) replicate(i, i - masters);
    wait_until_ok();
  }

  std::size_t size() const noexcept { return nodes_.size(); }
  RedisServer& node(std::size_t index) { return *nodes_.at(index); }

  /// Kills a node. If it was a master with a replica, that takes over after `node_timeout` and an election.
  void kill_master(std::size_t index) { node(index).kill(); }
  /// The node comes back without keys, and with what it knew of the cluster: to find itself the replica of the one that
  /// took over, if any.
  void restart(std::size_t index) { node(index).restart(); }

  std::size_t slot_of(const std::string& key) {
    return std::stoul(some_running_node().command({"CLUSTER", "KEYSLOT", key}));
  }
  /// The index of its master, in the eyes of the first node that runs; `nobody` if it has none.
  std::size_t node_of_slot(std::size_t slot) { return owners(some_running_node()).at(slot); }

  /// Waits until all nodes that run agree on who has which slots, have all slots in the hands of nodes that run, and
  /// all replicas are in sync. Throws std::runtime_error with what they say if that takes too long.
  void wait_until_ok(std::chrono::milliseconds timeout = std::chrono::seconds(30)) {
    const SteadyTime deadline = after(timeout);
    while (!is_ok()) {
      if (std::chrono::steady_clock::now() > deadline)
        throw std::runtime_error("the cluster is not sound:\n" + views());
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }

  /// Moves a slot with its keys between masters.
  void move_slot(std::size_t slot, std::size_t from, std::size_t to) {
    begin_move(slot, from, to);
    move_keys(slot, from, to);
    finish_move(slot, from, to);
  }
  /// From now on `from` answers ASK for keys of the slot that it does not have.
  void begin_move(std::size_t slot, std::size_t from, std::size_t to) {
    node(to).command({"CLUSTER", "SETSLOT", std::to_string(slot), "IMPORTING", ids_.at(from)});
    node(from).command({"CLUSTER", "SETSLOT", std::to_string(slot), "MIGRATING", ids_.at(to)});
  }
  /// Moves at most `count` keys of a slot whose move has begun. How many it has moved.
  std::size_t move_keys(std::size_t slot, std::size_t from, std::size_t to, std::size_t count = nobody) {
    std::size_t moved = 0;
    while (moved < count) {
      const auto keys = node(from).client().expect({"CLUSTER", "GETKEYSINSLOT", std::to_string(slot),
                                                    std::to_string(std::min<std::size_t>(count - moved, 100))});
      if (keys.elements.empty()) break;
      std::vector<std::string> command{"MIGRATE", node(to).host(), port_text(to), "", "0", "10000"};
      const auto& [password, username] = std::pair(node(to).options().password, node(to).options().username);
      if (!username.empty()) {
        command.insert(command.end(), {"AUTH2", username, password});
      } else if (!password.empty()) {
        command.insert(command.end(), {"AUTH", password});
      }
      command.push_back("KEYS");
      for (const auto& key : keys.elements) command.push_back(key.text);
      node(from).command(command);
      moved += keys.elements.size();
    }
    return moved;
  }
  /// Once all keys have moved: tells all masters that run, from whom the others hear it. Returns when these agree on
  /// who was the last to change something: a master that has yet to hear of it could lose the next slot that it is
  /// given.
  void finish_move(std::size_t slot, std::size_t from, std::size_t to) {
    const std::vector<std::string> command{"CLUSTER", "SETSLOT", std::to_string(slot), "NODE", ids_.at(to)};
    node(to).command(command);
    node(from).command(command);
    for (std::size_t i = 0; i < size(); ++i) {
      if (i != to && i != from && node(i).is_running() && !is_replica(node(i))) node(i).command(command);
    }
    const SteadyTime deadline = after(std::chrono::seconds(10));
    while (!have_same_epochs()) {
      if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("no agreement:\n" + views());
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

 private:
  static RedisServerOptions options_of_a_node(const RedisClusterOptions& options) {
    RedisServerOptions server = options.server;
    const auto add = [&server](const std::string& name, const std::string& value) {
      server.extra_arguments.insert(server.extra_arguments.end(), {"--" + name, value});
    };
    server.cluster = true;
    add("cluster-node-timeout", std::to_string(options.node_timeout.count()));
    add("cluster-require-full-coverage", options.full_coverage_required ? "yes" : "no");
    add("cluster-replica-validity-factor", "0");
    add("repl-diskless-sync-delay", "0");
    if (!server.password.empty()) add("masterauth", server.password);
    if (!server.username.empty()) add("masteruser", server.username);
    if (server.tls) {
      add("tls-cluster", "yes");
      add("tls-replication", "yes");
    }
    return server;
  }

  std::string port_text(std::size_t index) { return std::to_string(node(index).port()); }

  RedisServer& some_running_node() {
    for (auto& node : nodes_) {
      if (node->is_running()) return *node;
    }
    throw std::runtime_error("no node of the cluster runs");
  }

  /// As soon as the replica has heard of the master.
  void replicate(std::size_t replica, std::size_t master) {
    const SteadyTime deadline = after(std::chrono::seconds(10));
    while (node(replica).client().command({"CLUSTER", "REPLICATE", ids_.at(master)}).is_error()) {
      if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("no replication:\n" + views());
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }

  static bool is_replica(const RedisServer& node) {
    return node.command({"INFO", "replication"}).find("role:slave") != std::string::npos;
  }

  bool have_same_epochs() {
    std::vector<std::string> agreed;
    for (auto& each : nodes_) {
      if (!each->is_running() || is_replica(*each)) continue;
      if (agreed.empty()) agreed = epochs(*each);
      if (epochs(*each) != agreed) return false;
    }
    return true;
  }

  /// Each master's id and the number of its last change, in the order of the ids.
  static std::vector<std::string> epochs(const RedisServer& node) {
    std::istringstream lines(node.command({"CLUSTER", "NODES"}));
    std::vector<std::string> epochs;
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      std::string id, address, flags, master, pinged, ponged, epoch;
      words >> id >> address >> flags >> master >> pinged >> ponged >> epoch;
      if (master == "-") epochs.push_back(id + " " + epoch);
    }
    std::sort(epochs.begin(), epochs.end());
    return epochs;
  }

  /// The index of each slot's master.
  std::vector<std::size_t> owners(const RedisServer& node) const {
    std::vector<std::size_t> owners(slots, nobody);
    for (const auto& range : node.client().expect({"CLUSTER", "SLOTS"}).elements) {
      const std::string& id = range.elements.at(2).elements.at(2).text;
      const auto owner = static_cast<std::size_t>(std::find(ids_.begin(), ids_.end(), id) - ids_.begin());
      for (auto slot = std::stoul(range.elements.at(0).text); slot <= std::stoul(range.elements.at(1).text); ++slot) {
        owners.at(slot) = owner;
      }
    }
    return owners;
  }

  bool is_ok() {
    const auto agreed = owners(some_running_node());
    for (const std::size_t owner : agreed) {
      if (owner == nobody || !nodes_.at(owner)->is_running()) return false;
    }
    for (auto& node : nodes_) {
      if (!node->is_running()) continue;
      if (node->command({"CLUSTER", "INFO"}).find("cluster_state:ok") == std::string::npos) return false;
      if (node->command({"INFO", "replication"}).find("master_link_status:down") != std::string::npos) return false;
      if (owners(*node) != agreed) return false;
    }
    return true;
  }

  std::string views() {
    std::string text;
    for (auto& node : nodes_) {
      text += std::to_string(node->port()) + ":\n";
      if (node->is_running()) text += node->command({"CLUSTER", "INFO"}) + node->command({"CLUSTER", "NODES"});
    }
    return text;
  }

  std::vector<std::unique_ptr<RedisServer>> nodes_;
  std::vector<std::string> ids_;
};

/// Three masters, started when they are first asked for, and ended with the program. A test leaves no slot in motion
/// and no node dead, and takes a prefix of its own.
inline RedisCluster& shared_redis_cluster() {
  static RedisCluster cluster;
  return cluster;
}

}  // namespace larder_tests
