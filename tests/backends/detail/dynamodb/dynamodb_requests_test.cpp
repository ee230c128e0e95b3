/// \file dynamodb_requests_test.cpp
#include <larder/backends/detail/dynamodb/dynamodb_requests.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/catch.hpp"

namespace {

using larder::detail::DynamoDbEntry;
using larder::detail::DynamoDbKeys;
using larder::detail::DynamoDbRequests;
using nlohmann::json;

const DynamoDbRequests& requests() {
  static const DynamoDbRequests all("table", true);
  return all;
}
const DynamoDbEntry with_expiry{.value = "v", .created_at = 5, .expires_at = 1001};

TEST_CASE("DynamoDbRequests: reading", "[dynamodb_requests]") {
  CHECK(json::parse(requests().get("k")) ==
        json::parse(R"({"TableName":"table","Key":{"k":{"B":"aw=="}},"ConsistentRead":true})"));
  CHECK(json::parse(DynamoDbRequests("table", false).get("k")) ==
        json::parse(R"({"TableName":"table","Key":{"k":{"B":"aw=="}}})"));
  CHECK(json::parse(requests().look("k"))["ProjectionExpression"] == "k, expires_at_ms");
  const std::vector<std::string> keys{"k", std::string("\0", 1)};
  CHECK(json::parse(requests().get_batch(keys, DynamoDbRequests::Parts::all)) ==
        json::parse(
            R"({"RequestItems":{"table":{"Keys":[{"k":{"B":"aw=="}},{"k":{"B":"AA=="}}],"ConsistentRead":true}}})"));
  const auto scan = json::parse(requests().scan("p", "last"));
  CHECK(scan["FilterExpression"] == "begins_with(k, :prefix)");
  CHECK(scan["ExpressionAttributeValues"][":prefix"]["B"] == "cA==");
  CHECK(scan["ExclusiveStartKey"]["k"]["B"] == "bGFzdA==");
  CHECK_FALSE(json::parse(requests().scan("", {})).contains("FilterExpression"));
}

TEST_CASE("DynamoDbRequests: writing", "[dynamodb_requests]") {
  const auto item = json::parse(
      R"({"k":{"B":"aw=="},"v":{"B":"dg=="},"created_at":{"N":"5"},"expires_at_ms":{"N":"1001"},"ttl":{"N":"2"}})");
  using Condition = DynamoDbRequests::Condition;
  const auto put = json::parse(requests().put("k", with_expiry, Condition::none, 7));
  CHECK(put["Item"] == item);
  CHECK_FALSE(put.contains("ConditionExpression"));
  const auto add = json::parse(requests().put("k", with_expiry, Condition::absent, 7));
  CHECK(add["ConditionExpression"] == "attribute_not_exists(k) OR expires_at_ms <= :now");
  CHECK(add["ExpressionAttributeValues"][":now"]["N"] == "7");
  CHECK_FALSE(json::parse(requests().put("k", {.value = "v"}, Condition::none, 7))["Item"].contains("ttl"));
  CHECK(json::parse(requests().erase("k"))["ReturnValues"] == "ALL_OLD");
  DynamoDbRequests::WriteBatch batch(requests());
  batch.put("k", with_expiry);
  batch.erase("l");
  const auto both = json::parse(batch.text())["RequestItems"]["table"];
  CHECK(both.size() == 2);
  CHECK(both[0]["PutRequest"]["Item"] == item);
  CHECK(both[1]["DeleteRequest"]["Key"]["k"]["B"] == "bA==");
}

TEST_CASE("DynamoDbRequests: another expiry, or none", "[dynamodb_requests]") {
  const auto set = json::parse(requests().touch("k", 2000, 7));
  CHECK(set["UpdateExpression"] == "SET expires_at_ms = :at, #ttl = :ttl");
  CHECK(set["ExpressionAttributeValues"] == json::parse(R"({":now":{"N":"7"},":at":{"N":"2000"},":ttl":{"N":"2"}})"));
  const auto remove = json::parse(requests().touch("k", {}, 7));
  CHECK(remove["UpdateExpression"] == "REMOVE expires_at_ms, #ttl");
  CHECK(remove["ExpressionAttributeValues"] == json::parse(R"({":now":{"N":"7"}})"));
}

TEST_CASE("DynamoDbEntry: is as large as DynamoDB counts, or a little larger", "[dynamodb_requests]") {
  CHECK(with_expiry.item_size("k") >= 28 + 1 + 1 + 3 * 8);
  CHECK(with_expiry.item_size("k") <= 28 + 1 + 1 + 3 * 21);
}

TEST_CASE("DynamoDbKeys: every key comes back, and no two are spelt alike", "[dynamodb_requests]") {
  for (const std::string& prefix : {std::string(), std::string("p:"), std::string(2, '\0')}) {
    const DynamoDbKeys names(prefix);
    std::vector<std::string> seen;
    for (const std::string& key : {std::string(), std::string(1, '\0'), std::string(2, '\0'), std::string(3, '\0'),
                                   std::string("\0a", 2), std::string("a"), std::string("p:")}) {
      const std::string name = names.encode(key);
      CHECK_FALSE(name.empty());
      CHECK(names.decode(name) == key);
      CHECK(std::find(seen.begin(), seen.end(), name) == seen.end());
      seen.push_back(name);
    }
  }
  CHECK_FALSE(DynamoDbKeys("p:").decode("q:k"));
}

}  // namespace
