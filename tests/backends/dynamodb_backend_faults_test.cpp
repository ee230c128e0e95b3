/// \file dynamodb_backend_faults_test.cpp
/// DynamoDbBackend when the server is too busy, fails, stops, is killed, or the network breaks.
#include <larder/backends/dynamodb_backend.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/cache_load.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/hostile_dynamodb.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/tcp_proxy.hpp"

using namespace larder_tests;
using namespace std::chrono_literals;
using larder::CacheError;
using larder::ConnectionError;
using larder::ServerError;
using larder::TimeoutError;

namespace {

using Steady = std::chrono::steady_clock;

/// A server that answers so many requests with an error, and then as it should.
struct BusyServer {
  BusyServer(std::size_t times, std::string error)
      : server([this, times, error = std::move(error)](ScriptedServer::Connection& connection) {
          while (true) {
            const auto request = HttpRequest::read(connection);
            const std::size_t number = ++requests;
            if (number <= times) {
              connection.send(error);
            } else {
              connection.send(request.operation() == "GetItem" ? dynamodb_reply("k", "value")
                                                               : http_response(200, "{}"));
            }
          }
        }) {}

  std::atomic<std::size_t> requests{0};
  ScriptedServer server;
};

larder::DynamoDbOptions patient(const ScriptedServer& server) {
  auto options = hostile_dynamodb_options(server.port());
  options.timeout = 5s;
  options.max_attempts = 5;
  return options;
}

std::string code_of_get(DynamoDbCache& cache) {
  try {
    cache.get("k");
  } catch (const ServerError& error) {
    return error.code();
  }
  return "none";
}

const std::vector<std::string> passing_errors{dynamodb_error(400, "ProvisionedThroughputExceededException"),
                                              dynamodb_error(400, "ThrottlingException"),
                                              dynamodb_error(400, "RequestLimitExceeded"),
                                              dynamodb_error(500, "InternalServerError"),
                                              dynamodb_error(503, "ServiceUnavailable"),
                                              http_response(502, "<html>Bad Gateway</html>"),
                                              http_response(429, "")};

}  // namespace

TEST_CASE("DynamoDbBackend: a server that is too busy for a while is asked again", "[faults]") {
  for (const std::string& error : passing_errors) {
    CAPTURE(error);
    BusyServer busy(3, error);
    DynamoDbCache cache(patient(busy.server));
    CHECK(cache.get("k") == "value");
    CHECK(busy.requests == 4);
    CHECK(cache.set("k", "v"));
    CHECK(cache.stats().errors == 0);
    // Who does not speak as DynamoDB does is not spoken to again on the same connection.
    CHECK(busy.server.connections() == (contains(error, "__type") ? 1U : 4U));
  }
}

TEST_CASE("DynamoDbBackend: what was asked for again, and may have been done before, is not denied", "[faults]") {
  // The first attempt is carried out, whatever the answer to it: so the second finds nothing to do.
  const auto answer_to_first = [](std::string error) {
    return [error = std::move(error)](ScriptedServer::Connection& connection) {
      for (int number = 0;; ++number) {
        const auto request = HttpRequest::read(connection);
        if (number % 2 == 0) {
          connection.send(error);
        } else {
          connection.send(request.operation() == "PutItem" ? dynamodb_error(400, "ConditionalCheckFailedException")
                                                           : http_response(200, "{}"));
        }
      }
    };
  };
  ScriptedServer failing(answer_to_first(dynamodb_error(500, "InternalServerError")));
  DynamoDbCache cache(patient(failing));
  CHECK_THROWS_AS(cache.set_if_absent("k", "v"), ServerError);
  CHECK_THROWS_AS(cache.erase("k"), ServerError);
  CHECK(cache.stats().errors == 2);
  ScriptedServer busy(answer_to_first(dynamodb_error(400, "ThrottlingException")));
  DynamoDbCache patient_cache(patient(busy));
  CHECK_FALSE(patient_cache.set_if_absent("k", "v"));
  CHECK_FALSE(patient_cache.erase("k"));
}

TEST_CASE("DynamoDbBackend: a server that is too busy for ever is asked so often and no more", "[faults]") {
  BusyServer busy(1'000'000, dynamodb_error(400, "ThrottlingException"));
  DynamoDbCache cache(patient(busy.server));
  CHECK(code_of_get(cache) == "ThrottlingException");
  CHECK(busy.requests == 5);
  CHECK(cache.stats().errors == 1);
}

TEST_CASE("DynamoDbBackend: it is not asked again beyond the deadline", "[faults]") {
  BusyServer busy(1'000'000, dynamodb_error(400, "ThrottlingException"));
  auto options = patient(busy.server);
  options.timeout = 300ms;
  options.max_attempts = 1'000'000;
  options.retry_base = 50ms;
  options.retry_cap = 100ms;
  DynamoDbCache cache(options);
  const auto begin = Steady::now();
  try {
    cache.get("k");
    FAIL("the server is busy");
  } catch (const larder::ServerError& error) {
    CHECK(error.code() == "ThrottlingException");
  } catch (const larder::TimeoutError&) {  // where the last answer came too late
  }
  CHECK(Steady::now() - begin < 2s);
  CHECK(busy.requests > 1);
  CHECK(busy.requests < 60);
}

TEST_CASE("DynamoDbBackend: an error that does not pass is not asked about again", "[faults]") {
  for (const char* code : {"AccessDeniedException", "ResourceNotFoundException", "ValidationException"}) {
    BusyServer busy(1'000'000, dynamodb_error(400, code));
    DynamoDbCache cache(patient(busy.server));
    CHECK(code_of_get(cache) == code);
    CHECK(busy.requests == 1);
  }
}

TEST_CASE("DynamoDbBackend: what a batch leaves unprocessed is asked for again", "[faults]") {
  std::atomic<int> requests{0};
  ScriptedServer server(answer_http([&requests](const HttpRequest& request) {
    ++requests;
    const bool first = !contains(request.body, larder::detail::base64("p:a"));
    if (first)
      return http_response(200, R"({"Responses":{"tests":[)" + dynamodb_item("b", "2") + R"(]},"UnprocessedKeys":{}})");
    return http_response(200, R"({"Responses":{"tests":[)" + dynamodb_item("a", "1") +
                                  R"(]},"UnprocessedKeys":{"tests":{"Keys":[{)" + dynamodb_key("b") +
                                  R"(}],"ConsistentRead":true}}})");
  }));
  DynamoDbCache cache(patient(server));
  const auto found = cache.get_many({"a", "b", "a", "c"});
  CHECK(requests == 2);
  CHECK(found.size() == 2);
  CHECK(found.at("a") == "1");
  CHECK(found.at("b") == "2");
  CHECK(cache.stats().hits == 3);
  CHECK(cache.stats().misses == 1);
}

TEST_CASE("DynamoDbBackend: what a batch of writes leaves unprocessed is written again", "[faults]") {
  std::atomic<int> requests{0};
  ScriptedServer server(answer_http([&requests](const HttpRequest& request) {
    ++requests;
    if (!contains(request.body, larder::detail::base64("p:a"))) return http_response(200, R"({"UnprocessedItems":{}})");
    return http_response(200,
                         R"({"UnprocessedItems":{"tests":[{"PutRequest":{"Item":)" + dynamodb_item("b", "2") + "}}]}}");
  }));
  DynamoDbCache cache(patient(server));
  CHECK(cache.set_many({{"a", "1"}, {"b", "2"}}) == 2);
  CHECK(requests == 2);
  CHECK(cache.stats().sets == 2);
}

TEST_CASE("DynamoDbBackend: a batch that makes no progress ends with an error", "[faults]") {
  std::atomic<int> requests{0};
  ScriptedServer server(answer_http([&requests](const HttpRequest& request) {
    ++requests;
    if (request.operation() == "BatchGetItem") {
      return http_response(200, R"({"Responses":{},"UnprocessedKeys":{"tests":{"Keys":[{)" + dynamodb_key("a") + "},{" +
                                    dynamodb_key("b") + "}]}}}");
    }
    return http_response(200, R"({"UnprocessedItems":{"tests":[{"PutRequest":{"Item":)" + dynamodb_item("a", "1") +
                                  R"(}},{"PutRequest":{"Item":)" + dynamodb_item("b", "2") + "}}]}}");
  }));
  DynamoDbCache cache(patient(server));
  std::string code;
  try {
    cache.get_many({"a", "b"});
  } catch (const ServerError& error) {
    code = error.code();
  }
  CHECK(code == "UnprocessedKeys");
  CHECK(requests == 5);
  try {
    cache.set_many({{"a", "1"}, {"b", "2"}});
  } catch (const ServerError& error) {
    code = error.code();
  }
  CHECK(code == "UnprocessedItems");
  CHECK(requests == 10);
  CHECK(cache.stats().sets == 0);
  CHECK(cache.stats().errors == 2);
}

TEST_CASE("DynamoDbBackend: a connection that the server has closed meanwhile is no error", "[faults]") {
  ScriptedServer server([](ScriptedServer::Connection& connection) {
    HttpRequest::read(connection);
    connection.send(dynamodb_reply("k", "value"));
    connection.close();
  });
  DynamoDbCache cache(patient(server));
  for (int i = 0; i < 5; ++i) {
    CHECK(cache.get("k") == "value");
    std::this_thread::sleep_for(5ms);
  }
  CHECK(cache.stats().errors == 0);
}

TEST_CASE("DynamoDbBackend: a write whose connection breaks is not repeated, a read is once", "[faults]") {
  std::atomic<int> requests{0};
  ScriptedServer server([&requests](ScriptedServer::Connection& connection) {
    HttpRequest::read(connection);
    ++requests;
    connection.reset();
  });
  DynamoDbCache cache(patient(server));
  CHECK_THROWS_AS(cache.set("k", "v"), ConnectionError);
  CHECK(requests == 1);
  CHECK_THROWS_AS(cache.get("k"), ConnectionError);
  CHECK(requests == 3);
}

TEST_CASE("DynamoDbBackend: nor is it on a connection that was used before", "[faults]") {
  std::atomic<int> requests{0};
  ScriptedServer server([&requests](ScriptedServer::Connection& connection) {
    HttpRequest::read(connection);
    ++requests;
    connection.send(dynamodb_reply("k", "value"));
    HttpRequest::read(connection);
    ++requests;
    connection.reset();
  });
  DynamoDbCache cache(patient(server));
  CHECK(cache.set("k", "v"));
  CHECK_THROWS_AS(cache.set_if_absent("k", "v"), ConnectionError);
  CHECK(requests == 2);
  CHECK(cache.set("k", "v"));
  CHECK(cache.get("k") == "value");  // on a second connection, when the first is found to be broken
  CHECK(requests == 5);
}

TEST_CASE("DynamoDbBackend: who finds all connections in use waits for a turn", "[faults][threads]") {
  ScriptedServer server([](ScriptedServer::Connection& connection) {
    while (true) {
      HttpRequest::read(connection);
      connection.pause(20ms);
      connection.send(dynamodb_reply("k", "value"));
    }
  });
  auto options = patient(server);
  options.pool_size = 1;
  DynamoDbCache cache(options);
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&cache, &right] {
      for (int call = 0; call < 3; ++call) right += cache.get("k") == "value" ? 1 : 0;
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(right == 12);
  CHECK(server.connections() == 1);
}

TEST_CASE("DynamoDbBackend: a server that is killed, restarted, stopped and resumed", "[faults]") {
  if (skipped_without_dynalite()) return;
  DynaliteServer server;
  auto options = dynamodb_at(server.port(), 3s);
  options.create_table = true;
  DynamoDbCache cache(options);
  CHECK(cache.set("k", "v"));
  server.stop();
  {
    auto impatient = options;
    impatient.timeout = 200ms;
    impatient.create_table = false;
    DynamoDbCache waiting(impatient);
    const auto begin = Steady::now();
    CHECK_THROWS_AS(waiting.get("k"), TimeoutError);
    CHECK(Steady::now() - begin < 400ms);
    server.resume();
    CHECK(cache.get("k") == "v");
    for (int attempt = 0; attempt < 50; ++attempt) {
      try {
        if (waiting.get("k") == "v") break;
      } catch (const TimeoutError&) {
      }
    }
    CHECK(waiting.get("k") == "v");
  }
  server.kill();
  CHECK_THROWS_AS(cache.get("k"), ConnectionError);
  CHECK_THROWS_AS(cache.set("k", "v"), ConnectionError);
  server.restart();
  // It has forgotten the table, which a new object makes again.
  CHECK_THROWS_AS(cache.get("k"), ServerError);
  DynamoDbCache fresh(options);
  CHECK(fresh.set("k", "w"));
  CHECK(cache.get("k") == "w");
}

TEST_CASE("DynamoDbBackend: many threads, and each gets its own values", "[threads]") {
  if (skipped_without_dynalite()) return;
  TcpProxy proxy(shared_dynalite_server().port());
  auto options = shared_dynamodb();
  options.timeout = 30s;
  options.endpoint = "http://127.0.0.1:" + std::to_string(proxy.port());
  options.pool_size = 4;
  DynamoDbCache cache(options);
  CacheLoad load(cache, 16);
  while (load.calls < 300 && load.errors == 0) std::this_thread::sleep_for(1ms);
  load.end();
  CHECK(load.wrong == 0);
  CHECK(load.errors == 0);
}

TEST_CASE("DynamoDbBackend: connections that break under load, and no wrong value", "[threads]") {
  if (skipped_without_dynalite()) return;
  TcpProxy proxy(shared_dynalite_server().port());
  auto options = shared_dynamodb();
  options.endpoint = "http://127.0.0.1:" + std::to_string(proxy.port());
  options.pool_size = 4;
  DynamoDbCache cache(options);
  cache.set("first", "so that there is a table");
  CacheLoad load(cache, 8);
  for (int i = 0; i < 20; ++i) {
    std::this_thread::sleep_for(20ms);
    i % 2 == 0 ? proxy.cut() : proxy.cut_with_reset();
  }
  const std::size_t before = load.calls;
  while (load.calls < before + 20) std::this_thread::sleep_for(1ms);
  load.end();
  CHECK(load.wrong == 0);
}
