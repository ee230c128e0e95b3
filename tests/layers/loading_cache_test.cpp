/// \file loading_cache_test.cpp
/// LoadingCache: what loaders may do, who gets what, and what is kept.
#include <larder/layers/loading_cache.hpp>

#include <chrono>
#include <cstddef>
#include <future>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include <pthread.h>

#include <larder/call_deadline.hpp>
#include <larder/in_memory_backend.hpp>
#include <larder/testing/chaos_backend.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/environment.hpp"
#include "tests/support/loading_fixture.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/throwing_types.hpp"

using namespace std::chrono_literals;
using larder::Bytes;
using larder::LoadingCache;
using larder::LoadingOptions;
using larder::Ttl;
using larder_tests::contains;
using larder_tests::LoadingFixture;

namespace {

using Memory = larder::InMemoryBackend<>;
using Keys = std::span<const std::string_view>;
using Found = std::unordered_map<std::string, Bytes>;

const std::optional<Bytes> nothing;

/// A load that the test holds up.
class SlowLoad {
 public:
  /// Begins it on a thread of its own, and waits until it is under way.
  SlowLoad(LoadingCache<>& cache, std::string key, Bytes value)
      : caller_(std::async(std::launch::async, [this, &cache, key = std::move(key), value = std::move(value)] {
          return cache.get(key, [&] {
            begun_.set_value();
            end_.get_future().wait();
            if (fails_) throw std::runtime_error("failed late");
            return value;
          });
        })) {
    begun_.get_future().wait();
  }
  /// Result: what its caller gets.
  Bytes finish() {
    end_.set_value();
    return caller_.get();
  }
  void fail() { fails_ = true; }

 private:
  std::promise<void> begun_;
  std::promise<void> end_;
  bool fails_ = false;
  std::future<Bytes> caller_;
};

/// A caller who waits for a load.
std::future<Bytes> join(LoadingCache<>& cache, const std::string& key, const std::string& otherwise) {
  const auto before = cache.stats().joined;
  auto caller = std::async(std::launch::async,
                           [&cache, key, otherwise] { return cache.get(key, [&] { return Bytes(otherwise); }); });
  while (cache.stats().joined == before) std::this_thread::sleep_for(100us);
  return caller;
}

}  // namespace

TEST_CASE("LoadingCache: bad input is refused by its name", "[loading]") {
  CHECK(contains(larder_tests::message_of<larder::InvalidArgumentError>([] { LoadingCache<> cache(nullptr); }),
                 "wrapped = nullptr"));
  CHECK_THROWS_AS(LoadingCache<>(std::make_shared<Memory>(), {.threads = 0}), larder::InvalidArgumentError);
  LoadingCache<> cache(std::make_shared<Memory>());
  CHECK_THROWS_AS(cache.get("k"), larder::InvalidArgumentError);
  CHECK_THROWS_AS(cache.refresh("k"), larder::InvalidArgumentError);
}

TEST_CASE("LoadingCache: a miss is loaded and stored, a hit is not loaded", "[loading]") {
  const auto memory = std::make_shared<Memory>();
  LoadingCache<> cache(memory);
  int loads = 0;
  const auto load = [&loads](std::string_view key) {
    ++loads;
    return Bytes("value of " + std::string(key));
  };
  CHECK(cache.get("k", load) == Bytes("value of k"));
  CHECK(cache.get("k", load) == Bytes("value of k"));
  CHECK(loads == 1);
  CHECK(memory->get("k") == Bytes("value of k"));
  CHECK(&cache.backend() == memory.get());
  CHECK(memory->stats().hits == 2);
  CHECK(memory->stats().misses == 1);
  CHECK(cache.get_if_present("other") == nothing);
}

TEST_CASE("LoadingCache: loaders of every shape", "[loading]") {
  LoadingCache<int, std::string> cache(std::make_shared<larder::InMemoryBackend<int, std::string>>());
  CHECK(cache.get(1, [] { return "literal"; }) == "literal");
  CHECK(cache.get(2, [](int key) { return std::to_string(key); }) == "2");
  CHECK(cache.get(3, [](const int&) { return std::optional<std::string>("three"); }) ==
        std::optional<std::string>("three"));
  CHECK_FALSE(cache.get(4, []() -> std::optional<std::string> { return {}; }).has_value());
  const auto loaded = cache.get(5, [] {
    return larder::Loaded<std::string>{.value = "five", .ttl = {}, .metadata = {{"a", "b"}}};
  });
  CHECK(loaded == std::optional<std::string>("five"));
  CHECK(cache.backend().get_entry(5)->metadata.at("a") == "b");
  const auto move_only = [held = std::make_unique<int>(6)] { return std::to_string(*held); };
  CHECK(cache.get(6, std::ref(move_only)) == "6");
  CHECK(cache.get(7, [held = std::make_unique<int>(7)] { return std::to_string(*held); }) == "7");
  struct Source {
    std::string load(int key) const { return "member " + std::to_string(key); }
  } source;
  CHECK(cache.get(8, std::bind_front(&Source::load, &source)) == "member 8");
}

TEST_CASE("LoadingCache: with a loader of its own it needs none in the call", "[loading]") {
  LoadingFixture fixture;
  auto cache = fixture.cache();
  CHECK(cache.get("k") == Bytes("k:1"));
  CHECK(cache.get("k", [] { return Bytes("other"); }) == Bytes("k:1"));
  CHECK(cache.get("j", [] { return Bytes("other"); }) == Bytes("other"));
  LoadingCache<> finds_none(std::make_shared<Memory>(), [] { return std::optional<Bytes>(); });
  CHECK(finds_none.get("k") == nothing);
}

TEST_CASE("LoadingCache: an exception of the loader reaches every caller who waits, and nothing is cached",
          "[loading]") {
  LoadingCache<> cache(std::make_shared<Memory>());
  SlowLoad load(cache, "k", Bytes("v"));
  auto first = join(cache, "k", "own");
  auto second = join(cache, "k", "own");
  load.fail();
  CHECK_THROWS_WITH(load.finish(), "failed late");
  CHECK_THROWS_WITH(first.get(), "failed late");
  CHECK_THROWS_WITH(second.get(), "failed late");
  CHECK_FALSE(cache.backend().exists("k"));
  CHECK(cache.stats().loads == 1);
  CHECK(cache.stats().failures == 1);
  CHECK(cache.stats().joined == 2);
  CHECK(cache.get("k", [] { return Bytes("v"); }) == Bytes("v"));
}

TEST_CASE("LoadingCache: a load that is cancelled, or throws something odd, is taken over by one who waits",
          "[loading]") {
  const int how = GENERATE(0, 1, 2);
  LoadingCache<> cache(std::make_shared<Memory>());
  std::promise<void> begun;
  std::promise<void> end;
  auto leader = std::async(std::launch::async, [&] {
    std::optional<larder::CallDeadline> deadline;
    if (how == 2) deadline.emplace(1ms);
    return cache.get("k", [&]() -> Bytes {
      begun.set_value();
      end.get_future().wait();
      if (how == 0) throw larder::LoadCancelledError("cancelled");
      if (how == 1) throw 42;
      throw larder::TimeoutError("the caller's time is over");
    });
  });
  begun.get_future().wait();
  auto first = join(cache, "k", "taken over");
  auto second = join(cache, "k", "taken over");
  if (how == 2) std::this_thread::sleep_for(2ms);
  end.set_value();
  if (how == 1) {
    CHECK_THROWS_AS(leader.get(), int);
  } else {
    CHECK_THROWS_AS(leader.get(), larder::CacheError);
  }
  CHECK(first.get() == Bytes("taken over"));
  CHECK(second.get() == Bytes("taken over"));
  CHECK(cache.stats().cancelled == 1);
  CHECK(cache.stats().failures == 0);
  CHECK(cache.stats().loads == 2);
}

TEST_CASE("LoadingCache: a thread that is cancelled in its loader leaves the load to one who waits", "[loading]") {
  if (!larder_tests::threads_can_be_cancelled) return;
  LoadingCache<> cache(std::make_shared<Memory>());
  std::promise<void> loading;
  std::thread leader([&] {
    cache.get("k", [&]() -> Bytes {
      loading.set_value();
      // Not a sleep: where a thread is unwound out of one, ThreadSanitizer no longer sees which mutexes it locks.
      for (;;) {
        std::this_thread::yield();
        pthread_testcancel();
      }
    });
  });
  loading.get_future().wait();
  auto waiter = join(cache, "k", "taken over");
  REQUIRE(pthread_cancel(leader.native_handle()) == 0);
  leader.join();
  CHECK(waiter.get() == Bytes("taken over"));
  CHECK(cache.stats().cancelled == 1);
}

TEST_CASE("LoadingCache: a caller's deadline lets it leave a load", "[loading]") {
  LoadingCache<> cache(std::make_shared<Memory>());
  SlowLoad load(cache, "k", Bytes("v"));
  {
    const larder::CallDeadline deadline(5ms);
    CHECK_THROWS_AS(cache.get("k", [] { return Bytes("own"); }), larder::TimeoutError);
  }
  CHECK(cache.stats().timeouts == 1);
  CHECK(load.finish() == Bytes("v"));
  CHECK(cache.get_if_present("k") == Bytes("v"));
}

TEST_CASE("LoadingCache: a loader that asks for the key that it loads is told so", "[loading]") {
  LoadingCache<> cache(std::make_shared<Memory>());
  const auto inner = [] { return Bytes("inner"); };
  CHECK_THROWS_AS(cache.get("k", [&] { return cache.get("k", inner); }), larder::RecursiveLoadError);
  CHECK_THROWS_AS(cache.get("a", [&] { return cache.get("b", [&] { return cache.get("a", inner); }); }),
                  larder::RecursiveLoadError);
  CHECK(cache.get("a", [&] { return cache.get("b", inner); }) == Bytes("inner"));
  const auto batch = [&](Keys) {
    cache.get("y", inner);
    return Found();
  };
  CHECK_THROWS_AS(cache.get_many({"x", "y"}, batch), larder::RecursiveLoadError);
  CHECK(cache.get("k", inner) == Bytes("inner"));
}

TEST_CASE("LoadingCache: a set during a load wins, and those who come later see it", "[loading]") {
  LoadingCache<> cache(std::make_shared<Memory>());
  SlowLoad load(cache, "k", Bytes("loaded"));
  auto before = join(cache, "k", "own");
  CHECK(cache.set("k", "set"));
  CHECK(cache.get("k", [] { return Bytes("own"); }) == Bytes("set"));
  CHECK(load.finish() == Bytes("loaded"));
  CHECK(before.get() == Bytes("loaded"));
  CHECK(cache.get_if_present("k") == Bytes("set"));
  CHECK(cache.stats().overtaken == 1);
}

TEST_CASE("LoadingCache: an invalidation during a load wins, and the next caller loads anew", "[loading]") {
  const bool all = GENERATE(false, true);
  LoadingCache<> cache(std::make_shared<Memory>());
  cache.set("other", "v");
  SlowLoad load(cache, "k", Bytes("old"));
  if (all) {
    CHECK(cache.invalidate_all() == 1);
  } else {
    CHECK_FALSE(cache.invalidate("k"));
  }
  CHECK(cache.get("k", [] { return Bytes("new"); }) == Bytes("new"));
  CHECK(load.finish() == Bytes("old"));
  CHECK(cache.get_if_present("k") == Bytes("new"));
  CHECK(cache.invalidate("k"));
  CHECK(cache.get_if_present("k") == nothing);
}

TEST_CASE("LoadingCache: what comes while the value is being stored wins, too", "[loading]") {
  LoadingFixture fixture;
  auto cache = fixture.cache();
  std::future<bool> writer;
  fixture.front->once_before("set", [&] {
    writer = std::async(std::launch::async, [&] { return cache.set("k", "set"); });
    std::this_thread::sleep_for(5ms);
  });
  CHECK(cache.get("k") == Bytes("k:1"));
  CHECK(writer.get());
  CHECK(cache.get_if_present("k") == Bytes("set"));
  fixture.front->once_after("set", [&] { cache.invalidate("j"); });  // as a removal listener would
  CHECK(cache.get("j") == Bytes("j:1"));
  CHECK(cache.get_if_present("j") == nothing);
}

TEST_CASE("LoadingCache: who misses while a write is under way waits for it", "[loading]") {
  LoadingFixture fixture;
  auto cache = fixture.cache();
  std::future<std::optional<Bytes>> reader;
  fixture.front->once_before("set", [&] {
    reader = std::async(std::launch::async, [&] { return cache.get("k"); });
    while (cache.stats().joined == 0) std::this_thread::sleep_for(100us);
  });
  CHECK(cache.set("k", "set"));
  CHECK(reader.get() == Bytes("set"));
  CHECK(fixture.origin.calls() == 0);
  fixture.front->once_after("erase", [&] { CHECK(cache.get("k") == Bytes("k:1")); });  // as a removal listener would
  CHECK(cache.invalidate("k"));
}

TEST_CASE("LoadingCache: a listener that waits for the very write that waits for its store holds up nobody",
          "[loading]") {
  LoadingFixture fixture;
  auto cache = fixture.cache();
  std::future<bool> writer;
  bool told = false;
  fixture.front->once_before("set", [&] {
    writer = std::async(std::launch::async, [&] { return cache.set("k", "set"); });
    std::this_thread::sleep_for(5ms);  // until it waits
    try {
      cache.get("k");
    } catch (const larder::RecursiveLoadError&) {
      told = true;
    }
  });
  CHECK(cache.get("k") == Bytes("k:1"));
  CHECK(writer.get());
  CHECK(told);
  CHECK(cache.get_if_present("k") == Bytes("set"));
}

TEST_CASE("LoadingCache: a value that another caller has just loaded is not loaded again", "[loading]") {
  LoadingFixture fixture;
  auto cache = fixture.cache();
  fixture.front->once_after("get", [&] { CHECK(cache.get("k") == Bytes("k:1")); });  // between look and load
  CHECK(cache.get("k") == Bytes("k:1"));
  CHECK(fixture.origin.calls() == 1);
}

TEST_CASE("LoadingCache: a cache that fails to store costs nobody the value", "[loading]") {
  auto chaos = std::make_shared<larder::testing::ChaosBackend<>>(std::make_shared<Memory>());
  LoadingCache<> cache(chaos);
  const auto load = [&] {
    chaos->break_store();
    return Bytes("v");
  };
  CHECK(cache.get("k", load) == Bytes("v"));
  CHECK(cache.stats().store_failures == 1);
  CHECK_THROWS_AS(cache.get("k", load), larder::ConnectionError);
  chaos->mend_store();
  CHECK(cache.get("k", load) == Bytes("v"));
  chaos->mend_store();
  CHECK(cache
            .get_many({"a"},
                      [&](Keys) {
                        chaos->break_store();
                        return Found{{"a", Bytes("v")}};
                      })
            .size() == 1);
  CHECK_THROWS_AS(cache.set("k", "v"), larder::ConnectionError);
  CHECK_THROWS_AS(cache.invalidate("k"), larder::ConnectionError);
  chaos->mend_store();
  CHECK(cache.get("k", [] { return Bytes("w"); }) == Bytes("w"));
}

TEST_CASE("LoadingCache: a value too large for the cache is loaded each time", "[loading]") {
  LoadingCache<> cache(std::make_shared<Memory>(100));
  int loads = 0;
  const auto load = [&loads] {
    ++loads;
    return Bytes(std::string(1000, 'x'));
  };
  CHECK(cache.get("k", load).size() == 1000);
  CHECK(cache.get("k", load).size() == 1000);
  CHECK(loads == 2);
}

TEST_CASE("LoadingCache: a copy of a value that throws leaves nobody waiting", "[loading]") {
  using larder_tests::Fuse;
  using larder_tests::ThrowingValue;
  using Cache = LoadingCache<std::string, ThrowingValue>;
  const auto load = [] { return ThrowingValue(1); };
  int risks = 0;
  for (bool went_off = true; went_off;) {
    Cache cache(std::make_shared<larder::InMemoryBackend<std::string, ThrowingValue>>(),
                {.ttl = 1h, .stale_if_error = 1h});
    Fuse::light(++risks);
    try {
      cache.get("k", load);
    } catch (const larder_tests::Thrown&) {
    }
    went_off = !Fuse::burning();
    Fuse::put_out();
    const larder::CallDeadline deadline(2s);
    CHECK(cache.get("k", load).number() == 1);
    CHECK(cache.set("k", ThrowingValue(2)));
    CHECK(cache.get("k", load).number() == 2);
  }
  CHECK(risks > 5);
}

TEST_CASE("LoadingCache: a refresh loads in the background, and the old value is served until then", "[loading]") {
  LoadingFixture fixture;
  auto cache = fixture.cache({.ttl = 1min});
  cache.get("k");
  CHECK(cache.refresh("k"));
  CHECK_FALSE(cache.refresh("k"));
  CHECK(cache.get("k") == Bytes("k:1"));
  CHECK(fixture.background.run() == 1);
  CHECK(cache.get("k") == Bytes("k:2"));
  CHECK(cache.refresh(
      "new", [] { return Bytes("other"); }, Ttl(1s)));
  fixture.background.run();
  CHECK(cache.get("new") == Bytes("other"));
  CHECK(cache.stats().refreshes == 2);
  fixture.background.accepts = false;
  CHECK_FALSE(cache.refresh("k"));
  fixture.background.accepts = true;
  CHECK(cache.refresh("k"));
  cache.set("k", "set");  // wins over the refresh that has begun
  fixture.background.run();
  CHECK(cache.get("k") == Bytes("set"));
}

TEST_CASE("LoadingCache: its end waits for loads that run, and drops those that wait", "[loading]") {
  const auto memory = std::make_shared<Memory>();
  std::promise<void> begun;
  std::promise<void> end;
  std::future<void> destroyed;
  bool dropped_ran = false;
  {
    auto cache = std::make_unique<LoadingCache<>>(memory, LoadingOptions{.threads = 1});
    CHECK(cache->refresh("k", [&] {
      begun.set_value();
      end.get_future().wait();
      return Bytes("v");
    }));
    CHECK(cache->refresh("dropped", [&] {
      dropped_ran = true;
      return Bytes("v");
    }));
    begun.get_future().wait();
    destroyed = std::async(std::launch::async, [cache = std::move(cache)]() mutable { cache.reset(); });
  }
  CHECK(destroyed.wait_for(20ms) == std::future_status::timeout);
  end.set_value();
  destroyed.get();
  CHECK(memory->exists("k"));
  CHECK_FALSE(dropped_ran);
}

TEST_CASE("LoadingCache: jobs that a user's executor runs later than its end do nothing", "[loading]") {
  LoadingFixture fixture;
  {
    auto cache = fixture.cache();
    CHECK(cache.refresh("k"));
  }
  CHECK(fixture.background.run() == 1);
  CHECK(fixture.origin.calls() == 0);
}

TEST_CASE("LoadingCache: a batch loads what is missing by one call", "[loading]") {
  LoadingFixture fixture;
  const bool with_grace = GENERATE(false, true);
  auto cache = fixture.cache({.ttl = 10s, .stale_if_error = with_grace ? 5s : 0s});
  cache.set("a", "old");
  std::vector<std::vector<std::string>> asked;
  const auto load = [&asked](Keys keys) {
    asked.emplace_back(keys.begin(), keys.end());
    Found found;
    for (const std::string_view key : keys) {
      if (key != "none") found.emplace(key, "new " + std::string(key));
    }
    return found;
  };
  const auto found = cache.get_many({"a", "b", "none", "c", "b"}, load);
  CHECK(found == Found{{"a", Bytes("old")}, {"b", Bytes("new b")}, {"c", Bytes("new c")}});
  CHECK(asked == std::vector<std::vector<std::string>>{{"b", "none", "c"}});
  CHECK(cache.get_many({"b", "c"}, load).size() == 2);
  CHECK(asked.size() == 1);
  CHECK(cache.get_many({}, load).empty());
  CHECK(cache.get_many(std::vector<std::string>{"b", "c"}, load).size() == 2);
  CHECK(cache.stats().loads == 1);
  CHECK(cache.get_many({"t"}, load, Ttl(1s)).size() == 1);
  fixture.clock.advance(1s);
  CHECK(cache.get_if_present("t") == nothing);
  const auto pairs = [](Keys keys) {
    return std::vector<std::pair<std::string, std::string>>{{std::string(keys[0]), "pair"}};
  };
  CHECK(cache.get_many({"p"}, pairs).at("p") == Bytes("pair"));
}

TEST_CASE("LoadingCache: a batch waits for what others load, and others for what it loads", "[loading]") {
  LoadingCache<> cache(std::make_shared<Memory>());
  SlowLoad load(cache, "a", Bytes("theirs"));
  std::promise<void> begun;
  std::promise<void> end;
  std::size_t asked = 0;
  auto batch = std::async(std::launch::async, [&] {
    return cache.get_many({"a", "b"}, [&](Keys keys) {
      asked = keys.size();
      begun.set_value();
      end.get_future().wait();
      return Found{{"b", Bytes("ours")}};
    });
  });
  begun.get_future().wait();
  auto other = join(cache, "b", "own");
  end.set_value();
  CHECK(other.get() == Bytes("ours"));
  CHECK(load.finish() == Bytes("theirs"));
  CHECK(batch.get() == Found{{"a", Bytes("theirs")}, {"b", Bytes("ours")}});
  CHECK(asked == 1);
}

TEST_CASE("LoadingCache: a batch whose loader throws", "[loading]") {
  LoadingFixture fixture;
  auto cache = fixture.cache({.ttl = 10s, .stale_if_error = 1min, .retry_interval = 1s});
  cache.set("a", "old");
  fixture.clock.advance(10s);
  int loads = 0;
  const auto fails = [&loads](Keys) -> Found {
    ++loads;
    throw std::runtime_error("down");
  };
  CHECK(cache.get_many({"a"}, fails) == Found{{"a", Bytes("old")}});
  CHECK(cache.get_many({"a"}, fails).size() == 1);
  CHECK(loads == 1);
  CHECK_THROWS_WITH(cache.get_many({"a", "b"}, fails), "down");
  CHECK_THROWS_AS(cache.get_many({"c"}, [](Keys) -> Found { throw 5; }), int);
  CHECK(cache.get("c") == Bytes("c:1"));
}

TEST_CASE("LoadingCache: a batch of stale values is served, and refreshed by one job", "[loading]") {
  LoadingFixture fixture;
  auto cache = fixture.cache({.ttl = 10s, .stale_while_revalidate = 1min});
  int loads = 0;
  const auto load = [&loads](Keys keys) {
    ++loads;
    Found found;
    for (const std::string_view key : keys) found.emplace(key, std::to_string(loads));
    return found;
  };
  cache.get_many({"a", "b", "c"}, load);
  fixture.clock.advance(10s);
  const auto found = cache.get_many({"a", "b", "d"}, load);
  CHECK(found == Found{{"a", Bytes("1")}, {"b", Bytes("1")}, {"d", Bytes("2")}});
  CHECK(cache.stats().stale_served == 2);
  CHECK(fixture.background.run() == 1);
  CHECK(cache.get_many({"a", "b"}, load) == Found{{"a", Bytes("3")}, {"b", Bytes("3")}});
  CHECK(loads == 3);
}

TEST_CASE("LoadingCache: statistics tell how long loads took", "[loading]") {
  LoadingFixture fixture;
  auto cache = fixture.cache();
  CHECK(cache.stats().load_time_percentile(0.5) == 0ns);
  for (int i = 1; i <= 100; ++i) {
    fixture.origin.takes = i * 1ms;
    cache.get(std::to_string(i));
  }
  const auto stats = cache.stats();
  CHECK(stats.load_time == 5050ms);
  for (const auto& [share, exact] : {std::pair(0.0, 1ms), {0.5, 50ms}, {0.99, 99ms}, {1.0, 100ms}}) {
    CHECK(stats.load_time_percentile(share) >= exact);
    CHECK(stats.load_time_percentile(share) <= std::chrono::nanoseconds(exact) * 9 / 8);
  }
  cache.reset_stats();
  CHECK(cache.stats().loads == 0);
  CHECK(cache.stats().load_time == 0ns);
  CHECK(cache.stats().load_time_percentile(1) == 0ns);
}
