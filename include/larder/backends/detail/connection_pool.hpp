/// \file connection_pool.hpp
/// ConnectionPool: a bounded number of connections to one server, opened when they are needed, for many threads.
///
/// Invariants:
/// - `open_` counts the connections that are idle, lent, or being opened, and never exceeds the size.
/// - An idle connection has been given back by somebody who left it between two replies; it is looked at again before
///   it is lent, since the server may have closed it, or said something of its own, in the meantime.
/// - No connection is opened, looked at or closed under the lock.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <larder/backends/detail/deadline.hpp>
#include <larder/cache_error.hpp>

namespace larder::detail {

/// `Connection` has `bool is_usable() noexcept`.
template <class Connection>
class ConnectionPool {
 public:
  using Open = std::function<std::unique_ptr<Connection>(const Deadline&)>;

  /// A connection that is lent. It is closed when the lease ends, unless `give_back` said that it is sound: so what
  /// throws in between leaves nothing half read behind.
  class Lease {
   public:
    Lease(ConnectionPool& pool, std::unique_ptr<Connection> connection) noexcept
        : pool_(&pool), connection_(std::move(connection)) {}
    Lease(Lease&& other) noexcept : pool_(other.pool_), connection_(std::move(other.connection_)) {}
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (connection_ == nullptr) return;
      connection_.reset();
      pool_->forget_one();
    }

    Connection& operator*() const noexcept { return *connection_; }
    Connection* operator->() const noexcept { return connection_.get(); }

    void give_back() noexcept { pool_->take_back(std::move(connection_)); }

   private:
    ConnectionPool* pool_;
    std::unique_ptr<Connection> connection_;
  };

  ConnectionPool(std::size_t size, Open open) : size_(size), open_connection_(std::move(open)) { idle_.reserve(size); }

  /// Result: a connection, the one that was used last if there is a choice. Waits while all are lent.
  /// \throws TimeoutError, and what opening one throws.
  Lease lend(const Deadline& deadline) {
    for (;;) {
      std::unique_ptr<Connection> connection = idle_or_room(deadline);
      if (connection == nullptr) return open(deadline);
      if (connection->is_usable()) return Lease(*this, std::move(connection));
      connection.reset();
      forget_one();
    }
  }

  /// Result: a connection that is open already and not lent, if there is one. Waits for nothing.
  std::optional<Lease> lend_idle() {
    while (std::unique_ptr<Connection> connection = take_idle()) {
      if (connection->is_usable()) return Lease(*this, std::move(connection));
      connection.reset();
      forget_one();
    }
    return std::nullopt;
  }

  /// Closes those that nobody uses: after one has broken, the others are likely to be of no use either.
  void close_idle() noexcept {
    for (std::size_t left = idle(); left > 0; --left) {
      std::unique_ptr<Connection> connection;
      {
        const std::lock_guard lock(mutex_);
        if (idle_.empty()) return;
        connection = std::move(idle_.front());
        idle_.erase(idle_.begin());
      }
      connection.reset();
      forget_one();
    }
  }

  /// Result: how many connections nobody uses.
  std::size_t idle() const noexcept {
    const std::lock_guard lock(mutex_);
    return idle_.size();
  }

 private:
  /// Result: the one that was used last, or null.
  std::unique_ptr<Connection> take_idle() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return nullptr;
    std::unique_ptr<Connection> connection = std::move(idle_.back());
    idle_.pop_back();
    return connection;
  }

  /// Result: an idle connection, or null if there is room for one more, which is then taken.
  std::unique_ptr<Connection> idle_or_room(const Deadline& deadline) {
    std::unique_lock lock(mutex_);
    const auto is_ready = [this] { return !idle_.empty() || open_ < size_; };
    if (!is_ready() && !changed_.wait_until(lock, deadline.at(), is_ready)) {
      throw TimeoutError("all " + std::to_string(size_) + " connections were in use for " +
                         std::to_string(deadline.timeout().count()) + " ms (pool_size)");
    }
    if (idle_.empty()) {
      ++open_;
      return nullptr;
    }
    std::unique_ptr<Connection> connection = std::move(idle_.back());
    idle_.pop_back();
    return connection;
  }

  Lease open(const Deadline& deadline) {
    try {
      return Lease(*this, open_connection_(deadline));
    } catch (...) {
      forget_one();
      throw;
    }
  }

  void take_back(std::unique_ptr<Connection> connection) noexcept {
    {
      const std::lock_guard lock(mutex_);
      idle_.push_back(std::move(connection));  // for which there is room
    }
    changed_.notify_one();
  }

  void forget_one() noexcept {
    {
      const std::lock_guard lock(mutex_);
      --open_;
    }
    changed_.notify_one();
  }

  const std::size_t size_;
  const Open open_connection_;

  mutable std::mutex mutex_;  // of all below
  std::condition_variable changed_;
  std::vector<std::unique_ptr<Connection>> idle_;
  std::size_t open_ = 0;
};

}  // namespace larder::detail
