/// \file dynamodb_backend_contract_test.cpp
/// The contract kit on DynamoDB, as dynalite has it.
#include <larder/backends/dynamodb_backend.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "tests/support/catch.hpp"
#include "tests/support/contract.hpp"
#include "tests/support/fresh_prefix.hpp"
#include "tests/support/dynalite_server.hpp"
#include "tests/support/tcp_proxy.hpp"
// Behind Catch2's own header, which it finds again.
#include <larder/testing/catch2.hpp>

namespace {

using larder::Bytes;
using larder::DynamoDbOptions;
using larder::testing::BackendRequest;

/// What a value may have at most here, so that larger ones can be tried.
constexpr std::size_t largest_value = 100'000;

/// Between the backends and the server, so that it can break.
larder_tests::TcpProxy& dynalite_proxy() {
  static larder_tests::TcpProxy proxy(larder_tests::shared_dynalite_server().port());
  return proxy;
}

DynamoDbOptions options_for(std::string prefix) {
  return {.endpoint = "http://127.0.0.1:" + std::to_string(dynalite_proxy().port()),
          .table = "contract",
          .credentials = {"id", "secret"},
          .prefix = std::move(prefix),
          .create_table = true,
          .timeout = std::chrono::seconds(20),
          .retry_base = std::chrono::milliseconds(1)};
}

template <class Value>
std::unique_ptr<larder::DynamoDbBackend<std::string, Value>> make(const BackendRequest<std::string, Value>& request) {
  DynamoDbOptions options = options_for(larder_tests::fresh_prefix());
  options.max_value_bytes = largest_value;
  if (request.on_undecodable) {
    options.on_undecodable = [tell = request.on_undecodable](std::string_view, std::string_view) { tell(); };
  }
  return std::make_unique<larder::DynamoDbBackend<std::string, Value>>(std::move(options));
}

template <class Value>
larder::BackendCapabilities declared() {
  auto all = larder::DynamoDbBackend<std::string, Value>::capabilities;
  all.largest_value = largest_value;
  return all;
}

// Less than for a cache in memory, to which a call costs a thousandth.
constexpr larder::testing::ContractOptions some{
    .sequences = 5, .operations = 40, .threads = 4, .history_operations = 100};

template <class Value>
bool add(const std::string& name, bool may_break) {
  using Cache = larder::CacheBackend<std::string, Value>;
  using Backend = larder::DynamoDbBackend<std::string, Value>;
  if (!larder_tests::DynaliteServer::available()) return false;
  const std::function<void(Cache&)> break_it = [](Cache&) {
    dynalite_proxy().refuse();
    dynalite_proxy().cut();
  };
  const std::function<void(Cache&)> mend_it = [](Cache&) { dynalite_proxy().accept(); };
  return larder::testing::add_to_catch2(larder::testing::BackendContract<std::string, Value>({
      .name = "DynamoDbBackend, " + name,
      .make = [](const BackendRequest<std::string, Value>& request) { return make<Value>(request); },
      .capabilities = declared<Value>(),
      .plant_undecodable =
          [](Cache& cache, std::string_view key) {
            const auto options = options_for(dynamic_cast<Backend&>(cache).options().prefix);
            // Which the store itself has nothing against.
            larder::detail::DynamoDbStore store(options);
            store.put(store.name_of(key), std::string("\xd3LRDR\r\n\0\x7f of a later version", 27), {},
                      larder::detail::DynamoDbStore::Condition::none);
          },
      .break_store = may_break ? break_it : nullptr,
      .mend_store = may_break ? mend_it : nullptr,
      .options = some,
  }));
}

const bool bytes = add<Bytes>("bytes", true);
const bool strings = add<std::string>("strings", false);

}  // namespace
