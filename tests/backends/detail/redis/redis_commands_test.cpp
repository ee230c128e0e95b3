/// \file redis_commands_test.cpp
#include <larder/backends/detail/redis/redis_commands.hpp>

#include <limits>
#include <string>
#include <string_view>

#include "tests/support/catch.hpp"

namespace {

using larder::detail::ExpectedReply;
using larder::detail::RedisCommands;

TEST_CASE("RedisCommands: a command is its words, each with its length", "[redis_commands]") {
  RedisCommands commands;
  commands.begin(5).word("SET").key("p:", "k").word(std::string_view("\0\r\n", 3)).word("PX").number(-42);
  CHECK(commands.bytes() ==
        "*5\r\n$3\r\nSET\r\n$3\r\np:k\r\n$3\r\n" + std::string("\0\r\n", 3) + "\r\n$2\r\nPX\r\n$3\r\n-42\r\n");
  CHECK(commands.size() == 1);
  CHECK(commands.key_of(0) == "p:k");
}

TEST_CASE("RedisCommands: numbers of any size", "[redis_commands]") {
  RedisCommands commands;
  commands.begin(2).number(std::numeric_limits<long long>::min()).number(std::numeric_limits<long long>::max());
  CHECK(commands.bytes() == "*2\r\n$20\r\n-9223372036854775808\r\n$19\r\n9223372036854775807\r\n");
}

TEST_CASE("RedisCommands: empty keys and words are words, too", "[redis_commands]") {
  RedisCommands commands;
  commands.begin(2).word("").key("", "");
  CHECK(commands.bytes() == "*2\r\n$0\r\n\r\n$0\r\n\r\n");
  CHECK(commands.key_of(0).empty());
}

TEST_CASE("RedisCommands: each command can be taken out with its key and what it expects", "[redis_commands]") {
  RedisCommands all;
  all.begin(2, {ExpectedReply::Shape::text_or_nil}).word("GET").key("p:", "a");
  all.add({"PING"});
  all.begin(3, {ExpectedReply::Shape::texts, 2}).word("MGET").key("p:", "b").key("p:", "c");
  RedisCommands some;
  some.add({"ASKING"}, {ExpectedReply::Shape::ok});
  some.add_from(all, 2);
  some.add_from(all, 0);
  CHECK(some.bytes() ==
        "*1\r\n$6\r\nASKING\r\n*3\r\n$4\r\nMGET\r\n$3\r\np:b\r\n$3\r\np:c\r\n*2\r\n$3\r\nGET\r\n$3\r\np:a\r\n");
  CHECK(some.bytes_of(2) == "*2\r\n$3\r\nGET\r\n$3\r\np:a\r\n");
  CHECK(some.key_of(0).empty());
  CHECK(some.key_of(1) == "p:b");
  CHECK(some.key_of(2) == "p:a");
  CHECK(some.expected(1).elements == 2);
  some.clear();
  CHECK(some.empty());
  CHECK(some.bytes().empty());
}

}  // namespace
