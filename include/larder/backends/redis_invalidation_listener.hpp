/// \file redis_invalidation_listener.hpp
/// RedisInvalidationListener: which keys of a RedisBackend have changed, for a cache that is nearer. Needs the
/// component `redis` (hiredis, OpenSSL), and a server of version 6 or later.
#pragma once

#include <chrono>
#include <concepts>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <larder/backends/detail/redis/redis_invalidations.hpp>
#include <larder/backends/redis_options.hpp>
#include <larder/codec.hpp>
#include <larder/fwd.hpp>
#include <larder/invalidation.hpp>

namespace larder {

struct RedisInvalidationOptions {
  /// Within this time, a link that has died is told as lost: both connections to each server are asked for a sign of
  /// life twice in it. A server that takes longer than half of it to answer is given up, too, and so is a backlog.
  std::chrono::milliseconds heartbeat{1000};
};

/// Tells InvalidationEvents of every key with the prefix that changes, whoever changed it: this process, others, other
/// programs, expiry, eviction, and a flush, which is told as `on_lost` and `on_armed`.
///
/// - Promise: while it is armed, a change is told at once, or `on_lost` comes at most one heartbeat after the change;
///   later only by as long as this process does not get to run, or an event takes.
/// - A loss is a connection that broke or hangs, a server that was restarted, failed over or put to another use, a
///   message that makes no sense or exceeds `RedisOptions::max_reply_bytes`, a server that drops us since we do not
///   keep up. It is told at once when it is noticed. Then it connects again, 10 ms to 1 s apart, for as long as it
///   takes.
/// - In a cluster it listens to every master, and that slots have moved is a loss, too. The promise does not cover a
///   slot on its way to a server that had none at all: there, changes are missed until the move is complete.
/// - Keys that `KeyCodec` does not decode are not ours, and not told. Databases are not told apart: a change of a key
///   of the same name in another one is told.
/// - Uses two connections to each server beside those of a RedisBackend, and one thread. The user must be allowed
///   `CLIENT`, `SUBSCRIBE` and the channel `__redis__:invalidate`; in a cluster `CLUSTER SLOTS`.
template <class Key>
class RedisInvalidationListener final : public InvalidationSource {
 public:
  /// Starts, and does not wait until it is armed. `options` are those of the backend; of its times, `timeout` and
  /// `connect_timeout` limit an attempt to connect. `events` must outlive this.
  /// \throws InvalidArgumentError as RedisBackend does; std::system_error if there can be no further thread or
  /// descriptor.
  RedisInvalidationListener(RedisOptions options, InvalidationEvents<Key>& events,
                            RedisInvalidationOptions invalidation_options = {})
      : events_(events), invalidations_(std::move(options), invalidation_options.heartbeat, text_events()) {}

  bool is_armed() const noexcept override { return invalidations_.is_armed(); }
  bool wait_until_armed(std::chrono::milliseconds timeout) const override {
    return invalidations_.wait_until_armed(timeout);
  }

  /// Thread-safe.
  InvalidationStats stats() const { return invalidations_.stats(); }

 private:
  /// Makes keys of texts.
  class Decoding final : public InvalidationEvents<std::string> {
   public:
    explicit Decoding(InvalidationEvents<Key>& events) : events_(events) {}
    void on_armed() override { events_.on_armed(); }
    void on_lost() override { events_.on_lost(); }
    void on_invalidated(std::string_view text) override {
      if (const std::optional<Key> key = decode(text)) events_.on_invalidated(*key);
    }

   private:
    static std::optional<Key> decode(std::string_view text) {
      try {
        return KeyCodec<Key>::decode(text);
      } catch (const std::bad_alloc&) {
        throw;  // it may be a key, and then has changed
      } catch (...) {
        return std::nullopt;
      }
    }

    InvalidationEvents<Key>& events_;
  };

  InvalidationEvents<std::string>& text_events() noexcept {
    if constexpr (std::same_as<Key, std::string>) {
      return events_;
    } else {
      return decoding_;
    }
  }

  InvalidationEvents<Key>& events_;
  Decoding decoding_{events_};
  detail::RedisInvalidations invalidations_;
};

}  // namespace larder
