/// \file stream.hpp
/// Stream: bytes to and from a server, in the clear or through TLS, every call to a deadline.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <larder/backends/detail/deadline.hpp>
#include <larder/backends/detail/endpoint.hpp>
#include <larder/backends/detail/socket.hpp>
#include <larder/backends/detail/tls/tls_session.hpp>

namespace larder::detail {

/// For one thread at a time.
class Stream {
 public:
  /// `tls` is null for a stream in the clear. \throws ConnectionError, TimeoutError.
  Stream(const Endpoint& endpoint, const TlsContext* tls, const Deadline& deadline, std::chrono::milliseconds timeout)
      : socket_(Socket::connect(endpoint, deadline, timeout)) {
    if (tls == nullptr) return;
    tls_ = std::make_unique<TlsSession>(*tls, endpoint.host);
    for (;;) {
      const bool done = shake_hands(deadline);
      flush(deadline);
      if (done) return;
      take_in(deadline);
    }
  }

  /// Sends all of it. What the server says in the meantime is kept, so that neither waits for the other to read first.
  /// \throws ConnectionError, TimeoutError.
  void send(std::string_view bytes, const Deadline& deadline) {
    if (tls_ == nullptr) {
      send_plain(bytes, deadline);
      return;
    }
    while (!bytes.empty()) {
      bytes.remove_prefix(tls_->encrypt(bytes));
      flush(deadline);
    }
  }

  /// Receives at least one byte. Result: how many. \throws ConnectionError, TimeoutError.
  std::size_t receive(std::span<char> buffer, const Deadline& deadline) {
    if (tls_ == nullptr) return receive_plain(buffer, deadline);
    for (;;) {
      if (const std::size_t decrypted = tls_->decrypt(buffer); decrypted > 0) return decrypted;
      flush(deadline);  // a session may have something to say of its own
      take_in(deadline);
    }
  }

  /// Receives what there is, without waiting for it. Result: how many bytes; 0 if the descriptor must become readable
  /// first.
  /// \throws ConnectionError; TimeoutError if the session has to answer at once and cannot.
  std::size_t receive_some(std::span<char> buffer) {
    if (tls_ == nullptr) return receive_some_plain(buffer);
    for (;;) {
      if (const std::size_t decrypted = tls_->decrypt(buffer); decrypted > 0) return decrypted;
      flush(Deadline::in(std::chrono::milliseconds(0)));
      char encrypted[16384];
      const std::size_t received = receive_some_plain(encrypted);
      if (received == 0) return 0;
      tls_->take_in(std::span(encrypted, received));
    }
  }

  /// For `poll`.
  int descriptor() const noexcept { return socket_.descriptor(); }

  /// Whether the stream is open and nothing has come in that nobody asked for. Does not wait.
  bool is_quiet() noexcept {
    if (early_.size() > early_used_) return false;
    if (socket_.is_quiet()) return true;
    if (tls_ == nullptr) return false;
    // What came may be the session's own, such as a ticket for the next one.
    try {
      char buffer[4096];
      for (std::size_t received = 0; (received = socket_.receive_some(buffer)) > 0;) {
        tls_->take_in(std::span(buffer, received));
      }
      return tls_->decrypt(buffer) == 0;
    } catch (...) {
      return false;
    }
  }

 private:
  /// What is kept of a server's words while it is being sent something. More can wait: servers read on, be they not
  /// read themselves.
  static constexpr std::size_t most_early = std::size_t{4} << 20;

  bool shake_hands(const Deadline& deadline) {
    try {
      return tls_->shake_hands();
    } catch (const CacheError&) {
      try {
        flush(deadline);  // the alert that tells the server why
      } catch (const CacheError&) {
      }
      throw;
    }
  }

  void send_plain(std::string_view bytes, const Deadline& deadline) {
    for (;;) {
      bytes.remove_prefix(socket_.send_some(bytes));
      if (bytes.empty()) return;
      const bool is_full = early_.size() >= most_early;
      const short events = is_full ? POLLOUT : POLLIN | POLLOUT;
      if ((socket_.wait(events, deadline) & POLLIN) != 0) keep_early();
    }
  }

  /// Takes what came while something is being sent out of the server's way.
  void keep_early() {
    char buffer[16384];
    const std::size_t received = socket_.receive_some(buffer);
    early_.append(buffer, received);
  }

  std::size_t receive_plain(std::span<char> buffer, const Deadline& deadline) {
    return early_.empty() ? socket_.receive(buffer, deadline) : take_early(buffer);
  }

  std::size_t receive_some_plain(std::span<char> buffer) {
    return early_.empty() ? socket_.receive_some(buffer) : take_early(buffer);
  }

  std::size_t take_early(std::span<char> buffer) {
    const std::size_t size = std::min(buffer.size(), early_.size() - early_used_);
    std::memcpy(buffer.data(), early_.data() + early_used_, size);
    early_used_ += size;
    if (early_used_ == early_.size()) {
      early_.clear();
      early_used_ = 0;
    }
    return size;
  }

  void flush(const Deadline& deadline) {
    for (std::string_view out = tls_->outgoing(); !out.empty(); out = tls_->outgoing()) {
      send_plain(out, deadline);
      tls_->sent(out.size());
    }
  }

  void take_in(const Deadline& deadline) {
    char buffer[16384];
    const std::size_t received = receive_plain(buffer, deadline);
    tls_->take_in(std::span(buffer, received));
  }

  Socket socket_;
  std::unique_ptr<TlsSession> tls_;
  std::string early_;  // received while something was being sent; plain or encrypted, as the socket has it
  std::size_t early_used_ = 0;
};

}  // namespace larder::detail
