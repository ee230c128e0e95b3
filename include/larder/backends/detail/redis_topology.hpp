/// \file redis_topology.hpp
/// RedisTopology: the servers of a cluster as far as they are known, and what becomes known of them.
///
/// Invariants:
/// - There is one RedisNode for each endpoint, which lives as long as somebody uses it.
/// - One thread at a time asks the cluster, at most once an interval; the others go on with what is known, and wait
///   only while nothing is.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <larder/backends/detail/deadline.hpp>
#include <larder/backends/detail/endpoint.hpp>
#include <larder/backends/detail/redis_commands.hpp>
#include <larder/backends/detail/redis_node.hpp>
#include <larder/backends/detail/redis_slots.hpp>
#include <larder/cache_error.hpp>

namespace larder::detail {

/// Thread-safe.
class RedisTopology {
 public:
  using Node = std::shared_ptr<RedisNode>;

  explicit RedisTopology(const RedisSettings& settings)
      : settings_(settings), seed_(settings.options.endpoint()), slots_(redis_slots) {}

  /// Sees to it that the cluster has been asked once. \throws what asking throws, if nobody answers.
  void require(const Deadline& deadline) {
    std::unique_lock lock(mutex_);
    while (!is_known_) {
      if (!is_being_asked_) {
        ask_everybody(lock, deadline);
      } else if (changed_.wait_until(lock, deadline.at()) == std::cv_status::timeout) {
        throw TimeoutError("redis " + seed_.to_text() + ": the cluster did not tell its slots within " +
                           std::to_string(deadline.timeout().count()) + " ms");
      }
    }
  }

  /// Something has shown that what is known is out of date: asks again, unless that was done just now or is being done.
  /// Nothing is thrown: what is known stays.
  void refresh(const Deadline& deadline) noexcept {
    try {
      std::unique_lock lock(mutex_);
      const auto now = Deadline::Clock::now();
      if (is_being_asked_ || (last_asked_ && now - *last_asked_ < settings_.options.topology_refresh_interval)) return;
      ask_everybody(lock, deadline);
    } catch (...) {  // the caller has an error of its own to tell
    }
  }

  /// Result: the server that has a slot, or null if none is known to.
  Node node_of(std::size_t slot) const {
    const std::lock_guard lock(mutex_);
    return slots_[slot];
  }

  /// Result: the server at an endpoint, which is then known.
  Node node_at(const Endpoint& endpoint) {
    const std::lock_guard lock(mutex_);
    return node_locked(endpoint);
  }

  /// A slot has moved.
  void move(std::size_t slot, const Endpoint& endpoint) {
    const std::lock_guard lock(mutex_);
    slots_[slot] = node_locked(endpoint);
  }

  /// Result: the servers that have slots. \throws ServerError if some slots have none.
  std::vector<Node> masters() const {
    const std::lock_guard lock(mutex_);
    std::map<Endpoint, Node> masters;
    for (const Node& node : slots_) {
      if (node == nullptr) throw ServerError("CLUSTERDOWN", "redis " + seed_.to_text() + ": some slots have no server");
      masters.emplace(node->endpoint(), node);
    }
    std::vector<Node> list;
    for (auto& [endpoint, node] : masters) list.push_back(std::move(node));
    return list;
  }

 private:
  Node node_locked(const Endpoint& endpoint) {
    Node& node = nodes_[endpoint];
    if (node == nullptr) node = std::make_shared<RedisNode>(endpoint, settings_);
    return node;
  }

  /// Asks one server after the other until one answers; each gets half of the time that is left, so that one that
  /// hangs is not the end. The lock is not held meanwhile.
  void ask_everybody(std::unique_lock<std::mutex>& lock, const Deadline& deadline) {
    std::vector<Node> candidates;
    for (const auto& [endpoint, node] : nodes_) candidates.push_back(node);
    if (!nodes_.contains(seed_)) candidates.push_back(node_locked(seed_));
    // Not always the same one first: it may be the one that has fallen behind.
    const std::size_t first = ++asked_ % candidates.size();
    is_being_asked_ = true;
    lock.unlock();
    std::exception_ptr failure;
    std::vector<SlotRange> ranges;
    for (std::size_t i = 0; i < candidates.size() && ranges.empty(); ++i) {
      const auto half = std::chrono::ceil<std::chrono::milliseconds>(deadline.remaining() / 2);
      try {
        ranges = ask(*candidates[(first + i) % candidates.size()], deadline.at_most(half));
      } catch (...) {
        failure = std::current_exception();
      }
    }
    lock.lock();
    is_being_asked_ = false;
    last_asked_ = Deadline::Clock::now();
    changed_.notify_all();
    if (!ranges.empty()) {
      learn(ranges);
    } else if (failure != nullptr) {
      std::rethrow_exception(failure);
    } else {
      throw ServerError("CLUSTERDOWN", "redis " + seed_.to_text() + ": no server has any slots");
    }
  }

  static std::vector<SlotRange> ask(RedisNode& node, const Deadline& deadline) {
    RedisCommands commands;
    commands.add({"CLUSTER", "SLOTS"});
    const Reply reply = std::move(node.exchange(commands, Repeat::once, deadline)[0]);
    if (reply.is(Reply::Type::error)) throw server_error(reply, node.endpoint().to_text());
    return parse_cluster_slots(reply, node.endpoint());
  }

  /// Forgets the servers of which there is no more talk.
  void learn(const std::vector<SlotRange>& ranges) {
    std::vector<Node> slots(redis_slots);
    std::map<Endpoint, Node> nodes;
    const auto known = [&](const Endpoint& endpoint) { return nodes[endpoint] = node_locked(endpoint); };
    for (const SlotRange& range : ranges) {
      const Node master = known(range.master);
      for (std::size_t slot = range.first; slot <= range.last; ++slot) slots[slot] = master;
      for (const Endpoint& replica : range.replicas) known(replica);
    }
    slots_ = std::move(slots);
    nodes_ = std::move(nodes);
    is_known_ = true;
  }

  const RedisSettings& settings_;
  const Endpoint seed_;

  mutable std::mutex mutex_;  // of all below
  std::condition_variable changed_;
  std::vector<Node> slots_;  // the master of each, or null
  std::map<Endpoint, Node> nodes_;
  bool is_known_ = false;
  bool is_being_asked_ = false;
  std::size_t asked_ = 0;
  std::optional<Deadline::Clock::time_point> last_asked_;
};

}  // namespace larder::detail
