/// \file meta_reply_test.cpp
#include <larder/backends/detail/memcached/meta_reply.hpp>

#include <string_view>

#include "tests/support/catch.hpp"

namespace {

using larder::ProtocolError;
using larder::detail::GroupReply;
using larder::detail::MetaReply;
using Status = MetaReply::Status;

TEST_CASE("MetaReply: what servers say", "[meta_reply]") {
  const auto value = MetaReply::parse("VA 12 kfoo t-1 O77 W b");
  CHECK(value.status == Status::value);
  CHECK(value.value_size == 12);
  CHECK(value.key == "foo");
  CHECK(value.ttl == -1);
  CHECK(value.opaque == 77U);
  CHECK(MetaReply::parse("HD").status == Status::done);
  CHECK_FALSE(MetaReply::parse("HD").opaque);
  CHECK(MetaReply::parse("HD  O1 ").opaque == 1U);
  CHECK(MetaReply::parse("EN kfoo O1").status == Status::miss);
  CHECK(MetaReply::parse("NF").status == Status::not_found);
  CHECK(MetaReply::parse("NS").status == Status::not_stored);
  CHECK(MetaReply::parse("EX O1").status == Status::changed);
  CHECK(MetaReply::parse("HD c18446744073709551615 W").version == 18446744073709551615U);
  CHECK(MetaReply::parse("HD c1 W").has_won);
  CHECK_FALSE(MetaReply::parse("HD c1 Z").has_won);
  for (const std::string_view error : {"ERROR", "SERVER_ERROR out of memory", "CLIENT_ERROR bad data chunk"}) {
    CHECK(MetaReply::parse(error).status == Status::error);
    CHECK(MetaReply::parse(error).text == error);
  }
}

TEST_CASE("MetaReply: what no server says", "[meta_reply]") {
  for (const std::string_view line : {"",
                                      " ",
                                      "OK",
                                      "STORED",
                                      "VALUE a 0 1",
                                      "HDO1",
                                      "hd",
                                      "VA",
                                      "VA x",
                                      "VA -1",
                                      "VA 1x",
                                      "VA +1",
                                      "VA 99999999999999999999999",
                                      "HD Ox",
                                      "HD O",
                                      "HD O-1",
                                      "HD tx",
                                      "HD c",
                                      "HD cx",
                                      "ERRORS",
                                      "END"}) {
    CAPTURE(line);
    CHECK_THROWS_AS(MetaReply::parse(line), ProtocolError);
  }
}

TEST_CASE("GroupReply: what servers say, and what they do not", "[meta_reply]") {
  CHECK(GroupReply::parse("END").is_end);
  const auto value = GroupReply::parse("VALUE some:key 4294967295 5");
  CHECK(value.key == "some:key");
  CHECK(value.value_size == 5);
  CHECK(GroupReply::parse("SERVER_ERROR out of memory").error == "SERVER_ERROR out of memory");
  for (const std::string_view line : {"", "END ", "VALUE", "VALUE k", "VALUE k 0", "VALUE k 0 ", "VALUE k 0 x",
                                      "VALUE k x 1", "VALUE k 0 1 2", "VALUE k 0 -1", "VA 1", "EN"}) {
    CAPTURE(line);
    CHECK_THROWS_AS(GroupReply::parse(line), ProtocolError);
  }
}

}  // namespace
