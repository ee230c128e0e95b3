/// \file redis_node.hpp
/// RedisNode: one Redis server, reached by a pool of connections.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <larder/backends/detail/connection_pool.hpp>
#include <larder/backends/detail/deadline.hpp>
#include <larder/backends/detail/endpoint.hpp>
#include <larder/backends/detail/redis/redis_commands.hpp>
#include <larder/backends/detail/redis/redis_connection.hpp>
#include <larder/backends/detail/redis/resp.hpp>
#include <larder/backends/detail/tls/tls_session.hpp>
#include <larder/backends/redis_options.hpp>
#include <larder/cache_error.hpp>

namespace larder::detail {

/// Whether commands may be sent a second time where it is unknown what became of them: reads may, but a write that is
/// repeated could undo what another client has written in between.
enum class Repeat : bool { never, once };

/// What the nodes of a backend have in common. It must stay where it is.
struct RedisSettings {
  RedisOptions options;
  std::unique_ptr<const TlsContext> tls;

  /// \throws InvalidArgumentError.
  explicit RedisSettings(RedisOptions given) : options(std::move(given)) {
    options.validate();
    if (options.tls.enabled) tls = std::make_unique<const TlsContext>(options.tls);
  }
};

/// Thread-safe.
class RedisNode {
 public:
  using Lease = ConnectionPool<RedisConnection>::Lease;

  RedisNode(Endpoint endpoint, const RedisSettings& settings)
      : endpoint_(std::move(endpoint)), pool_(settings.options.pool_size, [this, &settings](const Deadline& deadline) {
          return std::make_unique<RedisConnection>(endpoint_, settings.options, settings.tls.get(), deadline);
        }) {}
  RedisNode(const RedisNode&) = delete;
  RedisNode& operator=(const RedisNode&) = delete;

  const Endpoint& endpoint() const noexcept { return endpoint_; }

  /// Whether it answers, as far as the last exchange has shown.
  bool answers() const noexcept { return answers_.load(std::memory_order_relaxed); }
  void note_answers(bool answers) noexcept { answers_.store(answers, std::memory_order_relaxed); }

  /// Result: a connection that can be used at once, if there is one.
  std::optional<Lease> lend_idle() { return pool_.lend_idle(); }

  /// \throws ConnectionError, TimeoutError, ProtocolError, ServerError.
  Lease lend(const Deadline& deadline) { return pool_.lend(deadline); }

  /// Sends the commands and receives a reply for each, errors of the server among them. When it throws, it is unknown
  /// which of them took effect. \throws ConnectionError, TimeoutError, ProtocolError; ServerError if the server does
  /// not take our introduction.
  std::vector<Reply> exchange(const RedisCommands& commands, Repeat repeat, const Deadline& deadline) {
    try {
      return exchange_once(commands, deadline);
    } catch (const ConnectionError&) {
      note_broken();
      if (repeat == Repeat::never) throw;
    }
    return exchange_once(commands, deadline);
  }

  /// Receives the replies of commands that were sent by a connection, which is given back.
  static std::vector<Reply> receive_all(Lease& connection, const RedisCommands& commands, const Deadline& deadline) {
    std::vector<Reply> replies;
    receive_more(connection, commands, replies, Wait::yes, deadline);
    return replies;
  }

  enum class Wait : bool { no, yes };

  /// The same, but goes on where it left off, and stops where it would have to wait. Result: whether all are there.
  static bool receive_more(Lease& connection, const RedisCommands& commands, std::vector<Reply>& replies, Wait wait,
                           const Deadline& deadline) {
    replies.reserve(commands.size());
    while (replies.size() < commands.size()) {
      const ExpectedReply& expected = commands.expected(replies.size());
      std::optional<Reply> reply = wait == Wait::yes ? connection->receive(deadline, expected)
                                                     : connection->receive_if_there(deadline, expected);
      if (!reply) return false;
      if (!is_as_expected(*reply, expected)) {
        throw ProtocolError("redis " + connection->server() + ": a reply of another kind than its command has");
      }
      replies.push_back(std::move(*reply));
    }
    // With one reply too many, it is anybody's guess which of them belong to which commands.
    if (!connection->is_in_step()) {
      throw ProtocolError("redis " + connection->server() + ": more replies than commands");
    }
    connection->rest();
    connection.give_back();
    return true;
  }

  /// A connection broke: those that are idle are likely to be as old, and as broken.
  void note_broken() noexcept { pool_.close_idle(); }

 private:
  std::vector<Reply> exchange_once(const RedisCommands& commands, const Deadline& deadline) {
    Lease connection = pool_.lend(deadline);
    connection->send(commands.bytes(), deadline);
    return receive_all(connection, commands, deadline);
  }

  const Endpoint endpoint_;
  std::atomic<bool> answers_{true};
  ConnectionPool<RedisConnection> pool_;
};

}  // namespace larder::detail
