/// \file sockets.hpp
/// File descriptors that close themselves, and sockets on the loopback interface.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <random>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

namespace larder_tests {

using SteadyTime = std::chrono::steady_clock::time_point;

inline SteadyTime after(std::chrono::milliseconds duration) { return std::chrono::steady_clock::now() + duration; }

[[noreturn]] inline void throw_system_error(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

class FileDescriptor {
 public:
  explicit FileDescriptor(int number = -1) noexcept : number_(number) {}
  FileDescriptor(FileDescriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    if (this != &other) close();
    number_ = std::exchange(other.number_, -1);
    return *this;
  }
  ~FileDescriptor() { close(); }

  int get() const noexcept { return number_; }
  bool is_open() const noexcept { return number_ >= 0; }
  void close() noexcept {
    if (is_open()) ::close(std::exchange(number_, -1));
  }

 private:
  int number_;
};

/// Waits until one of `events` has come to `descriptor`, or it was hung up; false once `deadline` is over.
inline bool wait_for(int descriptor, short events, SteadyTime deadline) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    pollfd waiting{descriptor, events, 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(std::clamp<long long>(left, 0, 60'000)));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) throw_system_error("poll");
    if (ready == 0 && left <= 0) return false;
  }
}

inline sockaddr_in loopback_address(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

inline FileDescriptor open_socket(int family) {
  FileDescriptor socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) throw_system_error("socket");
  const int on = 1;
  if (family == AF_INET) ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return socket;
}

/// A socket that has `port` on the loopback interface, or any free port for 0; without a descriptor if it is taken.
inline FileDescriptor bind_to_loopback(std::uint16_t port) {
  FileDescriptor socket = open_socket(AF_INET);
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const sockaddr_in address = loopback_address(port);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno != EADDRINUSE) throw_system_error("bind");
    socket.close();
  }
  return socket;
}

inline FileDescriptor listen_on_loopback(std::uint16_t port = 0) {
  FileDescriptor socket = bind_to_loopback(port);
  if (!socket.is_open() || ::listen(socket.get(), 128) != 0) throw_system_error("listen");
  return socket;
}

inline std::uint16_t port_of(const FileDescriptor& socket) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) throw_system_error("getsockname");
  return ntohs(address.sin_port);
}

/// A port that nobody has now, and whose port + 10,000 nobody has either (a Redis cluster wants both). Both lie below
/// those that systems give to outgoing connections: while a server is away, no client can be given its port, nor
/// connect to itself. Somebody else may be faster to use it.
inline std::uint16_t free_port() {
  static std::mt19937 random{std::random_device{}()};
  for (int attempt = 0; attempt < 1000; ++attempt) {
    const auto port = static_cast<std::uint16_t>(11000 + random() % 11000);
    if (bind_to_loopback(port).is_open() && bind_to_loopback(static_cast<std::uint16_t>(port + 10000)).is_open()) {
      return port;
    }
  }
  throw std::runtime_error("no free port");
}

/// Closes a socket in a way that its peer notices as an error (RST).
inline void close_with_reset(FileDescriptor& socket) {
  const linger at_once{1, 0};
  if (socket.is_open()) ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  socket.close();
}

/// Throws std::system_error if nobody listens.
inline FileDescriptor connect_to_loopback(std::uint16_t port) {
  FileDescriptor socket = open_socket(AF_INET);
  const sockaddr_in address = loopback_address(port);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw_system_error("connect");
  }
  return socket;
}

/// Throws std::system_error if nobody listens.
inline FileDescriptor connect_to_unix_socket(const std::string& path) {
  FileDescriptor socket = open_socket(AF_UNIX);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw std::runtime_error("too long for a unix socket: " + path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw_system_error("connect to " + path);
  }
  return socket;
}

}  // namespace larder_tests
