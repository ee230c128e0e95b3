/// \file dynamodb_reply_test.cpp
#include <larder/backends/detail/dynamodb/dynamodb_reply.hpp>

#include <string>

#include "tests/support/catch.hpp"

namespace {

using larder::ProtocolError;
using larder::detail::DynamoDbReply;

TEST_CASE("DynamoDbReply: items wherever they stand", "[dynamodb_reply]") {
  const std::string item =
      R"({"k":{"B":"aw=="},"v":{"B":"dmFsdWU="},"created_at":{"N":"5"},"expires_at_ms":{"N":"7"},"x":{"L":[{"B":"?"}]}})";
  for (const std::string& text :
       {R"({"Item":)" + item + "}", R"({"Attributes":)" + item + "}", R"({"Items":[)" + item + R"(],"Count":1})",
        R"({"ConsumedCapacity":{"a":[1,true,null,1.5]},"Responses":{"t":[)" + item + "]}}"}) {
    CAPTURE(text);
    const auto reply = DynamoDbReply::parse(text);
    REQUIRE(reply.items.size() == 1);
    CHECK(*reply.items[0].key == "k");
    CHECK(*reply.items[0].value == "value");
    CHECK(reply.items[0].created_at == 5);
    CHECK(reply.items[0].expires_at == 7);
    CHECK(reply.items[0].is_expired(7));
    CHECK_FALSE(reply.items[0].is_expired(6));
  }
  CHECK(DynamoDbReply::parse("{}").items.empty());
  CHECK(DynamoDbReply::parse(R"({"Responses":{"t":[]},"Item2":{"k":{"B":"aw=="}}})").items.empty());
}

TEST_CASE("DynamoDbReply: what is left to do, and where a page ends", "[dynamodb_reply]") {
  const auto keys = DynamoDbReply::parse(
      R"({"UnprocessedKeys":{"t":{"Keys":[{"k":{"B":"aw=="}},{"k":{"B":"bA=="}}],"ConsistentRead":true}}})");
  REQUIRE(keys.unprocessed.size() == 2);
  CHECK(*keys.unprocessed[1].key == "l");
  const auto items = DynamoDbReply::parse(
      R"({"UnprocessedItems":{"t":[{"PutRequest":{"Item":{"v":{"B":"dg=="},"k":{"B":"aw=="}}}},{"DeleteRequest":{"Key":{"k":{"B":"bA=="}}}}]}})");
  REQUIRE(items.unprocessed.size() == 2);
  CHECK(*items.unprocessed[0].key == "k");
  CHECK(*items.unprocessed[1].key == "l");
  const auto page = DynamoDbReply::parse(R"({"Items":[],"LastEvaluatedKey":{"k":{"B":"aw=="}}})");
  REQUIRE(page.last_key);
  CHECK(*page.last_key->key == "k");
}

TEST_CASE("DynamoDbReply: errors and the state of a table", "[dynamodb_reply]") {
  const auto error =
      DynamoDbReply::parse(R"({"__type":"com.amazonaws.dynamodb.v20120810#Some\u0045xception","message":"so"})");
  CHECK(error.error == "SomeException");
  CHECK(error.message == "so");
  CHECK(DynamoDbReply::parse(R"({"__type":"Plain","Message":"so"})").error == "Plain");
  CHECK(DynamoDbReply::parse(R"({"Table":{"TableStatus":"ACTIVE","x":{"TableStatus":"no"}}})").table_status ==
        "ACTIVE");
}

TEST_CASE("DynamoDbReply: what is none is refused", "[dynamodb_reply]") {
  for (const std::string text : {"", "[]", "null", "{", "{}x", "{\"a\":1e999}", R"({"Item":{"k":{"B":"a"}}})",
                                 R"({"Item":{"k":"aw=="}})", R"({"Item":{"v":{"B":false}}})"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(DynamoDbReply::parse(text), ProtocolError);
  }
}

}  // namespace
