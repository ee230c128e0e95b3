/// \file redis_backend_contract_test.cpp
/// The contract kit on Redis: one server, and a cluster of three masters.
#include <larder/backends/redis_backend.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/contract.hpp"
#include "tests/support/fresh_prefix.hpp"
#include "tests/support/redis_cluster.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/tcp_proxy.hpp"
// Behind Catch2's own header, which it finds again.
#include <larder/testing/catch2.hpp>

namespace {

using larder::Bytes;
using larder::RedisOptions;
using larder::testing::BackendRequest;

/// What a value may have at most here, so that larger ones can be tried.
constexpr std::size_t largest_value = 100'000;

/// Between the backends and the server, so that it can break.
larder_tests::TcpProxy& shared_proxy() {
  static larder_tests::TcpProxy proxy(larder_tests::shared_redis_server().port());
  return proxy;
}

larder_tests::RedisCluster& shared_cluster() {
  static larder_tests::RedisCluster three_masters;
  return three_masters;
}

RedisOptions single_server() { return {.port = shared_proxy().port()}; }
RedisOptions cluster() { return {.port = shared_cluster().node(0).port(), .cluster = true}; }

/// Stores something under a key as another program would, on the server that takes it.
void plant_text(const RedisOptions& options, std::string_view key, const std::string& text) {
  const std::vector<std::string> command{"SET", options.prefix + std::string(key), text};
  if (!options.cluster) {
    larder_tests::shared_redis_server().command(command);
    return;
  }
  for (std::size_t i = 0; i < larder_tests::RedisCluster::masters; ++i) {
    if (shared_cluster().node(i).client().command(command).text == "OK") return;
  }
  throw std::runtime_error("no server of the cluster takes the key");
}

template <class Backend, class Value>
auto factory(RedisOptions (*server)()) {
  return [server](const BackendRequest<std::string, Value>& request) {
    RedisOptions options = server();
    options.prefix = larder_tests::fresh_prefix();
    options.timeout = std::chrono::seconds(10);
    options.max_reply_bytes = largest_value;
    if (request.on_undecodable) {
      options.on_undecodable = [tell = request.on_undecodable](std::string_view, std::string_view) { tell(); };
    }
    return std::make_unique<Backend>(std::move(options));
  };
}

template <class Value>
larder::BackendCapabilities capabilities() {
  auto all = larder::RedisBackend<std::string, Value>::capabilities;
  all.largest_value = largest_value;
  return all;
}

// Less than for a cache in memory, to which a call costs a thousandth.
constexpr larder::testing::ContractOptions some{
    .sequences = 15, .operations = 60, .threads = 4, .history_operations = 300};

template <class Cache>
std::function<void(Cache&)> only_if(bool wanted, void (*function)(Cache&)) {
  return wanted ? std::function<void(Cache&)>(function) : nullptr;
}

template <class Value>
bool add(const std::string& name, RedisOptions (*server)(), bool may_break = false) {
  using Cache = larder::CacheBackend<std::string, Value>;
  if (!larder_tests::RedisServer::available()) return false;
  using Backend = larder::RedisBackend<std::string, Value>;
  return larder::testing::add_to_catch2(larder::testing::BackendContract<std::string, Value>({
      .name = "RedisBackend, " + name,
      .make = factory<Backend, Value>(server),
      .capabilities = capabilities<Value>(),
      .plant_undecodable =
          [](larder::CacheBackend<std::string, Value>& cache, std::string_view key) {
            plant_text(dynamic_cast<Backend&>(cache).options(), key,
                       std::string("\xd3LRDR\r\n\0\x02 of a later version", 27));
          },
      .break_store = only_if<Cache>(may_break,
                                    [](Cache&) {
                                      shared_proxy().refuse();
                                      shared_proxy().cut();
                                    }),
      .mend_store = only_if<Cache>(may_break, [](Cache&) { shared_proxy().accept(); }),
      .options = some,
  }));
}

const bool bytes = add<Bytes>("one server", &single_server, true);
const bool strings = add<std::string>("cluster, strings", &cluster);

}  // namespace
