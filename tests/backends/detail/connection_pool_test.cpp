/// \file connection_pool_test.cpp
#include <larder/backends/detail/connection_pool.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/message_of.hpp"

namespace {

using larder::TimeoutError;
using larder::detail::Deadline;
using larder_tests::contains;
using larder_tests::message_of;
using namespace std::chrono_literals;

/// What the connections of one pool have in common.
struct World {
  std::atomic<int> opened{0};
  std::atomic<int> open{0};
  std::atomic<bool> usable{true};
};

struct Connection {
  explicit Connection(World& its_world) : world(its_world), number(++its_world.opened) { ++world.open; }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { --world.open; }
  bool is_usable() const noexcept { return world.usable; }

  World& world;
  const int number;
};

using Pool = larder::detail::ConnectionPool<Connection>;

Pool::Open in(World& world) {
  return [&world](const Deadline&) { return std::make_unique<Connection>(world); };
}

Deadline soon() { return Deadline::in(30ms); }

TEST_CASE("ConnectionPool: opens a connection when one is needed, and lends it again", "[connection_pool]") {
  World world;
  Pool pool(3, in(world));
  CHECK(world.opened == 0);
  for (int i = 0; i < 5; ++i) {
    auto lease = pool.lend(soon());
    CHECK(lease->number == 1);
    lease.give_back();
  }
  CHECK(world.opened == 1);
  CHECK(pool.idle() == 1);
}

TEST_CASE("ConnectionPool: closes what is not given back", "[connection_pool]") {
  World world;
  Pool pool(1, in(world));
  { const auto lease = pool.lend(soon()); }
  CHECK(world.open == 0);
  CHECK(pool.idle() == 0);
  CHECK(pool.lend(soon())->number == 2);
}

TEST_CASE("ConnectionPool: lends what was used last", "[connection_pool]") {
  World world;
  Pool pool(2, in(world));
  auto first = pool.lend(soon());
  auto second = pool.lend(soon());
  first.give_back();
  second.give_back();
  CHECK(pool.lend(soon())->number == 2);
}

TEST_CASE("ConnectionPool: has no more connections than its size, and says so", "[connection_pool]") {
  World world;
  Pool pool(2, in(world));
  auto first = pool.lend(soon());
  const auto second = pool.lend(soon());
  CHECK(contains(message_of<TimeoutError>([&] { pool.lend(soon()); }), "all 2 connections were in use for 30 ms"));
  first.give_back();
  CHECK(pool.lend(soon())->number == 1);
}

TEST_CASE("ConnectionPool: what cannot be opened takes no room", "[connection_pool]") {
  int attempts = 0;
  Pool pool(1, [&attempts](const Deadline&) -> std::unique_ptr<Connection> {
    ++attempts;
    throw std::runtime_error("refused");
  });
  for (int i = 0; i < 3; ++i) CHECK_THROWS_AS(pool.lend(soon()), std::runtime_error);
  CHECK(attempts == 3);
}

TEST_CASE("ConnectionPool: does not lend a connection that went bad while nobody used it", "[connection_pool]") {
  World world;
  Pool pool(2, in(world));
  auto first = pool.lend(soon());
  auto second = pool.lend(soon());
  first.give_back();
  second.give_back();
  world.usable = false;
  CHECK_FALSE(pool.lend_idle().has_value());
  CHECK(world.open == 0);
  CHECK(pool.lend(soon())->number == 3);
}

TEST_CASE("ConnectionPool: close_idle leaves those that are lent", "[connection_pool]") {
  World world;
  Pool pool(3, in(world));
  auto lent = pool.lend(soon());
  auto idle = pool.lend(soon());
  idle.give_back();
  pool.close_idle();
  CHECK(world.open == 1);
  lent.give_back();
  CHECK(pool.idle() == 1);
}

TEST_CASE("ConnectionPool: who waits gets the room of a connection that was closed", "[connection_pool][threads]") {
  World world;
  Pool pool(1, in(world));
  std::optional<Pool::Lease> lease(pool.lend(soon()));
  std::thread closer([&lease] {
    std::this_thread::sleep_for(20ms);
    lease.reset();
  });
  CHECK(pool.lend(Deadline::in(10s))->number == 2);
  closer.join();
}

TEST_CASE("ConnectionPool: many threads share few connections, each for itself", "[connection_pool][threads]") {
  World world;
  Pool pool(3, in(world));
  std::atomic<int> most = 0;
  std::vector<std::atomic<int>> users(1000);
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      for (int j = 0; j < 300; ++j) {
        auto lease = pool.lend(Deadline::in(30s));
        const auto number = static_cast<std::size_t>(lease->number) % users.size();
        if (++users[number] != 1) most = 1'000'000;
        for (int seen = most, open = world.open; open > seen && !most.compare_exchange_weak(seen, open);) {
        }
        --users[number];
        if ((i + j) % 20 != 0) lease.give_back();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(most <= 3);
  CHECK(world.open <= 3);
}

}  // namespace
