/// \file lease_checks.hpp
/// What every kind of LoadLeases must do, and how two processes load by them.
#pragma once

#include <larder/layers/loading_cache.hpp>
#include <larder/load_leases.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/support/catch.hpp"

namespace larder_tests {

/// `ours` and `theirs` are of two processes that share them.
inline void check_leases(larder::LoadLeases& ours, larder::LoadLeases& theirs) {
  using namespace std::chrono_literals;
  for (const std::string& key :
       {std::string("k"), std::string(), std::string("a b\r\n\0c", 8), std::string(400, 'x')}) {
    const auto token = ours.acquire(key, 1min);
    REQUIRE(token);
    CHECK_FALSE(theirs.acquire(key, 1min));
    CHECK_FALSE(ours.acquire(key, 1min));
    CHECK(theirs.acquire("another " + key.substr(0, 10), 1s));
    CHECK(ours.holds(key, *token));
    CHECK_FALSE(theirs.holds(key, "1"));
    CHECK_FALSE(theirs.release(key, "1"));
    CHECK_FALSE(theirs.release(key, "no token"));
    CHECK(ours.holds(key, *token));
    CHECK(theirs.release(key, *token));
    CHECK_FALSE(ours.holds(key, *token));
    CHECK_FALSE(ours.release(key, *token));
    const auto next = theirs.acquire(key, 1min);
    REQUIRE(next);
    CHECK(next != token);
    CHECK_FALSE(ours.release(key, *token));  // an old token is nobody's
    ours.revoke(key);
    CHECK_FALSE(theirs.holds(key, *next));
    ours.revoke(key);
    CHECK(ours.acquire(key, 1min));
  }
  ours.revoke_all();
  CHECK(theirs.acquire("k", 1ms));
  const auto begin = std::chrono::steady_clock::now();
  while (!ours.acquire("k", 1min)) {  // by itself, when its time is over
    REQUIRE(std::chrono::steady_clock::now() - begin < 10s);
    std::this_thread::sleep_for(5ms);
  }
}

/// `connect()` gives a cache of another process each time, with leases.
template <class Connect>
void check_that_processes_load_once(const Connect& connect, const std::string& key) {
  using namespace std::chrono_literals;
  constexpr std::size_t processes = 3;
  constexpr std::size_t threads_of_each = 3;
  constexpr int runs = 20;
  std::vector<std::unique_ptr<larder::LoadingCache<>>> caches;
  for (std::size_t i = 0; i < processes; ++i) caches.push_back(connect());
  std::atomic<int> loads{0};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < processes * threads_of_each; ++i) {
    threads.emplace_back([&, i] {
      for (int run = 0; run < runs; ++run) {
        const std::string name = key + std::to_string(run);
        try {
          const larder::Bytes value = caches[i % processes]->get(name, [&](std::string_view wanted) {
            loads.fetch_add(1);
            std::this_thread::sleep_for(2ms);
            return larder::Bytes(wanted);
          });
          if (value != larder::Bytes(name)) wrong.fetch_add(1);
        } catch (const larder::CacheError&) {
          wrong.fetch_add(1);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(loads == runs);
}

}  // namespace larder_tests
