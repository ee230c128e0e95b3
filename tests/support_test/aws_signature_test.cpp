/// \file aws_signature_test.cpp
/// Against what AWS has published: the Signature Version 4 test suite, and the example of deriving a key.
#include "tests/support/aws_signature.hpp"

#include <map>
#include <string>

#include "tests/support/catch.hpp"

namespace {

using larder_tests::AwsSignature;

AwsSignature suite() {
  return {.secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
          .date = "20150830",
          .time = "20150830T123600Z",
          .region = "us-east-1",
          .service = "service"};
}

const std::map<std::string, std::string> host_and_date{{"host", "example.amazonaws.com"},
                                                       {"x-amz-date", "20150830T123600Z"}};

TEST_CASE("AwsSignature: the key that AWS derives in its documentation", "[aws_signature]") {
  AwsSignature signature = suite();
  signature.service = "iam";
  CHECK(AwsSignature::hex(signature.signing_key()) ==
        "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
}

TEST_CASE("AwsSignature: get-vanilla and post-vanilla of the test suite", "[aws_signature]") {
  CHECK(suite().sign("GET", host_and_date, "") == "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
  CHECK(suite().sign("POST", host_and_date, "") == "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
}

TEST_CASE("AwsSignature: post-x-www-form-urlencoded and get-vanilla-query-order of the test suite", "[aws_signature]") {
  auto headers = host_and_date;
  headers["content-type"] = "application/x-www-form-urlencoded";
  CHECK(suite().sign("POST", headers, "Param1=value1") ==
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a");
  CHECK(suite().sign("GET", host_and_date, "", "Param1=value1&Param2=value2") ==
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500");
}

}  // namespace
