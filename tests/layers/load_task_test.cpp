/// \file load_task_test.cpp
/// LoadTask: when it runs, and what it gives.
#include <larder/layers/load_task.hpp>

#include <coroutine>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "tests/support/catch.hpp"

using larder::LoadTask;

namespace {

/// Awaits a task at once, and keeps what it gives or throws.
struct Awaiting {
  struct promise_type {
    Awaiting get_return_object() const { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept {}
  };
};

template <class Result>
Awaiting await(LoadTask<Result> task, Result& result, std::string& error) {
  try {
    result = co_await task;
  } catch (const std::exception& thrown) {
    error = thrown.what();
  }
}

LoadTask<std::unique_ptr<int>> make(int number, int& runs) {
  ++runs;
  if (number < 0) throw std::runtime_error("negative");
  co_return std::make_unique<int>(number);
}

}  // namespace

TEST_CASE("LoadTask: it begins when it is awaited, and gives what it returns, be it movable only", "[loading]") {
  int runs = 0;
  std::unique_ptr<int> result;
  std::string error;
  auto task = make(7, runs);
  CHECK(runs == 0);
  await(std::move(task), result, error);
  CHECK(runs == 1);
  CHECK(*result == 7);
}

TEST_CASE("LoadTask: what it throws is thrown to who awaits it", "[loading]") {
  int runs = 0;
  std::unique_ptr<int> result;
  std::string error;
  await(make(-1, runs), result, error);
  CHECK(error == "negative");
  CHECK(runs == 1);
}

TEST_CASE("LoadTask: one that is assigned to lets go of what it was", "[loading]") {
  int runs = 0;
  std::unique_ptr<int> result;
  std::string error;
  auto task = make(1, runs);
  task = make(2, runs);
  await(std::move(task), result, error);
  CHECK(runs == 1);
  CHECK(*result == 2);
}
