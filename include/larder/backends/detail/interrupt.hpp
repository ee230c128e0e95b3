/// \file interrupt.hpp
/// Interrupt: ends the waits of another thread, once and for all.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace larder::detail {

/// Thread-safe.
class Interrupt {
 public:
  /// \throws std::system_error if the process has no descriptors left.
  Interrupt() {
    if (::pipe2(ends_, O_CLOEXEC | O_NONBLOCK) != 0) throw std::system_error(errno, std::generic_category(), "a pipe");
  }
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  ~Interrupt() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }

  /// Readable from the first `raise` on.
  int descriptor() const noexcept { return ends_[0]; }

  void raise() noexcept {
    const char byte = 0;
    // It fails only where the pipe is full, and so is readable.
    [[maybe_unused]] const ssize_t written = ::write(ends_[1], &byte, 1);
  }

  bool is_raised() const noexcept {
    pollfd polled{descriptor(), POLLIN, 0};
    return ::poll(&polled, 1, 0) > 0;
  }

 private:
  int ends_[2];
};

}  // namespace larder::detail
