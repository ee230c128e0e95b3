/// \file dynamodb_options_test.cpp
#include <larder/backends/dynamodb_options.hpp>

#include <chrono>
#include <string>

#include "tests/support/catch.hpp"
#include "tests/support/message_of.hpp"

namespace {

using larder::AwsCredentials;
using larder::DynamoDbOptions;
using larder::InvalidArgumentError;
using larder_tests::contains;
using larder_tests::message_of;
using namespace std::chrono_literals;

std::string refusal_of_url(const std::string& url) {
  return message_of<InvalidArgumentError>([&] { DynamoDbOptions::from_url(url); });
}
std::string refusal(const DynamoDbOptions& options) {
  return message_of<InvalidArgumentError>([&] { options.validate(); });
}

TEST_CASE("DynamoDbOptions: the defaults are AWS itself", "[dynamodb_options]") {
  const DynamoDbOptions options;
  CHECK(options.url() == "https://dynamodb.us-east-1.amazonaws.com");
  CHECK(options.table == "larder");
  CHECK(options.prefix == "larder:");
  CHECK_NOTHROW(options.validate());
}

TEST_CASE("DynamoDbOptions: a URL names everything, and may leave out everything", "[dynamodb_options]") {
  const auto all = DynamoDbOptions::from_url(
      "dynamodb://AKID:se%2Fcr%2Bt@eu-central-1/my-table?endpoint=http%3A%2F%2F127.0.0.1%3A8000&prefix=shop%3A"
      "&default_ttl=90&timeout=250ms&connect_timeout=2s&scan_timeout=1min&retry_base=5ms&retry_cap=6ms&create_table"
      "&consistent_reads=no&pool_size=3&max_attempts=4&max_value_bytes=2048&max_reply_bytes=4096&ca_file=/ca.pem"
      "&verify=false");
  CHECK(all.url() == "http://127.0.0.1:8000");
  CHECK(all.region == "eu-central-1");
  CHECK(all.table == "my-table");
  CHECK(all.credentials().access_key_id == "AKID");
  CHECK(all.credentials().secret_access_key == "se/cr+t");
  CHECK(all.prefix == "shop:");
  CHECK(all.default_ttl == 90ms);
  CHECK(all.timeout == 250ms);
  CHECK(all.connect_timeout == 2s);
  CHECK(all.scan_timeout == 1min);
  CHECK(all.retry_base == 5ms);
  CHECK(all.retry_cap == 6ms);
  CHECK(all.create_table);
  CHECK_FALSE(all.consistent_reads);
  CHECK(all.pool_size == 3);
  CHECK(all.max_attempts == 4);
  CHECK(all.max_value_bytes == 2048);
  CHECK(all.max_reply_bytes == 4096);
  CHECK(all.ca_file == "/ca.pem");
  CHECK_FALSE(all.verify);
  const auto nothing = DynamoDbOptions::from_url("dynamodb://");
  CHECK(nothing.url() == DynamoDbOptions().url());
  CHECK(DynamoDbOptions::from_url("dynamodb://eu-west-1").url() == "https://dynamodb.eu-west-1.amazonaws.com");
}

TEST_CASE("DynamoDbOptions: what makes no sense in a URL is named, and no secret is shown", "[dynamodb_options]") {
  CHECK(contains(refusal_of_url("redis://a"), "dynamodb"));
  CHECK(contains(refusal_of_url("dynamodb://localhost:8000/table"), "region"));
  CHECK(contains(refusal_of_url("dynamodb://a,b/table"), "region"));
  CHECK(contains(refusal_of_url("dynamodb://id@eu-west-1/table"), "belong together"));
  CHECK(contains(refusal_of_url("dynamodb://eu-west-1/a"), "table"));
  CHECK(contains(refusal_of_url("dynamodb://eu-west-1/abc?colour=red"), "\"colour\""));
  CHECK(contains(refusal_of_url("dynamodb://eu-west-1/abc?endpoint=ftp://x"), "endpoint"));
  for (const std::string url :
       {"dynamodb://id:hus/h@eu-west-1/table", "dynamodb://id:hush@eu-west-1:1/table", "dynamodb://id:hush@/x",
        "dynamodb://eu-west-1/abc?endpoint=http://id:hush@host/", "dynamodb://:hush@eu-west-1/table",
        "dynamodb:///:hush@eu-west-1/table", "id:hush@eu-west-1/?x=://"}) {
    CAPTURE(url);
    CHECK_FALSE(refusal_of_url(url).empty());
    CHECK_FALSE(contains(refusal_of_url(url), "hus"));
  }
}

TEST_CASE("DynamoDbOptions: the first option that makes no sense is named", "[dynamodb_options]") {
  for (const std::string endpoint :
       {"127.0.0.1:8000", "http://", "http://host/path", "http://a@b", "http://a b", "https://x?y"}) {
    CAPTURE(endpoint);
    CHECK(contains(refusal({.endpoint = endpoint}), "endpoint"));
  }
  for (const std::string region : {"", "eu west", "eu/west", "x\r\n"})
    CHECK(contains(refusal({.region = region}), "region"));
  for (const std::string& table :
       {std::string("ab"), std::string(256, 't'), std::string("a\"b"), std::string("a b c")}) {
    CHECK(contains(refusal({.table = table}), "table"));
  }
  CHECK(contains(refusal({.prefix = std::string(1025, 'p')}), "prefix"));
  CHECK(contains(refusal({.default_ttl = 0ms}), "default_ttl"));
  CHECK(contains(refusal({.timeout = 0ms}), "timeout"));
  CHECK(contains(refusal({.connect_timeout = 0ms}), "connect_timeout"));
  CHECK(contains(refusal({.scan_timeout = 0ms}), "scan_timeout"));
  CHECK(contains(refusal({.pool_size = 0}), "pool_size"));
  CHECK(contains(refusal({.max_attempts = 0}), "max_attempts"));
  CHECK(contains(refusal({.retry_base = -1ms}), "retry_base"));
  CHECK(contains(refusal({.retry_cap = 1ms}), "retry_cap"));
  CHECK(contains(refusal({.max_value_bytes = 0}), "max_value_bytes"));
  CHECK(contains(refusal({.max_reply_bytes = 10}), "max_reply_bytes"));
}

TEST_CASE("AwsCredentialsSource: fixed, or from a function", "[dynamodb_options]") {
  const DynamoDbOptions fixed{.credentials = {"id", "secret", "token"}};
  CHECK(fixed.credentials().session_token == "token");
  const DynamoDbOptions same{.credentials = AwsCredentials{"id", "secret"}};
  CHECK(same.credentials().secret_access_key == "secret");
  const DynamoDbOptions asked{.credentials = [] { return AwsCredentials{"other", "secret"}; }};
  const DynamoDbOptions copy = asked;
  CHECK(copy.credentials().access_key_id == "other");
}

}  // namespace
