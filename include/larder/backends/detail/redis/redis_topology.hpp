/// \file redis_topology.hpp
/// RedisTopology: the servers of a cluster as far as they are known, and what becomes known of them.
///
/// Invariants:
/// - There is one RedisNode for each endpoint, which lives as long as somebody uses it.
/// - One thread at a time asks the cluster, at most once an interval; the others go on with what is known, and wait
///   only while nothing is.
/// - No connection is opened, used or closed under the lock.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <larder/backends/detail/deadline.hpp>
#include <larder/backends/detail/endpoint.hpp>
#include <larder/backends/detail/redis/redis_commands.hpp>
#include <larder/backends/detail/redis/redis_node.hpp>
#include <larder/backends/detail/redis/redis_slots.hpp>
#include <larder/cache_error.hpp>

namespace larder::detail {

/// Thread-safe.
class RedisTopology {
 public:
  using Node = std::shared_ptr<RedisNode>;

  explicit RedisTopology(const RedisSettings& settings)
      : settings_(settings), seed_(settings.options.endpoint()), slots_(redis_slots) {}

  /// Sees to it that the cluster has been asked once, and again if there is doubt. \throws what asking throws, if
  /// nobody answers the first time.
  void require(const Deadline& deadline) {
    std::unique_lock lock(mutex_);
    while (!is_known_) {
      if (!is_being_asked_) {
        ask_everybody(lock, nullptr, deadline);
      } else if (changed_.wait_until(lock, deadline.at()) == std::cv_status::timeout) {
        throw TimeoutError("redis " + seed_.to_text() + ": the cluster did not tell its slots within " +
                           std::to_string(deadline.timeout().count()) + " ms");
      }
    }
    const bool is_doubted = is_doubted_;
    lock.unlock();
    if (is_doubted) refresh(nullptr, deadline);
  }

  /// What is known may be out of date, but there is no time left to ask: the next who has some does.
  void doubt() {
    const std::lock_guard lock(mutex_);
    is_doubted_ = true;
  }

  /// Something has shown that what is known is out of date: asks again, unless that was done just now or is being done.
  /// Nothing is thrown: what is known stays. `witness` is the server that is likely to know best, or null.
  void refresh(const Node& witness, const Deadline& deadline) noexcept {
    try {
      std::unique_lock lock(mutex_);
      const auto now = Deadline::Clock::now();
      is_doubted_ = true;  // until somebody asks, if we do not
      if (is_being_asked_ || (last_asked_ && now - *last_asked_ < settings_.options.topology_refresh_interval)) return;
      if (!deadline.has_passed()) ask_everybody(lock, witness, deadline);
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

  /// A slot has moved. Result: its server.
  Node move(std::size_t slot, const Endpoint& endpoint) {
    const std::lock_guard lock(mutex_);
    return slots_[slot] = node_locked(endpoint);
  }

  /// Result: the servers that have slots. \throws ServerError if some slots have none.
  std::vector<Node> masters() const {
    const std::lock_guard lock(mutex_);
    std::map<Endpoint, Node> masters;
    Node last;
    for (const Node& node : slots_) {
      if (node != nullptr && node == last) continue;
      last = node;
      if (node == nullptr) throw ServerError("CLUSTERDOWN", "redis " + seed_.to_text() + ": some slots have no server");
      masters.emplace(node->endpoint(), node);
    }
    std::vector<Node> list;
    for (auto& [endpoint, node] : masters) list.push_back(std::move(node));
    return list;
  }

 private:
  Node node_locked(const Endpoint& endpoint) {
    if (const auto known = nodes_.find(endpoint); known != nodes_.end()) return known->second;
    // Redirections could name ever new ones.
    if (nodes_.size() >= most_nodes)
      std::erase_if(nodes_, [](const auto& each) { return each.second.use_count() == 1; });
    return nodes_.emplace(endpoint, std::make_shared<RedisNode>(endpoint, settings_)).first->second;
  }

  /// Result: whom to ask: the witness, those that answer, the others, and the seed if it is none of them. The same one
  /// is not always the first, since it may be the one that has fallen behind.
  std::vector<Node> candidates(const Node& witness) {
    if (nodes_.empty()) node_locked(seed_);
    std::vector<Node> list;
    for (const auto& [endpoint, node] : nodes_) list.push_back(node);
    std::rotate(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(++asked_ % list.size()), list.end());
    std::stable_partition(list.begin(), list.end(), [](const Node& node) { return node->answers(); });
    std::stable_partition(list.begin(), list.end(), [&](const Node& node) { return node == witness; });
    if (!nodes_.contains(seed_)) list.push_back(std::make_shared<RedisNode>(seed_, settings_));
    return list;
  }

  /// Asks one server after the other until one answers; each gets half of the time that is left, so that one that
  /// hangs is not the end (the last one gets all of it if nothing is known yet). The lock is not held meanwhile.
  void ask_everybody(std::unique_lock<std::mutex>& lock, const Node& witness, const Deadline& deadline) {
    const std::vector<Node> asked = candidates(witness);
    const bool must_know = !is_known_;
    is_being_asked_ = true;
    is_doubted_ = false;
    lock.unlock();
    std::exception_ptr failure;
    std::vector<SlotRange> ranges;
    for (std::size_t i = 0; i < asked.size() && ranges.empty() && (i == 0 || !deadline.has_passed()); ++i) {
      const auto half = std::chrono::ceil<std::chrono::milliseconds>(deadline.remaining() / 2);
      const bool is_last_hope = must_know && i + 1 == asked.size();
      try {
        ranges = ask(*asked[i], is_last_hope ? deadline : deadline.at_most(half));
        asked[i]->note_answers(true);
      } catch (...) {
        asked[i]->note_answers(false);
        failure = std::current_exception();
      }
    }
    lock.lock();
    is_being_asked_ = false;
    last_asked_ = Deadline::Clock::now();
    changed_.notify_all();
    if (!ranges.empty()) {
      {
        const auto forgotten = learn(ranges);
        lock.unlock();
      }
      lock.lock();
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

  /// Result: the servers of which there is no more talk, and perhaps others.
  std::map<Endpoint, Node> learn(const std::vector<SlotRange>& ranges) {
    std::vector<Node> slots(redis_slots);
    std::map<Endpoint, Node> nodes;
    const auto known = [&](const Endpoint& endpoint) {
      Node& node = nodes[endpoint];
      const auto before = nodes_.find(endpoint);
      if (node == nullptr && before != nodes_.end()) node = before->second;
      if (node == nullptr) node = std::make_shared<RedisNode>(endpoint, settings_);
      return node;
    };
    for (const SlotRange& range : ranges) {
      const Node master = known(range.master);
      for (std::size_t slot = range.first; slot <= range.last; ++slot) slots[slot] = master;
      for (const Endpoint& replica : range.replicas) known(replica);
    }
    slots_.swap(slots);
    nodes_.swap(nodes);
    is_known_ = true;
    return nodes;  // among which are all that `slots` had
  }

  static constexpr std::size_t most_nodes = 1000;

  const RedisSettings& settings_;
  const Endpoint seed_;

  mutable std::mutex mutex_;  // of all below
  std::condition_variable changed_;
  std::vector<Node> slots_;  // the master of each, or null
  std::map<Endpoint, Node> nodes_;
  bool is_known_ = false;
  bool is_being_asked_ = false;
  bool is_doubted_ = false;
  std::size_t asked_ = 0;
  std::optional<Deadline::Clock::time_point> last_asked_;
};

}  // namespace larder::detail
