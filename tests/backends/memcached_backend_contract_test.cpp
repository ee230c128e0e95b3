/// \file memcached_backend_contract_test.cpp
/// The contract kit on Memcached: one server, and three of them.
#include <larder/backends/memcached_backend.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "tests/support/catch.hpp"
#include "tests/support/contract.hpp"
#include "tests/support/fresh_prefix.hpp"
#include "tests/support/memcached_server.hpp"
#include "tests/support/sockets.hpp"
#include "tests/support/tcp_proxy.hpp"
// Behind Catch2's own header, which it finds again.
#include <larder/testing/catch2.hpp>

namespace {

using larder::Bytes;
using larder::MemcachedOptions;
using larder::testing::BackendRequest;

/// What a value may have at most here, so that larger ones can be tried.
constexpr std::size_t largest_value = 100'000;

std::string loopback(std::uint16_t port) { return "127.0.0.1:" + std::to_string(port); }

/// Between the backends and the server, so that it can break.
larder_tests::TcpProxy& server_proxy() {
  static larder_tests::TcpProxy proxy(larder_tests::shared_memcached_server().port());
  return proxy;
}

MemcachedOptions one_server() { return {.servers = {loopback(server_proxy().port())}}; }
MemcachedOptions three_servers() {
  static std::array<larder_tests::MemcachedServer, 3> servers;
  return {.servers = {loopback(servers[0].port()), loopback(servers[1].port()), loopback(servers[2].port())}};
}

/// Stores something under a key as another program would that knows of the generation, on every server. The key must be
/// one that travels as it is.
void plant_text(const MemcachedOptions& options, std::string_view key, const std::string& text) {
  for (const auto& endpoint : options.endpoints()) {
    const auto tell = [&endpoint](const std::string& command) {
      return larder_tests::MemcachedServer::command(larder_tests::connect_to_loopback(endpoint.port), command);
    };
    const std::string generation = tell("mg " + options.prefix + "generation v");
    if (!generation.starts_with("VA 11")) continue;  // nobody has asked this server for anything yet
    const std::string name = options.prefix + generation.substr(generation.find('\n') + 1) + ":" + std::string(key);
    const std::string stored = tell("ms " + name + " " + std::to_string(text.size()) + "\r\n" + text);
    if (!stored.starts_with("HD")) throw std::runtime_error("the server does not take the text: " + stored);
  }
}

template <class Value>
auto factory(MemcachedOptions (*servers)()) {
  return [servers](const BackendRequest<std::string, Value>& request) {
    MemcachedOptions options = servers();
    options.prefix = larder_tests::fresh_prefix();
    options.timeout = std::chrono::seconds(10);
    options.connect_timeout = options.timeout;
    options.backoff = std::chrono::milliseconds(0);  // the kit mends a store and goes on at once
    options.max_value_bytes = largest_value;
    if (request.on_undecodable) {
      options.on_undecodable = [tell = request.on_undecodable](std::string_view, std::string_view) { tell(); };
    }
    return std::make_unique<larder::MemcachedBackend<std::string, Value>>(std::move(options));
  };
}

template <class Value>
larder::BackendCapabilities declared() {
  auto all = larder::MemcachedBackend<std::string, Value>::capabilities;
  all.largest_value = largest_value;
  return all;
}

// Less than for a cache in memory, to which a call costs a thousandth.
constexpr larder::testing::ContractOptions some{
    .sequences = 15, .operations = 60, .threads = 4, .history_operations = 300};

template <class Value>
bool add(const std::string& name, MemcachedOptions (*servers)(), bool may_break = false) {
  using Cache = larder::CacheBackend<std::string, Value>;
  if (!larder_tests::MemcachedServer::available()) return false;
  using Backend = larder::MemcachedBackend<std::string, Value>;
  const std::function<void(Cache&)> break_it = [](Cache&) {
    server_proxy().refuse();
    server_proxy().cut();
  };
  const std::function<void(Cache&)> mend_it = [](Cache&) { server_proxy().accept(); };
  return larder::testing::add_to_catch2(larder::testing::BackendContract<std::string, Value>({
      .name = "MemcachedBackend on " + name,
      .make = factory<Value>(servers),
      .capabilities = declared<Value>(),
      .plant_undecodable =
          [](Cache& cache, std::string_view key) {
            cache.exists(key);  // so that there is a generation
            plant_text(dynamic_cast<Backend&>(cache).options(), key,
                       std::string("\xd3LRDR\r\n\0\x7f of a later version", 27));
          },
      .break_store = may_break ? break_it : nullptr,
      .mend_store = may_break ? mend_it : nullptr,
      .options = some,
  }));
}

const bool bytes = add<Bytes>("one server", &one_server, true);
const bool strings = add<std::string>("three servers with strings", &three_servers);

}  // namespace
