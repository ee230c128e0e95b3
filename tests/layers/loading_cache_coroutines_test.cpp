/// \file loading_cache_coroutines_test.cpp
/// LoadingCache by coroutines: the same flights, and no thread that waits.
#include <larder/layers/loading_cache.hpp>

#include <atomic>
#include <chrono>
#include <coroutine>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <larder/in_memory_backend.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/loading_fixture.hpp"

using namespace std::chrono_literals;
using larder::Bytes;
using larder::LoadingCache;
using larder::LoadTask;
using larder_tests::LoadingFixture;

namespace {

using Memory = larder::InMemoryBackend<>;

/// A coroutine that begins at once, and whose outcome is looked at later. It may be destroyed before.
template <class Result>
class Started {
 public:
  struct promise_type {
    std::optional<Result> result{};
    std::exception_ptr error{};
    bool ended = false;

    Started get_return_object() { return Started(std::coroutine_handle<promise_type>::from_promise(*this)); }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_always final_suspend() noexcept {
      ended = true;
      return {};
    }
    void return_value(Result value) { result.emplace(std::move(value)); }
    void unhandled_exception() { error = std::current_exception(); }
  };

  explicit Started(std::coroutine_handle<promise_type> coroutine) : coroutine_(coroutine) {}
  Started(Started&& other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
  Started& operator=(Started&&) = delete;
  ~Started() { destroy(); }

  void destroy() {
    if (coroutine_) std::exchange(coroutine_, nullptr).destroy();
  }
  bool ended() const { return coroutine_.promise().ended; }
  Result get() const {
    REQUIRE(ended());
    if (coroutine_.promise().error) std::rethrow_exception(coroutine_.promise().error);
    return *coroutine_.promise().result;
  }

 private:
  std::coroutine_handle<promise_type> coroutine_;
};

/// Something to wait for, until the test opens it.
class Gate {
 public:
  struct Awaiter {
    Gate& gate;
    bool await_ready() const { return gate.open_; }
    void await_suspend(std::coroutine_handle<> awaiting) const { gate.waiting_.push_back(awaiting); }
    void await_resume() const {}
  };
  Awaiter operator co_await() { return {*this}; }

  void open() {
    open_ = true;
    for (const auto waiting : std::exchange(waiting_, {})) waiting.resume();
  }
  void forget() { waiting_.clear(); }
  std::size_t waiting() const { return waiting_.size(); }

 private:
  bool open_ = false;
  std::vector<std::coroutine_handle<>> waiting_;
};

LoadTask<Bytes> load_later(Gate& gate, std::string value) {
  co_await gate;
  co_return Bytes(value);
}

template <class Loader>
Started<Bytes> start(LoadingCache<>& cache, std::string key, Loader loader) {
  Bytes value = co_await cache.async_get(std::move(key), std::move(loader));
  co_return value;
}

}  // namespace

TEST_CASE("async_get: a miss is awaited and stored, a hit is there at once", "[loading]") {
  LoadingCache<> cache(std::make_shared<Memory>());
  Gate gate;
  const auto load = [&](std::string_view key) { return load_later(gate, "value of " + std::string(key)); };
  auto first = start(cache, "k", load);
  CHECK_FALSE(first.ended());
  gate.open();
  CHECK(first.get() == Bytes("value of k"));
  CHECK(start(cache, "k", load).get() == Bytes("value of k"));
  CHECK(cache.backend().get("k") == Bytes("value of k"));
  CHECK(cache.stats().loads == 1);
}

TEST_CASE("async_get: of many coroutines one loads, and the others go on with its value", "[loading]") {
  LoadingCache<> cache(std::make_shared<Memory>());
  Gate gate;
  std::vector<Started<Bytes>> all;
  for (int i = 0; i < 100; ++i) {
    all.push_back(start(cache, "k", [&, i](std::string_view) { return load_later(gate, std::to_string(i)); }));
  }
  CHECK(gate.waiting() == 1);
  CHECK(cache.stats().joined == 99);
  gate.open();
  for (const auto& each : all) CHECK(each.get() == Bytes("0"));
  CHECK(cache.stats().loads == 1);
}

TEST_CASE("async_get: an exception reaches all of them", "[loading]") {
  LoadingCache<> cache(std::make_shared<Memory>());
  Gate gate;
  const auto fail = [&](std::string_view) -> LoadTask<Bytes> {
    co_await gate;
    throw std::runtime_error("down");
  };
  auto first = start(cache, "k", fail);
  auto second = start(cache, "k", fail);
  gate.open();
  CHECK_THROWS_WITH(first.get(), "down");
  CHECK_THROWS_WITH(second.get(), "down");
  CHECK(cache.stats().failures == 1);
  CHECK_FALSE(cache.backend().exists("k"));
  const auto refuse = [](std::string_view) -> LoadTask<Bytes> { throw std::logic_error("not even begun"); };
  CHECK_THROWS_AS(start(cache, "k", refuse).get(), std::logic_error);
}

TEST_CASE("async_get: a leader that is destroyed leaves the load to one who waits", "[loading]") {
  LoadingCache<> cache(std::make_shared<Memory>());
  Gate never;
  Gate gate;
  auto leader = start(cache, "k", [&](std::string_view) { return load_later(never, "never"); });
  auto first = start(cache, "k", [&](std::string_view) { return load_later(gate, "taken over"); });
  auto gone = start(cache, "k", [&](std::string_view) { return load_later(gate, "gone"); });
  auto second = start(cache, "k", [&](std::string_view) { return load_later(gate, "taken over"); });
  gone.destroy();
  never.forget();
  leader.destroy();
  CHECK(gate.waiting() == 1);
  gate.open();
  CHECK(first.get() == Bytes("taken over"));
  CHECK(second.get() == Bytes("taken over"));
}

TEST_CASE("async_get: threads and coroutines share flights", "[loading][threads]") {
  LoadingCache<> cache(std::make_shared<Memory>());
  Gate gate;
  auto led = start(cache, "k", [&](std::string_view) { return load_later(gate, "by a coroutine"); });
  auto thread = std::async(std::launch::async, [&] { return cache.get("k", [] { return Bytes("by a thread"); }); });
  while (cache.stats().joined == 0) std::this_thread::sleep_for(100us);
  gate.open();
  CHECK(led.get() == Bytes("by a coroutine"));
  CHECK(thread.get() == Bytes("by a coroutine"));

  std::promise<void> begun;
  std::promise<void> end;
  thread = std::async(std::launch::async, [&] {
    return cache.get("j", [&] {
      begun.set_value();
      end.get_future().wait();
      return Bytes("by a thread");
    });
  });
  begun.get_future().wait();
  auto waiting = start(cache, "j", [&](std::string_view) { return load_later(gate, "by a coroutine"); });
  CHECK_FALSE(waiting.ended());
  end.set_value();
  CHECK(thread.get() == Bytes("by a thread"));  // it goes on with the coroutine before it returns
  CHECK(waiting.get() == Bytes("by a thread"));
}

TEST_CASE("async_get: a loader that asks for its own key before it waits is told so", "[loading]") {
  LoadingCache<> cache(std::make_shared<Memory>());
  const auto inner = [](std::string_view) -> LoadTask<Bytes> { co_return Bytes("inner"); };
  const auto lazy = [&](std::string_view key) -> LoadTask<Bytes> {
    const Bytes value = co_await cache.async_get(std::string(key), inner);
    co_return value;
  };
  CHECK_THROWS_AS(start(cache, "k", lazy).get(), larder::RecursiveLoadError);
  const auto eager = [&](std::string_view key) -> Started<Bytes> { return start(cache, std::string(key), inner); };
  const auto by_eager = [&](std::string_view key) -> LoadTask<Bytes> { co_return eager(key).get(); };
  CHECK_THROWS_AS(start(cache, "k", by_eager).get(), larder::RecursiveLoadError);
  const auto other = [&](std::string_view) -> LoadTask<Bytes> {
    const Bytes value = co_await cache.async_get("other", inner);
    co_return value;
  };
  CHECK(start(cache, "k", other).get() == Bytes("inner"));
  // What goes on when the load has ended is not in it any more.
  const auto twice = [](LoadingCache<>& loading, auto load) -> Started<Bytes> {
    co_await loading.async_get("t", load);
    loading.invalidate("t");
    Bytes value = co_await loading.async_get("t", load);
    co_return value;
  };
  CHECK(twice(cache, inner).get() == Bytes("inner"));
}

TEST_CASE("async_get: loaders may return any awaitable, and less than a value", "[loading]") {
  LoadingCache<> cache(std::make_shared<Memory>());
  struct Ready {
    bool await_ready() const { return true; }
    void await_suspend(std::coroutine_handle<>) const {}
    std::string await_resume() const { return "ready"; }
  };
  struct Declines {
    bool await_ready() const { return false; }
    bool await_suspend(std::coroutine_handle<>) const { return false; }
    Bytes await_resume() const { return "declined"; }
  };
  struct Converts {
    Ready operator co_await() && { return {}; }
  };
  CHECK(start(cache, "ready", [] { return Ready(); }).get() == Bytes("ready"));
  CHECK(start(cache, "declines", [] { return Declines(); }).get() == Bytes("declined"));
  CHECK(start(cache, "converts", [] { return Converts(); }).get() == Bytes("ready"));
  Ready one;
  CHECK(start(cache, "reference", [&one]() -> Ready& { return one; }).get() == Bytes("ready"));
  const auto ask = [](LoadingCache<>& loading) -> Started<std::optional<Bytes>> {
    auto value = co_await loading.async_get(
        "none", []() -> LoadTask<std::optional<Bytes>> { co_return std::optional<Bytes>(); });
    co_return value;
  };
  CHECK_FALSE(ask(cache).get().has_value());
}

TEST_CASE("async_get: a stale value is served at once, and loaded anew without anybody waiting", "[loading]") {
  LoadingFixture fixture;
  auto cache = fixture.cache({.ttl = 10s, .stale_while_revalidate = 10s, .stale_if_error = 1min});
  cache.set("k", "old");
  fixture.clock.advance(10s);
  Gate gate;
  const auto load = [&](std::string_view) { return load_later(gate, "new"); };
  CHECK(start(cache, "k", load).get() == Bytes("old"));
  CHECK(start(cache, "k", load).get() == Bytes("old"));
  CHECK(gate.waiting() == 1);
  gate.open();
  CHECK(start(cache, "k", load).get() == Bytes("new"));
  CHECK(cache.stats().stale_served == 2);
  CHECK(cache.stats().refreshes == 1);
  fixture.clock.advance(20s);
  const auto fail = [](std::string_view) -> LoadTask<Bytes> {
    throw std::runtime_error("down");
    co_return Bytes();
  };
  CHECK(start(cache, "k", fail).get() == Bytes("new"));
}

TEST_CASE("async_get: an old value goes when the loader says that there is none any more", "[loading]") {
  LoadingFixture fixture;
  auto cache = fixture.cache({.ttl = 10s, .stale_while_revalidate = 10s, .stale_if_error = 1min});
  const auto absent = [](std::string_view) -> LoadTask<std::optional<Bytes>> { co_return std::nullopt; };
  const auto ask = [&]() -> Started<std::optional<Bytes>> {
    std::optional<Bytes> value = co_await cache.async_get("k", absent);
    co_return value;
  };
  cache.set("k", "old");
  fixture.clock.advance(10s);
  CHECK(ask().get() == Bytes("old"));
  CHECK_FALSE(fixture.memory->exists("k"));
  cache.set("k", "old");
  fixture.clock.advance(20s);
  CHECK_FALSE(ask().get().has_value());
  CHECK_FALSE(fixture.memory->exists("k"));
}

TEST_CASE("async_get: a set during a load wins", "[loading]") {
  LoadingCache<> cache(std::make_shared<Memory>());
  Gate gate;
  auto load = start(cache, "k", [&](std::string_view) { return load_later(gate, "loaded"); });
  cache.set("k", "set");
  gate.open();
  CHECK(load.get() == Bytes("loaded"));
  CHECK(cache.get_if_present("k") == Bytes("set"));
}

TEST_CASE("async_get: a task that is never awaited does nothing", "[loading]") {
  LoadingCache<> cache(std::make_shared<Memory>());
  Gate gate;
  {
    auto task = cache.async_get("k", [&](std::string_view) { return load_later(gate, "v"); });
    auto moved = std::move(task);
    task = std::move(moved);
  }
  CHECK(cache.stats().loads == 0);
}

TEST_CASE("async_get: coroutines on many threads load each key once", "[loading][threads]") {
  LoadingCache<> cache(std::make_shared<Memory>());
  larder::WorkerPool pool(4, 100'000);
  struct Hop {
    larder::WorkerPool& pool;
    bool await_ready() const { return false; }
    bool await_suspend(std::coroutine_handle<> awaiting) const {
      return pool.submit([awaiting] { awaiting.resume(); });
    }
    void await_resume() const {}
  };
  constexpr int keys = 500;
  constexpr int callers = 16;
  std::vector<std::atomic<int>> loads(keys);
  std::atomic<int> wrong{0};
  std::atomic<int> ended{0};
  const auto load = [&](int number) -> LoadTask<Bytes> {
    loads[static_cast<std::size_t>(number)].fetch_add(1);
    co_await Hop{pool};
    co_return Bytes(std::to_string(number));
  };
  const auto ask = [&](int number) -> larder::detail::Detached {
    co_await Hop{pool};
    const Bytes value = co_await cache.async_get(std::to_string(number), [&, number] { return load(number); });
    if (value != Bytes(std::to_string(number))) wrong.fetch_add(1);
    ended.fetch_add(1);
  };
  for (int number = 0; number < keys; ++number) {
    for (int caller = 0; caller < callers; ++caller) ask(number);
  }
  while (ended < keys * callers) std::this_thread::sleep_for(1ms);
  CHECK(wrong == 0);
  int not_once = 0;
  for (const auto& count : loads) not_once += count == 1 ? 0 : 1;
  CHECK(not_once == 0);
}
