/// \file meta_commands_test.cpp
#include <larder/backends/detail/memcached/meta_commands.hpp>

#include <chrono>
#include <cstddef>
#include <string>

#include "tests/support/catch.hpp"

namespace {

using larder::detail::MemcachedKey;
using larder::detail::MetaCommands;
using Kind = MetaCommands::Kind;
using namespace std::chrono_literals;

TEST_CASE("MetaCommands: each is what the protocol says", "[meta_commands]") {
  MetaCommands commands(7);
  const MemcachedKey plain{.token = "k"};
  const MemcachedKey encoded{.token = "YSBi", .is_base64 = true};
  commands.get(plain);
  commands.get_entry(encoded);
  commands.exists(plain);
  commands.touch(plain, {});
  commands.touch(plain, 10s);
  commands.set(encoded, "a\r\nb", 1ms);
  commands.add(plain, "", {});
  commands.erase(plain);
  commands.win(plain, 1ms);
  commands.version(encoded);
  commands.erase_version(plain, 18446744073709551615U);
  CHECK(commands.bytes() ==
        "mg k v k O7\r\n"
        "mg YSBi v t k b O8\r\n"
        "mg k k O9\r\n"
        "mg k k T0 O10\r\n"
        "mg k k T11 O11\r\n"
        "ms YSBi 4 k b T2 O12\r\na\r\nb\r\n"
        "ms k 0 ME k T0 O13\r\n\r\n"
        "md k k O14\r\n"
        "mg k c k N2 O15\r\n"
        "mg YSBi c k b O16\r\n"
        "md k C18446744073709551615 k O17\r\n");
  REQUIRE(commands.size() == 11);
  CHECK(commands[5].kind == Kind::set);
  CHECK(commands[5].opaque == 12);
  CHECK(commands.key_of(5) == "YSBi");
  CHECK(commands.end_of(0) == 13);
  CHECK(commands.end_of(10) == commands.bytes().size());
}

TEST_CASE("MetaCommands: keys in a group stand behind a numbered command, which tells where they begin",
          "[meta_commands]") {
  MetaCommands commands(1);
  for (const char* key : {"a", "b", "c"}) commands.get_in_group({.token = key});
  commands.get_in_group({.token = "YSBi", .is_base64 = true});
  for (const char* key : {"d", "e"}) commands.get_in_group({.token = key});
  commands.erase({.token = "f"});
  CHECK(commands.bytes() == "mg a v k O1\r\nget b c\r\nmg YSBi v k b O4\r\nget d e\r\nmd f k O7\r\n");
  CHECK(commands[1].kind == Kind::get_in_group);
  CHECK_FALSE(commands[1].ends_group);
  CHECK(commands[2].ends_group);
  CHECK(commands.key_of(2) == "c");
  CHECK_FALSE(commands[4].ends_group);
  CHECK(commands[5].ends_group);
}

TEST_CASE("MetaCommands: without groups each key has a command of its own", "[meta_commands]") {
  MetaCommands commands(1, 2, MetaCommands::Groups::no);
  for (const char* key : {"a", "b"}) commands.get_in_group({.token = key});
  CHECK(commands.bytes() == "mg a v k O1\r\nmg b v k O2\r\n");
}

TEST_CASE("MetaCommands: a group has so many keys and no more", "[meta_commands]") {
  MetaCommands commands(1);
  for (std::size_t i = 0; i < 1001; ++i) commands.get_in_group({.token = "k" + std::to_string(i)});
  std::size_t groups = 0;
  for (std::size_t i = 0; i < commands.size(); ++i) groups += commands[i].ends_group ? 1 : 0;
  CHECK(groups == 4);
  CHECK(commands.bytes().starts_with("mg k0 v k O1\r\nget k1 k2 "));
  CHECK(commands.bytes().find(" k300\r\nget k301 k302 ") != std::string_view::npos);
  CHECK(commands.bytes().ends_with(" k999 k1000\r\n"));
}

}  // namespace
