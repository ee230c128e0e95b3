/// \file memcached_options.hpp
/// MemcachedOptions: where a MemcachedBackend's servers are, and how they are spoken to.
#pragma once

#include <algorithm>
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
///     larder::MemcachedBackend<> cache{{.servers = {"10.0.0.1:11211", "10.0.0.2:11211"}, .prefix = "shop:"}};
///     larder::MemcachedBackend<>
///     cache{larder::MemcachedOptions::from_url("memcached://10.0.0.1,10.0.0.2/?prefix=shop:")};
struct MemcachedOptions {
  /// Of URLs.
  static constexpr std::string_view schemes[] = {"memcached", "memcacheds", "memcached+unix"};
  static constexpr std::uint16_t default_port = 11211;

  /// Each is `host`, `host:port`, `[IPv6]:port` or the path of a socket in the file system. Keys are spread over them
  /// by consistent hashing of these very texts (in whatever order), so all programs must spell them alike.
  std::vector<std::string> servers{"127.0.0.1"};
  /// For servers that want it (`memcached -Y`). Without a username there is no authentication. Never part of a message.
  std::string username{};
  std::string password{};
  /// What every key begins with in the store: the backend's own namespace, to which `clear` keeps.
  std::string prefix = "larder:";
  /// Whether `clear` is offered. It needs a generation in every key, and every request asks for the current one on the
  /// side. Without, keys are `prefix` + key for every other client to see, and `clear` throws NotSupportedError.
  bool clearable = true;
  /// For an entry whose `set` has none.
  Ttl default_ttl{};

  /// How long a call may take in all; a batch: so long for each 1,000 keys.
  std::chrono::milliseconds timeout{1000};
  /// How much of that a new connection may take.
  std::chrono::milliseconds connect_timeout{1000};
  /// Connections at most, to each server. They are opened when they are needed.
  std::size_t pool_size = 8;
  /// What is stored for a value (envelope included) may have so many bytes; `set` declines more. A server takes items
  /// of 1 MiB, key and head included, unless it is told otherwise (`memcached -I`).
  std::size_t max_value_bytes = 1'000'000;
  /// A value of more bytes, as another client may have stored it, is a ProtocolError.
  std::size_t max_reply_bytes = std::size_t{64} << 20;

  /// A server that did not answer is left alone for so long; after each further failure for twice as long, up to the
  /// latter. Meanwhile its keys fail at once.
  std::chrono::milliseconds backoff{100};
  std::chrono::milliseconds max_backoff{5000};
  /// While a server is left alone, its keys go to the servers that come after it on the ring instead of failing. What
  /// it still has when it is back may then be older than what was stored meanwhile.
  bool remap_failed_servers = false;

  TlsOptions tls{};

  /// Is told of each stored value that cannot be read back, with its key and the reason. What it throws is swallowed.
  /// Called by the thread that wants the value, from several at once.
  std::function<void(std::string_view key, std::string_view reason)> on_undecodable{};

  /// From `memcached://user:password@host:port,host:port/?prefix=...`, all but the scheme left out at will.
  /// `memcacheds://` is with TLS, `memcached+unix:///path/of/the.sock` over a socket in the file system; what is no
  /// letter, digit or one of `-._~:` is written as `%xx`. The query may set `prefix`, `clearable`, `timeout`,
  /// `connect_timeout`, `default_ttl`, `backoff`, `max_backoff` (`500ms`, `2s`, `1min`), `pool_size`,
  /// `max_value_bytes`, `max_reply_bytes`, `remap_failed_servers`, `ca_file`, `ca_folder`, `server_name`,
  /// `certificate_file`, `key_file` and `verify`.
  /// \throws InvalidArgumentError that names the part, and repeats neither user nor password.
  static MemcachedOptions from_url(std::string_view text) {
    return detail::Url::read(text, &MemcachedOptions::from_parts);
  }

  /// Result: where the servers are, in the order in which they were named. \throws InvalidArgumentError.
  std::vector<detail::Endpoint> endpoints() const {
    std::vector<detail::Endpoint> all;
    for (const std::string& server : servers) all.push_back(endpoint_of(server));
    return all;
  }

  /// \throws InvalidArgumentError that names the first option that makes no sense.
  void validate() const {
    require(!servers.empty(), "servers", "{}");
    auto sorted = endpoints();
    std::sort(sorted.begin(), sorted.end());
    const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
    require(twice == sorted.end(), "servers",
            twice == sorted.end() ? "" : detail::Url::quoted(twice->to_text()) + ", which is there twice");
    require(!username.empty() || password.empty(), "password", "(not shown), but there is no username");
    const auto is_word = [](const std::string& text) {
      return std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) <= ' '; });
    };
    require(is_word(username), "username", "a name with a space or control character in it");
    require(is_word(password), "password", "one with a space or control character in it");
    require(timeout.count() > 0, "timeout", std::to_string(timeout.count()) + " ms");
    require(connect_timeout.count() > 0, "connect_timeout", std::to_string(connect_timeout.count()) + " ms");
    require(!default_ttl || default_ttl->count() > 0, "default_ttl",
            std::to_string(default_ttl.value_or(std::chrono::milliseconds(0)).count()) + " ms");
    require(pool_size > 0, "pool_size", "0");
    require(max_value_bytes > 0, "max_value_bytes", "0");
    require(max_reply_bytes >= max_value_bytes, "max_reply_bytes",
            std::to_string(max_reply_bytes) + ", which must be max_value_bytes or more");
    require(backoff.count() >= 0, "backoff", std::to_string(backoff.count()) + " ms");
    require(max_backoff >= backoff, "max_backoff",
            std::to_string(max_backoff.count()) + " ms, which must be backoff or more");
    require(tls.key_file.empty() == tls.certificate_file.empty(), "tls.key_file",
            detail::Url::quoted(tls.key_file) + ", but a key and a certificate belong together");
  }

 private:
  static MemcachedOptions from_parts(const detail::Url& url) {
    using detail::Url;
    MemcachedOptions options;
    if (url.scheme == "memcacheds") {
      options.tls.enabled = true;
    } else if (url.scheme != "memcached" && url.scheme != "memcached+unix") {
      Url::fail("the scheme " + Url::quoted(url.scheme) + " is none of memcached, memcacheds and memcached+unix");
    }
    if (url.username) options.username = *url.username;
    if (url.password) options.password = *url.password;
    if (url.scheme == "memcached+unix") {
      if (!url.hosts.empty()) Url::fail("memcached+unix:// is followed by a third slash and a path");
      options.servers = {"/" + url.path};
    } else {
      if (!url.path.empty()) Url::fail("there is a path, which means nothing to memcached");
      if (!url.hosts.empty()) options.servers.clear();
      for (const detail::Endpoint& host : url.hosts) {
        options.servers.push_back(
            detail::Endpoint{.host = host.host, .port = host.port ? host.port : default_port}.to_text());
      }
    }
    for (const auto& [name, value] : url.query) options.set_from_url(name, value);
    options.validate();
    return options;
  }

  static void require(bool holds, const char* option, const std::string& value) {
    if (!holds) throw InvalidArgumentError("MemcachedOptions: " + std::string(option) + " = " + value);
  }

  static detail::Endpoint endpoint_of(const std::string& server) {
    require(server.find('\0') == std::string::npos, "servers", "a name with a NUL in it");
    if (server.starts_with('/')) return {.unix_socket = server};
    const auto endpoint = detail::Endpoint::from_text(server, default_port);
    require(endpoint.has_value(), "servers", detail::Url::quoted(server) + ", which is no host and port");
    return *endpoint;
  }

  void set_from_url(const std::string& name, const std::string& value) {
    using detail::Url;
    if (name == "prefix") {
      prefix = value;
    } else if (name == "clearable") {
      clearable = Url::flag(name, value);
    } else if (name == "timeout") {
      timeout = Url::duration(name, value);
    } else if (name == "connect_timeout") {
      connect_timeout = Url::duration(name, value);
    } else if (name == "default_ttl") {
      default_ttl = Url::duration(name, value);
    } else if (name == "backoff") {
      backoff = Url::duration(name, value);
    } else if (name == "max_backoff") {
      max_backoff = Url::duration(name, value);
    } else if (name == "pool_size") {
      pool_size = Url::number<std::size_t>(name, value);
    } else if (name == "max_value_bytes") {
      max_value_bytes = Url::number<std::size_t>(name, value);
    } else if (name == "max_reply_bytes") {
      max_reply_bytes = Url::number<std::size_t>(name, value);
    } else if (name == "remap_failed_servers") {
      remap_failed_servers = Url::flag(name, value);
    } else if (!tls.set_from_url(name, value)) {
      Url::fail_unknown_option(name);
    }
  }
};

}  // namespace larder
