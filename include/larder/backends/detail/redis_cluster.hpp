/// \file redis_cluster.hpp
/// RedisCluster: commands to the servers of a Redis Cluster, each to the one that has its key.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <larder/backends/detail/deadline.hpp>
#include <larder/backends/detail/endpoint.hpp>
#include <larder/backends/detail/redis_commands.hpp>
#include <larder/backends/detail/redis_node.hpp>
#include <larder/backends/detail/redis_slots.hpp>
#include <larder/backends/detail/redis_topology.hpp>
#include <larder/backends/detail/redis_transport.hpp>
#include <larder/cache_error.hpp>

namespace larder::detail {

/// Follows redirections as often as the options allow; after that, the redirection is the reply.
class RedisCluster final : public RedisTransport {
  using Node = RedisTopology::Node;

 public:
  explicit RedisCluster(const RedisSettings& settings) : settings_(settings), topology_(settings) {}

  std::vector<Reply> exchange(const RedisCommands& commands, Repeat repeat, const Deadline& deadline) override {
    topology_.require(deadline);
    Exchange exchange{commands, std::vector<Reply>(commands.size()), {}, repeat, deadline, {}};
    for (std::size_t i = 0; i < commands.size(); ++i) {
      exchange.pending.push_back({i, home_of(commands.key_of(i), deadline), false});
    }
    for (int redirects = 0; !exchange.pending.empty(); ++redirects) {
      send_and_receive(exchange, redirects < settings_.options.max_redirects);
      if (exchange.failure != nullptr) std::rethrow_exception(exchange.failure);
    }
    return std::move(exchange.replies);
  }

  std::vector<Node> nodes(const Deadline& deadline) override {
    topology_.require(deadline);
    topology_.refresh(deadline);
    return topology_.masters();
  }

  bool takes_many_keys() const noexcept override { return false; }

 private:
  /// A command that has no reply yet, and where it goes next.
  struct Pending {
    std::size_t index;
    Node node;
    bool asking;
  };

  struct Exchange {
    const RedisCommands& commands;
    std::vector<Reply> replies;
    std::vector<Pending> pending;
    Repeat repeat;
    const Deadline& deadline;
    std::exception_ptr failure;
  };

  /// What goes to one server in one round.
  struct Group {
    Node node;
    RedisCommands commands;
    std::vector<Pending> members;  // one for each command, but for the ASKING before it
    std::optional<RedisNode::Lease> connection;
  };

  Node home_of(std::string_view key, const Deadline& deadline) {
    const std::size_t slot = redis_slot_of(key);
    if (Node node = topology_.node_of(slot)) return node;
    topology_.refresh(deadline);
    if (Node node = topology_.node_of(slot)) return node;
    throw ServerError("CLUSTERDOWN", "redis: no server is known to have slot " + std::to_string(slot));
  }

  /// One round: everything is sent to all servers before the replies are read, so that they work at the same time.
  /// What was redirected is pending afterwards.
  void send_and_receive(Exchange& exchange, bool may_redirect) {
    // In the order of the endpoints, in which everybody takes connections, so that nobody waits in a circle.
    std::map<Endpoint, Group> groups;
    for (Pending& each : exchange.pending) {
      Group& group = groups[each.node->endpoint()];
      group.node = each.node;
      if (each.asking) group.commands.add({"ASKING"}, {ExpectedReply::Shape::ok});
      group.commands.add_from(exchange.commands, each.index);
      group.members.push_back(std::move(each));
    }
    exchange.pending.clear();
    for (auto& [endpoint, group] : groups) send(exchange, group);
    for (auto& [endpoint, group] : groups) receive(exchange, group, may_redirect);
  }

  void send(Exchange& exchange, Group& group) {
    try {
      group.connection.emplace(group.node->lend(exchange.deadline));
    } catch (const ConnectionError&) {
      fail(exchange, group, true);
      return;
    } catch (const CacheError&) {
      note(exchange);
      return;
    }
    try {
      (*group.connection)->send(group.commands.bytes(), exchange.deadline);
    } catch (const ConnectionError&) {
      fail(exchange, group, exchange.repeat == Repeat::once);
    } catch (const CacheError&) {
      note(exchange);
      group.connection.reset();
    }
  }

  void receive(Exchange& exchange, Group& group, bool may_redirect) {
    if (!group.connection) return;
    try {
      std::vector<Reply> replies =
          RedisNode::receive_all(*group.connection, group.commands, exchange.deadline);
      std::size_t at = 0;
      for (const Pending& member : group.members) {
        if (member.asking) ++at;
        take(exchange, member, std::move(replies[at++]), may_redirect);
      }
    } catch (const ConnectionError&) {
      fail(exchange, group, exchange.repeat == Repeat::once);
    } catch (const CacheError&) {
      note(exchange);
    }
    group.connection.reset();
  }

  /// A reply, which may send its command elsewhere.
  void take(Exchange& exchange, const Pending& member, Reply reply, bool may_redirect) {
    if (may_redirect && reply.is(Reply::Type::error)) {
      if (const auto redirect = Redirect::from(reply, member.node->endpoint())) {
        if (redirect->is_for_good) {
          topology_.move(redirect->slot, redirect->endpoint);
          topology_.refresh(exchange.deadline);
        }
        exchange.pending.push_back({member.index, topology_.node_at(redirect->endpoint), !redirect->is_for_good});
        return;
      }
      if (reply.text.view().starts_with("TRYAGAIN")) {  // its slot is on its way
        std::this_thread::sleep_for(
            std::min<Deadline::Clock::duration>(std::chrono::milliseconds(10), exchange.deadline.remaining()));
        exchange.pending.push_back(member);
        return;
      }
      if (reply.text.view().starts_with("CLUSTERDOWN")) topology_.refresh(exchange.deadline);
    }
    exchange.replies[member.index] = std::move(reply);
  }

  /// A server cannot be reached. Its commands go to whoever has taken its place, if somebody has and they may.
  void fail(Exchange& exchange, Group& group, bool may_repeat) {
    const std::exception_ptr failure = std::current_exception();
    group.connection.reset();
    group.node->note_broken();
    topology_.refresh(exchange.deadline);
    std::vector<Pending> elsewhere;
    for (const Pending& member : group.members) {
      const Node node = topology_.node_of(redis_slot_of(exchange.commands.key_of(member.index)));
      const bool is_new = node != nullptr && (node != group.node || exchange.repeat == Repeat::once);
      if (!may_repeat || !is_new) {
        if (exchange.failure == nullptr) exchange.failure = failure;
        return;
      }
      elsewhere.push_back({member.index, node, false});
    }
    // A second failure is not repeated.
    exchange.repeat = Repeat::never;
    exchange.pending.insert(exchange.pending.end(), elsewhere.begin(), elsewhere.end());
  }

  static void note(Exchange& exchange) {
    if (exchange.failure == nullptr) exchange.failure = std::current_exception();
  }

  const RedisSettings& settings_;
  RedisTopology topology_;
};

}  // namespace larder::detail
