/// \file socket.hpp
/// Socket: a connected stream of bytes, every wait of which ends at a deadline.
///
/// Invariants:
/// - The descriptor is open from construction to destruction, and closed by nobody else.
/// - SIGPIPE never reaches the process.
/// - The descriptor blocks, but for at most `receive_timeout_`: so a reply that takes a moment costs one system call
///   instead of three. Whatever else is done with it does not block.
#pragma once

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <larder/backends/detail/deadline.hpp>
#include <larder/backends/detail/endpoint.hpp>
#include <larder/backends/detail/resolver.hpp>
#include <larder/cache_error.hpp>

namespace larder::detail {

#ifdef MSG_NOSIGNAL
inline constexpr int no_signal = MSG_NOSIGNAL;
#else
inline constexpr int no_signal = 0;  // there, SO_NOSIGPIPE does it
#endif

inline std::string error_text(int error) { return std::generic_category().message(error); }

class Socket {
 public:
  /// Connects to the first address that answers; each gets its share of the time. `timeout` is how long calls are
  /// going to wait as a rule. \throws ConnectionError, TimeoutError.
  static Socket connect(const Endpoint& endpoint, const Deadline& deadline, std::chrono::milliseconds timeout) {
    const std::vector<SocketAddress> addresses = addresses_of(endpoint, deadline);
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      const auto share = deadline.remaining() / static_cast<std::chrono::nanoseconds::rep>(addresses.size() - i);
      try {
        Socket socket(addresses[i]);
        socket.finish_connecting(addresses[i], deadline.at_most(std::chrono::ceil<std::chrono::milliseconds>(share)));
        socket.set_options(addresses[i], timeout);
        return socket;
      } catch (const CacheError&) {
        if (i + 1 == addresses.size()) throw;
      }
    }
    throw ConnectionError("there is no address to connect to");  // not reached: there is one at least
  }

  Socket(Socket&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)), receive_timeout_(other.receive_timeout_) {}
  Socket& operator=(Socket&&) = delete;
  ~Socket() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  int descriptor() const noexcept { return descriptor_; }

  /// Sends what fits into the system's buffer. Result: how many bytes; 0 if none do for now.
  /// \throws ConnectionError.
  std::size_t send_some(std::string_view bytes) {
    for (;;) {
      const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), no_signal | MSG_DONTWAIT);
      if (sent >= 0) return static_cast<std::size_t>(sent);
      if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
      if (errno != EINTR) throw ConnectionError("sending failed: " + error_text(errno));
    }
  }

  /// Receives what there is, without waiting. Result: how many bytes, 0 if there are none for now.
  /// \throws ConnectionError if the connection has ended.
  std::size_t receive_some(std::span<char> buffer) { return receive_with(MSG_DONTWAIT, buffer); }

  /// Receives at least one byte. \throws ConnectionError, TimeoutError.
  std::size_t receive(std::span<char> buffer, const Deadline& deadline) {
    for (;;) {
      const auto remaining = deadline.remaining();
      if (remaining == remaining.zero()) time_out(deadline);
      const bool may_block = remaining + tolerance >= receive_timeout_;
      if (!may_block) wait(POLLIN, deadline);
      const std::size_t received = receive_with(may_block ? 0 : MSG_DONTWAIT, buffer);
      if (received > 0) return received;
    }
  }

  /// Waits for any of these events. Result: which came. \throws TimeoutError, ConnectionError.
  short wait(short events, const Deadline& deadline) const {
    for (;;) {
      pollfd polled{descriptor_, events, 0};
      const int ready = ::poll(&polled, 1, deadline.poll_milliseconds());
      if (ready > 0) return polled.revents;
      if (ready < 0 && errno != EINTR) throw ConnectionError("waiting failed: " + error_text(errno));
      if (deadline.has_passed()) time_out(deadline);
    }
  }

  /// Waits until one of several sockets has something to receive, or the deadline has passed. \throws ConnectionError.
  static void wait_for_any(std::span<const int> descriptors, const Deadline& deadline) {
    std::vector<pollfd> polled;
    for (const int descriptor : descriptors) polled.push_back({descriptor, POLLIN, 0});
    const int ready = ::poll(polled.data(), static_cast<nfds_t>(polled.size()), deadline.poll_milliseconds());
    if (ready < 0 && errno != EINTR) throw ConnectionError("waiting failed: " + error_text(errno));
  }

  /// Whether the connection is open and nothing has come in that nobody asked for.
  bool is_quiet() const noexcept {
    char byte = 0;
    const ssize_t peeked = ::recv(descriptor_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return peeked < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
  }

  [[noreturn]] static void time_out(const Deadline& deadline) {
    throw TimeoutError("no answer within " + std::to_string(deadline.timeout().count()) + " ms");
  }

 private:
  /// By how much a call may be late for the sake of fewer system calls.
  static constexpr std::chrono::milliseconds tolerance{10};

  explicit Socket(const SocketAddress& address)
      : descriptor_(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    if (descriptor_ < 0) throw ConnectionError("no socket: " + error_text(errno));
  }

  void finish_connecting(const SocketAddress& address, const Deadline& deadline) {
    if (::connect(descriptor_, address.get(), address.length) == 0) return;
    // A socket in the file system answers EAGAIN where too many others wait.
    if (errno != EINPROGRESS && errno != EINTR) throw ConnectionError("cannot connect: " + error_text(errno));
    wait(POLLOUT, deadline);
    int error = 0;
    socklen_t length = sizeof(error);
    if (::getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
    if (error != 0) throw ConnectionError("cannot connect: " + error_text(error));
  }

  void set_options(const SocketAddress& address, std::chrono::milliseconds timeout) {
    const int on = 1;
    if (address.family() != AF_UNIX) {
      ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      ::setsockopt(descriptor_, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    }
#ifdef SO_NOSIGPIPE
    ::setsockopt(descriptor_, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof(on));
#endif
    // A time-out of zero would be none at all, and one that the system cannot count is of no use.
    const auto wanted = std::clamp(timeout, std::chrono::milliseconds(1), std::chrono::milliseconds(3'600'000));
    timeval value{};
    value.tv_sec = static_cast<decltype(value.tv_sec)>(wanted.count() / 1000);
    value.tv_usec = static_cast<decltype(value.tv_usec)>(wanted.count() % 1000 * 1000);
    if (::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &value, sizeof(value)) != 0) {
      throw ConnectionError("a socket without a time-out: " + error_text(errno));
    }
    receive_timeout_ = wanted;
    if (::fcntl(descriptor_, F_SETFL, 0) != 0)
      throw ConnectionError("a socket that cannot block: " + error_text(errno));
  }

  std::size_t receive_with(int flags, std::span<char> buffer) {
    for (;;) {
      const ssize_t received = ::recv(descriptor_, buffer.data(), buffer.size(), flags);
      if (received > 0) return static_cast<std::size_t>(received);
      if (received == 0) throw ConnectionError("the server closed the connection");
      if (errno == EAGAIN || errno == EWOULDBLOCK || (errno == EINTR && flags == 0)) return 0;
      if (errno != EINTR) throw ConnectionError("receiving failed: " + error_text(errno));
    }
  }

  int descriptor_ = -1;
  std::chrono::milliseconds receive_timeout_{};
};

}  // namespace larder::detail
