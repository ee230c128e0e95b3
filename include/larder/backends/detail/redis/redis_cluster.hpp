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
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <larder/backends/detail/deadline.hpp>
#include <larder/backends/detail/endpoint.hpp>
#include <larder/backends/detail/redis/redis_commands.hpp>
#include <larder/backends/detail/redis/redis_node.hpp>
#include <larder/backends/detail/redis/redis_slots.hpp>
#include <larder/backends/detail/redis/redis_topology.hpp>
#include <larder/backends/detail/redis/redis_transport.hpp>
#include <larder/backends/detail/socket.hpp>
#include <larder/cache_error.hpp>

namespace larder::detail {

/// Follows redirections as often as the options allow; after that, the redirection is the reply.
///
/// Nobody waits for a server while they hold a connection to another one, but for replies, which are taken from
/// whichever server has them: so no two calls wait for each other, and a server that hangs keeps no connection to the
/// others from those who need it.
class RedisCluster final : public RedisTransport {
  using Node = RedisTopology::Node;

 public:
  explicit RedisCluster(const RedisSettings& settings) : settings_(settings), topology_(settings) {}

  std::vector<Reply> exchange(const RedisCommands& commands, Repeat repeat, const Deadline& deadline) override {
    topology_.require(deadline);
    Exchange exchange(commands, repeat, deadline);
    for (std::size_t i = 0; i < commands.size(); ++i) {
      exchange.pending.push_back({i, home_of(commands.key_of(i), deadline), false});
    }
    for (int round = 0; !exchange.pending.empty(); ++round) {
      const int left = settings_.options.max_redirects - round;
      send_and_receive(exchange, left > 0);
      settle(exchange, left >= 0);
      if (exchange.failure != nullptr) std::rethrow_exception(exchange.failure);
    }
    return std::move(exchange.replies);
  }

  std::vector<Node> nodes(const Deadline& deadline) override {
    topology_.require(deadline);
    topology_.refresh(nullptr, deadline);
    return topology_.masters();
  }

  bool takes_many_keys() const noexcept override { return false; }

 private:
  /// More than this may not fit into what the system keeps for a server that does not read.
  static constexpr std::size_t most_sent_at_once = std::size_t{64} << 10;

  /// A command that has no reply yet, and where it goes next.
  struct Pending {
    std::size_t index;
    Node node;
    bool asking;
  };

  /// What goes to one server in one round.
  struct Group {
    Node node{};
    RedisCommands commands{};
    std::vector<Pending> members{};  // one for each command, but for the ASKING before it
    std::optional<RedisNode::Lease> connection{};
    std::vector<Reply> replies{};
  };

  /// Commands that a connection broke under.
  struct Lost {
    Node node;
    std::vector<Pending> members;
    std::exception_ptr failure;
    bool may_repeat;
  };

  struct Exchange {
    Exchange(const RedisCommands& what, Repeat how_often, const Deadline& until)
        : commands(what), replies(what.size()), repeat(how_often), deadline(until) {}

    const RedisCommands& commands;
    std::vector<Reply> replies;
    std::vector<Pending> pending{};
    Repeat repeat;
    const Deadline& deadline;
    std::exception_ptr failure{};
    // What the round has shown, to be seen to at its end, when no connection is held.
    std::vector<Lost> lost{};
    bool is_outdated = false;
    Node witness{};             // of that
    bool is_in_motion = false;  // a slot is
  };

  Node home_of(std::string_view key, const Deadline& deadline) {
    const std::size_t slot = redis_slot_of(key);
    if (Node node = topology_.node_of(slot)) return node;
    topology_.refresh(nullptr, deadline);
    if (Node node = topology_.node_of(slot)) return node;
    throw ServerError("CLUSTERDOWN", "redis: no server is known to have slot " + std::to_string(slot));
  }

  /// One round. What was redirected is pending afterwards.
  void send_and_receive(Exchange& exchange, bool may_redirect) {
    std::map<Endpoint, Group> groups;
    for (Pending& each : exchange.pending) {
      Group& group = groups[each.node->endpoint()];
      group.node = each.node;
      if (each.asking) group.commands.add({"ASKING"}, {ExpectedReply::Shape::ok});
      group.commands.add_from(exchange.commands, each.index);
      group.members.push_back(std::move(each));
    }
    exchange.pending.clear();
    // To all servers that can be reached without waiting, so that they work at the same time; then to the others.
    std::vector<Group*> sent;
    std::vector<Group*> later;
    for (auto& [endpoint, group] : groups) {
      const bool at_once = groups.size() > 1 && group.commands.bytes().size() <= most_sent_at_once;
      if (at_once) {
        if (auto idle = group.node->lend_idle()) group.connection.emplace(std::move(*idle));
      }
      if (!group.connection) {
        later.push_back(&group);
      } else if (send(exchange, group)) {
        sent.push_back(&group);
      }
    }
    receive(exchange, std::move(sent), may_redirect);
    for (Group* group : later) {
      if (exchange.failure != nullptr) return;
      if (connect(exchange, *group) && send(exchange, *group)) receive(exchange, {group}, may_redirect);
    }
  }

  /// Result: whether it has a connection.
  bool connect(Exchange& exchange, Group& group) {
    try {
      group.connection.emplace(group.node->lend(exchange.deadline));
      return true;
    } catch (const ConnectionError&) {
      lose(exchange, group, true);
    } catch (const CacheError&) {
      give_up(exchange, group);
    }
    return false;
  }

  /// Result: whether all has been sent.
  bool send(Exchange& exchange, Group& group) {
    try {
      (*group.connection)->send(group.commands.bytes(), exchange.deadline);
      return true;
    } catch (const ConnectionError&) {
      lose(exchange, group, exchange.repeat == Repeat::once);
    } catch (const CacheError&) {
      give_up(exchange, group);
    }
    return false;
  }

  /// Receives the replies of all of them, in whatever order they come.
  void receive(Exchange& exchange, std::vector<Group*> open, bool may_redirect) {
    while (!open.empty()) {
      const auto wait = open.size() == 1 ? RedisNode::Wait::yes : RedisNode::Wait::no;
      std::erase_if(open, [&](Group* group) { return receive_some(exchange, *group, wait, may_redirect); });
      if (open.size() < 2) continue;
      std::vector<int> descriptors;
      for (const Group* group : open) descriptors.push_back((*group->connection)->descriptor());
      Socket::wait_for_any(descriptors, exchange.deadline);
    }
  }

  /// Result: whether no more is to be received.
  bool receive_some(Exchange& exchange, Group& group, RedisNode::Wait wait, bool may_redirect) {
    try {
      const auto& deadline = exchange.deadline;
      if (!RedisNode::receive_more(*group.connection, group.commands, group.replies, wait, deadline)) return false;
      group.node->note_answers(true);
      std::size_t at = 0;
      for (const Pending& member : group.members) {
        if (member.asking) ++at;
        take(exchange, member, std::move(group.replies[at++]), may_redirect);
      }
      group.connection.reset();
    } catch (const ConnectionError&) {
      lose(exchange, group, exchange.repeat == Repeat::once);
    } catch (const CacheError&) {
      give_up(exchange, group);
    }
    return true;
  }

  /// A reply, which may send its command elsewhere.
  void take(Exchange& exchange, const Pending& member, Reply reply, bool may_redirect) {
    if (reply.is(Reply::Type::error)) {
      if (const auto redirect = Redirect::from(reply, member.node->endpoint())) {
        if (redirect->slot != redis_slot_of(exchange.commands.key_of(member.index))) {
          member.node->note_broken();  // whose replies may be anybody's
          throw ProtocolError("redis " + member.node->endpoint().to_text() + ": a redirection of another slot");
        }
        Node node = redirect->is_for_good ? topology_.move(redirect->slot, redirect->endpoint)
                                          : topology_.node_at(redirect->endpoint);
        if (redirect->is_for_good) {
          exchange.is_outdated = true;
          exchange.witness = node;
        }
        if (may_redirect) {
          exchange.pending.push_back({member.index, std::move(node), !redirect->is_for_good});
          return;
        }
      } else if (may_redirect && reply.text.view().starts_with("TRYAGAIN")) {
        exchange.is_in_motion = true;
        exchange.pending.push_back(member);
        return;
      } else if (reply.text.view().starts_with("CLUSTERDOWN")) {
        exchange.is_outdated = true;
      }
    }
    exchange.replies[member.index] = std::move(reply);
  }

  /// The connection broke, or there is none.
  void lose(Exchange& exchange, Group& group, bool may_repeat) {
    exchange.lost.push_back({group.node, std::move(group.members), std::current_exception(), may_repeat});
    exchange.is_outdated = true;
    group.connection.reset();
    group.node->note_answers(false);
    group.node->note_broken();
  }

  /// There was no reply in time, or none that makes sense.
  void give_up(Exchange& exchange, Group& group) {
    if (exchange.failure == nullptr) exchange.failure = std::current_exception();
    group.connection.reset();
    group.node->note_answers(false);
    topology_.doubt();
  }

  /// The end of a round. What was lost goes to whoever has taken its server's place, if somebody has and it may.
  void settle(Exchange& exchange, bool may_repeat) {
    if (std::exchange(exchange.is_outdated, false)) topology_.refresh(exchange.witness, exchange.deadline);
    for (const Lost& lost : exchange.lost) {
      for (const Pending& member : lost.members) {
        const Node node = topology_.node_of(redis_slot_of(exchange.commands.key_of(member.index)));
        const bool is_worth_it = node != nullptr && (node != lost.node || exchange.repeat == Repeat::once);
        if (may_repeat && lost.may_repeat && is_worth_it) {
          exchange.pending.push_back({member.index, node, false});
        } else if (exchange.failure == nullptr) {
          exchange.failure = lost.failure;
        }
      }
    }
    // What is lost again is not repeated.
    if (!exchange.lost.empty()) exchange.repeat = Repeat::never;
    exchange.lost.clear();
    if (std::exchange(exchange.is_in_motion, false)) {
      std::this_thread::sleep_for(
          std::min<Deadline::Clock::duration>(std::chrono::milliseconds(10), exchange.deadline.remaining()));
    }
  }

  const RedisSettings& settings_;
  RedisTopology topology_;
};

}  // namespace larder::detail
