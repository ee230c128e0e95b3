/// \file redis_options_test.cpp
#include <larder/backends/redis_options.hpp>

#include <chrono>
#include <string>
#include <string_view>

#include "tests/support/catch.hpp"
#include "tests/support/message_of.hpp"

namespace {

using larder::InvalidArgumentError;
using larder::RedisOptions;
using larder_tests::contains;
using larder_tests::message_of;
using namespace std::chrono_literals;

std::string refusal_of_url(const std::string& url) {
  return message_of<InvalidArgumentError>([&] { RedisOptions::from_url(url); });
}

TEST_CASE("RedisOptions: the defaults are a server on this machine", "[redis_options]") {
  const RedisOptions options;
  CHECK(options.endpoint().to_text() == "127.0.0.1:6379");
  CHECK(options.prefix == "larder:");
  CHECK_NOTHROW(options.validate());
}

TEST_CASE("RedisOptions: a URL names everything, and may leave out everything", "[redis_options]") {
  const auto all = RedisOptions::from_url(
      "redis://alice:s%40cr%3At@cache.example.com:7000/"
      "3?prefix=shop%3A&timeout=250ms&connect_timeout=2s&scan_timeout=1min"
      "&default_ttl=90&pool_size=3&max_reply_bytes=2048");
  CHECK(all.host == "cache.example.com");
  CHECK(all.port == 7000);
  CHECK(all.username == "alice");
  CHECK(all.password == "s@cr:t");
  CHECK(all.database == 3);
  CHECK(all.prefix == "shop:");
  CHECK(all.timeout == 250ms);
  CHECK(all.connect_timeout == 2s);
  CHECK(all.scan_timeout == 1min);
  CHECK(all.default_ttl == 90ms);
  CHECK(all.pool_size == 3);
  CHECK(all.max_reply_bytes == 2048);
  CHECK_FALSE(all.tls.enabled);

  const auto nothing = RedisOptions::from_url("redis://");
  CHECK(nothing.endpoint() == RedisOptions().endpoint());
  CHECK(nothing.password.empty());
  CHECK(RedisOptions::from_url("redis://other").endpoint().to_text() == "other:6379");
  CHECK(RedisOptions::from_url("redis://:secret@other").password == "secret");
  CHECK(RedisOptions::from_url("redis://[::1]:7001/").endpoint().to_text() == "[::1]:7001");
  CHECK(RedisOptions::from_url("redis://?prefix=").prefix.empty());
  CHECK(RedisOptions::from_url("redis://h?cluster").cluster);
  CHECK_FALSE(RedisOptions::from_url("redis://h?cluster=false").cluster);
}

TEST_CASE("RedisOptions: rediss:// is with TLS, redis+unix:// over a socket in the file system", "[redis_options]") {
  const auto tls = RedisOptions::from_url("rediss://h/?ca_file=/etc/ca.pem&server_name=cache&verify=no");
  CHECK(tls.tls.enabled);
  CHECK_FALSE(tls.tls.verify);
  CHECK(tls.tls.ca_file == "/etc/ca.pem");
  CHECK(tls.tls.server_name == "cache");
  const auto local = RedisOptions::from_url("redis+unix:///run/redis/redis.sock?database=2");
  CHECK(local.endpoint().to_text() == "/run/redis/redis.sock");
  CHECK(local.database == 2);
}

TEST_CASE("RedisOptions: a URL that makes no sense is refused by the part that makes none", "[redis_options]") {
  CHECK(contains(refusal_of_url(""), "scheme"));
  CHECK(contains(refusal_of_url("localhost:6379"), "scheme"));
  CHECK(contains(refusal_of_url("memcached://h"), "memcached"));
  CHECK(contains(refusal_of_url("redis://h:0"), "port"));
  CHECK(contains(refusal_of_url("redis://h:65536"), "port is no number"));
  CHECK(contains(refusal_of_url("redis://h:12x"), "port is no number"));
  CHECK(contains(refusal_of_url("redis://:@:6379"), "host"));
  CHECK(contains(refusal_of_url("redis://[::1"), "]"));
  CHECK(contains(refusal_of_url("redis://a,b"), "more than one host"));
  CHECK(contains(refusal_of_url("redis://h/zero"), "database is no number"));
  CHECK(contains(refusal_of_url("redis://h/-1"), "database = -1"));
  CHECK(contains(refusal_of_url("redis://h/?timeout=soon"), "timeout is no number"));
  CHECK(contains(refusal_of_url("redis://h/?timeout=0"), "timeout = 0 ms"));
  CHECK(contains(refusal_of_url("redis://h/?pool_size=0"), "pool_size = 0"));
  CHECK(contains(refusal_of_url("redis://h/?cluster=perhaps"), "cluster = \"perhaps\""));
  CHECK(contains(refusal_of_url("redis://h/1?cluster"), "cluster"));
  CHECK(contains(refusal_of_url("redis://h/?colour=red"), "\"colour\""));
  CHECK(contains(refusal_of_url("redis://h/?prefix=%4"), "hexadecimal"));
  CHECK(contains(refusal_of_url("redis+unix://host/path"), "third slash"));
}

TEST_CASE("RedisOptions: no refusal repeats a password", "[redis_options]") {
  for (const char* url :
       {"redis://user:hunter2@h:0", "redis://user:hunter2@", "redis://:hunter2%zz@h", "hunter2",
        "redis://user:hunter2@h/?colour=red", "redis://user:hunter2@h/zero", "redis://user:hunter2@[h",
        // Written without the %xx that they need.
        "redis://user:hunter2/@h", "redis://user:/hunter2@h", "redis://user:?hunter2@h", "redis://user:1/hunter2?@h",
        "redis://user:1?hunter2=x@h", "redis://user:1?timeout=hunter2@h", "redis://user?key_file=:hunter2@h",
        "redis://user:1?hunter2&2@h", "redis://user:1?cluster=hunter2&2@h", "redis://user:1?key_file=hunter2&2@h",
        "user:hunter2@h/?x=://"}) {
    INFO(url);
    const std::string refusal = refusal_of_url(url);
    CHECK_FALSE(contains(refusal, "hunter2"));
  }
}

TEST_CASE("RedisOptions: an option that makes no sense is refused by its name", "[redis_options]") {
  const auto refusal = [](RedisOptions options) {
    return message_of<InvalidArgumentError>([&] { options.validate(); });
  };
  CHECK(contains(refusal({.host = ""}), "host"));
  CHECK(contains(refusal({.port = 0}), "port = 0"));
  CHECK(contains(refusal({.host = std::string("127.0.0.1\0evil", 14)}), "host"));
  CHECK(contains(refusal({.database = -1}), "database = -1"));
  CHECK(contains(refusal({.default_ttl = 0s}), "default_ttl = 0"));
  CHECK(contains(refusal({.timeout = -1ms}), "timeout = -1"));
  CHECK(contains(refusal({.connect_timeout = 0ms}), "connect_timeout"));
  CHECK(contains(refusal({.scan_timeout = 0ms}), "scan_timeout"));
  CHECK(contains(refusal({.pool_size = 0}), "pool_size = 0"));
  CHECK(contains(refusal({.max_reply_bytes = 10}), "max_reply_bytes = 10"));
  CHECK(contains(refusal({.max_redirects = -1}), "max_redirects"));
  CHECK(contains(refusal({.topology_refresh_interval = -1ms}), "topology_refresh_interval"));
  CHECK(contains(refusal({.tls = {.certificate_file = "a.pem"}}), "key_file"));
  CHECK(refusal({.host = "", .port = 0, .unix_socket = "/run/redis.sock"}).empty());
}

}  // namespace
