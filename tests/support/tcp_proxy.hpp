/// \file tcp_proxy.hpp
/// TcpProxy: a bad network between a client and a server.
#pragma once

#include <fcntl.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/sockets.hpp"

namespace larder_tests {

/// Carries what its clients say to a port of the loopback interface, and the replies back. What a call asks for is in
/// force when it returns. Thread-safe: one thread does everything, and the calls are its tasks.
class TcpProxy {
 public:
  explicit TcpProxy(std::uint16_t server_port) : server_port_(server_port), listener_(listen_on_loopback()) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) throw_system_error("pipe2");
    woken_ = FileDescriptor(ends[0]);
    waking_ = FileDescriptor(ends[1]);
    port_ = port_of(listener_);
    thread_ = std::thread([this] { serve(); });
  }
  TcpProxy(const TcpProxy&) = delete;
  TcpProxy& operator=(const TcpProxy&) = delete;
  ~TcpProxy() {
    perform([this] { stopping_ = true; });
    thread_.join();
  }

  std::string host() const { return "127.0.0.1"; }
  std::uint16_t port() const noexcept { return port_; }

  /// Closes all connections. New ones are welcome.
  void cut() {
    perform([this] { links_.clear(); });
  }
  /// The same, but the clients see an error (ECONNRESET) instead of an end.
  void cut_with_reset() {
    perform([this] {
      for (auto& link : links_) close_with_reset(link.client);
      links_.clear();
    });
  }
  /// Until `thaw`, no byte passes, and neither side learns that the other has gone. New connections are accepted (by
  /// the system), and have the same fate.
  void freeze() {
    perform([this] { frozen_ = true; });
  }
  void thaw() {
    perform([this] { frozen_ = false; });
  }
  /// Until `accept`, nobody listens on the port. Connections stay.
  void refuse() {
    perform([this] { listener_.close(); });
  }
  void accept() {
    perform([this] {
      if (!listener_.is_open()) listener_ = listen_on_loopback(port_);
    });
  }
  /// To which port connections that are new from now on lead.
  void lead_to(std::uint16_t server_port) {
    perform([this, server_port] { server_port_ = server_port; });
  }
  /// Bytes of replies arrive so much later from now on.
  void delay(std::chrono::milliseconds duration) {
    perform([this, duration] { delay_ = duration; });
  }
  /// At most `bytes` of a connection's replies arrive every `step`. 0 bytes: as fast as they come.
  void drip(std::size_t bytes, std::chrono::milliseconds step) {
    perform([this, bytes, step] {
      drip_bytes_ = bytes;
      drip_step_ = step;
    });
  }
  /// Lets so many more bytes of replies pass, on whichever connection, then closes the one that has more, once. With 0
  /// bytes, the next command is carried out, but its client does not get to know.
  void cut_after(std::size_t bytes_from_server) {
    perform([this, bytes_from_server] { left_until_cut_ = bytes_from_server; });
  }

  /// Bytes that were passed on to the server.
  std::size_t bytes_to_server() {
    return look([this] { return bytes_to_server_; });
  }
  /// Bytes that were passed on to clients.
  std::size_t bytes_to_clients() {
    return look([this] { return bytes_to_clients_; });
  }
  /// How many were accepted so far.
  std::size_t connections() {
    return look([this] { return accepted_; });
  }
  std::size_t open_connections() {
    return look([this] { return links_.size(); });
  }

 private:
  struct Chunk {
    SteadyTime due;
    std::string bytes;
  };
  /// One direction of a connection.
  struct Flow {
    std::deque<Chunk> waiting;
    std::size_t size = 0;    ///< of what waits
    bool ended = false;      ///< its source will say no more
    bool closed = false;     ///< its target knows that
    bool blocked = false;    ///< its target takes no more now
    SteadyTime next_step{};  ///< of a drip

    static constexpr std::size_t max_size = 1 << 20;
  };
  struct Link {
    FileDescriptor client;
    FileDescriptor server;
    Flow requests;
    Flow replies;
    bool broken = false;
  };

  void perform(std::function<void()> task) {
    std::unique_lock lock(mutex_);
    const std::size_t number = ++requested_;
    tasks_.push_back(std::move(task));
    const char byte = 0;
    static_cast<void>(!::write(waking_.get(), &byte, 1));
    done_.wait(lock, [&] { return performed_ >= number; });
  }
  template <class Function>
  std::size_t look(Function function) {
    std::size_t result = 0;
    perform([&] { result = function(); });
    return result;
  }
  void perform_all() {
    char bytes[64];
    while (::read(woken_.get(), bytes, sizeof bytes) > 0) continue;
    const std::lock_guard lock(mutex_);
    for (auto& task : tasks_) task();
    performed_ += tasks_.size();
    tasks_.clear();
    done_.notify_all();
  }

  void serve() {
    while (!stopping_) {
      std::vector<pollfd> events{{woken_.get(), POLLIN, 0}};
      const bool accepting = listener_.is_open() && !frozen_;
      events.push_back({accepting ? listener_.get() : -1, POLLIN, 0});
      for (auto& link : links_) {
        events.push_back(wanted(link.client, link.requests, link.replies));
        events.push_back(wanted(link.server, link.replies, link.requests));
      }
      ::poll(events.data(), events.size(), milliseconds_to_wait());
      std::size_t next = 2;
      for (auto& link : links_) {
        note(link, events[next++], link.client, link.requests, link.replies);
        note(link, events[next++], link.server, link.replies, link.requests);
      }
      if (events[1].revents != 0) accept_one();
      perform_all();
      if (!frozen_) carry_all();
    }
  }

  /// What to wait for at a socket that `in` comes from and `out` goes to. A socket of which nothing is wanted is not
  /// looked at, lest its end wakes the loop over and over.
  pollfd wanted(const FileDescriptor& socket, const Flow& in, const Flow& out) const {
    int events = 0;
    if (!in.ended && in.size < Flow::max_size) events |= POLLIN;
    if (out.blocked) events |= POLLOUT;
    return {frozen_ || events == 0 ? -1 : socket.get(), static_cast<short>(events), 0};
  }
  void note(Link& link, const pollfd& event, const FileDescriptor& socket, Flow& in, Flow& out) const {
    if (event.revents == 0) return;
    out.blocked = false;
    if (in.ended || in.size >= Flow::max_size) return;
    std::string bytes(1 << 16, '\0');
    const ssize_t received = ::recv(socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (received > 0) {
      bytes.resize(static_cast<std::size_t>(received));
      in.size += bytes.size();
      const bool reply = &in == &link.replies;
      in.waiting.push_back({std::chrono::steady_clock::now() + (reply ? delay_ : delay_.zero()), std::move(bytes)});
    } else if (received == 0) {
      in.ended = true;
    } else if (errno != EAGAIN && errno != EINTR) {
      link.broken = true;
    }
  }
  void accept_one() {
    FileDescriptor client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!client.is_open()) return;
    ++accepted_;
    const int on = 1;
    ::setsockopt(client.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    try {
      Link link{std::move(client), connect_to_loopback(server_port_), {}, {}};
      links_.push_back(std::move(link));
    } catch (const std::system_error&) {  // the server is away, and so the client is sent away
    }
  }

  void carry_all() {
    for (auto& link : links_) {
      if (!link.broken) carry(link, link.requests, link.server);
      if (!link.broken) carry(link, link.replies, link.client);
      if (link.requests.closed && link.replies.closed) link.broken = true;
    }
    links_.remove_if([](const Link& link) { return link.broken; });
  }
  void carry(Link& link, Flow& flow, const FileDescriptor& target) {
    const bool replies = &flow == &link.replies;
    const SteadyTime now = std::chrono::steady_clock::now();
    while (!flow.waiting.empty() && !flow.blocked && due(flow, replies) <= now) {
      auto& bytes = flow.waiting.front().bytes;
      std::size_t size = bytes.size();
      if (replies && drip_bytes_ != 0) size = std::min(size, drip_bytes_);
      if (replies && left_until_cut_) size = std::min(size, *left_until_cut_);
      const ssize_t sent = size == 0 ? 0 : ::send(target.get(), bytes.data(), size, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent < 0) {
        flow.blocked = errno == EAGAIN;
        link.broken = errno != EAGAIN && errno != EINTR;
        return;
      }
      const auto passed = static_cast<std::size_t>(sent);
      (replies ? bytes_to_clients_ : bytes_to_server_) += passed;
      flow.size -= passed;
      bytes.erase(0, passed);
      if (replies && drip_bytes_ != 0) flow.next_step = now + drip_step_;
      if (replies && left_until_cut_ && (*left_until_cut_ -= passed) == 0 && flow.size > 0) {
        left_until_cut_.reset();
        link.broken = true;
        return;
      }
      if (bytes.empty()) flow.waiting.pop_front();
    }
    if (flow.ended && flow.waiting.empty() && !std::exchange(flow.closed, true)) ::shutdown(target.get(), SHUT_WR);
  }

  SteadyTime due(const Flow& flow, bool replies) const {
    const SteadyTime due = flow.waiting.front().due;
    return replies && drip_bytes_ != 0 ? std::max(due, flow.next_step) : due;
  }
  int milliseconds_to_wait() const {
    std::chrono::milliseconds wait(60'000);
    const auto consider = [&](const Flow& flow, bool replies) {
      if (flow.waiting.empty() || flow.blocked || frozen_) return;
      const auto left = due(flow, replies) - std::chrono::steady_clock::now();
      wait = std::clamp(std::chrono::ceil<std::chrono::milliseconds>(left), wait.zero(), wait);
    };
    for (const auto& link : links_) {
      consider(link.requests, false);
      consider(link.replies, true);
    }
    return static_cast<int>(wait.count());
  }

  std::uint16_t port_ = 0;
  FileDescriptor woken_;
  FileDescriptor waking_;

  std::mutex mutex_;
  std::condition_variable done_;
  std::vector<std::function<void()>> tasks_;
  std::size_t requested_ = 0;
  std::size_t performed_ = 0;

  // Of the thread alone.
  std::uint16_t server_port_;
  FileDescriptor listener_;
  std::list<Link> links_;
  bool stopping_ = false;
  bool frozen_ = false;
  std::chrono::milliseconds delay_{0};
  std::size_t drip_bytes_ = 0;
  std::chrono::milliseconds drip_step_{0};
  std::optional<std::size_t> left_until_cut_;
  std::size_t bytes_to_server_ = 0;
  std::size_t bytes_to_clients_ = 0;
  std::size_t accepted_ = 0;

  std::thread thread_;
};

}  // namespace larder_tests
