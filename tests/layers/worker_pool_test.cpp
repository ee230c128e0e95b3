/// \file worker_pool_test.cpp
#include <larder/layers/worker_pool.hpp>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "tests/support/catch.hpp"

using namespace std::chrono_literals;
using larder::WorkerPool;

TEST_CASE("WorkerPool: bad input is refused", "[loading]") {
  CHECK_THROWS_AS(WorkerPool(0, 1), larder::InvalidArgumentError);
  CHECK_THROWS_AS(WorkerPool(1, 0), larder::InvalidArgumentError);
}

TEST_CASE("WorkerPool: jobs run at once, on as many threads as there are", "[loading][threads]") {
  WorkerPool pool(3, 10);
  std::promise<void> end;
  const auto ended = end.get_future().share();
  std::atomic<int> running{0};
  for (int i = 0; i < 5; ++i) {
    CHECK(pool.submit([&running, ended] {
      running.fetch_add(1);
      ended.wait();
    }));
  }
  while (running < 3) std::this_thread::sleep_for(100us);
  std::this_thread::sleep_for(2ms);
  CHECK(running == 3);
  end.set_value();
  while (running < 5) std::this_thread::sleep_for(100us);
}

TEST_CASE("WorkerPool: no more jobs wait than it has room for", "[loading][threads]") {
  std::atomic<int> ran{0};
  const auto held = std::make_shared<int>();
  std::promise<void> end;
  std::future<void> ending;
  {
    WorkerPool pool(1, 2);
    std::promise<void> begun;
    CHECK(pool.submit([&] {
      begun.set_value();
      end.get_future().wait();
      ran.fetch_add(1);
    }));
    begun.get_future().wait();
    CHECK(pool.submit([&ran, held] { ran.fetch_add(1); }));
    CHECK(pool.submit([&ran, held] { ran.fetch_add(1); }));
    CHECK_FALSE(pool.submit([&ran, held] { ran.fetch_add(1); }));
    CHECK(held.use_count() == 3);
    ending = std::async(std::launch::async, [&] {
      std::this_thread::sleep_for(5ms);
      end.set_value();
    });
  }
  CHECK(ran == 1);  // it waits for the job that runs, and drops the others
  CHECK(held.use_count() == 1);
}

TEST_CASE("WorkerPool: any number of threads may hand over jobs", "[loading][threads]") {
  std::atomic<int> ran{0};
  std::atomic<int> taken{0};
  {
    WorkerPool pool(2, 1000);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int job = 0; job < 500; ++job) {
          if (pool.submit([&ran] { ran.fetch_add(1); })) taken.fetch_add(1);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    while (ran < taken) std::this_thread::sleep_for(100us);
  }
  CHECK(taken > 0);
}
