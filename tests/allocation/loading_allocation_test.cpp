/// \file loading_allocation_test.cpp
/// LoadingCache where an allocation fails, each in turn: nobody is left waiting for a load that nobody leads.
#include <larder/layers/loading_cache.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>

#include <larder/call_deadline.hpp>
#include <larder/in_memory_backend.hpp>

#include "tests/allocation/allocation_hooks.hpp"
#include "tests/support/catch.hpp"

using namespace std::chrono_literals;
using larder::Bytes;
using Cache = larder::LoadingCache<>;

namespace {

const std::string key = "a key that is longer than a small string";

Bytes load(std::string_view wanted) { return Bytes("the value of " + std::string(wanted)); }

/// Calls `call` with a new cache each time, in which another allocation fails. Then whoever comes next gets the value.
void fail_each_allocation(const std::function<void(Cache&)>& call) {
  std::size_t number = 1;
  for (bool happened = true; happened; ++number) {
    CAPTURE(number);
    Cache cache(std::make_shared<larder::InMemoryBackend<>>(),
                {.ttl = 1h, .ttl_jitter = 0.1, .stale_if_error = 1h, .negative_ttl = 1h});
    {
      const larder_tests::FailingAllocation failing(number, false);
      try {
        call(cache);
      } catch (const std::bad_alloc&) {
      }
      happened = failing.happened();
    }
    const larder::CallDeadline deadline(2s);
    cache.invalidate(key);
    CHECK(cache.get(key, load) == load(key));
    CHECK(cache.get_if_present(key) == load(key));
  }
  CHECK(number > 5);
}

}  // namespace

TEST_CASE("LoadingCache: a load during which an allocation fails", "[loading]") {
  fail_each_allocation([](Cache& cache) {
    const Bytes value = cache.get(key, load);
    if (value != load(key)) throw std::logic_error("a wrong value");
  });
}

TEST_CASE("LoadingCache: a batch during which an allocation fails", "[loading]") {
  fail_each_allocation([](Cache& cache) {
    cache.get_many({key, "another key that is longer than a small string"}, [](std::span<const std::string_view> keys) {
      std::unordered_map<std::string, Bytes> found;
      for (const std::string_view wanted : keys) found.emplace(wanted, load(wanted));
      return found;
    });
  });
}

TEST_CASE("LoadingCache: a set, an invalidation and a refresh during which an allocation fails", "[loading]") {
  fail_each_allocation([](Cache& cache) {
    cache.set(key, "a value");
    cache.invalidate(key);
    cache.refresh(key, load);
  });
}

TEST_CASE("LoadingCache: a coroutine during which an allocation fails", "[loading]") {
  fail_each_allocation([](Cache& cache) {
    const auto ask = [](Cache& loading) -> larder::detail::Detached {
      co_await loading.async_get(key,
                                 [](std::string_view wanted) -> larder::LoadTask<Bytes> { co_return load(wanted); });
    };
    ask(cache);
  });
}
