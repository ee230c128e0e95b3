/// \file memcached_server.hpp
/// MemcachedServer: one server, reached by a pool of connections, and the generation of its keys.
///
/// The generation is a random text that stands in every key of ours. The server keeps it under a key of its own, and
/// each exchange asks for it on the side: so whoever gives it another one has cleared all that was stored before, for
/// every program at once, without touching an entry of anybody else's. Where the server has none any more (it was
/// restarted, or has evicted it), there is a new one, never an old one again.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <larder/backends/detail/base64.hpp>
#include <larder/backends/detail/connection_pool.hpp>
#include <larder/backends/detail/deadline.hpp>
#include <larder/backends/detail/endpoint.hpp>
#include <larder/backends/detail/memcached/memcached_connection.hpp>
#include <larder/backends/detail/memcached/memcached_health.hpp>
#include <larder/backends/detail/memcached/memcached_key.hpp>
#include <larder/backends/detail/memcached/meta_commands.hpp>
#include <larder/backends/detail/tls/tls_session.hpp>
#include <larder/backends/memcached_options.hpp>
#include <larder/cache_error.hpp>
#include <larder/hash.hpp>

namespace larder::detail {

/// What the servers of a backend have in common. It must stay where it is.
struct MemcachedSettings {
  MemcachedOptions options;
  std::unique_ptr<const TlsContext> tls;

  /// Where a server keeps the generation: a key that no entry has, since it is shorter.
  MemcachedKey generation_key;

  /// \throws InvalidArgumentError.
  explicit MemcachedSettings(MemcachedOptions given)
      : options(std::move(given)), generation_key(MemcachedKey::of(options.prefix, {}, "generation")) {
    options.validate();
    if (options.tls.enabled) tls = std::make_unique<const TlsContext>(options.tls);
  }
};

/// Thread-safe.
class MemcachedServer {
 public:
  using Pool = ConnectionPool<MemcachedConnection>;

  MemcachedServer(Endpoint endpoint, const MemcachedSettings& settings)
      : endpoint_(std::move(endpoint)),
        settings_(settings),
        health_(settings.options.backoff, settings.options.max_backoff),
        pool_(settings.options.pool_size, [this](const Deadline& deadline) { return connect(deadline); }) {}
  MemcachedServer(const MemcachedServer&) = delete;
  MemcachedServer& operator=(const MemcachedServer&) = delete;

  const Endpoint& endpoint() const noexcept { return endpoint_; }

  /// Whether it has failed, and is not tried again yet.
  bool is_left_alone() const noexcept { return health_.is_left_alone(Deadline::Clock::now()); }

  /// Result: a connection. Waits while all are lent.
  /// \throws ConnectionError, at once while the server is left alone; TimeoutError, ProtocolError, ServerError.
  Pool::Lease lend(const Deadline& deadline) {
    if (health_.has_failed() && !health_.may_be_asked(Deadline::Clock::now())) {
      const auto left = health_.tried_again_at() - Deadline::Clock::now();
      throw ConnectionError("memcached " + endpoint_.to_text() + ": it did not answer, and is tried again in " +
                            std::to_string(std::chrono::ceil<std::chrono::milliseconds>(left).count()) + " ms");
    }
    const std::uint32_t failures = health_.failures();
    Pool::Lease connection = pool_.lend(deadline);
    connection->note_lent(failures);
    return connection;
  }

  /// Calls `talk(connection)` and notes whether the server is worth being asked again.
  template <class Talk>
  std::invoke_result_t<const Talk&> watching(const MemcachedConnection& connection, const Talk& talk) {
    try {
      return talk();
    } catch (const ConnectionError&) {
      // One that has worked may have been closed by a server that has been restarted and is well.
      if (!connection.is_proven()) note_failure(connection.failures_before());
      pool_.close_idle();  // which are likely to be as old, and as broken
      throw;
    } catch (const TimeoutError&) {
      note_failure(connection.failures_before());
      throw;
    }
  }

  void note_success() noexcept { health_.note_success(); }

  /// Result: the generation as far as it is known; empty if it is not.
  std::string generation() const {
    const std::lock_guard lock(mutex_);
    return generation_;
  }
  void set_generation(std::string_view generation) {
    const std::lock_guard lock(mutex_);
    generation_ = generation;
  }

  static bool is_generation(std::string_view text) noexcept {
    return text.size() == MemcachedKey::generation_size && std::all_of(text.begin(), text.end(), [](char c) {
             return base64_letters.find(c) != std::string_view::npos || c == '-' || c == '_';
           });
  }

  static std::string new_generation() {
    const std::uint64_t random = make_hash_seed().left;
    return base64({reinterpret_cast<const char*>(&random), sizeof(random)}, Base64Alphabet::url);
  }

  /// Result: the generation that the server has, which is then known; it is given one if it has none. `opaque` is for
  /// as many commands as `most_commands`. \throws ConnectionError, TimeoutError, ProtocolError, ServerError.
  std::string agree_on_generation(MemcachedConnection& connection, std::uint64_t opaque, const Deadline& deadline) {
    const MemcachedKey& key = settings_.generation_key;
    for (std::uint64_t round = 0; round < most_commands / 2; ++round) {
      MetaCommands look(opaque + 2 * round);
      look.get(key);
      MemcachedAnswer answer = exchange_one(connection, look, deadline);
      if (answer.value && is_generation(*answer.value)) {
        set_generation(*answer.value);
        return answer.value->str();
      }
      const std::string made = new_generation();
      MetaCommands store(opaque + 2 * round + 1);
      // Something else than a generation is nothing that could be kept.
      answer.value ? store.set(key, made, {}) : store.add(key, made, {});
      if (exchange_one(connection, store, deadline).succeeded) {
        set_generation(made);
        return made;
      }
    }
    throw ProtocolError("memcached " + endpoint_.to_text() + ": it neither has a generation nor takes one");
  }
  static constexpr std::uint64_t most_commands = 8;

  /// Gives the server's keys another generation, so that none of the old ones is found again.
  void clear(std::uint64_t opaque, const Deadline& deadline) {
    Pool::Lease connection = lend(deadline);
    watching(*connection, [&] {
      const std::string made = new_generation();
      MetaCommands store(opaque);
      store.set(settings_.generation_key, made, {});
      if (!exchange_one(*connection, store, deadline).succeeded) {
        throw ProtocolError("memcached " + endpoint_.to_text() + ": it does not store a generation");
      }
      set_generation(made);
    });
    give_back(connection);
  }

  /// After an exchange that went well. \throws ProtocolError if there is more than was asked for.
  void give_back(Pool::Lease& connection) {
    note_success();
    connection->rest();
    if (!connection->is_in_step()) {
      throw ProtocolError("memcached " + endpoint_.to_text() + ": more answers than commands");
    }
    connection.give_back();
  }

 private:
  std::unique_ptr<MemcachedConnection> connect(const Deadline& deadline) {
    const std::uint32_t failures = health_.failures();
    try {
      return std::make_unique<MemcachedConnection>(endpoint_, settings_.options, settings_.tls.get(), deadline);
    } catch (const ServerError&) {
      throw;
    } catch (const CacheError&) {
      note_failure(failures);
      throw;
    }
  }

  void note_failure(std::uint32_t before) noexcept { health_.note_failure(before, Deadline::Clock::now()); }

  MemcachedAnswer exchange_one(MemcachedConnection& connection, const MetaCommands& commands,
                               const Deadline& deadline) const {
    connection.send(commands, deadline);
    MemcachedAnswer answer = connection.receive(commands[0], commands.key_of(0), deadline);
    if (!answer.error.empty()) throw memcached_error(answer, connection.server());
    return answer;
  }

  const Endpoint endpoint_;
  const MemcachedSettings& settings_;
  MemcachedHealth health_;
  mutable std::mutex mutex_;
  std::string generation_;
  Pool pool_;
};

}  // namespace larder::detail
