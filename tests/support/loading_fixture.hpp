/// \file loading_fixture.hpp
/// What the tests of LoadingCache share: a store in virtual time, an origin that counts, and jobs that wait their turn.
#pragma once

#include <larder/layers/loading_cache.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <larder/in_memory_backend.hpp>
#include <larder/testing/manual_clock.hpp>

#include "tests/support/fixture.hpp"
#include "tests/support/interposed_backend.hpp"

namespace larder_tests {

/// An executor whose jobs run when the test says so.
class ManualExecutor {
 public:
  bool accepts = true;

  larder::Executor executor() {
    return [this](std::function<void()> job) {
      if (accepts) jobs_.push_back(std::move(job));
      return accepts;
    };
  }
  /// Result: how many ran.
  std::size_t run() {
    std::size_t count = 0;
    for (; !jobs_.empty(); ++count) {
      const auto job = std::move(jobs_.front());
      jobs_.pop_front();
      job();
    }
    return count;
  }
  std::size_t waiting() const noexcept { return jobs_.size(); }
  void drop() { jobs_.clear(); }

 private:
  std::deque<std::function<void()>> jobs_;
};

/// What values come from: `key:1`, `key:2` and so on. Loading takes time by the test's clock, or fails.
class Origin {
 public:
  explicit Origin(larder::testing::ManualClock clock) : clock_(std::move(clock)) {}

  bool fails = false;
  std::chrono::nanoseconds takes{0};

  larder::Bytes load(std::string_view key) {
    ++calls_;
    clock_.advance(takes);
    if (fails) throw std::runtime_error("the origin is down");
    return larder::Bytes(std::string(key) + ":" + std::to_string(++versions_[std::string(key)]));
  }
  auto loader() {
    return [this](std::string_view key) { return load(key); };
  }
  std::size_t calls() const noexcept { return calls_; }

 private:
  larder::testing::ManualClock clock_;
  std::size_t calls_ = 0;
  std::map<std::string, int> versions_;
};

struct LoadingFixture {
  using Memory = larder::InMemoryBackend<std::string, larder::Bytes, OnManualClock<larder::InMemoryTraits<>>>;

  larder::testing::ManualClock clock;
  std::shared_ptr<Memory> memory = std::make_shared<Memory>(Memory::Options{.clock = clock});
  std::shared_ptr<InterposedBackend> front = std::make_shared<InterposedBackend>(memory);
  ManualExecutor background;
  Origin origin{clock};

  larder::LoadingOptions in_virtual_time(larder::LoadingOptions options) {
    options.now = [clock = clock] { return clock.now(); };
    options.wall_now = [clock = clock] {
      return std::chrono::system_clock::time_point(std::chrono::hours(24 * 365 * 50)) +
             std::chrono::duration_cast<std::chrono::system_clock::duration>(clock.now().time_since_epoch());
    };
    if (!options.executor) options.executor = background.executor();
    if (options.seed == 0) options.seed = 1;
    return options;
  }
  /// A cache that loads from the origin.
  larder::LoadingCache<> cache(larder::LoadingOptions options = {}) {
    return larder::LoadingCache<>(front, origin.loader(), in_virtual_time(std::move(options)));
  }
};

}  // namespace larder_tests
