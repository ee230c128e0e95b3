/// \file memcached_options_test.cpp
#include <larder/backends/memcached_options.hpp>

#include <chrono>
#include <string>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/message_of.hpp"

namespace {

using larder::InvalidArgumentError;
using larder::MemcachedOptions;
using larder_tests::contains;
using larder_tests::message_of;
using namespace std::chrono_literals;

std::string refusal_of_url(const std::string& url) {
  return message_of<InvalidArgumentError>([&] { MemcachedOptions::from_url(url); });
}
std::string refusal(const MemcachedOptions& options) {
  return message_of<InvalidArgumentError>([&] { options.validate(); });
}
std::vector<std::string> endpoints(const MemcachedOptions& options) {
  std::vector<std::string> all;
  for (const auto& endpoint : options.endpoints()) all.push_back(endpoint.to_text());
  return all;
}

TEST_CASE("MemcachedOptions: the defaults are a server on this machine", "[memcached_options]") {
  const MemcachedOptions options;
  CHECK(endpoints(options) == std::vector<std::string>{"127.0.0.1:11211"});
  CHECK(options.prefix == "larder:");
  CHECK_NOTHROW(options.validate());
}

TEST_CASE("MemcachedOptions: how servers are named", "[memcached_options]") {
  const MemcachedOptions options{.servers = {"a", "b.example.com:1234", "[::1]", "[fe80::2]:5", "/run/memcached.sock"}};
  CHECK(endpoints(options) ==
        std::vector<std::string>{"a:11211", "b.example.com:1234", "[::1]:11211", "[fe80::2]:5", "/run/memcached.sock"});
  for (const std::string bad : {"", ":", ":1", "a:", "a:0", "a:x", "a:65536", "a:1 ", "[", "[]", "[]:1", "[::1",
                                "[::1]x", "[::1]:", "a:1:2", "::1"}) {
    CAPTURE(bad);
    CHECK(contains(refusal({.servers = {bad}}), "servers"));
  }
  CHECK(contains(refusal({.servers = {}}), "servers"));
  CHECK(contains(refusal({.servers = {"a", "b", "a:11211"}}), "twice"));
  CHECK(contains(refusal({.servers = {std::string("a\0b", 3)}}), "servers"));
}

TEST_CASE("MemcachedOptions: a URL names everything, and may leave out everything", "[memcached_options]") {
  const auto all = MemcachedOptions::from_url(
      "memcached://alice:s%40cr%3At@a.example.com,b:7000,[::1]:7001/"
      "?prefix=shop%3A&clearable=false&timeout=250ms&connect_timeout=2s&default_ttl=90&backoff=5ms&max_backoff=1min"
      "&pool_size=3&max_value_bytes=2048&max_reply_bytes=4096&remap_failed_servers");
  CHECK(endpoints(all) == std::vector<std::string>{"a.example.com:11211", "b:7000", "[::1]:7001"});
  CHECK(all.username == "alice");
  CHECK(all.password == "s@cr:t");
  CHECK(all.prefix == "shop:");
  CHECK_FALSE(all.clearable);
  CHECK(all.timeout == 250ms);
  CHECK(all.connect_timeout == 2s);
  CHECK(all.default_ttl == 90ms);
  CHECK(all.backoff == 5ms);
  CHECK(all.max_backoff == 1min);
  CHECK(all.pool_size == 3);
  CHECK(all.max_value_bytes == 2048);
  CHECK(all.max_reply_bytes == 4096);
  CHECK(all.remap_failed_servers);
  CHECK_FALSE(all.tls.enabled);
  CHECK(endpoints(MemcachedOptions::from_url("memcached://")) == endpoints(MemcachedOptions()));
  CHECK(endpoints(MemcachedOptions::from_url("memcached://[::1]")) == std::vector<std::string>{"[::1]:11211"});
  const auto secure = MemcachedOptions::from_url("memcacheds://a?ca_file=/tmp/ca.pem&verify=no");
  CHECK(secure.tls.enabled);
  CHECK_FALSE(secure.tls.verify);
  CHECK(secure.tls.ca_file == "/tmp/ca.pem");
  CHECK(endpoints(MemcachedOptions::from_url("memcached+unix:///run/m.sock")) ==
        std::vector<std::string>{"/run/m.sock"});
}

TEST_CASE("MemcachedOptions: what makes no sense in a URL is named, and no secret is shown", "[memcached_options]") {
  CHECK(contains(refusal_of_url("redis://a"), "memcached"));
  CHECK(contains(refusal_of_url("memcached://a/path"), "path"));
  CHECK(contains(refusal_of_url("memcached+unix://host/path"), "third slash"));
  CHECK(contains(refusal_of_url("memcached://a,a"), "twice"));
  CHECK(contains(refusal_of_url("memcached://a,,b"), "host"));
  CHECK(contains(refusal_of_url("memcached://a?colour=red"), "\"colour\""));
  CHECK(contains(refusal_of_url("memcached://a?pool_size=0"), "pool_size"));
  CHECK(contains(refusal_of_url("memcached://a?timeout=x"), "timeout"));
  for (const std::string url :
       {"memcached://user:sec/ret@host/", "memcached://user:secret@a,a", "memcached://user:secret@",
        "memcached://user:secret@a?x=y", "memcached://:secret@a", "memcached://u:sec%20ret@a",
        "memcached://u?key_file=:secret@a", "memcached://u:1,secret,secret?@a", "u:secret@a/?x=://"}) {
    CAPTURE(url);
    CHECK_FALSE(contains(refusal_of_url(url), "sec"));
  }
}

TEST_CASE("MemcachedOptions: the first option that makes no sense is named", "[memcached_options]") {
  CHECK(contains(refusal({.password = "secret"}), "password"));
  CHECK_FALSE(contains(refusal({.password = "secret"}), "secret"));
  CHECK(contains(refusal({.username = "a b"}), "username"));
  CHECK(contains(refusal({.username = "a", .password = "b\r\nflush_all"}), "password"));
  CHECK(contains(refusal({.default_ttl = 0ms}), "default_ttl"));
  CHECK(contains(refusal({.timeout = 0ms}), "timeout"));
  CHECK(contains(refusal({.connect_timeout = -1ms}), "connect_timeout"));
  CHECK(contains(refusal({.pool_size = 0}), "pool_size"));
  CHECK(contains(refusal({.max_value_bytes = 0}), "max_value_bytes"));
  CHECK(contains(refusal({.max_reply_bytes = 10}), "max_reply_bytes"));
  CHECK(contains(refusal({.backoff = -1ms}), "backoff"));
  CHECK(contains(refusal({.backoff = 10s}), "max_backoff"));
  MemcachedOptions tls;
  tls.tls.key_file = "key.pem";
  CHECK(contains(refusal(tls), "tls.key_file"));
}

}  // namespace
