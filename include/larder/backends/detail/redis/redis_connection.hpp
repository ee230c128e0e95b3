/// \file redis_connection.hpp
/// RedisConnection: one connection to a Redis server that has introduced itself, and speaks commands and replies.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <larder/backends/detail/deadline.hpp>
#include <larder/backends/detail/endpoint.hpp>
#include <larder/backends/detail/redis/redis_commands.hpp>
#include <larder/backends/detail/redis/resp.hpp>
#include <larder/backends/detail/socket.hpp>
#include <larder/backends/detail/tls/stream.hpp>
#include <larder/backends/redis_options.hpp>
#include <larder/bytes.hpp>
#include <larder/cache_error.hpp>

namespace larder::detail {

/// Result: the error that a server answered with, as an exception.
inline ServerError server_error(const Reply& reply, const std::string& server) {
  const std::string_view text = reply.text;
  std::string code(text.substr(0, text.find(' ')));
  // Which has no code of its own, and calls for other measures than a wrong command.
  if (text.starts_with("ERR max number of clients")) code = "MAXCLIENTS";
  return ServerError(std::move(code), "redis " + server + ": " + std::string(text.substr(0, 1000)));
}

/// Result: whether a reply is one that the command may have, an error included.
inline bool is_as_expected(const Reply& reply, const ExpectedReply& expected) {
  using Shape = ExpectedReply::Shape;
  using Type = Reply::Type;
  const auto is_text = [](const Reply& each) { return each.is(Type::bulk); };
  const auto is_text_or_nil = [](const Reply& each) { return each.is(Type::bulk) || each.is(Type::nil); };
  const auto is_ok = [](const Reply& each) { return each.is(Type::status) && each.text == "OK"; };
  const auto is_array_of = [](const Reply& each, std::size_t size) {
    return each.is(Type::array) && each.elements.size() == size;
  };
  const auto is_cursor = [](const Reply& each) {
    return each.is(Type::bulk) && !each.text.view().empty() && each.text.view().size() <= 20 &&
           each.text.view().find_first_not_of("0123456789") == std::string_view::npos;
  };
  const auto& parts = reply.elements;
  if (reply.is(Type::error)) return true;
  switch (expected.shape) {
    case Shape::anything: return true;
    case Shape::ok: return is_ok(reply);
    case Shape::ok_or_nil: return is_ok(reply) || reply.is(Type::nil);
    case Shape::text_or_nil: return is_text_or_nil(reply);
    case Shape::integer: return reply.is(Type::integer);
    case Shape::texts:
      return is_array_of(reply, expected.elements) && std::all_of(parts.begin(), parts.end(), is_text_or_nil);
    case Shape::entry: return is_array_of(reply, 2) && is_text_or_nil(parts[0]) && parts[1].is(Type::integer);
    case Shape::page:
      return is_array_of(reply, 2) && is_cursor(parts[0]) && parts[1].is(Type::array) &&
             std::all_of(parts[1].elements.begin(), parts[1].elements.end(), is_text);
  }
  return false;
}

/// Result: the error that a server answered our introduction with, and nothing of the password, which some repeat.
inline ServerError introduction_error(Reply reply, const std::string& server, const std::string& password) {
  std::string text = reply.text.str();
  text.resize(std::min(text.size(), text.find(", with args")));
  for (std::size_t at = 0; !password.empty() && (at = text.find(password, at)) != std::string::npos;) {
    text.replace(at, password.size(), "(password)");
    at += std::string_view("(password)").size();
  }
  reply.text = Bytes(text);
  return server_error(reply, server);
}

/// Result: whether a server says so to a client that it does not take: it closes the connection, whatever was asked.
inline bool is_farewell(const Reply& reply) noexcept {
  const std::string_view text = reply.text;
  return reply.is(Reply::Type::error) && (text.starts_with("ERR max number of clients") || text.starts_with("DENIED "));
}

/// For one thread at a time. Messages of what it throws name the server.
class RedisConnection {
 public:
  /// Connects, and repeats what every connection must be told: AUTH and SELECT.
  /// \throws ConnectionError, TimeoutError, ProtocolError; ServerError if the server does not take it.
  RedisConnection(const Endpoint& endpoint, const RedisOptions& options, const TlsContext* tls,
                  const Deadline& deadline)
      : server_(endpoint.to_text()), reader_(limits(options)), buffer_(new char[buffer_size]) {
    const Deadline soon = deadline.at_most(options.connect_timeout);
    named([&] { stream_ = std::make_unique<Stream>(endpoint, tls, soon, options.timeout); });
    constexpr ExpectedReply ok{ExpectedReply::Shape::ok};
    RedisCommands introduction;
    if (!options.username.empty()) {
      introduction.add({"AUTH", options.username, options.password}, ok);
    } else if (!options.password.empty()) {
      introduction.add({"AUTH", options.password}, ok);
    }
    if (options.database != 0) introduction.add({"SELECT", std::to_string(options.database)}, ok);
    if (introduction.empty()) return;
    send(introduction.bytes(), soon);
    for (std::size_t i = 0; i < introduction.size(); ++i) {
      Reply reply = receive(soon, ok);
      if (reply.is(Reply::Type::error)) throw introduction_error(std::move(reply), server_, options.password);
      if (!is_as_expected(reply, ok)) throw ProtocolError("redis " + server_ + ": AUTH or SELECT, but no OK");
    }
    if (!is_in_step()) throw ProtocolError("redis " + server_ + ": more replies than commands");
  }

  const std::string& server() const noexcept { return server_; }

  /// \throws ConnectionError, TimeoutError; ServerError if the server does not take us.
  void send(std::string_view commands, const Deadline& deadline) {
    try {
      named([&] { stream_->send(commands, deadline); });
    } catch (const ConnectionError&) {
      throw_if_sent_away(deadline);
      throw;
    }
  }

  /// Result: the next reply, which may be an error. One of more elements than are expected is refused as it comes.
  /// \throws ConnectionError, TimeoutError, ProtocolError; ServerError if the server does not take us.
  Reply receive(const Deadline& deadline, const ExpectedReply& expected = {}) {
    for (;;) {
      if (auto reply = next_received(expected)) return std::move(*reply);
      named([&] { reader_.feed({buffer_.get(), stream_->receive({buffer_.get(), buffer_size}, deadline)}); });
    }
  }

  /// Receives what there is, up to 64 KiB, without waiting for it. Result: whether there was anything, and so may be
  /// more; if not, `descriptor` must be readable first. \throws ConnectionError, TimeoutError, ProtocolError.
  bool receive_some() {
    return named([&] {
      const std::size_t received = stream_->receive_some({buffer_.get(), buffer_size});
      reader_.feed({buffer_.get(), received});
      return received > 0;
    });
  }

  /// Result: the next reply, if all of it has been received. \throws ProtocolError; ServerError if the server does not
  /// take us.
  std::optional<Reply> next_received(const ExpectedReply& expected = {}) {
    reader_.expect_elements(expected.most_elements());
    auto reply = named([&] { return reader_.next(); });
    if (reply && is_farewell(*reply)) throw server_error(*reply, server_);
    return reply;
  }

  /// Result: the next reply, if all of it has come. \throws ConnectionError, TimeoutError, ProtocolError.
  std::optional<Reply> receive_if_there(const Deadline& deadline, const ExpectedReply& expected) {
    for (;;) {
      if (auto reply = next_received(expected)) return reply;
      named([&] {
        if (deadline.has_passed()) Socket::time_out(deadline);
      });
      if (!receive_some()) return std::nullopt;
    }
  }

  /// For `poll`.
  int descriptor() const noexcept { return stream_->descriptor(); }

  /// To be called when it is going to be idle.
  void rest() noexcept { idle_since_ = Deadline::Clock::now(); }

  /// Whether it is open and in step: every reply that came was asked for. That is a system call, which is saved where
  /// it has hardly been idle at all.
  bool is_usable() noexcept {
    if (reader_.unread() != 0) return false;
    return Deadline::Clock::now() - idle_since_ < hardly_idle || stream_->is_quiet();
  }

  /// Whether all that was received so far has been taken as replies.
  bool is_in_step() const noexcept { return reader_.unread() == 0; }

 private:
  static constexpr std::size_t buffer_size = std::size_t{64} << 10;
  /// In less, no server is restarted, and nothing comes across a network that was not asked for.
  static constexpr std::chrono::microseconds hardly_idle{100};
  /// What a reply has beside a value: its head, and what an envelope adds (without metadata).
  static constexpr std::size_t reply_overhead = 1024;

  /// The connection broke while something was sent: the server may have said why before it closed it.
  void throw_if_sent_away(const Deadline& deadline) {
    try {
      receive(deadline);
    } catch (const ServerError&) {
      throw;
    } catch (const CacheError&) {  // it has not
    }
  }

  /// Four bytes can be an element, which takes sixteen times that here, so a reply may have fewer of them where it may
  /// have fewer bytes; still more by far than a page of keys or a batch.
  static ReplyLimits limits(const RedisOptions& options) noexcept {
    ReplyLimits limits;
    limits.bytes = options.max_reply_bytes + reply_overhead;
    limits.elements = std::min(limits.elements, 16'384 + options.max_reply_bytes / 64);
    return limits;
  }

  /// Has every error name the server.
  template <class Call>
  std::invoke_result_t<const Call&> named(const Call& call) const {
    try {
      return call();
    } catch (const ConnectionError& error) {
      throw ConnectionError("redis " + server_ + ": " + error.what());
    } catch (const TimeoutError& error) {
      throw TimeoutError("redis " + server_ + ": " + error.what());
    } catch (const ReplyTooLarge& error) {
      throw ReplyTooLarge("redis " + server_ + ": " + error.what());
    } catch (const ProtocolError& error) {
      throw ProtocolError("redis " + server_ + ": " + error.what());
    }
  }

  std::string server_;
  ReplyReader reader_;
  std::unique_ptr<char[]> buffer_;
  std::unique_ptr<Stream> stream_;
  Deadline::Clock::time_point idle_since_{};
};

}  // namespace larder::detail
