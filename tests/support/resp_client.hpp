/// \file resp_client.hpp
/// RespClient: the tests' own, blocking client of a Redis server, which shares nothing with the library.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/buffered_socket.hpp"
#include "tests/support/sockets.hpp"

namespace larder_tests {

struct RespReply {
  enum class Kind { status, error, number, text, nil, array };

  Kind kind = Kind::nil;
  std::string text;  ///< of a status, an error, a number or a text
  std::vector<RespReply> elements;

  bool is_error() const noexcept { return kind == Kind::error; }
  bool is_nil() const noexcept { return kind == Kind::nil; }
  /// The text, "(nil)", or the elements' texts, a line each.
  std::string str() const {
    if (is_nil()) return "(nil)";
    if (kind != Kind::array) return text;
    std::string lines;
    for (const auto& element : elements) lines.append(lines.empty() ? "" : "\n").append(element.str());
    return lines;
  }
};

/// A command as RESP sends it: an array of bulk strings.
inline std::string resp_command(const std::vector<std::string>& arguments) {
  std::string bytes = "*" + std::to_string(arguments.size()) + "\r\n";
  for (const auto& argument : arguments) bytes += "$" + std::to_string(argument.size()) + "\r\n" + argument + "\r\n";
  return bytes;
}

/// One connection, for one thread at a time. Every call throws std::runtime_error if the connection breaks or the
/// server does not answer for `timeout`; the client is of no use afterwards.
class RespClient {
 public:
  static constexpr std::chrono::milliseconds default_timeout{10'000};

  explicit RespClient(std::uint16_t port, std::chrono::milliseconds timeout = default_timeout)
      : socket_(connect_to_loopback(port)), timeout_(timeout) {}
  explicit RespClient(const std::string& unix_socket, std::chrono::milliseconds timeout = default_timeout)
      : socket_(connect_to_unix_socket(unix_socket)), timeout_(timeout) {}

  /// An error of the server's is returned, not thrown.
  RespReply command(const std::vector<std::string>& arguments) {
    send(resp_command(arguments));
    return read_reply();
  }
  /// `command`, but throws std::runtime_error if the reply is an error.
  RespReply expect(const std::vector<std::string>& arguments) {
    RespReply reply = command(arguments);
    if (reply.is_error()) throw std::runtime_error(arguments.front() + ": " + reply.text);
    return reply;
  }
  /// Without a username, for the default user.
  void authenticate(const std::string& username, const std::string& password) {
    if (username.empty()) {
      expect({"AUTH", password});
    } else {
      expect({"AUTH", username, password});
    }
  }
  void send(std::string_view bytes) { socket_.send(bytes, after(timeout_)); }
  RespReply read_reply() { return read_reply(after(timeout_)); }

 private:
  RespReply read_reply(SteadyTime deadline) {
    using enum RespReply::Kind;
    const std::string line = socket_.read_line(deadline);
    if (line.empty()) throw std::runtime_error("an empty line instead of a reply");
    const std::string rest = line.substr(1);
    switch (line.front()) {
      case '+': return {status, rest, {}};
      case '-': return {error, rest, {}};
      case ':': return {number, rest, {}};
      case '$': return read_text(std::stoll(rest), deadline);
      case '*': return read_array(std::stoll(rest), deadline);
      default: throw std::runtime_error("not a reply: " + line);
    }
  }
  RespReply read_text(long long size, SteadyTime deadline) {
    if (size < 0) return {};
    std::string text = socket_.take(static_cast<std::size_t>(size) + 2, deadline);
    text.resize(text.size() - 2);
    return {RespReply::Kind::text, std::move(text), {}};
  }
  RespReply read_array(long long size, SteadyTime deadline) {
    if (size < 0) return {};
    RespReply reply{RespReply::Kind::array, {}, {}};
    for (; size > 0; --size) reply.elements.push_back(read_reply(deadline));
    return reply;
  }

  BufferedSocket socket_;
  std::chrono::milliseconds timeout_;
};

}  // namespace larder_tests
