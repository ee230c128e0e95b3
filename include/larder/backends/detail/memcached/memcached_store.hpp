/// \file memcached_store.hpp
/// MemcachedStore: how a cache is kept in Memcached, on one server or several, for keys and values that are bytes
/// already.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <larder/backends/detail/deadline.hpp>
#include <larder/backends/detail/memcached/hash_ring.hpp>
#include <larder/backends/detail/memcached/memcached_connection.hpp>
#include <larder/backends/detail/memcached/memcached_key.hpp>
#include <larder/backends/detail/memcached/memcached_server.hpp>
#include <larder/backends/detail/memcached/meta_commands.hpp>
#include <larder/backends/memcached_options.hpp>
#include <larder/cache_error.hpp>
#include <larder/ttl.hpp>

namespace larder::detail {

/// Thread-safe. Functions throw ConnectionError, TimeoutError, ProtocolError and ServerError.
class MemcachedStore {
 public:
  /// So many keys at most are in one exchange.
  static constexpr std::size_t batch_keys = 1000;
  /// And roughly so many bytes are sent in one: few enough where values come back, since a server that cannot get rid
  /// of these reads no more.
  static constexpr std::size_t batch_bytes_to_get = std::size_t{64} << 10;
  static constexpr std::size_t batch_bytes_to_set = std::size_t{1} << 20;

  explicit MemcachedStore(MemcachedOptions options) : settings_(std::move(options)), ring_(names_of(settings_)) {
    for (Endpoint& endpoint : settings_.options.endpoints()) {
      servers_.push_back(std::make_unique<MemcachedServer>(std::move(endpoint), settings_));
    }
  }

  const MemcachedOptions& options() const noexcept { return settings_.options; }

  /// How long a call about so many keys may take.
  Deadline deadline(std::size_t keys = 1) const { return Deadline::for_keys(keys, options().timeout); }

  /// Result: what must be in the envelope of the key's value for it to be told from others; empty if nothing need be.
  std::string_view identity_of(std::string_view key) const noexcept {
    return MemcachedKey::is_hashed(options().prefix, options().clearable, key) ? key : std::string_view();
  }

  /// What became of the commands about several keys.
  struct Outcome {
    /// One for each key; only what is known of it where there is an error.
    std::vector<MemcachedAnswer> answers;
    /// The first one, if any.
    std::exception_ptr error;

    void throw_if_error() const {
      if (error) std::rethrow_exception(error);
    }
  };

  /// Whether commands may be sent a second time where it is unknown what became of them.
  enum class Repeat : bool { never, once };

  /// Sends a command for each of some keys, as many as `batch_keys`, to the servers that they belong to, all at the
  /// same time: `add(commands, key, index)` adds the command for key number `index`.
  template <class Add>
  Outcome exchange(std::span<const std::string_view> keys, Repeat repeat, const Deadline& deadline, const Add& add) {
    Outcome outcome;
    outcome.answers.resize(keys.size());
    std::vector<Share> shares = shares_of(keys);
    // In the order of their numbers, so that no two calls wait for each other's connections.
    for (Share& share : shares) {
      share.repeat = repeat;
      attempt(outcome, share, [&] {
        unless_broken(share, false, [&] {
          start(share, keys, deadline, add);
          return true;
        });
      });
    }
    // One that does not answer takes all the time that there is. What the others have answered meanwhile is there.
    std::optional<Deadline> grace;
    for (Share& share : shares) {
      if (!grace && deadline.has_passed()) grace = Deadline::in(std::chrono::milliseconds(10));
      if (share.is_failed) continue;
      attempt(outcome, share, [&] { finish(share, outcome, keys, grace.value_or(deadline), add); });
    }
    return outcome;
  }

  /// The same for one key.
  template <class Add>
  MemcachedAnswer exchange_one(std::string_view key, Repeat repeat, const Add& add) {
    const Deadline end = deadline();
    Outcome outcome =
        exchange({&key, 1}, repeat, end,
                 [&add](MetaCommands& commands, const MemcachedKey& token, std::size_t) { add(commands, token); });
    outcome.throw_if_error();
    return std::move(outcome.answers[0]);
  }

  /// Every server gets a new generation; one that fails does not keep the others from it. \throws NotSupportedError.
  void clear() {
    if (!options().clearable) throw NotSupportedError("memcached: the cache is not clearable (see MemcachedOptions)");
    const Deadline end = deadline(servers_.size() * batch_keys);
    std::exception_ptr error;
    for (const auto& server : servers_) {
      try {
        server->clear(new_opaque(1), end);
      } catch (const CacheError&) {
        if (!error) error = std::current_exception();
      }
    }
    if (error) std::rethrow_exception(error);
  }

 private:
  /// Those keys that belong to one server, and the exchange about them.
  struct Share {
    MemcachedServer* server;
    std::vector<std::size_t> indices;
    std::string generation{};
    std::optional<MetaCommands> commands{};
    std::optional<MemcachedServer::Pool::Lease> connection{};
    Repeat repeat = Repeat::never;
    bool is_started = false;  ///< its commands are on their way
    bool is_failed = false;
  };

  static std::vector<std::string> names_of(const MemcachedSettings& settings) {
    std::vector<std::string> names;
    for (const Endpoint& endpoint : settings.options.endpoints()) names.push_back(endpoint.to_text());
    return names;
  }

  std::uint64_t new_opaque(std::size_t commands) noexcept {
    return next_opaque_.fetch_add(commands, std::memory_order_relaxed);
  }

  /// Result: the number of the server that a key goes to for now.
  std::size_t server_of(std::string_view key) const {
    if (!options().remap_failed_servers) return ring_.server_of(key);
    return ring_.server_of(key, [this](std::size_t server) { return !servers_[server]->is_left_alone(); });
  }

  std::vector<Share> shares_of(std::span<const std::string_view> keys) const {
    std::vector<Share> shares;
    if (servers_.size() == 1) {
      Share& all = shares.emplace_back(Share{.server = servers_[0].get(), .indices = {}});
      all.indices.resize(keys.size());
      for (std::size_t i = 0; i < keys.size(); ++i) all.indices[i] = i;
      return shares;
    }
    std::vector<Share> of_all;
    for (const auto& server : servers_) of_all.push_back(Share{.server = server.get(), .indices = {}});
    for (std::size_t i = 0; i < keys.size(); ++i) of_all[server_of(keys[i])].indices.push_back(i);
    for (Share& share : of_all) {
      if (!share.indices.empty()) shares.push_back(std::move(share));
    }
    return shares;
  }

  /// Notes the error if `step` throws one. What is no CacheError passes through.
  template <class Step>
  static void attempt(Outcome& outcome, Share& share, const Step& step) {
    try {
      step();
    } catch (const CacheError&) {
      share.is_failed = true;
      share.connection.reset();
      if (!outcome.error) outcome.error = std::current_exception();
    }
  }

  /// Sends a share's commands.
  template <class Add>
  void start(Share& share, std::span<const std::string_view> keys, const Deadline& deadline, const Add& add) {
    MemcachedServer& server = *share.server;
    // Another server has taken all the time, for which this one is not to blame.
    if (deadline.has_passed()) throw TimeoutError("memcached " + server.endpoint().to_text() + ": no time is left");
    if (!share.connection) share.connection.emplace(server.lend(deadline));
    MemcachedConnection& connection = **share.connection;
    server.watching(connection, [&] {
      const bool has_generation = options().clearable;
      share.generation = has_generation ? server.generation() : std::string();
      if (has_generation && share.generation.empty()) {
        share.generation = server.agree_on_generation(connection, new_opaque(MemcachedServer::most_commands), deadline);
      }
      const std::size_t count = share.indices.size() + 1;
      share.commands.emplace(new_opaque(count), count, connection.groups());
      for (const std::size_t index : share.indices) {
        add(*share.commands, MemcachedKey::of(options().prefix, share.generation, keys[index]), index);
      }
      // Behind the others: a generation that is still the right one then has been so all the time, since none comes
      // back. (And a server sends what it has to say so far before it stores a value.)
      if (has_generation) share.commands->get(settings_.generation_key);
      connection.send(*share.commands, deadline);
    });
    share.is_started = true;
  }

  /// Receives a share's answers. Its commands are sent again where the generation has changed: then what was done, was
  /// done to entries that nobody sees any more.
  template <class Add>
  void finish(Share& share, Outcome& outcome, std::span<const std::string_view> keys, const Deadline& deadline,
              const Add& add) {
    for (;;) {
      if (!share.is_started) start(share, keys, deadline, add);
      share.is_started = false;
      if (unless_broken(share, false, [&] { return receive(share, outcome, deadline); })) return;
    }
  }

  /// Result: what `step` returns, or `otherwise` where a connection broke and the commands may be sent once more. There
  /// is no point in that where the server itself does not answer.
  template <class Step>
  static bool unless_broken(Share& share, bool otherwise, const Step& step) {
    try {
      return step();
    } catch (const ConnectionError&) {
      if (share.repeat == Repeat::never || share.server->is_left_alone()) throw;
      share.repeat = Repeat::never;
      share.connection.reset();
      return otherwise;
    }
  }

  /// Result: whether the generation was still the right one. If not, the share keeps its connection: to wait for
  /// another one, with the connections of other servers in hand, could be to wait for somebody who waits for these.
  bool receive(Share& share, Outcome& outcome, const Deadline& deadline) {
    MemcachedServer& server = *share.server;
    MemcachedConnection& connection = **share.connection;
    std::exception_ptr error;
    bool is_current = true;
    try {
      server.watching(connection, [&] { is_current = receive_all(share, outcome, error, deadline); });
    } catch (const ConnectionError&) {
      if (!error) throw;  // otherwise the server said why, and went
    }
    if (!error && !is_current && connection.is_in_step()) return false;
    if (!error || connection.is_in_step()) server.give_back(*share.connection);
    if (error) std::rethrow_exception(error);
    return is_current;
  }

  /// Result: the same. `error` is the first that the server answered with.
  bool receive_all(Share& share, Outcome& outcome, std::exception_ptr& error, const Deadline& deadline) {
    MemcachedServer& server = *share.server;
    MemcachedConnection& connection = **share.connection;
    const MetaCommands& commands = *share.commands;
    std::size_t next = 0;
    const auto receive_next = [&] {
      MemcachedAnswer answer = connection.receive(commands[next], commands.key_of(next), deadline);
      ++next;
      if (!answer.error.empty() && !error) {
        error = std::make_exception_ptr(memcached_error(answer, connection.server()));
      }
      return answer;
    };
    for (const std::size_t index : share.indices) outcome.answers[index] = receive_next();
    if (!options().clearable) return true;
    const MemcachedAnswer answer = receive_next();
    if (answer.value && std::string_view(*answer.value) == share.generation) return true;
    const bool is_other = answer.value && MemcachedServer::is_generation(*answer.value);
    server.set_generation(is_other ? std::string_view(*answer.value) : std::string_view());
    return false;
  }

  const MemcachedSettings settings_;
  const HashRing ring_;
  std::vector<std::unique_ptr<MemcachedServer>> servers_;
  std::atomic<std::uint64_t> next_opaque_{1};
};

}  // namespace larder::detail
