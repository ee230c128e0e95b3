/// \file loading_cache_threads_test.cpp
/// LoadingCache under many threads: one load for all, and nobody hangs, whatever the loader does.
#include <larder/layers/loading_cache.hpp>

#include <atomic>
#include <barrier>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <future>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include <larder/in_memory_backend.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/environment.hpp"
#include "tests/support/loading_fixture.hpp"
#include "tests/support/random.hpp"

using larder::Bytes;
using larder::LoadingCache;
using namespace std::chrono_literals;

namespace {

using Memory = larder::InMemoryBackend<>;

constexpr std::size_t callers = 64;

/// AddressSanitizer has seen it all after a few.
constexpr std::size_t runs = larder_tests::address_sanitized ? 1'000 : 10'000;

/// Has `callers` threads call `call(thread, run)` at the same time, again and again.
template <class Call>
void in_runs(const Call& call) {
  std::barrier start(static_cast<std::ptrdiff_t>(callers));
  std::vector<std::thread> threads;
  for (std::size_t thread = 0; thread < callers; ++thread) {
    threads.emplace_back([&, thread] {
      for (std::size_t run = 0; run < runs; ++run) {
        start.arrive_and_wait();
        call(thread, run);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

std::chrono::nanoseconds processor_time() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

TEST_CASE("LoadingCache: of 64 threads that want one key one loads, in each of 10,000 runs", "[loading][threads]") {
  LoadingCache<> cache(std::make_shared<Memory>());
  std::vector<std::atomic<int>> loads(runs);
  std::atomic<std::size_t> wrong{0};
  in_runs([&](std::size_t, std::size_t run) {
    const std::string key = std::to_string(run);
    const Bytes value = cache.get(key, [&](std::string_view wanted) {
      loads[run].fetch_add(1);
      if (run % 4 == 0) std::this_thread::yield();
      return Bytes(wanted);
    });
    if (value != Bytes(key)) wrong.fetch_add(1);
  });
  std::size_t not_once = 0;
  for (const auto& count : loads) not_once += count.load() == 1 ? 0 : 1;
  CHECK(not_once == 0);
  CHECK(wrong == 0);
  CHECK(cache.stats().loads == runs);
  CHECK(cache.stats().failures == 0);
}

TEST_CASE("LoadingCache: of 64 threads with loaders that throw at random none hangs, and what succeeds is loaded once",
          "[loading][threads]") {
  LoadingCache<> cache(std::make_shared<Memory>());
  std::vector<std::atomic<int>> successes(runs);
  std::atomic<int> loading{0};
  std::atomic<std::size_t> two_at_once{0};
  std::atomic<std::size_t> wrong{0};
  std::atomic<std::uint64_t> loads{0};
  std::atomic<std::uint64_t> failed{0};
  std::atomic<std::uint64_t> odd{0};
  in_runs([&](std::size_t thread, std::size_t run) {
    larder_tests::Random random(run * callers + thread);
    const std::string key = std::to_string(run);
    try {
      const Bytes value = cache.get(key, [&](std::string_view wanted) {
        loads.fetch_add(1);
        if (loading.fetch_add(1) != 0) two_at_once.fetch_add(1);
        const auto fate = random.below(8);
        if (fate < 2) std::this_thread::yield();
        loading.fetch_sub(1);
        if (fate == 3) throw std::runtime_error("failed");
        if (fate == 4) throw larder::LoadCancelledError("cancelled");
        if (fate == 5) throw 5;
        successes[run].fetch_add(1);
        return Bytes(wanted);
      });
      if (value != Bytes(key)) wrong.fetch_add(1);
    } catch (const std::runtime_error&) {
      failed.fetch_add(1);
    } catch (int) {
      odd.fetch_add(1);
    }
  });
  std::size_t more_than_once = 0;
  for (const auto& count : successes) more_than_once += count.load() > 1 ? 1 : 0;
  CHECK(more_than_once == 0);
  CHECK(two_at_once == 0);
  CHECK(wrong == 0);
  CHECK(failed > 0);
  CHECK(odd > 0);
  CHECK(cache.stats().loads == loads);
}

TEST_CASE("LoadingCache: waiting for a load burns no processor time", "[loading][threads]") {
  LoadingCache<> cache(std::make_shared<Memory>());
  std::promise<void> end;
  std::shared_future<void> ended = end.get_future().share();
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < callers; ++i) {
    threads.emplace_back([&] {
      cache.get("k", [&] {
        ended.wait();
        return Bytes("v");
      });
    });
  }
  while (cache.stats().joined < callers - 1) std::this_thread::sleep_for(1ms);
  const auto before = processor_time();
  const auto begin = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(500ms);
  const auto used = processor_time() - before;
  const auto passed = std::chrono::steady_clock::now() - begin;
  end.set_value();
  for (std::thread& thread : threads) thread.join();
  INFO("of " << passed.count() << " ns, the process computed for " << used.count() << " ns");
  CHECK(used * 20 < passed);
}

TEST_CASE("LoadingCache: loaders that wait for one another across threads are told, and nobody hangs",
          "[loading][threads]") {
  LoadingCache<> cache(std::make_shared<Memory>());
  std::barrier both(2);
  std::atomic<int> recursive{0};
  const auto load = [&](const std::string& other) {
    return [&, other](std::string_view key) {
      both.arrive_and_wait();
      try {
        return cache.get(other, [&](std::string_view inner) {
          both.arrive_and_drop();
          return Bytes(inner);
        });
      } catch (const larder::RecursiveLoadError&) {
        recursive.fetch_add(1);
        return Bytes(key);
      }
    };
  };
  auto first = std::async(std::launch::async, [&] { return cache.get("a", load("b")); });
  auto second = std::async(std::launch::async, [&] { return cache.get("b", load("a")); });
  const Bytes a = first.get();
  CHECK(second.get() == a);
  CHECK(recursive == 1);
}

TEST_CASE("LoadingCache: a set wins over every load that has begun before it ends", "[loading][threads]") {
  LoadingCache<> cache(std::make_shared<Memory>());
  std::atomic<std::uint64_t> written{0};
  std::atomic<bool> done{false};
  std::atomic<std::size_t> wrong{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&, i] {
      while (!done.load()) {
        const std::uint64_t known = written.load();
        // What there was before the last write; the value comes late.
        const Bytes value = cache.get("k", [&] {
          const std::uint64_t old = written.load();
          if (i == 0) std::this_thread::sleep_for(20us);
          return Bytes(std::to_string(old));
        });
        if (std::stoull(value.str()) < known) wrong.fetch_add(1);
      }
    });
  }
  const std::size_t writes = larder_tests::scaled(20'000);
  for (std::uint64_t version = 1; version <= writes; ++version) {
    if (version % 3 == 0) {
      cache.invalidate("k");
    } else {
      cache.set("k", Bytes(std::to_string(version)));
      written.store(version);
      const auto now = cache.get_if_present("k");
      if (now != Bytes(std::to_string(version))) wrong.fetch_add(1);
    }
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  CHECK(wrong == 0);
}

TEST_CASE("LoadingCache: under threads every way to ask goes together", "[loading][threads]") {
  larder::LoadingOptions options{.ttl = 2ms, .ttl_jitter = 0.5, .stale_while_revalidate = 3ms, .stale_if_error = 5ms};
  options.retry_interval = 1ms;
  options.early_refresh_beta = 1;
  LoadingCache<> cache(std::make_shared<Memory>(), options);
  std::atomic<std::size_t> wrong{0};
  std::vector<std::thread> threads;
  const std::size_t calls = larder_tests::scaled(20'000);
  for (std::size_t thread = 0; thread < 6; ++thread) {
    threads.emplace_back([&, thread] {
      larder_tests::Random random(thread);
      for (std::size_t call = 0; call < calls; ++call) {
        const std::string key = std::to_string(random.below(8));
        const bool fails = random.below(10) == 0;
        const auto load = [fails](std::string_view wanted) {
          if (fails) throw std::runtime_error("failed");
          return Bytes(wanted);
        };
        try {
          switch (random.below(12)) {
            case 0: cache.invalidate(key); break;
            case 1: cache.set(key, Bytes(key)); break;
            case 2: cache.refresh(key, load); break;
            case 3: {
              const std::string other = std::to_string(random.below(8));
              const auto found = cache.get_many({key, other}, [load](std::span<const std::string_view> keys) {
                std::unordered_map<std::string, Bytes> values;
                for (const std::string_view wanted : keys) values.emplace(wanted, load(wanted));
                return values;
              });
              for (const auto& [name, value] : found) wrong += value == Bytes(name) ? 0U : 1U;
              if (found.count(key) == 0) wrong.fetch_add(1);
              break;
            }
            case 4:
              if (call % 64 == 0) cache.invalidate_all();
              break;
            default:
              if (cache.get(key, load) != Bytes(key)) wrong.fetch_add(1);
          }
        } catch (const std::runtime_error&) {  // of our own loader, or of somebody else's
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE(
    "LoadingCache: while the origin is down for a minute, no thread sees an error, and it is asked once a key in a "
    "retry interval",
    "[loading][threads]") {
  larder_tests::LoadingFixture fixture;
  larder::LoadingOptions options = fixture.in_virtual_time({.ttl = 5s, .stale_if_error = 5min, .retry_interval = 2s});
  options.executor = {};
  LoadingCache<> cache(fixture.memory, options);
  constexpr std::size_t keys = 20;
  for (std::size_t i = 0; i < keys; ++i) cache.get(std::to_string(i), [] { return Bytes("old"); });
  std::atomic<bool> done{false};
  std::atomic<std::size_t> calls{0};
  std::atomic<std::size_t> errors{0};
  std::atomic<std::size_t> served{0};
  std::vector<std::thread> threads;
  for (std::size_t thread = 0; thread < 6; ++thread) {
    threads.emplace_back([&, thread] {
      larder_tests::Random random(thread);
      while (!done.load()) {
        try {
          const Bytes value = cache.get(std::to_string(random.below(keys)), [&calls]() -> Bytes {
            calls.fetch_add(1);
            throw std::runtime_error("the origin is down");
          });
          if (value == Bytes("old")) served.fetch_add(1);
        } catch (const std::runtime_error&) {
          errors.fetch_add(1);
        }
      }
    });
  }
  for (int passed = 0; passed < 600; ++passed) {  // a minute
    fixture.clock.advance(100ms);
    const std::size_t enough = served + errors + keys * 5;  // requests, before time goes on
    while (served + errors < enough) std::this_thread::sleep_for(50us);
  }
  done = true;
  for (std::thread& thread : threads) thread.join();
  CHECK(errors == 0);
  CHECK(served > keys * 100);
  CHECK(calls < keys * 60 / 2);
  CHECK(calls > keys * 60 / 2 / 2);
}
