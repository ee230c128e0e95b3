/// \file memcached_connection.hpp
/// MemcachedConnection: one connection to a Memcached server, which speaks commands and their answers.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <larder/backends/detail/deadline.hpp>
#include <larder/backends/detail/endpoint.hpp>
#include <larder/backends/detail/memcached/meta_commands.hpp>
#include <larder/backends/detail/memcached/meta_reply.hpp>
#include <larder/backends/detail/tls/stream.hpp>
#include <larder/backends/detail/tls/tls_session.hpp>
#include <larder/backends/memcached_options.hpp>
#include <larder/bytes.hpp>
#include <larder/cache_error.hpp>

namespace larder::detail {

/// What became of one command.
struct MemcachedAnswer {
  /// Whether the server did what was asked for: had the key, stored the value, erased the entry.
  bool succeeded = false;
  /// The server declined the value as too large. What was there before is gone.
  bool is_too_large = false;
  std::optional<Bytes> value{};
  std::optional<std::chrono::seconds> ttl{};
  std::optional<std::uint64_t> version{};
  /// What the server says is wrong, if it does.
  std::string error{};
};

/// Result: what the server says is wrong, as an exception.
inline ServerError memcached_error(const MemcachedAnswer& answer, const std::string& server) {
  return ServerError(answer.error.substr(0, answer.error.find(' ')), "memcached " + server + ": " + answer.error);
}

/// For one thread at a time. Messages of what it throws name the server.
class MemcachedConnection {
 public:
  /// Connects, and tells the server who we are, if that is wanted.
  /// \throws ConnectionError, TimeoutError, ProtocolError; ServerError if the server does not take it.
  MemcachedConnection(const Endpoint& endpoint, const MemcachedOptions& options, const TlsContext* tls,
                      const Deadline& deadline)
      : server_(endpoint.to_text()),
        is_secure_(tls != nullptr),
        most_(options.max_reply_bytes),
        buffer_(new char[buffer_size]) {
    const Deadline soon = deadline.at_most(options.connect_timeout);
    named([&] { stream_ = std::make_unique<Stream>(endpoint, tls, soon, options.timeout); });
    if (!options.username.empty()) introduce(options, soon);
  }

  const std::string& server() const noexcept { return server_; }

  /// Whether it has brought an answer before.
  bool is_proven() const noexcept { return is_proven_; }

  /// How often the server had failed when the connection was lent.
  std::uint32_t failures_before() const noexcept { return failures_before_; }
  void note_lent(std::uint32_t failures) noexcept { failures_before_ = failures; }

  /// Whether several keys may be asked for in one command.
  MetaCommands::Groups groups() const noexcept {
    return is_secure_ ? MetaCommands::Groups::no : MetaCommands::Groups::yes;
  }

  /// \throws ConnectionError, TimeoutError.
  void send(const MetaCommands& commands, const Deadline& deadline) {
    if (!is_secure_) return send(commands.bytes(), deadline);
    // A server waits for its socket while OpenSSL has the rest of a record in its own memory, and that is for ever if
    // nothing else comes. So no record has more than it reads at once, and none goes on behind a value.
    constexpr std::size_t most = 2048;
    std::size_t begin = 0;
    for (std::size_t i = 0; i < commands.size(); ++i) {
      const bool has_value = commands[i].kind == MetaCommands::Kind::set || commands[i].kind == MetaCommands::Kind::add;
      const bool is_last = i + 1 == commands.size();
      if (!is_last && !has_value && commands.end_of(i + 1) - begin <= most) continue;
      send(commands.bytes().substr(begin, commands.end_of(i) - begin), deadline);
      begin = commands.end_of(i);
    }
  }

  /// Result: the answer to a command, errors of the server among them.
  /// \throws ConnectionError, TimeoutError, ProtocolError.
  MemcachedAnswer receive(const MetaCommands::Command& command, std::string_view key, const Deadline& deadline) {
    return named([&] {
      if (command.kind == MetaCommands::Kind::get_in_group) return receive_of_group(command, key, deadline);
      const MetaReply reply = MetaReply::parse(receive_line(deadline));
      MemcachedAnswer answer;
      using Status = MetaReply::Status;
      if (reply.status == Status::error) {
        note_error(answer, reply.text);
        return answer;
      }
      if (reply.opaque != command.opaque || reply.key != key) {
        throw ProtocolError("an answer to another command than the one that was sent");
      }
      answer.succeeded = succeeded(command.kind, reply.status);
      if (command.kind == MetaCommands::Kind::get_entry && answer.succeeded) {
        if (!reply.ttl) throw ProtocolError("an answer without the lifetime that was asked for");
        answer.ttl = std::chrono::seconds(*reply.ttl);
      }
      if (command.kind == MetaCommands::Kind::win) answer.succeeded = reply.has_won;
      answer.version = reply.version;
      if (reply.status == Status::value) answer.value = receive_value(reply.value_size, deadline);
      is_proven_ = true;
      return answer;
    });
  }

  /// To be called when it is going to be idle.
  void rest() noexcept { idle_since_ = Deadline::Clock::now(); }

  /// Whether it is open and in step: every answer that came was asked for. That is a system call, which is saved where
  /// it has hardly been idle at all.
  bool is_usable() noexcept {
    if (!is_in_step()) return false;
    return Deadline::Clock::now() - idle_since_ < hardly_idle || stream_->is_quiet();
  }

  /// Whether all that was received so far has been taken as answers, and nobody spoke of an error that could mean that
  /// the server takes a value for commands.
  bool is_in_step() const noexcept { return begin_ == end_ && !may_be_out_of_step_; }

 private:
  void send(std::string_view bytes, const Deadline& deadline) {
    named([&] { stream_->send(bytes, deadline); });
  }

  static constexpr std::size_t buffer_size = std::size_t{64} << 10;
  /// A line has a key, some numbers, or an error's text.
  static constexpr std::size_t longest_line = 2048;
  /// In less, no server is restarted, and nothing comes across a network that was not asked for.
  static constexpr std::chrono::microseconds hardly_idle{100};

  /// Result: whether what was asked for was done. \throws ProtocolError if the command has no such answer.
  static bool succeeded(MetaCommands::Kind kind, MetaReply::Status status) {
    using Kind = MetaCommands::Kind;
    using Status = MetaReply::Status;
    const bool brings_value = kind == Kind::get || kind == Kind::get_entry;
    const bool is_look = brings_value || kind == Kind::exists || kind == Kind::touch || kind == Kind::version;
    const bool is_erasure = kind == Kind::erase || kind == Kind::erase_version;
    if (status == (brings_value ? Status::value : Status::done)) return true;
    const bool is_refusal = (is_look && status == Status::miss) ||
                            (is_erasure && status == Status::not_found) ||
                            (kind == Kind::erase_version && status == Status::changed) ||
                            (kind == Kind::add && status == Status::not_stored);
    if (!is_refusal) throw ProtocolError("an answer of another kind than its command has");
    return false;
  }

  /// Of several keys in one command, those that are there are answered, in their order, and then there is an end.
  MemcachedAnswer receive_of_group(const MetaCommands::Command& command, std::string_view key,
                                   const Deadline& deadline) {
    MemcachedAnswer answer;
    if (!group_has_ended_) {
      const GroupReply reply = GroupReply::parse(receive_line(deadline));
      if (!reply.error.empty()) {
        note_error(answer, reply.error);
        may_be_out_of_step_ = true;
        group_has_ended_ = true;
      } else if (reply.is_end) {
        group_has_ended_ = true;
      } else if (reply.key == key) {
        answer.succeeded = true;
        answer.value = receive_value(reply.value_size, deadline);
      } else {
        // The answer to a later one.
        begin_ -= line_size_;
      }
    }
    if (!command.ends_group) return answer;
    if (!group_has_ended_ && !GroupReply::parse(receive_line(deadline)).is_end) {
      throw ProtocolError("an answer to another command than the one that was sent");
    }
    group_has_ended_ = false;
    return answer;
  }

  void note_error(MemcachedAnswer& answer, std::string_view text) {
    if (text.starts_with("SERVER_ERROR object too large")) {
      answer.is_too_large = true;
      return;
    }
    answer.error = text.substr(0, 1000);
    // After these, the value that follows has been read by the server; after others, that is not sure.
    if (!text.starts_with("SERVER_ERROR out of memory")) may_be_out_of_step_ = true;
  }

  /// The text protocol's way: the name and password are what is stored under a key. A server that does not ask for them
  /// would really store them, for everybody to read: so it is seen first whether it does.
  void introduce(const MemcachedOptions& options, const Deadline& deadline) {
    const std::string first = ask("mn\r\n", deadline);
    if (first == "MN" && is_in_step()) return;
    if (!first.starts_with("CLIENT_ERROR") || !is_in_step()) {
      throw ProtocolError("memcached " + server_ + ": an introduction that was answered by something else");
    }
    const std::string words = options.username + " " + options.password;
    const std::string line = ask("set larder 0 0 " + std::to_string(words.size()) + "\r\n" + words + "\r\n", deadline);
    if (line == "STORED" && is_in_step()) return;
    // Nothing of what the server says: it could repeat the password.
    if (line.starts_with("CLIENT_ERROR")) {
      throw ServerError("CLIENT_ERROR", "memcached " + server_ + ": the server does not take username and password");
    }
    throw ProtocolError("memcached " + server_ + ": the introduction was not answered by STORED");
  }

  /// Result: the line that the server answers with.
  std::string ask(std::string_view text, const Deadline& deadline) {
    send(text, deadline);
    return named([&] { return std::string(receive_line(deadline)); });
  }

  std::string_view received() const noexcept { return {buffer_.get() + begin_, end_ - begin_}; }

  /// Result: the next line without its CRLF; valid until something else is received.
  std::string_view receive_line(const Deadline& deadline) {
    for (std::size_t searched = 0;;) {
      const std::size_t at = received().find('\n', searched);
      if (at != std::string_view::npos) {
        const std::string_view line = received().substr(0, at);
        line_size_ = at + 1;
        begin_ += line_size_;
        if (!line.ends_with('\r') || line.size() > longest_line) throw ProtocolError("a line that is no answer");
        return line.substr(0, line.size() - 1);
      }
      searched = end_ - begin_;
      if (searched > longest_line) throw ProtocolError("a line that does not end");
      make_room();
      end_ += stream_->receive({buffer_.get() + end_, buffer_size - end_}, deadline);
    }
  }

  Bytes receive_value(std::size_t size, const Deadline& deadline) {
    if (size > most_) {
      throw ProtocolError("a value of " + std::to_string(size) + " bytes (max_reply_bytes = " + std::to_string(most_) +
                          ")");
    }
    Bytes value = Bytes::generate(size, [&](char* to) { receive_into({to, size}, deadline); });
    char end[2];
    receive_into(end, deadline);
    if (end[0] != '\r' || end[1] != '\n') throw ProtocolError("a value of another length than it says");
    return value;
  }

  /// Takes what the buffer has; the rest does not go through it.
  void receive_into(std::span<char> to, const Deadline& deadline) {
    const std::size_t there = std::min(to.size(), end_ - begin_);
    std::memcpy(to.data(), buffer_.get() + begin_, there);
    begin_ += there;
    to = to.subspan(there);
    while (!to.empty()) {
      make_room();  // it is empty
      if (to.size() >= buffer_size / 2) {
        to = to.subspan(stream_->receive(to, deadline));
        continue;
      }
      // What comes behind the value comes with it.
      end_ = stream_->receive({buffer_.get(), buffer_size}, deadline);
      const std::size_t some = std::min(to.size(), end_);
      std::memcpy(to.data(), buffer_.get(), some);
      begin_ = some;
      to = to.subspan(some);
    }
  }

  void make_room() noexcept {
    if (begin_ == 0) return;
    std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }

  /// Has every error name the server.
  template <class Call>
  std::invoke_result_t<const Call&> named(const Call& call) const {
    try {
      return call();
    } catch (const ConnectionError& error) {
      throw ConnectionError("memcached " + server_ + ": " + error.what());
    } catch (const TimeoutError& error) {
      throw TimeoutError("memcached " + server_ + ": " + error.what());
    } catch (const ProtocolError& error) {
      throw ProtocolError("memcached " + server_ + ": " + error.what());
    }
  }

  std::string server_;
  bool is_secure_;
  std::size_t most_;
  std::unique_ptr<char[]> buffer_;  // what was received and not yet taken is from `begin_` to `end_`
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t line_size_ = 0;  // of the last line that was taken, which is in the buffer right before `begin_`
  bool group_has_ended_ = false;
  bool may_be_out_of_step_ = false;
  bool is_proven_ = false;
  std::uint32_t failures_before_ = 0;
  std::unique_ptr<Stream> stream_;
  Deadline::Clock::time_point idle_since_{};
};

}  // namespace larder::detail
