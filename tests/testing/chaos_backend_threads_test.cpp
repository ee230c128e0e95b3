/// \file chaos_backend_threads_test.cpp
/// ChaosBackend under several threads.
#include <larder/testing/chaos_backend.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <larder/in_memory_backend.hpp>
#include <larder/testing/manual_clock.hpp>

#include "tests/support/call_witness.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/environment.hpp"
#include "tests/support/failing_calls.hpp"
#include "tests/support/message_of.hpp"

using larder::CacheError;
using larder::testing::ChaosBackend;
using larder::testing::ChaosCounts;
using larder::testing::ChaosFault;
using larder::testing::ChaosOptions;
using larder::testing::ManualClock;
using larder_tests::all_calls;
using larder_tests::failing_calls;
using larder_tests::message_of;
using larder_tests::NamedCall;

namespace {

std::string key_text(std::size_t number) { return "key " + std::to_string(number); }

}  // namespace

TEST_CASE("with several threads the same numbers fail as with one, and no count is lost", "[chaos][threads]") {
  constexpr std::size_t threads = 4;
  const std::size_t each = larder_tests::scaled(5000);
  const ChaosOptions options{.seed = 5, .errors = 0.2, .errors_after = 0.1, .delays = 0.5, .wait = [](auto) {}};
  ChaosBackend<> cache(std::make_shared<larder::InMemoryBackend<>>(), options);
  std::mutex mutex;
  std::set<std::size_t> failed;
  std::vector<std::thread> crowd;
  for (std::size_t thread = 0; thread < threads; ++thread) {
    crowd.emplace_back([&, thread] {
      for (std::size_t i = 0; i < each; ++i) {
        const std::string message = message_of<CacheError>([&] { cache.set(key_text(thread), "v"); });
        if (message.empty()) continue;
        const std::lock_guard lock(mutex);
        failed.insert(std::stoul(message.substr(message.find("(call ") + 6)));
      }
    });
  }
  for (std::thread& thread : crowd) thread.join();
  CHECK(failed == failing_calls(options, threads * each));
  const ChaosCounts injected = cache.injected();
  CHECK(injected.errors + injected.errors_after == failed.size());
  CHECK(cache.stats().errors == failed.size());
  CHECK(cache.stats().sets == threads * each - injected.errors);
}

TEST_CASE("a test may break, mend, calm and look while other threads use the cache", "[chaos][threads]") {
  ManualClock clock;
  ChaosBackend<> cache(
      std::make_shared<larder::InMemoryBackend<>>(),
      {.errors = 0.1, .lost_writes = 0.1, .delays = 0.5, .wait = [clock](auto by) mutable { clock.advance(by); }});
  std::atomic<std::uint64_t> failed{0};
  std::atomic<std::size_t> busy{3};
  std::vector<std::thread> crowd;
  for (std::size_t thread = 0; thread < 3; ++thread) {
    crowd.emplace_back([&] {
      for (std::size_t i = 0; i < larder_tests::scaled(20000); ++i) {
        const NamedCall& named = all_calls()[i % all_calls().size()];
        failed += message_of<CacheError>([&] { named.call(cache); }).empty() ? 0 : 1;
      }
      --busy;
    });
  }
  do {
    cache.fail_next(ChaosFault::timeout, 3);
    cache.calm();
    cache.break_store(ChaosFault::server);
    std::this_thread::yield();
    cache.stats();
    cache.mend_store();
    cache.resume();
    std::this_thread::yield();
  } while (busy > 0);
  for (std::thread& thread : crowd) thread.join();
  const ChaosCounts injected = cache.injected();
  CHECK(failed > 0);
  CHECK(injected.errors == failed);
  CHECK(cache.stats().errors == failed);
  CHECK(injected.total_delay == clock.now().time_since_epoch());
}
