/// \file simulation_test.cpp
/// Small traces, replayed by hand and by the real cache.
#include "benchmarks/hit_ratio/simulation.hpp"

#include <chrono>
#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "benchmarks/hit_ratio/trace_reader.hpp"
#include "tests/support/catch.hpp"

using namespace larder::replay;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

/// Blanks between requests, and colons between the fields of one: "a:10 b:5".
Trace trace_of(std::string text) {
  for (char& character : text) {
    if (character == ' ') character = '\n';
    if (character == ':') character = ' ';
  }
  std::istringstream in(text);
  return read_trace(in, "t", TraceFormat::fields);
}

Result entries(const std::string& requests, std::uint64_t capacity, std::uint64_t rate = 1000) {
  return simulate(trace_of(requests), Mode::entries, {Capacity::Unit::entries, capacity}, {.rate = rate});
}

Result bytes(const std::string& requests, std::uint64_t capacity, std::uint64_t rate = 1000) {
  return simulate(trace_of(requests), Mode::bytes, {Capacity::Unit::bytes, capacity}, {.rate = rate});
}

Options options_with(std::string_view capacities, std::optional<Mode> mode = {}) {
  Options options;
  options.capacities = parse_capacities(capacities);
  options.mode = mode;
  return options;
}

}  // namespace

TEST_CASE("the least recently used object leaves", "[replay]") {
  // b leaves for c, then a for b, then c for a.
  const Result two = entries("a b a c b a", 2);
  CHECK(two.capacity == 2);
  CHECK(two.stats.hits == 1);
  CHECK(two.stats.misses == 5);
  CHECK(two.stats.evictions == 3);
  const Result three = entries("a b a c b a", 3);
  CHECK(three.stats.hits == 3);
  CHECK(three.stats.evictions == 0);
  CHECK(entries("a b a c b a", 1).stats.hits == 0);
  CHECK(entries("a a a a", 1).stats.hit_rate() == 0.75);
}

TEST_CASE("in entries mode sizes do not matter, but their hits are counted", "[replay]") {
  const Result result = entries("a:1000 b:1 a:1000", 2);
  CHECK(result.stats.hits == 1);
  CHECK(result.hit_bytes == 1000);
  CHECK(result.declined == 0);
}

TEST_CASE("in bytes mode an object weighs its size", "[replay]") {
  // a and b fill the cache; b leaves for c, and a then for b.
  const Result result = bytes("a:4 b:6 a:4 c:4 b:6", 10);
  CHECK(result.stats.hits == 1);
  CHECK(result.hit_bytes == 4);
  CHECK(result.stats.evictions == 2);
  CHECK(result.stats.current_size_bytes == 10u);
  CHECK(bytes("a:4 b:6 a:4 c:4 b:6", 14).stats.hits == 2);
}

TEST_CASE("the first size of a key is its weight for good", "[replay]") {
  const Result first_small = bytes("a:3 a:100 a:100", 5);
  CHECK(first_small.stats.hits == 2);
  CHECK(first_small.hit_bytes == 6);
  const Result first_large = bytes("a:100 a:3", 5);
  CHECK(first_large.stats.hits == 0);
  CHECK(first_large.declined == 2);
}

TEST_CASE("an object larger than the cache is not inserted, and drives nothing out", "[replay]") {
  const Result result = bytes("a:4 big:11 a:4 big:11", 10);
  CHECK(result.stats.hits == 1);
  CHECK(result.stats.sets == 1);
  CHECK(result.stats.evictions == 0);
  CHECK(result.declined == 2);
  CHECK(bytes("a:4 big:10 a:4", 10).stats.evictions == 2);
}

TEST_CASE("objects of no size take no room", "[replay]") {
  const Result result = bytes("a:0 b:1 c:0 a:0 b:1", 1);
  CHECK(result.stats.hits == 2);
  CHECK(result.hit_bytes == 1);
}

TEST_CASE("a TTL runs out on virtual time, by the rate", "[replay]") {
  const std::string requests = "a:1:2 a:1:2 a:1:2 a:1:2";
  // At one request a second, the one at 2 s finds it expired.
  const Result slow = entries(requests, 5, 1);
  CHECK(slow.stats.hits == 2);
  CHECK(slow.stats.expirations == 1);
  CHECK(slow.stats.evictions == 1);
  const Result fast = entries(requests, 5, 2);
  CHECK(fast.stats.hits == 3);
  CHECK(fast.stats.expirations == 0);
  CHECK(bytes(requests, 5, 1).stats.hits == 2);
}

TEST_CASE("the TTL that counts is that of the request that missed", "[replay]") {
  // The second request is too late, and its own TTL is for long; that of the third comes to nothing.
  const Result result = entries("a:1:1 a:1:100 a:1:1 a:1:1 a:1:1", 5, 1);
  CHECK(result.stats.hits == 3);
  CHECK(result.stats.expirations == 1);
  // Without a TTL it stays.
  CHECK(entries("a:1 b:1:1 c:1 a:1 b:1", 5, 1).stats.hits == 1);
}

TEST_CASE("virtual time does not drift", "[replay]") {
  CHECK(time_of(0, 3) == 0ns);
  CHECK(time_of(1, 3) == 333'333'333ns);
  CHECK(time_of(3, 3) == 1s);
  CHECK(time_of(3'000'000'001, 3) == 1'000'000'000s + 333'333'333ns);
  CHECK(time_of(7'000'000'000, 1'000'000'000) == 7s);
}

TEST_CASE("a percentage is of distinct keys or of their bytes", "[replay]") {
  const Trace trace = trace_of("a:10 b:20 c:30 d:40 a:10");
  const Capacity half{Capacity::Unit::millionths_of_a_percent, 50'000'000};
  CHECK(simulate(trace, Mode::entries, half).capacity == 2);
  CHECK(simulate(trace, Mode::bytes, half).capacity == 50);
  CHECK(simulate(trace, Mode::bytes, half).percent == 50);
  CHECK(simulate(trace, Mode::bytes, {Capacity::Unit::bytes, 25}).percent == 25);
  CHECK(simulate(trace, Mode::entries, {Capacity::Unit::entries, 8}).percent == 200);
}

TEST_CASE("the mode is what the trace suggests, unless it is asked for", "[replay]") {
  const Summary sized = trace_of("a:1").summary;
  const Summary bare = trace_of("a").summary;
  CHECK(choose_mode(options_with("1%"), sized) == Mode::bytes);
  CHECK(choose_mode(options_with("1%"), bare) == Mode::entries);
  CHECK(choose_mode(options_with("5", Mode::entries), sized) == Mode::entries);
  CHECK_THROWS_WITH(choose_mode(options_with("1%", Mode::bytes), bare), ContainsSubstring("t has none"));
  CHECK_THROWS_AS(choose_mode(options_with("5"), sized), UsageError);
  CHECK_THROWS_AS(choose_mode(options_with("5B"), bare), UsageError);
}

TEST_CASE("progress is told while a trace is replayed", "[replay]") {
  Trace trace = trace_of("a");
  trace.requests.resize(200'000);
  std::vector<std::uint64_t> seen;
  simulate(trace, Mode::entries, {Capacity::Unit::entries, 1}, {}, [&](std::uint64_t done) { seen.push_back(done); });
  CHECK(seen.size() == 4);
  CHECK(seen.back() <= 200'000);
}

TEST_CASE("with a promotion interval not every hit moves its object to the front", "[replay]") {
  // Two objects fit. The first hit promotes 'a'; if the next one promotes 'b', then 'c' takes the place of 'a'.
  const Trace trace = trace_of("a b a b c b");
  const auto hits = [&trace](std::uint32_t interval) {
    return simulate(trace, Mode::entries, {Capacity::Unit::entries, 2}, {.promotion_interval = interval}).stats.hits;
  };
  CHECK(hits(1) == 3);
  CHECK(hits(1'000'000'000) == 2);
}

TEST_CASE("each policy makes something else of a trace", "[replay]") {
  const auto hits = [](Policy policy) {
    return simulate(trace_of("a b a c b a a b c a"), Mode::entries, {Capacity::Unit::entries, 2}, {.policy = policy})
        .stats.hits;
  };
  CHECK(hits(Policy::lru) == 3);
  CHECK(hits(Policy::clock) == 4);
  CHECK(hits(Policy::belady) == 6);
}

TEST_CASE("what a policy turns away is declined", "[replay]") {
  const Trace trace = trace_of("a:10 a:10 b:10 b:10 c:90 c:90 c:90");
  const auto declined = [&trace](Policy policy) {
    return simulate(trace, Mode::bytes, {Capacity::Unit::bytes, 100}, {.policy = policy}).declined;
  };
  CHECK(declined(Policy::lru) == 0);
  CHECK(declined(Policy::w_tiny_lfu) == 2);
}

TEST_CASE("a policy makes the same of a trace each time", "[replay]") {
  std::string requests;
  for (int i = 0; i < 2000; ++i) requests += std::to_string(i * i % 331) + ' ';
  requests.pop_back();
  const Trace trace = trace_of(requests);
  for (const Policy policy : {Policy::s3_fifo, Policy::w_tiny_lfu}) {
    const auto hits = [&] {
      return simulate(trace, Mode::entries, {Capacity::Unit::entries, 100}, {.policy = policy}).stats.hits;
    };
    CHECK(hits() == hits());
  }
}
