/// \file dynamodb_backend_hostile_test.cpp
/// DynamoDbBackend against servers that answer what no server should.
#include <larder/backends/dynamodb_backend.hpp>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/hostile_dynamodb.hpp"
#include "tests/support/message_of.hpp"

using namespace larder_tests;
using namespace std::chrono_literals;
using larder::ConnectionError;
using larder::ProtocolError;
using larder::ServerError;
using larder::TimeoutError;

namespace {

using Connection = ScriptedServer::Connection;

void get(DynamoDbCache& cache) { cache.get("k"); }
void set(DynamoDbCache& cache) { cache.set("k", "v"); }
void get_two(DynamoDbCache& cache) { cache.get_many({"a", "b"}); }
void set_two(DynamoDbCache& cache) { cache.set_many({{"a", "1"}, {"b", "2"}}); }
void list(DynamoDbCache& cache) { cache.keys(); }

/// Each of these bodies, with status 200.
template <class Error>
void check_bodies(const std::vector<std::string>& bodies, void (*call)(DynamoDbCache&) = &get) {
  for (const std::string& body : bodies) {
    check_dynamodb_attack<Error>(body.substr(0, 80), say_http(http_response(200, body)), call);
  }
}
/// Each of these, from the first byte on.
template <class Error>
void check_responses(const std::vector<std::string>& responses, void (*call)(DynamoDbCache&) = &get) {
  for (const std::string& response : responses) {
    check_dynamodb_attack<Error>(response.substr(0, 80), say_http(response), call);
  }
}

std::string repeated(const std::string& text, std::size_t times) {
  std::string all;
  for (; times > 0; --times) all += text;
  return all;
}

}  // namespace

TEST_CASE("DynamoDbBackend: bodies that are no JSON object", "[hostile]") {
  std::string noise;
  for (int byte = 0; byte < 256; ++byte) noise += static_cast<char>(byte);
  check_bodies<ProtocolError>({"",
                               " ",
                               "null",
                               "1",
                               "\"Item\"",
                               "[]",
                               "[{}]",
                               "{",
                               "}",
                               "{}}",
                               "{} {}",
                               "{\"Item\":}",
                               "{\"Item\"",
                               "{'Item':{}}",
                               "{\"Item\":{}",
                               "<html><body>502</body></html>",
                               noise,
                               "{\"a\":\"\xff\"}",
                               "{\"Item\":" + dynamodb_item("k", "v") + ",}",
                               "{\"Item\":" + dynamodb_item("k", "v")});
}

TEST_CASE("DynamoDbBackend: bodies too deep", "[hostile]") {
  for (const std::size_t depth : {std::size_t{40}, std::size_t{1000}, std::size_t{100'000}}) {
    check_bodies<ProtocolError>({repeated("{\"a\":", depth), repeated("{\"Item\":", depth) + "1" + repeated("}", depth),
                                 "{\"a\":" + repeated("[", depth) + repeated("]", depth) + "}",
                                 "{\"Item\":{\"k\":" + repeated("{\"L\":", depth)});
  }
}

TEST_CASE("DynamoDbBackend: attributes that are not what they must be", "[hostile]") {
  const std::string key = dynamodb_key("k");
  const auto item = [&key](const std::string& rest) { return "{\"Item\":{" + key + rest + "}}"; };
  check_bodies<ProtocolError>({item(R"(,"v":{"B":"AAA"})"), item(R"(,"v":{"B":"A==="})"),
                               item(R"(,"v":{"B":"\u0000AAA"})"), item(R"(,"v":{"B":17})"), item(R"(,"v":17)"),
                               item(R"(,"v":{"B":null})"), item(R"(,"expires_at_ms":17)"),
                               item(R"(,"expires_at_ms":{"N":17})"), R"({"Item":{"k":{"B":"????"}}})"});
}

TEST_CASE("DynamoDbBackend: an item that nobody asked for", "[hostile]") {
  check_bodies<ProtocolError>({R"({"Item":)" + dynamodb_item("other", "v") + "}", R"({"Item":{"v":{"B":"AAAA"}}})",
                               R"({"Item":{}})", R"({"Item":{"k":{"S":"p:k"},"v":{"B":"AAAA"}}})",
                               R"({"Items":[)" + dynamodb_item("k", "v") + "," + dynamodb_item("k", "v") + "]}"});
  check_bodies<ProtocolError>(
      {R"({"Responses":{"tests":[)" + dynamodb_item("c", "v") + "]}}",
       R"({"Responses":{"tests":[{"v":{"B":"AAAA"}}]}})",
       R"({"UnprocessedKeys":{"tests":{"Keys":[{)" + dynamodb_key("c") + "}]}}}",
       R"({"UnprocessedKeys":{"tests":{"Keys":[{)" + dynamodb_key("a") + "},{" + dynamodb_key("a") + "}]}}}"},
      get_two);
  check_bodies<ProtocolError>(
      {R"({"UnprocessedItems":{"tests":[{"PutRequest":{"Item":)" + dynamodb_item("c", "v") + "}}]}}",
       R"({"UnprocessedItems":{"tests":[{"DeleteRequest":{"Key":{)" + dynamodb_key("c") + "}}}]}}"},
      set_two);
  check_bodies<ProtocolError>(
      {R"({"Items":[{"v":{"B":"AAAA"}}]})", R"({"Items":[],"LastEvaluatedKey":{"x":{"S":"y"}}})"}, list);
}

TEST_CASE("DynamoDbBackend: pages of keys that never end", "[hostile]") {
  const std::string page = R"({"Items":[],"LastEvaluatedKey":{)" + dynamodb_key("k") + "}}";
  check_dynamodb_attack<ProtocolError>(
      "the same page",
      [page](Connection& connection) {
        for (int i = 0; i < 2; ++i) {
          HttpRequest::read(connection);
          connection.send(http_response(200, page));
        }
        HttpRequest::read(connection);
      },
      list);
  check_dynamodb_attack<TimeoutError>(
      "new pages",
      [number = 0](Connection& connection) mutable {
        while (true) {
          HttpRequest::read(connection);
          const std::string key = dynamodb_key(std::to_string(++number));
          connection.send(http_response(200, R"({"Items":[],"LastEvaluatedKey":{)" + key + "}}"));
        }
      },
      list);
}

TEST_CASE("DynamoDbBackend: more than anybody wants", "[hostile]") {
  const auto endless = [](std::string head, std::string rest) {
    return [head = std::move(head), rest = std::move(rest)](Connection& connection) {
      HttpRequest::read(connection);
      connection.send(head);
      connection.send_forever(rest);
    };
  };
  const std::string block(1 << 16, 'x');
  check_dynamodb_attack<ProtocolError>("endless body", endless("HTTP/1.1 200 OK\r\n\r\n{\"Item\":\"", block), get);
  check_dynamodb_attack<ProtocolError>("endless body of a known length",
                                       endless("HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n", block), get);
  check_dynamodb_attack<ProtocolError>(
      "endless chunks", endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "10000\r\n" + block + "\r\n"),
      get);
  check_dynamodb_attack<ProtocolError>("endless body of an error", endless("HTTP/1.1 400 No\r\n\r\n", block), get);
  check_dynamodb_attack<ProtocolError>("endless headers",
                                       endless("HTTP/1.1 200 OK\r\n", repeated("X-Header: value\r\n", 1000)), get);
  check_dynamodb_attack<ProtocolError>(
      "too many values",
      say_http(http_response(200, "{\"Item\":{\"v\":{\"L\":[" + repeated("{\"N\":\"1\"},", 10'000) + "1]}}}")), get);
}

TEST_CASE("DynamoDbBackend: what is no HTTP", "[hostile]") {
  check_responses<ProtocolError>(
      {"\r\n\r\n", "+OK\r\n\r\n", "hello\r\n\r\n", "HTTP/1.1 abc OK\r\n\r\n", std::string(100, '\0')});
  // Which libcurl does not tell from a connection that broke.
  check_responses<ConnectionError>({"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"});
}

TEST_CASE("DynamoDbBackend: a response that does not come, or not all of it", "[hostile]") {
  check_responses<TimeoutError>({"", "HTTP/1.1", "HTTP/1.1 200 OK\r\n",
                                 "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{",
                                 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"});
  const auto end_with = [](std::string bytes, void (Connection::*end)()) {
    return [bytes = std::move(bytes), end](Connection& connection) {
      HttpRequest::read(connection);
      connection.send(bytes);
      (connection.*end)();
    };
  };
  for (const char* begin : {"", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{",
                            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{"}) {
    check_dynamodb_attack<ConnectionError>("then an end", end_with(begin, &Connection::close), get);
    check_dynamodb_attack<ConnectionError>("then a reset", end_with(begin, &Connection::reset), get);
  }
  check_dynamodb_attack<TimeoutError>(
      "byte by byte",
      [](Connection& connection) {
        HttpRequest::read(connection);
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
        connection.drip(std::string(1000, ' '), 20ms);
      },
      get);
}

TEST_CASE("DynamoDbBackend: errors have DynamoDB's code, or HTTP's where there is none", "[hostile]") {
  const auto code_of = [](const std::string& response, void (*call)(DynamoDbCache&)) {
    ScriptedServer server(say_http(response));
    DynamoDbCache cache(hostile_dynamodb_options(server.port()));
    try {
      call(cache);
    } catch (const ServerError& error) {
      return error.code();
    }
    return std::string("none");
  };
  CHECK(code_of(dynamodb_error(400, "AccessDeniedException"), get) == "AccessDeniedException");
  CHECK(code_of(http_response(400, R"({"__type":"ValidationException","Message":"no"})"), get) ==
        "ValidationException");
  CHECK(code_of(http_response(400, "{}"), get) == "HTTP 400");
  CHECK(code_of(http_response(403, "<html>"), set) == "HTTP 403");
  CHECK(code_of(http_response(503, ""), get) == "HTTP 503");
  CHECK(code_of(http_response(301, "", "Location: http://127.0.0.1:1/\r\n"), get) == "HTTP 301");
  CHECK(code_of(http_response(204, ""), get) == "HTTP 204");
  CHECK(code_of(dynamodb_error(400, std::string(5000, 'x')), get).size() == 100);
  // A condition that does not hold is no error where there is a condition.
  CHECK(code_of(dynamodb_error(400, "ConditionalCheckFailedException"),
                [](DynamoDbCache& cache) { CHECK_FALSE(cache.set_if_absent("k", "v")); }) == "none");
  CHECK(code_of(dynamodb_error(400, "ConditionalCheckFailedException"),
                [](DynamoDbCache& cache) { CHECK_FALSE(cache.touch("k", 1s)); }) == "none");
}

TEST_CASE("DynamoDbBackend: redirections are not followed", "[hostile]") {
  ScriptedServer elsewhere(answer_http([](const HttpRequest&) { return dynamodb_reply("k", "stolen"); }));
  const std::string location = "Location: http://127.0.0.1:" + std::to_string(elsewhere.port()) + "/\r\n";
  for (const int status : {301, 302, 307, 308}) {
    check_dynamodb_attack<ServerError>("redirection", say_http(http_response(status, "", location)), get);
  }
  CHECK(elsewhere.connections() == 0);
}

TEST_CASE("DynamoDbBackend: another program's item is an undecodable miss", "[hostile]") {
  for (const std::string rest : {"", R"(,"v":{"S":"text"})", R"(,"v":{"M":{"k":{"B":"AAAA"},"v":{"B":"AAAA"}}})",
                                 R"(,"v":{"BS":["AAAA"]})", R"(,"V":{"B":"AAAA"})"}) {
    CAPTURE(rest);
    ScriptedServer server(answer_http(
        [rest](const HttpRequest&) { return http_response(200, "{\"Item\":{" + dynamodb_key("k") + rest + "}}"); }));
    DynamoDbCache cache(hostile_dynamodb_options(server.port()));
    CHECK_FALSE(cache.get("k"));
    CHECK(cache.stats().undecodable == 1);
    CHECK(cache.stats().misses == 1);
  }
  // Numbers that cannot be counted, and a fraction.
  for (const std::string number : {"1e400", "99999999999999999999999", "4102444800000.5", "-5"}) {
    ScriptedServer server(answer_http([number](const HttpRequest&) {
      return http_response(
          200, "{\"Item\":{" + dynamodb_key("k") + R"(,"v":{"B":"dg=="},"expires_at_ms":{"N":")" + number + R"("}}})");
    }));
    DynamoDbCache cache(hostile_dynamodb_options(server.port()));
    CHECK(cache.exists("k") == (number.front() != '-' && number != "1e400"));
  }
}
