/// \file dynamodb_options.hpp
/// DynamoDbOptions: where a DynamoDbBackend's table is, and who asks for it. Nothing here needs a client library.
#pragma once

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include <larder/backends/detail/url.hpp>
#include <larder/cache_error.hpp>
#include <larder/ttl.hpp>

namespace larder {

/// Who asks, as AWS knows them. Never part of a message.
struct AwsCredentials {
  std::string access_key_id{};
  std::string secret_access_key{};
  /// Of temporary credentials; others have none.
  std::string session_token{};

  /// From AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; empty is what the environment lacks.
  static AwsCredentials from_environment() {
    const auto variable = [](const char* name) {
      const char* value = std::getenv(name);
      return std::string(value == nullptr ? "" : value);
    };
    return {variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY"), variable("AWS_SESSION_TOKEN")};
  }
};

/// Where credentials come from: a function that is asked before each request, so that it can give others once the first
/// have expired. It is called by any thread, several at once; what it throws passes through. Without one it is the
/// environment that is asked.
class AwsCredentialsSource {
 public:
  AwsCredentialsSource() : get_(&AwsCredentials::from_environment) {}
  AwsCredentialsSource(AwsCredentials fixed)  // NOLINT(google-explicit-constructor)
      : get_([fixed = std::move(fixed)] { return fixed; }) {}
  AwsCredentialsSource(std::string access_key_id, std::string secret_access_key, std::string session_token = {})
      : AwsCredentialsSource(
            AwsCredentials{std::move(access_key_id), std::move(secret_access_key), std::move(session_token)}) {}
  template <class Function>
  requires(std::is_invocable_r_v<AwsCredentials, Function&> && !std::same_as<Function, AwsCredentialsSource>)
  AwsCredentialsSource(Function get) : get_(std::move(get)) {}  // NOLINT(google-explicit-constructor)

  /// Result: credentials that are whole. \throws InvalidArgumentError if they are not, or could not stand in a request.
  AwsCredentials operator()() const {
    AwsCredentials credentials = get_();
    if (credentials.access_key_id.empty() || credentials.secret_access_key.empty()) {
      throw InvalidArgumentError(
          "DynamoDbOptions: credentials: there is no access key id or no secret access key (neither in the options nor "
          "in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)");
    }
    for (const std::string* text :
         {&credentials.access_key_id, &credentials.secret_access_key, &credentials.session_token}) {
      const bool is_text = std::all_of(text->begin(), text->end(), [](char c) { return c > ' ' && c < 127; });
      if (!is_text) throw InvalidArgumentError("DynamoDbOptions: credentials: a character that these cannot have");
    }
    return credentials;
  }

 private:
  std::function<AwsCredentials()> get_;
};

/// Name what is to be different:
///
///     larder::DynamoDbBackend<> cache{{.region = "eu-central-1", .table = "cache", .prefix = "shop:"}};
///     larder::DynamoDbBackend<> local{{.endpoint = "http://127.0.0.1:8000", .create_table = true}};
struct DynamoDbOptions {
  /// Of URLs.
  static constexpr std::string_view schemes[] = {"dynamodb"};

  /// `http://host:port` or `https://host`; empty means the region's own at AWS.
  std::string endpoint{};
  std::string region = "us-east-1";
  /// Its key must be one binary attribute named `k`.
  std::string table = "larder";
  AwsCredentialsSource credentials{};
  /// What every key begins with in the table: the backend's own namespace, to which `clear` and `keys` keep. With an
  /// empty one, the whole table is the backend's, and `clear` empties it.
  std::string prefix = "larder:";
  /// For an entry whose `set` has none.
  Ttl default_ttl{};
  /// Whether a table that is not there is created at the first use, paid by request, with DynamoDB's own removal of
  /// expired items. Calls wait for it, up to their deadlines.
  bool create_table = false;
  /// Whether reads see every write that came before them. Those that need not cost half.
  bool consistent_reads = true;

  /// How long a call may take in all, retries included; a batch: so long for each 1,000 keys.
  std::chrono::milliseconds timeout{5000};
  /// How much of that a new connection may take.
  std::chrono::milliseconds connect_timeout{1000};
  /// How long `keys` and `clear` may take in all, which visit the whole table.
  std::chrono::milliseconds scan_timeout{60'000};
  /// Connections at most. They are opened when they are needed, and kept.
  std::size_t pool_size = 8;

  /// How many times one request is sent where the server is too busy for it, or fails.
  std::size_t max_attempts = 5;
  /// Before it is sent again there is a pause: any length up to `retry_base`, the next time up to twice as much and so
  /// on, up to `retry_cap` (full jitter).
  std::chrono::milliseconds retry_base{50};
  std::chrono::milliseconds retry_cap{1000};

  /// What is stored for a value (envelope included) may have so many bytes; `set` declines more. An item has 409,600 at
  /// most, its key and names included.
  std::size_t max_value_bytes = 400'000;
  /// A reply of more bytes is a ProtocolError.
  std::size_t max_reply_bytes = std::size_t{32} << 20;

  /// For https: the authorities to trust, as a PEM file (empty means those of the system), and whether the server must
  /// prove who it is.
  std::string ca_file{};
  bool verify = true;

  /// Is told of each stored value that cannot be read back, with its key and the reason. What it throws is swallowed.
  /// Called by the thread that wants the value, from several at once.
  std::function<void(std::string_view key, std::string_view reason)> on_undecodable{};

  /// From `dynamodb://access-key-id:secret@region/table?prefix=...`, all but the scheme left out at will; what is no
  /// letter, digit or one of `-._~:` is written as `%xx`. The query may set `endpoint`, `prefix`, `default_ttl`,
  /// `timeout`, `connect_timeout`, `scan_timeout`, `retry_base`, `retry_cap` (`500ms`, `2s`, `1min`), `create_table`,
  /// `consistent_reads`, `pool_size`, `max_attempts`, `max_value_bytes`, `max_reply_bytes`, `ca_file` and `verify`.
  /// \throws InvalidArgumentError that names the part, and repeats neither key id nor secret.
  static DynamoDbOptions from_url(std::string_view text) {
    return detail::Url::read(text, &DynamoDbOptions::from_parts);
  }

  /// Result: where requests go.
  std::string url() const { return endpoint.empty() ? "https://dynamodb." + region + ".amazonaws.com" : endpoint; }

  /// \throws InvalidArgumentError that names the first option that makes no sense.
  void validate() const {
    const auto consists_of = [](std::string_view text, std::string_view others) {
      return std::all_of(text.begin(), text.end(), [others](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               others.find(c) != std::string_view::npos;
      });
    };
    // What could be a secret at the wrong place is not shown.
    if (!endpoint.empty()) {
      const std::string_view all = endpoint;
      const std::string_view host = all.substr(std::min(all.find("://") + 3, all.size()));
      const bool has_scheme = all.starts_with("http://") || all.starts_with("https://");
      require(has_scheme && !host.empty() && consists_of(host, "-._:[]"), "endpoint",
              "(not shown), which must be http:// or https:// and a host, perhaps with a port");
    }
    require(!region.empty() && consists_of(region, "-"), "region", detail::Url::quoted(region));
    require(table.size() >= 3 && table.size() <= 255 && consists_of(table, "-._"), "table",
            detail::Url::quoted(table) + ", but it must have 3 to 255 letters, digits, '-', '.' or '_'");
    require(prefix.size() <= 1024, "prefix", "a text of " + std::to_string(prefix.size()) + " bytes, of 1024 at most");
    require(!default_ttl || default_ttl->count() > 0, "default_ttl",
            milliseconds(default_ttl.value_or(std::chrono::milliseconds(0))));
    require(timeout.count() > 0, "timeout", milliseconds(timeout));
    require(connect_timeout.count() > 0, "connect_timeout", milliseconds(connect_timeout));
    require(scan_timeout.count() > 0, "scan_timeout", milliseconds(scan_timeout));
    require(pool_size > 0, "pool_size", "0");
    require(max_attempts > 0, "max_attempts", "0");
    require(retry_base.count() >= 0, "retry_base", milliseconds(retry_base));
    require(retry_cap >= retry_base, "retry_cap", milliseconds(retry_cap) + ", which must be retry_base or more");
    require(max_value_bytes > 0, "max_value_bytes", "0");
    require(max_reply_bytes >= 1024, "max_reply_bytes",
            std::to_string(max_reply_bytes) + ", which must be 1024 or more");
  }

 private:
  static DynamoDbOptions from_parts(const detail::Url& url) {
    using detail::Url;
    if (url.scheme != schemes[0]) Url::fail("the scheme " + Url::quoted(url.scheme) + " is not dynamodb");
    DynamoDbOptions options;
    if (url.username.has_value() != url.password.has_value()) {
      Url::fail("an access key id and a secret belong together");
    }
    if (url.username) options.credentials = AwsCredentials{*url.username, *url.password};
    if (url.hosts.size() > 1 || (!url.hosts.empty() && url.hosts[0].port != 0)) {
      Url::fail("where a host stands is the region, without a port (another server is named by endpoint=)");
    }
    if (!url.hosts.empty()) options.region = url.hosts[0].host;
    if (!url.path.empty()) options.table = url.path;
    for (const auto& [name, value] : url.query) options.set_from_url(name, value);
    options.validate();
    return options;
  }

  static std::string milliseconds(std::chrono::milliseconds time) { return std::to_string(time.count()) + " ms"; }

  static void require(bool holds, const char* option, const std::string& value) {
    if (!holds) throw InvalidArgumentError("DynamoDbOptions: " + std::string(option) + " = " + value);
  }

  void set_from_url(const std::string& name, const std::string& value) {
    using detail::Url;
    if (name == "endpoint") {
      endpoint = value;
    } else if (name == "prefix") {
      prefix = value;
    } else if (name == "default_ttl") {
      default_ttl = Url::duration(name, value);
    } else if (name == "timeout") {
      timeout = Url::duration(name, value);
    } else if (name == "connect_timeout") {
      connect_timeout = Url::duration(name, value);
    } else if (name == "scan_timeout") {
      scan_timeout = Url::duration(name, value);
    } else if (name == "retry_base") {
      retry_base = Url::duration(name, value);
    } else if (name == "retry_cap") {
      retry_cap = Url::duration(name, value);
    } else if (name == "create_table") {
      create_table = Url::flag(name, value);
    } else if (name == "consistent_reads") {
      consistent_reads = Url::flag(name, value);
    } else if (name == "pool_size") {
      pool_size = Url::number<std::size_t>(name, value);
    } else if (name == "max_attempts") {
      max_attempts = Url::number<std::size_t>(name, value);
    } else if (name == "max_value_bytes") {
      max_value_bytes = Url::number<std::size_t>(name, value);
    } else if (name == "max_reply_bytes") {
      max_reply_bytes = Url::number<std::size_t>(name, value);
    } else if (name == "ca_file") {
      ca_file = value;
    } else if (name == "verify") {
      verify = Url::flag(name, value);
    } else {
      Url::fail_unknown_option(name);
    }
  }
};

}  // namespace larder
