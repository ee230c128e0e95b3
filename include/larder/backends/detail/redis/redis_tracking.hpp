/// \file redis_tracking.hpp
/// RedisTracking: what one Redis server says of the keys that change under a prefix.
///
/// Over RESP2 that takes two connections: one subscribes to a channel, the other has the server send to it there. When
/// either breaks, nothing is said any more, and no error either: so both are asked to show that they live.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <larder/backends/detail/deadline.hpp>
#include <larder/backends/detail/endpoint.hpp>
#include <larder/backends/detail/redis/redis_commands.hpp>
#include <larder/backends/detail/redis/redis_connection.hpp>
#include <larder/backends/detail/redis/redis_node.hpp>
#include <larder/backends/detail/redis/redis_slots.hpp>
#include <larder/backends/detail/redis/resp.hpp>
#include <larder/cache_error.hpp>

namespace larder::detail {

/// For one thread at a time. Whatever it throws, it is of no more use: CacheErrors, std::bad_alloc.
class RedisTracking {
 public:
  /// Changes from the constructor's return on are told; some before it may be.
  RedisTracking(const Endpoint& endpoint, const RedisSettings& settings, const Deadline& deadline)
      : endpoint_(endpoint),
        is_in_cluster_(settings.options.cluster),
        subscriber_(endpoint, settings.options, settings.tls.get(), deadline),
        tracker_(endpoint, settings.options, settings.tls.get(), deadline) {
    // The subscription is there before anything is sent to it.
    RedisCommands subscribing;
    subscribing.add({"CLIENT", "ID"}).add({"SUBSCRIBE", channel});
    subscriber_.send(subscribing.bytes(), deadline);
    const Reply id = checked(subscriber_.receive(deadline));
    const Reply subscribed = checked(subscriber_.receive(deadline));
    if (!id.is(Reply::Type::integer) || subscribed.elements.size() != 3 || subscribed.elements[0].text != "subscribe" ||
        subscribed.elements[1].text != channel) {
      fail();
    }
    subscriber_id_ = id.integer;

    const std::string id_text = std::to_string(subscriber_id_);
    const std::string& prefix = settings.options.prefix;
    RedisCommands tracking;
    tracking.begin(prefix.empty() ? 6 : 8);
    for (const std::string_view word : {"CLIENT", "TRACKING", "ON", "REDIRECT", id_text.c_str(), "BCAST"}) {
      tracking.word(word);
    }
    if (!prefix.empty()) tracking.word("PREFIX").word(prefix);
    tracker_.send(tracking.bytes(), deadline);
    if (!checked(tracker_.receive(deadline)).is(Reply::Type::status)) fail();
    ask(deadline);
    while (answers_awaited_ > 0) take_answer(tracker_.receive(deadline));
  }

  /// Of the subscriber, and of the connection whose tracking sends to it.
  int subscriber() const noexcept { return subscriber_.descriptor(); }
  int tracker() const noexcept { return tracker_.descriptor(); }

  const Endpoint& endpoint() const noexcept { return endpoint_; }
  /// In a cluster: which servers have which slots in the eyes of this one, sorted, without replicas.
  const std::vector<SlotRange>& slots() const noexcept { return slots_; }

  /// Asks both connections to show that they live. \throws TimeoutError if they have not done so since the last time.
  void ask(const Deadline& deadline) {
    if (answers_awaited_ > 0 || pong_awaited_) {
      throw TimeoutError("redis " + endpoint_.to_text() + ": no sign of life from the connection that " +
                         (pong_awaited_ ? "receives invalidations" : "has them sent"));
    }
    RedisCommands ping;
    ping.add({"PING"});
    subscriber_.send(ping.bytes(), deadline);
    pong_awaited_ = true;
    RedisCommands questions;
    questions.add({"CLIENT", "GETREDIR"});
    if (is_in_cluster_) questions.add({"CLUSTER", "SLOTS"});
    tracker_.send(questions.bytes(), deadline);
    answers_awaited_ = questions.size();
  }

  /// Takes what has come, without waiting for more. Calls `tell_keys(const std::vector<Reply>&)` for keys that have
  /// changed, prefix and all, and `tell_flush()` when all have. Result: whether there may be more already.
  template <class TellKeys, class TellFlush>
  bool take_in(const TellKeys& tell_keys, const TellFlush& tell_flush) {
    const bool is_more_told = take_replies(subscriber_, [&](const Reply& reply) {
      const auto& parts = reply.elements;
      if (pong_awaited_ && parts.size() == 2 && parts[0].text == "pong") {
        pong_awaited_ = false;
      } else if (parts.size() != 3 || parts[0].text != "message" || parts[1].text != channel) {
        fail();
      } else if (parts[2].is(Reply::Type::nil)) {
        tell_flush();
      } else {
        const auto& keys = parts[2].elements;
        const bool are_keys = parts[2].is(Reply::Type::array) && std::all_of(keys.begin(), keys.end(), [](auto& key) {
                                return key.is(Reply::Type::bulk);
                              });
        if (!are_keys) fail();
        tell_keys(keys);
      }
    });
    const bool is_more_answered = take_replies(tracker_, [this](Reply& reply) { take_answer(std::move(reply)); });
    return is_more_told || is_more_answered;
  }

 private:
  static constexpr std::string_view channel = "__redis__:invalidate";

  [[noreturn]] void fail() const {
    throw ProtocolError("redis " + endpoint_.to_text() + ": a message that has no place among invalidations");
  }

  Reply checked(Reply reply) const {
    if (reply.is(Reply::Type::error)) throw server_error(reply, endpoint_.to_text());
    return reply;
  }

  template <class Handle>
  bool take_replies(RedisConnection& connection, const Handle& handle) const {
    const bool is_more = connection.receive_some();
    while (std::optional<Reply> reply = connection.next_received()) {
      *reply = checked(std::move(*reply));
      handle(*reply);
    }
    return is_more;
  }

  /// The tracking must still send to the subscriber, and the slots be where they were.
  void take_answer(Reply reply) {
    if (answers_awaited_ == 0) fail();
    checked(reply);
    const bool is_about_slots = is_in_cluster_ && answers_awaited_ == 1;
    --answers_awaited_;
    if (!is_about_slots) {
      if (!reply.is(Reply::Type::integer)) fail();
      if (reply.integer != subscriber_id_) {
        throw ConnectionError("redis " + endpoint_.to_text() + ": the tracking of changes has been switched off");
      }
      return;
    }
    std::vector<SlotRange> slots = parse_cluster_slots(reply, endpoint_);
    for (SlotRange& range : slots) range.replicas.clear();
    std::sort(slots.begin(), slots.end(), [](const auto& left, const auto& right) { return left.first < right.first; });
    if (!slots_.empty() && slots != slots_) {
      throw ConnectionError("redis " + endpoint_.to_text() + ": slots of the cluster have moved");
    }
    slots_ = std::move(slots);
  }

  const Endpoint endpoint_;
  const bool is_in_cluster_;
  RedisConnection subscriber_;
  RedisConnection tracker_;
  long long subscriber_id_ = 0;
  bool pong_awaited_ = false;
  std::size_t answers_awaited_ = 0;  // of the tracker
  std::vector<SlotRange> slots_;
};

}  // namespace larder::detail
