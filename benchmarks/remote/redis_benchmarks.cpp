/// \file redis_benchmarks.cpp
/// RedisBackend beside loops over bare hiredis, on one connection each.
#include <hiredis/hiredis.h>

#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <larder/backends/redis_backend.hpp>

#include "remote_benchmarks.hpp"

namespace larder::bench {

namespace {

struct FreeReply {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using ReplyOwner = std::unique_ptr<redisReply, FreeReply>;

/// A connection as a program without larder has one.
class Hiredis {
 public:
  explicit Hiredis(const RedisOptions& options)
      : context_(redisConnect(options.host.c_str(), options.port), &redisFree) {
    if (context_ == nullptr || context_->err != 0) throw std::runtime_error("hiredis cannot connect");
  }

  std::size_t get(const std::string& key) {
    const ReplyOwner reply = owned(redisCommand(context_.get(), "GET %b", key.data(), key.size()));
    return static_cast<std::size_t>(reply->len);
  }

  std::size_t set(const std::string& key, const std::string& value) {
    const ReplyOwner reply =
        owned(redisCommand(context_.get(), "SET %b %b", key.data(), key.size(), value.data(), value.size()));
    return reply->type == REDIS_REPLY_STATUS ? value.size() : 0;
  }

  std::size_t get_many(std::span<const std::string> keys) {
    words_.assign(1, "MGET");
    lengths_.assign(1, 4);
    for (const std::string& key : keys) {
      words_.push_back(key.data());
      lengths_.push_back(key.size());
    }
    const ReplyOwner reply =
        owned(redisCommandArgv(context_.get(), static_cast<int>(words_.size()), words_.data(), lengths_.data()));
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < reply->elements; ++i) bytes += static_cast<std::size_t>(reply->element[i]->len);
    return bytes;
  }

  std::size_t set_many(std::span<const std::string> keys, const std::string& value) {
    for (const std::string& key : keys) {
      redisAppendCommand(context_.get(), "SET %b %b", key.data(), key.size(), value.data(), value.size());
    }
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      void* reply = nullptr;
      redisGetReply(context_.get(), &reply);
      bytes += owned(reply)->type == REDIS_REPLY_STATUS ? value.size() : 0;
    }
    return bytes;
  }

 private:
  static ReplyOwner owned(void* reply) {
    if (reply == nullptr) throw std::runtime_error("hiredis lost its connection");
    return ReplyOwner(static_cast<redisReply*>(reply));
  }

  std::unique_ptr<redisContext, decltype(&redisFree)> context_;
  std::vector<const char*> words_;
  std::vector<std::size_t> lengths_;
};

/// Both, and the entries that they are asked for.
struct Redis {
  explicit Redis(RedisOptions options) : backend(std::move(options)), hiredis(backend.options()) {
    for (std::size_t i = 0; i < remote_entries; ++i) {
      keys.push_back(remote_key(i));
      values.push_back(remote_value(i));
    }
    views.assign(keys.begin(), keys.end());
    found.resize(remote_batch);
    for (std::size_t i = 0; i < remote_entries; ++i) items.emplace_back(keys[i], Bytes(values[i]));
    backend.set_many(items);
  }

  std::span<const std::string> batch_keys(std::size_t index) const {
    return std::span(keys).subspan(index, remote_batch);
  }

  RedisBackend<> backend;
  Hiredis hiredis;
  std::vector<std::string> keys;
  std::vector<std::string> values;
  std::vector<std::string_view> views;
  std::vector<std::pair<std::string_view, Bytes>> items;
  std::vector<std::optional<Bytes>> found;
};

}  // namespace

std::vector<RemotePair> redis_pairs(const std::string& url) {
  RedisOptions options = RedisOptions::from_url(url);
  options.prefix = "";
  options.pool_size = 1;
  const auto redis = std::make_shared<Redis>(std::move(options));
  std::vector<RemotePair> pairs;
  pairs.push_back({"redis get / hiredis", 2000, 0.95,
                   [redis](std::size_t i) { return redis->backend.get(redis->keys[i])->size(); },
                   [redis](std::size_t i) { return redis->hiredis.get(redis->keys[i]); }});
  pairs.push_back({"redis get_many of 1,000 / MGET by hiredis", 40, 0.9,
                   [redis](std::size_t i) {
                     redis->backend.get_many(std::span<const std::string_view>(redis->views).subspan(i, remote_batch),
                                             std::span<std::optional<Bytes>>(redis->found));
                     std::size_t bytes = 0;
                     for (const auto& value : redis->found) bytes += value->size();
                     return bytes;
                   },
                   [redis](std::size_t i) { return redis->hiredis.get_many(redis->batch_keys(i)); }});
  pairs.push_back(
      {"redis set / hiredis", 2000, 0,
       [redis](std::size_t i) { return redis->backend.set(redis->keys[i], redis->values[i]) ? remote_value_size : 0; },
       [redis](std::size_t i) { return redis->hiredis.set(redis->keys[i], redis->values[i]); }});
  pairs.push_back({"redis set_many of 1,000 / a pipeline by hiredis", 40, 0,
                   [redis](std::size_t i) {
                     return redis->backend.set_many(std::span(redis->items).subspan(i, remote_batch)) *
                            remote_value_size;
                   },
                   [redis](std::size_t i) { return redis->hiredis.set_many(redis->batch_keys(i), redis->values[i]); }});
  return pairs;
}

}  // namespace larder::bench
