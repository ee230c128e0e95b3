/// \file young_soak.hpp
/// YoungSoak: a soak in a process of its own, which has not begun when this one has soaked for long.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <system_error>
#include <type_traits>

#include "tests/campaign/percentile.hpp"
#include "tests/campaign/soak_load.hpp"

namespace larder_tests {

struct LatencyFigure {
  const char* name;
  larder::Histogram Latencies::*kind;
  double share;
};

inline constexpr std::array<LatencyFigure, 6> latency_figures{{{"get p50", &Latencies::gets, .5},
                                                               {"get p99", &Latencies::gets, .99},
                                                               {"get p99.9", &Latencies::gets, .999},
                                                               {"set p50", &Latencies::sets, .5},
                                                               {"set p99", &Latencies::sets, .99},
                                                               {"set p99.9", &Latencies::sets, .999}}};

/// In nanoseconds, in the order of `latency_figures`.
using LatencyPercentiles = std::array<double, latency_figures.size()>;

inline LatencyPercentiles percentiles_of(const Latencies& latencies) {
  LatencyPercentiles result{};
  for (std::size_t i = 0; i < result.size(); ++i) {
    result[i] = interpolated_percentile(latencies.*latency_figures[i].kind, latency_figures[i].share);
  }
  return result;
}

/// The process is there from the start, before there are threads, and waits. Its caches and threads, and its heap, are
/// as old as the first window that it is asked for.
///
/// Not thread-safe.
class YoungSoak {
 public:
  /// Throws std::system_error if there can be no process.
  explicit YoungSoak(const SoakOptions& options) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) fail("socketpair");
    process_ = ::fork();
    if (process_ < 0) fail("fork");
    ::close(ends[process_ == 0 ? 0 : 1]);
    socket_ = ends[process_ == 0 ? 1 : 0];
    if (process_ == 0) serve(options);
  }
  /// Ends the process: it has nobody left to listen to.
  ~YoungSoak() {
    ::close(socket_);
    ::waitpid(process_, nullptr, 0);
  }
  YoungSoak(const YoungSoak&) = delete;
  YoungSoak& operator=(const YoungSoak&) = delete;

  /// Throws std::runtime_error if the process has ended.
  LatencyPercentiles run_window(std::chrono::duration<double> length) {
    LatencyPercentiles result{};
    if (!send(length.count()) || !receive(result)) throw std::runtime_error("the young soak has ended");
    return result;
  }

 private:
  [[noreturn]] static void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

  [[noreturn]] void serve(const SoakOptions& options) {
    double seconds = 0;
    if (receive(seconds)) {
      SoakLoad load(options);
      do {
        const SoakWindow window = load.run_window(std::chrono::duration<double>(seconds), [](SoakClock::time_point) {});
        if (window.wrong != 0 || !send(percentiles_of(window.latencies))) break;
      } while (receive(seconds));
    }
    ::_exit(0);
  }

  template <class Message>
  bool send(const Message& message) {
    static_assert(std::is_trivially_copyable_v<Message>);
    return ::send(socket_, &message, sizeof message, MSG_NOSIGNAL) == static_cast<ssize_t>(sizeof message);
  }
  template <class Message>
  bool receive(Message& message) {
    static_assert(std::is_trivially_copyable_v<Message>);
    return ::recv(socket_, &message, sizeof message, MSG_WAITALL) == static_cast<ssize_t>(sizeof message);
  }

  pid_t process_ = 0;
  int socket_ = -1;
};

}  // namespace larder_tests
