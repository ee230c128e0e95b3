/// \file redis_options.hpp
/// RedisOptions: where a RedisBackend's server is, and how it is spoken to. Nothing here needs a client library.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <larder/backends/detail/endpoint.hpp>
#include <larder/backends/detail/url.hpp>
#include <larder/backends/tls_options.hpp>
#include <larder/cache_error.hpp>
#include <larder/ttl.hpp>

namespace larder {

/// The defaults are right for a server on this machine. Name what is to be different:
///
///     larder::RedisBackend<> cache{{.host = "cache.example.com", .password = secret, .prefix = "shop:"}};
///     larder::RedisBackend<> cache{larder::RedisOptions::from_url("redis://:secret@cache.example.com/?prefix=shop:")};
struct RedisOptions {
  /// Of URLs.
  static constexpr std::string_view schemes[] = {"redis", "rediss", "redis+unix"};
  std::string host = "127.0.0.1";
  std::uint16_t port = 6379;
  /// The server's socket in the file system; if there is one, host and port do not count.
  std::string unix_socket{};
  /// Empty: the server's `default` user.
  std::string username{};
  /// Without one and a username, there is no authentication. Never part of an error's message.
  std::string password{};
  /// A cluster has number 0 alone.
  int database = 0;
  /// What every key begins with in the store: the backend's own namespace, to which `clear` and `keys` keep. With an
  /// empty one, the whole database is the backend's, and `clear` empties it.
  std::string prefix = "larder:";
  /// For an entry whose `set` has none.
  Ttl default_ttl{};

  /// How long a call may take in all; a batch: so long for each 1,000 keys.
  std::chrono::milliseconds timeout{1000};
  /// How much of that a new connection may take.
  std::chrono::milliseconds connect_timeout{1000};
  /// How long `keys` and `clear` may take in all, which visit the whole database, `timeout` at most for each step.
  std::chrono::milliseconds scan_timeout{60'000};
  /// Connections at most, to each server. They are opened when they are needed.
  std::size_t pool_size = 8;
  /// A reply of more bytes is a ProtocolError, and a value that would be one is declined by `set`.
  std::size_t max_reply_bytes = std::size_t{64} << 20;

  /// Whether the server belongs to a Redis Cluster, of which it then is the first to be asked for the others.
  bool cluster = false;
  /// How many times a command goes where a cluster's server says that it should.
  int max_redirects = 5;
  /// A cluster is asked at most so often how its slots are spread.
  std::chrono::milliseconds topology_refresh_interval{100};

  TlsOptions tls{};

  /// Is told of each stored value that cannot be read back, with its key and the reason. What it throws is swallowed.
  /// Called by the thread that wants the value, from several at once.
  std::function<void(std::string_view key, std::string_view reason)> on_undecodable{};

  /// From `redis://user:password@host:port/database?prefix=...`, all but the scheme left out at will. `rediss://` is
  /// with TLS, `redis+unix:///path/of/the.sock?database=1` over a socket in the file system; what is no letter, digit
  /// or one of `-._~:` is written as `%xx`. The query may set `prefix`, `database`, `timeout`, `connect_timeout`,
  /// `scan_timeout`, `default_ttl` (`500ms`, `2s`, `1min`), `pool_size`, `max_reply_bytes`, `cluster`, `ca_file`,
  /// `ca_folder`, `server_name`, `certificate_file`, `key_file` and `verify`.
  /// \throws InvalidArgumentError that names the part, and repeats neither user nor password.
  static RedisOptions from_url(std::string_view text) { return detail::Url::read(text, &RedisOptions::from_parts); }

  detail::Endpoint endpoint() const {
    return unix_socket.empty() ? detail::Endpoint{.host = host, .port = port}
                               : detail::Endpoint{.unix_socket = unix_socket};
  }

  /// \throws InvalidArgumentError that names the first option that makes no sense.
  void validate() const {
    require(!host.empty() || !unix_socket.empty(), "host", "\"\"");
    require(host.find('\0') == std::string::npos, "host", "a name with a NUL in it");
    require(port != 0 || !unix_socket.empty(), "port", "0");
    require(database >= 0, "database", std::to_string(database));
    require(database == 0 || !cluster, "database", std::to_string(database) + ", but a cluster has number 0 alone");
    require(timeout.count() > 0, "timeout", std::to_string(timeout.count()) + " ms");
    require(connect_timeout.count() > 0, "connect_timeout", std::to_string(connect_timeout.count()) + " ms");
    require(scan_timeout.count() > 0, "scan_timeout", std::to_string(scan_timeout.count()) + " ms");
    require(!default_ttl || default_ttl->count() > 0, "default_ttl",
            std::to_string(default_ttl.value_or(std::chrono::milliseconds(0)).count()) + " ms");
    require(pool_size > 0, "pool_size", "0");
    require(max_reply_bytes >= 1024, "max_reply_bytes",
            std::to_string(max_reply_bytes) + ", which must be 1024 or more");
    require(max_redirects >= 0, "max_redirects", std::to_string(max_redirects));
    require(topology_refresh_interval.count() >= 0, "topology_refresh_interval",
            std::to_string(topology_refresh_interval.count()) + " ms");
    require(tls.key_file.empty() == tls.certificate_file.empty(), "tls.key_file",
            detail::Url::quoted(tls.key_file) + ", but a key and a certificate belong together");
  }

 private:
  static RedisOptions from_parts(const detail::Url& url) {
    using detail::Url;
    RedisOptions options;
    if (url.scheme == "rediss") {
      options.tls.enabled = true;
    } else if (url.scheme != "redis" && url.scheme != "redis+unix") {
      Url::fail("the scheme " + Url::quoted(url.scheme) + " is none of redis, rediss and redis+unix");
    }
    if (url.username) options.username = *url.username;
    if (url.password) options.password = *url.password;
    if (url.hosts.size() > 1) {
      Url::fail("there is more than one host; name one server of a cluster, which tells the others");
    }
    if (url.scheme == "redis+unix") {
      if (!url.hosts.empty()) Url::fail("redis+unix:// is followed by a third slash and a path");
      options.unix_socket = "/" + url.path;
    } else {
      if (!url.hosts.empty()) options.host = url.hosts[0].host;
      if (!url.hosts.empty() && url.hosts[0].port != 0) options.port = url.hosts[0].port;
      if (!url.path.empty()) options.database = Url::number<int>("database", url.path);
    }
    for (const auto& [name, value] : url.query) options.set_from_url(name, value);
    options.validate();
    return options;
  }

  static void require(bool holds, const char* option, const std::string& value) {
    if (!holds) throw InvalidArgumentError("RedisOptions: " + std::string(option) + " = " + value);
  }

  void set_from_url(const std::string& name, const std::string& value) {
    using detail::Url;
    if (name == "prefix") {
      prefix = value;
    } else if (name == "database" || name == "db") {
      database = Url::number<int>(name, value);
    } else if (name == "timeout") {
      timeout = Url::duration(name, value);
    } else if (name == "connect_timeout") {
      connect_timeout = Url::duration(name, value);
    } else if (name == "scan_timeout") {
      scan_timeout = Url::duration(name, value);
    } else if (name == "default_ttl") {
      default_ttl = Url::duration(name, value);
    } else if (name == "pool_size") {
      pool_size = Url::number<std::size_t>(name, value);
    } else if (name == "max_reply_bytes") {
      max_reply_bytes = Url::number<std::size_t>(name, value);
    } else if (name == "cluster") {
      cluster = Url::flag(name, value);
    } else if (!tls.set_from_url(name, value)) {
      Url::fail_unknown_option(name);
    }
  }
};

}  // namespace larder
