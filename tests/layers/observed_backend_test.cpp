/// \file observed_backend_test.cpp
#include <larder/layers/observed_backend.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <larder/in_memory_backend.hpp>
#include <larder/testing/chaos_backend.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/temporary_folder.hpp"

using larder::Bytes;
using larder::CacheOperation;
using larder::CallOutcome;
using larder::ErrorKind;
using larder::InMemoryBackend;
using larder::ObservedBackend;
using larder::ObservedOptions;
using namespace std::chrono_literals;

namespace {

/// A clock that takes a microsecond more each time that it is looked at.
struct Ticking {
  std::shared_ptr<std::chrono::nanoseconds> time = std::make_shared<std::chrono::nanoseconds>(0);

  std::chrono::steady_clock::time_point operator()() const {
    return std::chrono::steady_clock::time_point(*time += 1us);
  }
};

ObservedOptions<> all_timed() { return {.time_one_in = 1}; }

/// A cache in memory, and the layer over it with each call timed.
struct Fixture {
  std::vector<CallOutcome> calls;
  std::shared_ptr<InMemoryBackend<>> cache = std::make_shared<InMemoryBackend<>>();
  ObservedBackend<> observed;

  explicit Fixture(ObservedOptions<> options = all_timed()) : observed(cache, connect(std::move(options))) {}

  std::uint64_t count(CacheOperation operation) const { return observed.observe().of(operation).latency.count(); }

 private:
  ObservedOptions<> connect(ObservedOptions<> options) {
    if (!options.on_call) options.on_call = [this](const CallOutcome& call) { calls.push_back(call); };
    return options;
  }
};

/// Fails with what it is told.
template <class Error>
struct Failing : larder::ForwardingBackend<> {
  explicit Failing(Error what) : ForwardingBackend(std::make_shared<InMemoryBackend<>>(), "Failing"), error(what) {}

  Error error;

 private:
  std::optional<Bytes> do_get(std::string_view) override { throw error; }
};

}  // namespace

TEST_CASE("each operation is timed by its name, and told of with what came of it", "[observed]") {
  Fixture f;
  f.observed.set("a", "1");
  f.observed.set_if_absent("a", "2");
  f.observed.get("a");
  f.observed.get("x");
  f.observed.exists("a");
  f.observed.touch("a", 1h);
  f.observed.get_entry("a");
  f.observed.set_many({{"b", "1"}, {"c", "1"}});
  f.observed.get_many({"a", "b", "x"});
  f.observed.visit_entry("a", [](const auto&) {});
  const std::array<std::string_view, 2> keys{"a", "x"};
  f.observed.visit_entries(keys, [](std::size_t, const auto&) {});
  f.observed.keys();
  f.observed.erase("a");
  f.observed.erase_many({"b", "x"});
  f.observed.clear();
  const std::vector<std::pair<CacheOperation, std::pair<std::size_t, std::size_t>>> expected{
      {CacheOperation::set, {1, 1}},           {CacheOperation::set_if_absent, {1, 0}},
      {CacheOperation::get, {1, 1}},           {CacheOperation::get, {1, 0}},
      {CacheOperation::exists, {1, 1}},        {CacheOperation::touch, {1, 1}},
      {CacheOperation::get_entry, {1, 1}},     {CacheOperation::set_many, {2, 2}},
      {CacheOperation::get_many, {3, 2}},      {CacheOperation::visit_entry, {1, 1}},
      {CacheOperation::visit_entries, {2, 1}}, {CacheOperation::keys, {0, 3}},
      {CacheOperation::erase, {1, 1}},         {CacheOperation::erase_many, {2, 1}},
      {CacheOperation::clear, {0, 1}},
  };
  REQUIRE(f.calls.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    CHECK(f.calls[i].operation == expected[i].first);
    CHECK(f.calls[i].keys == expected[i].second.first);
    CHECK(f.calls[i].done == expected[i].second.second);
    CHECK(f.calls[i].duration.has_value());
    CHECK_FALSE(f.calls[i].error.has_value());
    CHECK(f.count(expected[i].first) == (expected[i].first == CacheOperation::get ? 2 : 1));
  }
}

TEST_CASE("latencies are what the clock says", "[observed]") {
  ObservedOptions<> options = all_timed();
  options.now = Ticking();
  options.what_if = false;
  Fixture f(std::move(options));
  f.observed.get("a");
  CHECK(f.calls[0].duration == 1us);
  const auto latency = f.observed.observe().of(CacheOperation::get).latency;
  CHECK(latency.sum() == 1'000);
  CHECK(latency.percentile(0.5) >= 1'000);
  CHECK(latency.percentile(0.5) < 1'125);
}

TEST_CASE("of calls that are timed by chance each stands for those that are not", "[observed]") {
  Fixture f({.time_one_in = 16});
  for (int i = 0; i < 100'000; ++i) f.observed.get("a");
  CHECK(static_cast<double>(f.count(CacheOperation::get)) == Approx(100'000).epsilon(0.1));
  CHECK(f.calls.size() < 10'000);
}

TEMPLATE_TEST_CASE("errors pass through and are counted by their kind, timed or not", "[observed]",
                   larder::TimeoutError, std::logic_error) {
  const ErrorKind kind = std::is_same_v<TestType, larder::TimeoutError> ? ErrorKind::timeout : ErrorKind::foreign;
  for (const std::uint32_t one_in : {1u, 1'000'000u}) {
    std::vector<CallOutcome> calls;
    ObservedBackend<> observed(
        std::make_shared<Failing<TestType>>(TestType("no")),
        {.time_one_in = one_in, .on_call = [&calls](const CallOutcome& call) { calls.push_back(call); }});
    for (int i = 0; i < 3; ++i) CHECK_THROWS_AS(observed.get("a"), TestType);
    const auto operation = observed.observe().of(CacheOperation::get);
    CHECK(operation.errors[static_cast<std::size_t>(kind)] == 3);
    CHECK(operation.latency.count() == 0);
    REQUIRE(calls.size() == 3);
    CHECK(calls[2].error == kind);
    CHECK(calls[2].done == 0);
    observed.reset_stats();
    CHECK(observed.observe().of(CacheOperation::get).errors[static_cast<std::size_t>(kind)] == 0);
  }
}

TEST_CASE("a span begins before the call and learns how it ended, timed or not", "[observed]") {
  std::string log;
  struct Span : larder::CallSpan {
    explicit Span(std::string& where) : log(where) {}
    ~Span() override { log += "end "; }
    void set_outcome(const CallOutcome& outcome) override {
      log += std::string(to_string(outcome.operation)) + (outcome.error ? " failed " : " well ");
    }
    std::string& log;
  };
  for (const std::uint32_t one_in : {1u, 1'000'000u}) {
    ObservedOptions<> options{.time_one_in = one_in};
    options.start_span = [&log](CacheOperation operation) -> std::unique_ptr<larder::CallSpan> {
      log += "begin ";
      return operation == CacheOperation::exists ? nullptr : std::make_unique<Span>(log);
    };
    ObservedBackend<> observed(std::make_shared<Failing<larder::TimeoutError>>(larder::TimeoutError("no")), options);
    observed.set("a", "1");
    CHECK(std::exchange(log, {}) == "begin set well end ");
    CHECK_THROWS_AS(observed.get("a"), larder::TimeoutError);
    CHECK(std::exchange(log, {}) == "begin get failed end ");
    observed.exists("a");
    CHECK(std::exchange(log, {}) == "begin ");
  }
}

TEST_CASE("what hooks throw is counted, and changes nothing", "[observed]") {
  ObservedOptions<> options = all_timed();
  options.on_call = [](const CallOutcome&) { throw std::runtime_error("hook"); };
  options.start_span = [](CacheOperation) -> std::unique_ptr<larder::CallSpan> { throw 5; };
  Fixture f(std::move(options));
  CHECK(f.observed.set("a", "1"));
  CHECK(f.observed.get("a") == Bytes("1"));
  CHECK(f.observed.observe().hook_errors == 4);
  f.observed.reset_stats();
  CHECK(f.observed.observe().hook_errors == 0);
}

TEST_CASE("other sizes' hit ratios are predicted from what is asked", "[observed]") {
  // 100 keys of which 50 fit: in turns, an LRU cache never hits but where all fit.
  const auto cache =
      std::make_shared<InMemoryBackend<>>(larder::InMemoryOptions<>{.max_size_bytes = 0, .max_entries = 50});
  ObservedBackend<> observed(cache);
  for (int i = 0; i < 10'000; ++i) {
    const std::string key = std::to_string(i % 100);
    if (!observed.get(key)) observed.set(key, "value");
  }
  const auto predictions = observed.observe().predictions;
  REQUIRE(predictions.size() == 5);
  for (const auto& [factor, hit_ratio] : predictions) {
    CAPTURE(factor);
    CHECK(hit_ratio == Approx(factor < 2 ? 0.0 : 0.99).margin(0.001));
  }
  CHECK(observed.what_if_bytes() > 0);
  observed.reset_stats();
  CHECK(observed.observe().predictions.empty());
}

TEST_CASE("batches and visits are requests, too", "[observed]") {
  Fixture f({.what_if_samples = 1024});
  const std::array<std::string_view, 2> keys{"a", "b"};
  f.observed.set_many({{"a", "1"}, {"b", "1"}});
  f.observed.get_many({"a", "b"});
  f.observed.visit_entry("a", [](const auto&) {});
  f.observed.visit_entries(keys, [](std::size_t, const auto&) {});
  for (const auto& prediction : f.observed.observe().predictions) CHECK(prediction.hit_ratio == 1);
  f.observed.erase_many({"a", "b"});
  f.observed.get("a");
  CHECK(f.observed.observe().predictions.back().hit_ratio == Approx(5.0 / 6));
}

TEST_CASE("what is not wanted is not done", "[observed]") {
  for (const bool off : {false, true}) {
    Fixture f(off ? ObservedOptions<>{.what_if = false} : ObservedOptions<>{.what_if_samples = 0});
    f.observed.set("a", "1");
    f.observed.get("a");
    CHECK(f.observed.what_if_bytes() == 0);
    CHECK(f.observed.observe().predictions.empty());
  }
}

TEST_CASE("what-if takes at most one percent of the cache", "[observed]") {
  for (const std::size_t limit : {1ul << 20, 4ul << 20, 100ul << 20}) {
    CAPTURE(limit);
    ObservedBackend<> observed(std::make_shared<InMemoryBackend<>>(limit));
    for (int i = 0; i < 50'000; ++i) observed.set(std::to_string(i), "value");
    CHECK(observed.what_if_bytes() <= limit / 100);
  }
}

TEST_CASE("a recorder writes down what was found and what was stored", "[observed]") {
  const larder_tests::TemporaryFolder folder;
  const std::string file = folder.path() + "/live.trace";
  const auto recorder = std::make_shared<larder::TraceRecorder>(larder::TraceRecorderOptions{.file = file});
  ObservedOptions<> options;
  options.recorder = recorder;
  Fixture f(std::move(options));
  f.observed.get("a");  // a miss: what follows is its line
  f.observed.set("a", "12345", 2s);
  f.observed.get("a");
  f.observed.get_many({"a", "x"});
  recorder->stop();
  std::ifstream in(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  REQUIRE(lines.size() == 3);
  CHECK(lines[0] == lines[1] + " 2.000");
  CHECK(lines[1] == lines[2]);
  CHECK(lines[1].ends_with(" 5"));
}

TEST_CASE("options without sense are refused", "[observed]") {
  const auto make = [](ObservedOptions<> options) {
    ObservedBackend<>(std::make_shared<InMemoryBackend<>>(), std::move(options));
  };
  CHECK_THROWS_AS(make({.time_one_in = 0}), larder::InvalidArgumentError);
  CHECK_THROWS_AS(ObservedBackend<>(nullptr), larder::InvalidArgumentError);
}

TEST_CASE("threads are observed at once, and nothing is lost", "[observed][threads]") {
  const larder::RemovalObserver<> removals;
  const auto cache = std::make_shared<InMemoryBackend<>>(
      larder::InMemoryOptions<>{.max_size_bytes = 0, .max_entries = 100, .on_removal = removals});
  ObservedBackend<> observed(cache, {.time_one_in = 1, .removals = removals});
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&observed, thread] {
      for (int i = 0; i < 2'000; ++i) {
        const std::string key = std::to_string((i * (thread + 1)) % 150);
        if (!observed.get(key)) observed.set(key, "value", i % 10 == 0 ? larder::Ttl(1ms) : larder::Ttl());
        if (i % 100 == 0) observed.erase(key);
        if (i % 500 == 0) observed.observe();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto observation = observed.observe();
  CHECK(observation.of(CacheOperation::get).latency.count() == 8'000);
  CHECK(observation.of(CacheOperation::erase).latency.count() == 80);
  CHECK(observation.stats.hits + observation.stats.misses == 8'000);
  CHECK(observation.residency.count() >= observation.eviction_age.count());
  CHECK(observation.eviction_age.count() > 0);
}
