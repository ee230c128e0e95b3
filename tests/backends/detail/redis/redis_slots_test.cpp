#include <larder/backends/detail/redis/redis_slots.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/random.hpp"
#include "tests/support/redis_cluster.hpp"

using larder::ProtocolError;
using larder::detail::Endpoint;
using larder::detail::parse_cluster_slots;
using larder::detail::Redirect;
using larder::detail::redis_slot_of;
using larder::detail::Reply;
using namespace larder_tests;

namespace {

const Endpoint asked{.host = "asked", .port = 7000};

Reply reply_of(std::string_view bytes) {
  larder::detail::ReplyReader reader({});
  reader.feed(bytes);
  return std::move(reader.next().value());
}

auto slots_of(const std::string& bytes, const Endpoint& from = asked) {
  return parse_cluster_slots(reply_of(bytes), from);
}

bool is_refused(const std::string& bytes) {
  return !message_of<ProtocolError>([&] { slots_of(bytes); }).empty();
}

std::string node(const std::string& host, int port) {
  return "*3\r\n" + host + "\r\n:" + std::to_string(port) + "\r\n$2\r\nid\r\n";
}

/// A range whose master has replicas, each of which is `node(...)`.
std::string range(int first, int last, const std::vector<std::string>& nodes) {
  std::string text = "*" + std::to_string(2 + nodes.size()) + "\r\n:" + std::to_string(first) +
                     "\r\n:" + std::to_string(last) + "\r\n";
  for (const auto& each : nodes) text += each;
  return text;
}

std::string array(const std::vector<std::string>& elements) {
  std::string text = "*" + std::to_string(elements.size()) + "\r\n";
  for (const auto& each : elements) text += each;
  return text;
}

auto redirect_of(const std::string& text, const Endpoint& from = asked) {
  return Redirect::from(reply_of("-" + text + "\r\n"), from);
}

}  // namespace

TEST_CASE("redis_slot_of: CRC-16/XMODEM, as the specification of Redis Cluster gives it") {
  CHECK(larder::detail::crc16("123456789") == 0x31c3);
  CHECK(larder::detail::crc16("") == 0);
  CHECK(redis_slot_of("") == 0);
  CHECK(redis_slot_of("foo") == 12182);
  CHECK(redis_slot_of("123456789") == 0x31c3);
}

TEST_CASE("redis_slot_of: the first hash tag counts, unless it is empty") {
  CHECK(redis_slot_of("{user1000}.following") == redis_slot_of("{user1000}.followers"));
  CHECK(redis_slot_of("{user1000}.following") == redis_slot_of("user1000"));
  CHECK(redis_slot_of("foo{}{bar}") == larder::detail::crc16("foo{}{bar}") % 16384);
  CHECK(redis_slot_of("foo{{bar}}zap") == redis_slot_of("{bar"));
  CHECK(redis_slot_of("foo{bar}{zap}") == redis_slot_of("bar"));
  CHECK(redis_slot_of("foo{bar") == larder::detail::crc16("foo{bar") % 16384);
  CHECK(redis_slot_of("}foo{bar}") == redis_slot_of("bar"));
}

TEST_CASE("redis_slot_of: a server agrees") {
  if (skipped_without_redis()) return;
  RespClient client = shared_redis_cluster().node(0).client();
  Random random(20);
  for (int i = 0; i < 500; ++i) {
    const std::string key = random.text(std::string_view("ab{}{}\0\xff\r\n", 10), 12);
    INFO("key " << key);
    CHECK(std::to_string(redis_slot_of(key)) == client.expect({"CLUSTER", "KEYSLOT", key}).text);
  }
}

TEST_CASE("parse_cluster_slots: ranges with masters and replicas") {
  const auto ranges = slots_of(
      array({range(0, 99, {node("$1\r\na", 1), node("$3\r\n::1", 2)}), range(100, 16383, {node("$1\r\nb", 65535)})}));
  REQUIRE(ranges.size() == 2);
  CHECK(ranges[0].first == 0);
  CHECK(ranges[0].last == 99);
  CHECK(ranges[0].master == Endpoint{.host = "a", .port = 1});
  REQUIRE(ranges[0].replicas.size() == 1);
  CHECK(ranges[0].replicas[0] == Endpoint{.host = "::1", .port = 2});
  CHECK(ranges[1].last == 16383);
  CHECK(ranges[1].master == Endpoint{.host = "b", .port = 65535});
  CHECK(slots_of("*0\r\n").empty());
}

TEST_CASE("parse_cluster_slots: a host that is left out is the one that was asked") {
  for (const std::string host : {"$-1", "$0\r\n", "$1\r\n?"}) {
    const std::string table = array({range(0, 1, {node(host, 7001)})});
    CHECK(slots_of(table).at(0).master == Endpoint{.host = "asked", .port = 7001});
    CHECK(slots_of(table, {.unix_socket = "/run/redis.sock"}).at(0).master ==
          Endpoint{.host = "127.0.0.1", .port = 7001});
  }
}

TEST_CASE("parse_cluster_slots: what is no table is refused") {
  const std::string good = node("$1\r\na", 1);
  CHECK_FALSE(is_refused(array({range(0, 16383, {good})})));
  CHECK(is_refused("+OK\r\n"));
  CHECK(is_refused("$-1\r\n"));
  CHECK(is_refused(array({":1\r\n"})));
  CHECK(is_refused(array({"*2\r\n:0\r\n:1\r\n"})));
  CHECK(is_refused(array({range(-1, 5, {good})})));
  CHECK(is_refused(array({range(5, 4, {good})})));
  CHECK(is_refused(array({range(0, 16384, {good})})));
  CHECK(is_refused(array({"*3\r\n$1\r\n0\r\n:1\r\n" + good})));
  CHECK(is_refused(array({range(0, 1, {node("$1\r\na", 0)})})));
  CHECK(is_refused(array({range(0, 1, {node("$1\r\na", 65536)})})));
  CHECK(is_refused(array({range(0, 1, {node("$1\r\na", -1)})})));
  CHECK(is_refused(array({range(0, 1, {node(":5", 1)})})));
  CHECK(is_refused(array({range(0, 1, {node("*0", 1)})})));
  CHECK(is_refused(array({range(0, 1, {"*1\r\n$1\r\na\r\n"})})));
  CHECK(is_refused(array({range(0, 1, {"$1\r\na\r\n"})})));
  CHECK(is_refused(array({range(0, 1, {good, node("$1\r\na", 0)})})));
}

TEST_CASE("parse_cluster_slots: a table is not larger than a cluster can be") {
  const std::string good = node("$1\r\na", 1);
  CHECK(is_refused(array({range(0, 5, {good}), range(5, 9, {good})})));
  CHECK(is_refused(array(std::vector<std::string>(30'000, range(0, 16383, {good})))));
  CHECK(is_refused(array({range(0, 5, std::vector<std::string>(20'000, good))})));
}

TEST_CASE("Redirect: for good, or for once") {
  const auto moved = redirect_of("MOVED 3999 127.0.0.1:6381");
  REQUIRE(moved);
  CHECK(moved->is_for_good);
  CHECK(moved->slot == 3999);
  CHECK(moved->endpoint == Endpoint{.host = "127.0.0.1", .port = 6381});
  const auto ask = redirect_of("ASK 0 ::1:1");
  REQUIRE(ask);
  CHECK_FALSE(ask->is_for_good);
  CHECK(ask->endpoint == Endpoint{.host = "::1", .port = 1});
  CHECK(redirect_of("MOVED 1 :7001")->endpoint == Endpoint{.host = "asked", .port = 7001});
  CHECK(redirect_of("MOVED 1 ?:7001")->endpoint == Endpoint{.host = "asked", .port = 7001});
}

TEST_CASE("Redirect: other errors and replies are none") {
  CHECK_FALSE(redirect_of("ERR no"));
  CHECK_FALSE(redirect_of("MOVEDX 1 a:1"));
  CHECK_FALSE(redirect_of("TRYAGAIN later"));
  CHECK_FALSE(Redirect::from(reply_of("$19\r\nMOVED 1 127.0.0.1:1\r\n"), asked));
  CHECK_FALSE(Redirect::from(reply_of("+MOVED 1 127.0.0.1:1\r\n"), asked));
}

TEST_CASE("Redirect: nowhere is no place to go") {
  for (const std::string text :
       {"MOVED ", "MOVED 1", "MOVED 1 ", "MOVED 1 a", "MOVED 1 a:", "MOVED 1 a:0", "MOVED 1 a:65536", "MOVED 1 a:-1",
        "MOVED 1 a:1x", "MOVED x a:1", "MOVED -1 a:1", "MOVED 16384 a:1", "MOVED  1 a:1", "ASK a:1", "ASK 1:1"}) {
    INFO(text);
    CHECK_THROWS_AS(redirect_of(text), ProtocolError);
  }
}
