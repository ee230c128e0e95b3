/// \file buffered_socket.hpp
/// BufferedSocket: reads lines and counted bytes from a connection.
#pragma once

#include <cerrno>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "tests/support/sockets.hpp"

namespace larder_tests {

/// The peer has closed or reset the connection.
struct ConnectionEnded : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Every call throws ConnectionEnded, or std::runtime_error once its deadline is over. For one thread at a time.
class BufferedSocket {
 public:
  static constexpr SteadyTime no_deadline = SteadyTime::max();

  BufferedSocket(FileDescriptor socket) : socket_(std::move(socket)) {}

  FileDescriptor& descriptor() noexcept { return socket_; }

  void send(std::string_view bytes, SteadyTime deadline = no_deadline) {
    require_open();
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent >= 0) {
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      } else if (errno == EAGAIN) {
        if (!wait_for(socket_.get(), POLLOUT, deadline)) throw std::runtime_error("the peer does not read");
      } else if (errno != EINTR) {
        throw ConnectionEnded(std::string("send: ") + std::strerror(errno));
      }
    }
  }
  /// Without its CRLF.
  std::string read_line(SteadyTime deadline = no_deadline) {
    std::size_t end;
    while ((end = buffer_.find("\r\n", position_)) == std::string::npos) read_more(deadline);
    std::string line = buffer_.substr(position_, end - position_);
    position_ = end + 2;
    return line;
  }
  std::string take(std::size_t size, SteadyTime deadline = no_deadline) {
    while (buffer_.size() - position_ < size) read_more(deadline);
    std::string bytes = buffer_.substr(position_, size);
    position_ += size;
    return bytes;
  }
  /// Reads what comes, at least a byte, behind what was read before.
  void read_more(SteadyTime deadline = no_deadline) {
    require_open();
    buffer_.erase(0, std::exchange(position_, 0));
    if (!wait_for(socket_.get(), POLLIN, deadline)) throw std::runtime_error("the peer does not answer");
    char bytes[16384];
    const ssize_t received = ::recv(socket_.get(), bytes, sizeof bytes, 0);
    if (received == 0) throw ConnectionEnded("the peer closed the connection");
    if (received < 0 && errno != EINTR) throw ConnectionEnded(std::string("recv: ") + std::strerror(errno));
    if (received > 0) buffer_.append(bytes, static_cast<std::size_t>(received));
  }
  /// Drops what has come and was not read.
  void forget() noexcept {
    buffer_.clear();
    position_ = 0;
  }

 private:
  /// `poll` would wait for ever for one that is closed.
  void require_open() const {
    if (!socket_.is_open()) throw ConnectionEnded("this side closed the connection");
  }

  FileDescriptor socket_;
  std::string buffer_;
  std::size_t position_ = 0;  ///< what has been read of `buffer_`
};

}  // namespace larder_tests
