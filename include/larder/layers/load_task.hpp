/// \file load_task.hpp
/// LoadTask: what `LoadingCache::async_get` gives to `co_await`.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

namespace larder {

/// A coroutine that begins when it is awaited, once, and then gives its result or throws its exception. The one who
/// awaits it goes on on whatever thread it ends. It must not be destroyed while another thread may be going on with it.
template <class Result>
class [[nodiscard]] LoadTask {
 public:
  class promise_type;
  using Handle = std::coroutine_handle<promise_type>;

  LoadTask(LoadTask&& other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
  LoadTask& operator=(LoadTask other) noexcept {
    std::swap(coroutine_, other.coroutine_);
    return *this;
  }
  ~LoadTask() {
    if (coroutine_) coroutine_.destroy();
  }

  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) noexcept {
    coroutine_.promise().awaiting = awaiting;
    return coroutine_;
  }
  Result await_resume() {
    promise_type& promise = coroutine_.promise();
    if (promise.error) std::rethrow_exception(std::exchange(promise.error, nullptr));
    return std::move(*promise.result);
  }

  class promise_type {
   public:
    LoadTask get_return_object() noexcept { return LoadTask(Handle::from_promise(*this)); }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    auto final_suspend() const noexcept { return ToTheAwaiting(); }
    void return_value(Result value) { result.emplace(std::move(value)); }
    void unhandled_exception() noexcept { error = std::current_exception(); }

   private:
    friend LoadTask;

    struct ToTheAwaiting {
      bool await_ready() const noexcept { return false; }
      std::coroutine_handle<> await_suspend(Handle ended) const noexcept { return ended.promise().awaiting; }
      void await_resume() const noexcept {}
    };

    std::optional<Result> result{};
    std::exception_ptr error{};
    std::coroutine_handle<> awaiting{};
  };

 private:
  explicit LoadTask(Handle coroutine) noexcept : coroutine_(coroutine) {}

  Handle coroutine_;
};

}  // namespace larder
