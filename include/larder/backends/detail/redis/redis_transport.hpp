/// \file redis_transport.hpp
/// RedisTransport: how commands get to their servers, be there one or a cluster of them.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include <larder/backends/detail/deadline.hpp>
#include <larder/backends/detail/redis/redis_commands.hpp>
#include <larder/backends/detail/redis/redis_node.hpp>
#include <larder/backends/detail/redis/resp.hpp>

namespace larder::detail {

/// Thread-safe. Every function throws ConnectionError, TimeoutError, ProtocolError, and ServerError where there is no
/// command to which the server's error would be the reply.
class RedisTransport {
 public:
  RedisTransport() = default;
  RedisTransport(const RedisTransport&) = delete;
  RedisTransport& operator=(const RedisTransport&) = delete;
  virtual ~RedisTransport() = default;

  /// Sends each command where its key is, or anywhere if it has none. Result: a reply for each, in the same order,
  /// errors of the servers among them.
  virtual std::vector<Reply> exchange(const RedisCommands& commands, Repeat repeat, const Deadline& deadline) = 0;

  /// Result: the servers that have all the keys between them.
  virtual std::vector<std::shared_ptr<RedisNode>> nodes(const Deadline& deadline) = 0;

  /// Whether one command may have any number of keys.
  virtual bool takes_many_keys() const noexcept = 0;
};

/// One server.
class SingleRedis final : public RedisTransport {
 public:
  explicit SingleRedis(const RedisSettings& settings)
      : node_(std::make_shared<RedisNode>(settings.options.endpoint(), settings)) {}

  std::vector<Reply> exchange(const RedisCommands& commands, Repeat repeat, const Deadline& deadline) override {
    return node_->exchange(commands, repeat, deadline);
  }
  std::vector<std::shared_ptr<RedisNode>> nodes(const Deadline&) override { return {node_}; }
  bool takes_many_keys() const noexcept override { return true; }

 private:
  std::shared_ptr<RedisNode> node_;
};

}  // namespace larder::detail
