/// \file loading_cache_freshness_test.cpp
/// LoadingCache in virtual time: when a value is fresh, when it is stale, and what becomes of it.
#include <larder/layers/loading_cache.hpp>

#include <chrono>
#include <cmath>
#include <cstddef>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <larder/layers/tiered_backend.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/loading_fixture.hpp"
#include "tests/support/random.hpp"

using namespace std::chrono_literals;
using larder::Bytes;
using larder::LoadingCache;
using larder::LoadingOptions;
using larder::Ttl;
using larder_tests::LoadingFixture;

namespace {

const std::optional<Bytes> nothing;

std::optional<Bytes> version(int number) { return Bytes("k:" + std::to_string(number)); }

}  // namespace

TEST_CASE("LoadingCache: a value is fresh until its TTL is over, and gone then", "[loading]") {
  LoadingFixture fixture;
  auto cache = fixture.cache({.ttl = 10s});
  CHECK(cache.get("k") == version(1));
  fixture.clock.advance(9'999ms);
  CHECK(cache.get("k") == version(1));
  fixture.clock.advance(1ms);
  CHECK(cache.get_if_present("k") == nothing);
  CHECK(cache.get("k") == version(2));
  CHECK(fixture.memory->get_entry("k")->metadata.empty());
  CHECK(cache.stats().loads == 2);
}

TEST_CASE("LoadingCache: without a TTL a value stays", "[loading]") {
  LoadingFixture fixture;
  auto cache = fixture.cache({.stale_while_revalidate = 10s});
  CHECK(cache.get("k") == version(1));
  fixture.clock.advance(10'000h);
  CHECK(cache.get("k") == version(1));
}

TEST_CASE("LoadingCache: the caller's TTL counts before the option's, and the loader's before both", "[loading]") {
  LoadingFixture fixture;
  auto cache = fixture.cache({.ttl = 10s, .stale_if_error = 5s});
  const auto value = [] { return Bytes("v"); };
  cache.get("caller", value, 20s);
  cache.get(
      "loader", [] { return larder::Loaded<Bytes>{.value = Bytes("v"), .ttl = Ttl(30s), .metadata = {}}; }, 20s);
  cache.get("option", value);
  cache.get("forever", value, Ttl());
  CHECK(fixture.memory->get_entry("caller")->ttl_remaining() > 24s);
  const std::vector<std::pair<std::string, std::chrono::seconds>> ends = {
      {"option", 10s}, {"caller", 20s}, {"loader", 30s}};
  std::chrono::seconds passed = 0s;
  for (const auto& [key, end] : ends) {
    fixture.clock.advance(end - passed - 1ms);
    CHECK(cache.get_if_present(key) == Bytes("v"));
    fixture.clock.advance(1ms);
    CHECK(cache.get_if_present(key) == nothing);
    CHECK(fixture.memory->exists(key));
    passed = end;
  }
  CHECK(cache.get_if_present("forever") == Bytes("v"));
}

TEST_CASE("LoadingCache: a loader may say that its value is not to be kept", "[loading]") {
  LoadingFixture fixture;
  auto cache = fixture.cache({.ttl = 10s, .stale_if_error = 5s});
  CHECK(cache.get("k") == version(1));
  fixture.clock.advance(11s);
  const auto load = [] { return larder::Loaded<Bytes>{.value = Bytes("v"), .ttl = Ttl(0s), .metadata = {}}; };
  CHECK(cache.get("k", load) == Bytes("v"));
  CHECK_FALSE(fixture.memory->exists("k"));
}

TEST_CASE("LoadingCache: stale-while-revalidate serves the old value and loads in the background, once", "[loading]") {
  LoadingFixture fixture;
  auto cache = fixture.cache({.ttl = 10s, .stale_while_revalidate = 5s});
  CHECK(cache.get("k") == version(1));
  fixture.clock.advance(10s);
  for (int i = 0; i < 3; ++i) CHECK(cache.get("k") == version(1));
  CHECK(cache.get_if_present("k") == nothing);
  CHECK(fixture.origin.calls() == 1);
  CHECK(fixture.background.run() == 1);
  CHECK(cache.get("k") == version(2));
  CHECK(cache.stats().stale_served == 3);
  CHECK(cache.stats().refreshes == 1);
  fixture.clock.advance(14'999ms);
  CHECK(cache.get("k") == version(2));
  fixture.background.run();
  fixture.clock.advance(15s);
  CHECK(cache.get("k") == version(4));  // too old to be served
}

TEST_CASE("LoadingCache: where the executor takes no more, the stale value is served all the same", "[loading]") {
  LoadingFixture fixture;
  auto cache = fixture.cache({.ttl = 10s, .stale_while_revalidate = 5s});
  cache.get("k");
  fixture.clock.advance(11s);
  fixture.background.accepts = false;
  CHECK(cache.get("k") == version(1));
  CHECK(cache.stats().refreshes == 0);
  fixture.background.accepts = true;
  CHECK(cache.get("k") == version(1));
  fixture.background.drop();  // a job that never runs holds up nobody either
  CHECK(cache.get("k") == version(1));
  CHECK(fixture.background.run() == 1);
  CHECK(cache.get("k") == version(2));
}

TEST_CASE("LoadingCache: a refresh in the background that fails is tried again after the retry interval", "[loading]") {
  LoadingFixture fixture;
  auto cache = fixture.cache({.ttl = 10s, .stale_while_revalidate = 1min, .retry_interval = 3s});
  cache.get("k");
  fixture.clock.advance(10s);
  fixture.origin.fails = true;
  CHECK(cache.get("k") == version(1));
  CHECK(fixture.background.run() == 1);
  fixture.clock.advance(2'999ms);
  CHECK(cache.get("k") == version(1));
  CHECK(fixture.background.waiting() == 0);
  fixture.clock.advance(1ms);
  fixture.origin.fails = false;
  CHECK(cache.get("k") == version(1));
  CHECK(fixture.background.run() == 1);
  CHECK(cache.get("k") == version(2));
}

TEST_CASE("LoadingCache: stale-if-error serves the old value only where the load fails, up to its limit", "[loading]") {
  LoadingFixture fixture;
  auto cache = fixture.cache({.ttl = 10s, .stale_if_error = 20s, .retry_interval = 1s});
  cache.get("k");
  fixture.clock.advance(10s);
  CHECK(cache.get("k") == version(2));  // it does not fail: nothing stale is served
  fixture.clock.advance(10s);
  fixture.origin.fails = true;
  CHECK(cache.get("k") == version(2));
  CHECK(fixture.origin.calls() == 3);
  CHECK(cache.get("k") == version(2));
  CHECK(fixture.origin.calls() == 3);  // not before the retry interval is over
  fixture.clock.advance(1s);
  CHECK(cache.get("k") == version(2));
  CHECK(fixture.origin.calls() == 4);
  fixture.clock.advance(18'999ms);
  CHECK(cache.get("k") == version(2));
  fixture.clock.advance(1ms);
  CHECK_THROWS_AS(cache.get("k"), std::runtime_error);
  CHECK_THROWS_AS(cache.get("other"), std::runtime_error);
  CHECK(cache.stats().stale_served == 4);
  fixture.origin.fails = false;
  CHECK(cache.get("k") == version(3));
}

TEST_CASE("LoadingCache: stale-while-revalidate and then stale-if-error", "[loading]") {
  LoadingFixture fixture;
  auto cache = fixture.cache({.ttl = 10s, .stale_while_revalidate = 5s, .stale_if_error = 20s, .retry_interval = 1ms});
  cache.get("k");
  fixture.origin.fails = true;
  fixture.clock.advance(14'999ms);
  CHECK(cache.get("k") == version(1));
  CHECK(fixture.origin.calls() == 1);  // in the background
  fixture.background.run();
  CHECK(fixture.origin.calls() == 2);
  fixture.clock.advance(1ms);
  CHECK(cache.get("k") == version(1));
  CHECK(fixture.origin.calls() == 3);  // by the caller
  fixture.clock.advance(14'999ms);
  CHECK(cache.get("k") == version(1));
  fixture.clock.advance(1ms);
  CHECK_THROWS_AS(cache.get("k"), std::runtime_error);
}

TEST_CASE("LoadingCache: a failure is not cached unless there is a negative TTL", "[loading]") {
  LoadingFixture fixture;
  fixture.origin.fails = true;
  {
    auto cache = fixture.cache({.ttl = 10s});
    for (int i = 0; i < 3; ++i) CHECK_THROWS_AS(cache.get("k"), std::runtime_error);
    CHECK(fixture.origin.calls() == 3);
  }
  auto cache = fixture.cache({.ttl = 10s, .negative_ttl = 2s});
  for (int i = 0; i < 3; ++i) CHECK_THROWS_WITH(cache.get("k"), "the origin is down");
  CHECK(fixture.origin.calls() == 4);
  fixture.origin.fails = false;
  fixture.clock.advance(1'999ms);
  CHECK_THROWS_AS(cache.get("k"), std::runtime_error);
  CHECK(cache.get("other") == Bytes("other:1"));
  fixture.clock.advance(1ms);
  CHECK(cache.get("k") == version(1));
}

TEST_CASE("LoadingCache: that there is no value is remembered for the negative TTL", "[loading]") {
  LoadingFixture fixture;
  auto cache = fixture.cache({.negative_ttl = 2s});
  int loads = 0;
  const auto absent = [&loads] {
    ++loads;
    return std::optional<Bytes>();
  };
  CHECK(cache.get("k", absent) == nothing);
  CHECK(cache.get("k", absent) == nothing);
  CHECK(loads == 1);
  CHECK(cache.get("k", [] { return Bytes("v"); }) == Bytes("v"));  // who is sure of his value loads it
  cache.invalidate("k");
  CHECK(cache.get("k", absent) == nothing);
  CHECK(loads == 2);
  cache.set("k", "set");
  CHECK(cache.get("k", absent) == Bytes("set"));
  cache.invalidate("k");
  CHECK(cache.get("k", absent) == nothing);
  fixture.clock.advance(2s);
  CHECK(cache.get("k", absent) == nothing);
  CHECK(loads == 4);
}

TEST_CASE("LoadingCache: an old value goes when the loader says that there is none any more", "[loading]") {
  LoadingFixture fixture;
  const auto negative_ttl = GENERATE(Ttl(), Ttl(1h));
  LoadingOptions options{.ttl = 10s, .stale_while_revalidate = 5s, .stale_if_error = 1h, .negative_ttl = negative_ttl};
  options.retry_interval = 1ms;
  auto cache = fixture.cache(options);
  const auto absent = [] { return std::optional<Bytes>(); };
  const auto broken = []() -> std::optional<Bytes> { throw std::runtime_error("the origin is down"); };
  const auto is_gone = [&] {
    CHECK_FALSE(fixture.memory->exists("k"));
    fixture.clock.advance(2s);
    if (negative_ttl) CHECK(cache.get("k", broken) == nothing);
    if (!negative_ttl) CHECK_THROWS_AS(cache.get("k", broken), std::runtime_error);
  };
  cache.set("k", "old");
  SECTION("to a caller who waits for the load") {
    fixture.clock.advance(16s);
    CHECK(cache.get("k", absent) == nothing);
    is_gone();
  }
  SECTION("in the background") {
    fixture.clock.advance(10s);
    CHECK(cache.get("k", absent) == Bytes("old"));
    CHECK(fixture.background.run() == 1);
    is_gone();
  }
  SECTION("of a value that is fresh, when it is loaded anew") {
    CHECK(cache.refresh("k", absent));
    CHECK(fixture.background.run() == 1);
    is_gone();
  }
  SECTION("in a batch") {
    const auto none = [](std::span<const std::string_view>) { return std::map<std::string, Bytes>(); };
    fixture.clock.advance(16s);
    CHECK(cache.get_many({"k"}, none).empty());
    is_gone();
  }
  SECTION("in a batch in the background") {
    const auto none = [](std::span<const std::string_view>) { return std::map<std::string, Bytes>(); };
    fixture.clock.advance(10s);
    CHECK(cache.get_many({"k"}, none).size() == 1);
    CHECK(fixture.background.run() == 1);
    is_gone();
  }
  SECTION("unless another one was set meanwhile") {
    fixture.clock.advance(16s);
    const auto overtaken = [&cache] {
      cache.set("k", "new");
      return std::optional<Bytes>();
    };
    CHECK(cache.get("k", overtaken) == nothing);
    CHECK(cache.get("k", absent) == Bytes("new"));
  }
  SECTION("even where the store fails to let go of it, as long as that is remembered") {
    fixture.clock.advance(16s);
    fixture.front->once_before("erase", [] { throw larder::ConnectionError("the store is down"); });
    CHECK(cache.get("k", absent) == nothing);
    CHECK(cache.stats().store_failures == 1);
    if (negative_ttl) CHECK(cache.get("k", absent) == nothing);
  }
}

TEST_CASE("LoadingCache: failures are remembered of a bounded number of keys", "[loading]") {
  LoadingFixture fixture;
  auto cache = fixture.cache({.negative_ttl = 1h});
  int loads = 0;
  const auto absent = [&loads] {
    ++loads;
    return std::optional<Bytes>();
  };
  constexpr int keys = 80'000;
  for (int i = 0; i < keys; ++i) cache.get(std::to_string(i), absent);
  cache.get(std::to_string(keys - 1), absent);
  CHECK(loads == keys);
  cache.get("0", absent);
  CHECK(loads == keys + 1);
}

TEST_CASE("LoadingCache: TTL jitter spreads what is loaded together", "[loading]") {
  LoadingFixture fixture;
  auto cache = fixture.cache({.ttl = 100s, .ttl_jitter = 0.2});
  constexpr int keys = 400;
  for (int i = 0; i < keys; ++i) cache.get(std::to_string(i));
  std::vector<int> gone;
  for (int second = 79; second <= 100; second += 3) {
    fixture.clock.advance(second == 79 ? 79s : 3s);
    int count = 0;
    for (int i = 0; i < keys; ++i) count += fixture.memory->exists(std::to_string(i)) ? 0 : 1;
    gone.push_back(count);
  }
  CHECK(gone.front() == 0);
  CHECK(gone.back() == keys);
  // After 85 and 91 of 80 to 100 s: a quarter and more than a half, give or take five standard deviations.
  CHECK(std::abs(gone[2] - keys * 0.25) < 5 * std::sqrt(keys * 0.25 * 0.75));
  CHECK(std::abs(gone[4] - keys * 0.55) < 5 * std::sqrt(keys * 0.55 * 0.45));
}

TEST_CASE("LoadingCache: XFetch refreshes early with the probability of the paper", "[loading]") {
  // At a time `left` before the end, exp(-left / (beta * load time)) of all readers refresh.
  const auto [beta, load_time, left] = GENERATE(table<double, std::chrono::milliseconds, std::chrono::milliseconds>({
      {1.0, 1000ms, 1000ms},
      {1.0, 1000ms, 500ms},
      {1.0, 200ms, 600ms},
      {2.0, 500ms, 1000ms},
      {0.5, 1000ms, 200ms},
  }));
  LoadingFixture fixture;
  LoadingOptions options{.ttl = 100s};
  options.early_refresh_beta = beta;
  fixture.origin.takes = load_time;
  auto cache = fixture.cache(options);
  constexpr int trials = 4000;
  int early = 0;
  CHECK(cache.get("k") == version(1));
  fixture.clock.advance(100s - left);
  for (int i = 0; i < trials; ++i) {
    REQUIRE(cache.get("k") == version(1));
    early += static_cast<int>(fixture.background.waiting());
    fixture.background.drop();
  }
  const double expected =
      std::exp(-static_cast<double>(left.count()) / (beta * static_cast<double>(load_time.count())));
  INFO(early << " of " << trials << " were early; expected: " << expected * trials);
  CHECK(std::abs(early - expected * trials) < 5 * std::sqrt(trials * expected * (1 - expected)));
  CHECK(cache.stats().early_refreshes == static_cast<std::size_t>(early));
  CHECK(cache.stats().stale_served == 0);
}

TEST_CASE("LoadingCache: XFetch leaves alone what is far from its end, and nobody waits for it", "[loading]") {
  LoadingFixture fixture;
  LoadingOptions options{.ttl = 100s};
  options.early_refresh_beta = 1;
  fixture.origin.takes = 1s;
  auto cache = fixture.cache(options);
  cache.get("k");
  fixture.clock.advance(60s);
  for (int i = 0; i < 10'000; ++i) cache.get("k");
  CHECK(fixture.background.waiting() == 0);
  fixture.clock.advance(39'999ms);
  for (int i = 0; i < 100; ++i) CHECK(cache.get("k") == version(1));
  CHECK(fixture.background.run() == 1);
  CHECK(cache.get("k") == version(2));
  CHECK(cache.stats().early_refreshes == 1);
}

TEST_CASE("LoadingCache: early refresh, then stale-while-revalidate, then stale-if-error", "[loading]") {
  LoadingFixture fixture;
  LoadingOptions options{.ttl = 10s, .stale_while_revalidate = 5s, .stale_if_error = 20s};
  options.retry_interval = 1ms;
  options.early_refresh_beta = 1;
  fixture.origin.takes = 1s;
  auto cache = fixture.cache(options);
  cache.get("k");
  fixture.origin.fails = true;
  fixture.clock.advance(9'999ms);
  for (int i = 0; i < 100; ++i) CHECK(cache.get("k") == version(1));
  CHECK(cache.stats().stale_served == 0);
  fixture.background.run();
  CHECK(cache.stats().failures == 1);  // which nobody sees
  fixture.clock.advance(1ms);
  CHECK(cache.get("k") == version(1));
  CHECK(cache.stats().stale_served == 1);
  fixture.background.run();
  fixture.clock.advance(5s);
  CHECK(cache.get("k") == version(1));
  CHECK(cache.stats().failures == 3);
  fixture.origin.fails = false;
  fixture.clock.advance(1s);
  CHECK(cache.get("k") == version(2));
}

TEST_CASE("LoadingCache: what is set is fresh and stale as if it had been loaded", "[loading]") {
  LoadingFixture fixture;
  auto cache = fixture.cache({.ttl = 10s, .stale_while_revalidate = 5s});
  CHECK(cache.set("k", "set", {}, {{"from", "test"}}));
  CHECK(fixture.memory->get_entry("k")->metadata.at("from") == "test");
  fixture.clock.advance(10s);
  CHECK(cache.get("k") == Bytes("set"));
  fixture.background.run();
  CHECK(cache.get("k") == version(1));
  CHECK(cache.set("k", "short", Ttl(1s)));
  fixture.clock.advance(999ms);
  CHECK(cache.get_if_present("k") == Bytes("short"));
  fixture.clock.advance(1ms);
  CHECK(cache.get_if_present("k") == nothing);
  CHECK_FALSE(cache.set("k", "none", Ttl(0s)));
  CHECK_FALSE(fixture.memory->exists("k"));
}

TEST_CASE("LoadingCache: over a near cache with a short TTL, the true one counts", "[loading]") {
  LoadingFixture fixture;
  auto near = std::make_shared<LoadingFixture::Memory>(LoadingFixture::Memory::Options{.clock = fixture.clock});
  larder::TieredOptions<> tiers{.near_ttl = 2s};
  tiers.now = [clock = fixture.clock] { return clock.now(); };
  auto tiered = std::make_shared<larder::TieredBackend<>>(near, fixture.memory, tiers);
  LoadingCache<> cache(tiered, fixture.origin.loader(),
                       fixture.in_virtual_time({.ttl = 10s, .stale_while_revalidate = 1min}));
  CHECK(cache.get("k") == version(1));
  for (int i = 0; i < 9; ++i) {
    fixture.clock.advance(1s);
    CHECK(cache.get("k") == version(1));
  }
  CHECK(fixture.background.waiting() == 0);
  fixture.clock.advance(1s);
  CHECK(cache.get("k") == version(1));
  CHECK(fixture.background.run() == 1);
  CHECK(cache.get("k") == version(2));
}

TEST_CASE("LoadingCache: entries that others have stored are taken as they are", "[loading]") {
  LoadingFixture fixture;
  auto cache = fixture.cache({.ttl = 10s, .stale_while_revalidate = 5s});
  fixture.memory->set("k", "theirs", 20s, {{"larder-load", "no number"}});
  CHECK(cache.get("k") == Bytes("theirs"));
  fixture.clock.advance(15s);
  CHECK(cache.get("k") == Bytes("theirs"));
  fixture.background.run();
  CHECK(cache.get("k") == version(1));
  for (const std::string& text : {std::string("1 2 3"), std::string("-5 1"), std::string("9223372036854775807 1"),
                                  std::string("1 -1"), std::string(""), std::string("12"), std::string(" ")}) {
    fixture.memory->set("k", "theirs", 20s, {{"larder-load", text}});
    CHECK(cache.get("k") == Bytes("theirs"));
  }
  CHECK(fixture.background.waiting() == 0);
}

TEST_CASE("LoadingCache: a soft time-out serves the stale value, and the load goes on", "[loading]") {
  LoadingFixture fixture;
  LoadingOptions options = fixture.in_virtual_time({.ttl = 10s, .stale_if_error = 1h});
  options.executor = {};  // threads of its own
  options.soft_timeout = 5ms;
  std::promise<void> slow;
  LoadingCache<> cache(fixture.memory, options);
  CHECK(cache.get("k", [] { return Bytes("old"); }) == Bytes("old"));
  fixture.clock.advance(10s);
  const auto load = [gate = slow.get_future().share()] {
    gate.wait();
    return Bytes("new");
  };
  CHECK(cache.get("k", load) == Bytes("old"));
  CHECK(cache.get("k", load) == Bytes("old"));
  CHECK(cache.stats().timeouts == 2);
  CHECK(cache.stats().stale_served == 2);
  CHECK(cache.stats().loads == 2);
  slow.set_value();
  while (cache.get_if_present("k") != Bytes("new")) std::this_thread::sleep_for(1ms);
}

TEST_CASE("LoadingCache: a hard time-out throws where there is nothing stale, and the load goes on", "[loading]") {
  LoadingFixture fixture;
  LoadingOptions options = fixture.in_virtual_time({.ttl = 10s, .stale_if_error = 1h});
  options.executor = {};
  options.soft_timeout = 1ms;
  options.hard_timeout = 5ms;
  std::promise<void> slow;
  LoadingCache<> cache(fixture.memory, options);
  const auto load = [gate = slow.get_future().share()] {
    gate.wait();
    return Bytes("new");
  };
  CHECK_THROWS_AS(cache.get("k", load), larder::TimeoutError);
  CHECK_THROWS_AS(cache.get("k", load), larder::TimeoutError);
  CHECK(cache.stats().loads == 1);
  slow.set_value();
  while (!cache.get_if_present("k")) std::this_thread::sleep_for(1ms);
  CHECK(cache.get("k", load) == Bytes("new"));
}

TEST_CASE("LoadingCache: with time-outs, a load that cannot even begin counts as too slow", "[loading]") {
  LoadingFixture fixture;
  LoadingOptions options{.ttl = 10s, .stale_if_error = 1h};
  options.hard_timeout = 1min;
  fixture.background.accepts = false;
  auto cache = fixture.cache(options);
  CHECK_THROWS_AS(cache.get("k"), larder::TimeoutError);
  cache.set("k", "old");
  fixture.clock.advance(10s);
  CHECK(cache.get("k") == Bytes("old"));
  CHECK(cache.stats().timeouts == 2);
  CHECK(cache.stats().loads == 0);
}

TEST_CASE(
    "LoadingCache: an origin that is down for a minute is asked once a key in a retry interval, and no caller "
    "sees an error",
    "[loading]") {
  const bool in_background = GENERATE(false, true);
  LoadingFixture fixture;
  LoadingOptions options{.ttl = 5s, .ttl_jitter = 0.3, .stale_if_error = 5min, .retry_interval = 2s};
  if (in_background) options.stale_while_revalidate = 30s;
  auto cache = fixture.cache(options);
  constexpr std::size_t keys = 50;
  larder_tests::Random random(1);
  std::size_t served = 0;
  const auto ask = [&] {
    const std::string key = std::to_string(random.below(keys));
    const auto value = cache.get(key);
    served += value && value->view().substr(0, key.size()) == key ? 1 : 0;
    fixture.background.run();
    fixture.clock.advance(1ms);
  };
  for (std::size_t i = 0; i < keys; ++i) cache.get(std::to_string(i));
  for (int i = 0; i < 10'000; ++i) ask();
  fixture.origin.fails = true;
  const std::size_t calls_before = fixture.origin.calls();
  for (int i = 0; i < 60'000; ++i) ask();  // a minute, a request each millisecond
  const std::size_t calls = fixture.origin.calls() - calls_before;
  CHECK(calls < keys * 60 / 2);
  CHECK(calls > keys * 60 / 2 / 2);
  fixture.origin.fails = false;
  for (int i = 0; i < 10'000; ++i) ask();
  CHECK(served == 80'000);
  const std::uint64_t stale_before = cache.stats().stale_served;
  if (!in_background) {
    for (int i = 0; i < 1'000; ++i) ask();
    CHECK(cache.stats().stale_served == stale_before);  // and then all is well again
  }
}
