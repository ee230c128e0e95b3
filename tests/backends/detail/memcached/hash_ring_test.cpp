/// \file hash_ring_test.cpp
#include <larder/backends/detail/memcached/hash_ring.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "tests/support/catch.hpp"

namespace {

using larder::detail::HashRing;
using larder::detail::stable_hash;

constexpr std::size_t keys = 100'000;

std::string key(std::size_t number) { return "user:" + std::to_string(number); }

std::vector<std::string> servers(std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t i = 1; i <= count; ++i) names.push_back("10.0.0." + std::to_string(i) + ":11211");
  return names;
}

TEST_CASE("stable_hash: is what it was, in every process and on every machine", "[hash_ring]") {
  CHECK(stable_hash("") == 0xf52a15e9a9b5e89bU);
  CHECK(stable_hash("a") == 0x2c0bdbf481420f8U);
}

TEST_CASE("HashRing: one server has all keys", "[hash_ring]") {
  const HashRing ring(servers(1));
  for (std::size_t i = 0; i < 100; ++i) CHECK(ring.server_of(key(i)) == 0);
}

TEST_CASE("HashRing: the busiest server has little more than its share, the idlest little less", "[hash_ring]") {
  for (const std::size_t count : {std::size_t{2}, std::size_t{3}, std::size_t{10}, std::size_t{50}}) {
    const HashRing ring(servers(count));
    std::vector<std::size_t> load(count);
    for (std::size_t i = 0; i < keys; ++i) ++load[ring.server_of(key(i))];
    const double share = static_cast<double>(keys) / static_cast<double>(count);
    CAPTURE(count);
    CHECK(static_cast<double>(*std::max_element(load.begin(), load.end())) < 1.35 * share);
    CHECK(static_cast<double>(*std::min_element(load.begin(), load.end())) > 0.7 * share);
  }
}

TEST_CASE("HashRing: a server that joins takes its share from the others, and nothing else moves", "[hash_ring]") {
  for (const std::size_t count : {std::size_t{1}, std::size_t{3}, std::size_t{10}}) {
    const HashRing before(servers(count));
    const HashRing after(servers(count + 1));
    std::size_t moved = 0;
    std::size_t elsewhere = 0;
    for (std::size_t i = 0; i < keys; ++i) {
      const std::size_t now = after.server_of(key(i));
      if (now == before.server_of(key(i))) continue;
      ++moved;
      elsewhere += now == count ? 0 : 1;
    }
    const double share = static_cast<double>(keys) / static_cast<double>(count + 1);
    CAPTURE(count, moved, share);
    CHECK(elsewhere == 0);
    CHECK(static_cast<double>(moved) < 1.3 * share);
    CHECK(static_cast<double>(moved) > 0.7 * share);
  }
}

TEST_CASE("HashRing: of a server that leaves, only its own keys move, and to all of the others", "[hash_ring]") {
  const std::size_t count = 10;
  const HashRing before(servers(count));
  auto rest = servers(count);
  rest.erase(rest.begin() + 4);
  const HashRing after(rest);
  std::vector<std::size_t> taken(count - 1);
  std::size_t others = 0;
  for (std::size_t i = 0; i < keys; ++i) {
    const std::size_t was = before.server_of(key(i));
    const std::size_t now = after.server_of(key(i));
    if (was == 4) {
      ++taken[now];
    } else {
      others += now == (was > 4 ? was - 1 : was) ? 0 : 1;
    }
  }
  CHECK(others == 0);
  CHECK(std::count(taken.begin(), taken.end(), 0U) == 0);
}

TEST_CASE("HashRing: the order in which servers are named does not matter", "[hash_ring]") {
  const auto names = servers(5);
  auto turned = names;
  std::reverse(turned.begin(), turned.end());
  const HashRing one(names);
  const HashRing other(turned);
  for (std::size_t i = 0; i < 1000; ++i) CHECK(names[one.server_of(key(i))] == turned[other.server_of(key(i))]);
}

TEST_CASE("HashRing: the next server that is wanted, or else the key's own", "[hash_ring]") {
  const HashRing ring(servers(3));
  std::vector<std::size_t> taken(3);
  for (std::size_t i = 0; i < 3000; ++i) {
    const std::size_t own = ring.server_of(key(i));
    CHECK(ring.server_of(key(i), [](std::size_t) { return true; }) == own);
    CHECK(ring.server_of(key(i), [](std::size_t) { return false; }) == own);
    const std::size_t other = ring.server_of(key(i), [own](std::size_t server) { return server != own; });
    CHECK(other != own);
    if (own == 0) ++taken[other];
  }
  CHECK(taken[1] > 0);
  CHECK(taken[2] > 0);
}

// What is stored where must not change with the version of the library.
TEST_CASE("HashRing: keys are where they were", "[hash_ring]") {
  const HashRing ring(servers(10));
  std::string where;
  for (std::size_t i = 0; i < 20; ++i) where += std::to_string(ring.server_of(key(i)));
  CHECK(where == "19228217425981510984");
}

}  // namespace
