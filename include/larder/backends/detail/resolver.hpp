/// \file resolver.hpp
/// Host names to addresses, to a deadline.
#pragma once

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <chrono>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <larder/backends/detail/deadline.hpp>
#include <larder/backends/detail/endpoint.hpp>
#include <larder/cache_error.hpp>

namespace larder::detail {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  int family() const noexcept { return storage.ss_family; }
  const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
};

/// What `getaddrinfo` answers: addresses, or its error.
struct Resolution {
  int error = 0;
  std::vector<SocketAddress> addresses;

  static Resolution of(const std::string& host, const std::string& port, int flags) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags | AI_NUMERICSERV;
    addrinfo* list = nullptr;
    Resolution resolution;
    resolution.error = getaddrinfo(host.c_str(), port.c_str(), &hints, &list);
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, &freeaddrinfo);
    for (const addrinfo* each = list; each != nullptr; each = each->ai_next) {
      if (each->ai_addrlen > sizeof(sockaddr_storage)) continue;
      SocketAddress& address = resolution.addresses.emplace_back();
      std::memcpy(&address.storage, each->ai_addr, each->ai_addrlen);
      address.length = each->ai_addrlen;
    }
    return resolution;
  }
};

/// `getaddrinfo` cannot be told how long it may take, so it runs in a thread of its own, which is left to itself when
/// the deadline passes and then keeps what it needs alive.
inline Resolution resolve_by(const Deadline& deadline, const std::string& host, const std::string& port) {
  struct Shared {
    std::mutex mutex;
    std::condition_variable done;
    bool is_done = false;
    Resolution resolution;
  };
  const auto shared = std::make_shared<Shared>();
  std::thread([shared, host, port] {
    Resolution resolution;
    try {
      resolution = Resolution::of(host, port, 0);
    } catch (...) {
      resolution.error = EAI_MEMORY;
    }
    const std::lock_guard lock(shared->mutex);
    shared->resolution = std::move(resolution);
    shared->is_done = true;
    shared->done.notify_one();
  }).detach();
  std::unique_lock lock(shared->mutex);
  const auto is_done = [&shared] { return shared->is_done; };
  // A condition variable cannot be interrupted by a descriptor, which is looked at now and then instead.
  pollfd interrupt{deadline.interrupt(), POLLIN, 0};
  while (interrupt.fd >= 0 && !is_done() && !deadline.has_passed()) {
    shared->done.wait_until(lock, deadline.at_most(std::chrono::milliseconds(20)).at(), is_done);
    if (::poll(&interrupt, 1, 0) > 0) throw ConnectionError("the wait was interrupted");
  }
  if (!shared->done.wait_until(lock, deadline.at(), is_done)) {
    throw TimeoutError("the host name " + host + " was not resolved within " +
                       std::to_string(deadline.timeout().count()) + " ms");
  }
  return std::move(shared->resolution);
}

/// Result: the addresses of an endpoint, one at least. \throws ConnectionError, TimeoutError.
inline std::vector<SocketAddress> addresses_of(const Endpoint& endpoint, const Deadline& deadline) {
  if (!endpoint.unix_socket.empty()) {
    SocketAddress address;
    auto& unix_address = reinterpret_cast<sockaddr_un&>(address.storage);
    if (endpoint.unix_socket.size() >= sizeof(unix_address.sun_path)) {
      throw ConnectionError("the path of the socket is too long: " + endpoint.unix_socket);
    }
    unix_address.sun_family = AF_UNIX;
    std::memcpy(unix_address.sun_path, endpoint.unix_socket.c_str(), endpoint.unix_socket.size() + 1);
    address.length = sizeof(sockaddr_un);
    return {address};
  }
  const std::string port = std::to_string(endpoint.port);
  Resolution resolution = Resolution::of(endpoint.host, port, AI_NUMERICHOST);
  if (resolution.error == EAI_NONAME) resolution = resolve_by(deadline, endpoint.host, port);
  if (resolution.error != 0 || resolution.addresses.empty()) {
    throw ConnectionError("the host name " + endpoint.host + " cannot be resolved: " +
                          (resolution.error != 0 ? gai_strerror(resolution.error) : "it has no address"));
  }
  return std::move(resolution.addresses);
}

}  // namespace larder::detail
