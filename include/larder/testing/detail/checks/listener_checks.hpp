/// \file listener_checks.hpp
/// The contract's row about the removal listener: once an entry, with its cause, after the lock is released.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <larder/removal_cause.hpp>
#include <larder/testing/detail/trial.hpp>

namespace larder::testing::detail {

/// What a listener was told, such as "a=1 erased", in the order of the texts. Copies share it.
class ListenerLog {
 public:
  void operator()(std::string_view key, const Bytes& value, RemovalCause cause) const {
    const std::lock_guard lock(log_->mutex);
    log_->lines.push_back(std::string(key) + "=" + std::string(value.view().substr(0, 20)) + " " + to_string(cause));
  }

  /// What was heard since the last time.
  std::string take() const {
    const std::lock_guard lock(log_->mutex);
    std::sort(log_->lines.begin(), log_->lines.end());
    std::string text;
    for (const std::string& line : log_->lines) text += (text.empty() ? "" : ", ") + line;
    log_->lines.clear();
    return text;
  }

 private:
  struct Log {
    std::mutex mutex;
    std::vector<std::string> lines;
  };

  std::shared_ptr<Log> log_ = std::make_shared<Log>();
};

inline void only_with_a_listener(const Trial& trial) {
  trial.only_if(trial.can().removal_listener, "removal_listener = false");
}

inline void expect_heard(Trial& trial, const ListenerLog& log, const std::string& expected) {
  const std::string heard = log.take();
  trial.story().tell("// the listener hears: " + (heard.empty() ? "nothing" : heard));
  trial.expect(heard == expected, "that the listener hears " + (expected.empty() ? "nothing" : expected));
}

inline void listener_hears_erased(Trial& trial) {
  only_with_a_listener(trial);
  const ListenerLog log;
  const auto cache = trial.fresh({.on_removal = log});
  cache.set_many({{"a", "1"}, {"b", "2"}, {"c", "3"}});
  expect_heard(trial, log, "");
  cache.erase("a");
  cache.erase("nobody");
  expect_heard(trial, log, "a=1 erased");
  cache.erase_many({"b", "a"});
  expect_heard(trial, log, "b=2 erased");
  cache.set("c", "4", std::chrono::milliseconds(0));
  expect_heard(trial, log, "c=3 erased");
}

inline void listener_hears_replaced(Trial& trial) {
  only_with_a_listener(trial);
  const ListenerLog log;
  const auto cache = trial.fresh({.on_removal = log});
  cache.set("a", "1");
  cache.set("a", "2");
  expect_heard(trial, log, "a=1 replaced");
  cache.set_many({{"a", "3"}, {"b", "1"}});
  expect_heard(trial, log, "a=2 replaced");
}

inline void listener_hears_cleared(Trial& trial) {
  only_with_a_listener(trial);
  const ListenerLog log;
  {
    const auto cache = trial.fresh({.on_removal = log});
    cache.set_many({{"a", "1"}, {"b", "2"}});
    cache.clear();
    expect_heard(trial, log, "a=1 cleared, b=2 cleared");
    cache.clear();
    expect_heard(trial, log, "");
  }
}

inline void listener_hears_expired(Trial& trial) {
  only_with_a_listener(trial);
  trial.only_if(trial.can().expiry, "expiry = false: there are no TTLs");
  const ListenerLog log;
  const auto ttl = trial.short_ttl();
  const auto cache = trial.fresh({.on_removal = log});
  cache.set_many({{"a", "1"}, {"b", "2"}, {"c", "3"}}, ttl);
  cache.set("live", "4");
  trial.let_expire(ttl);
  cache.get("a");
  cache.erase("b");
  cache.set("c", "new");
  cache.stats();
  expect_heard(trial, log, "a=1 expired, b=2 expired, c=3 expired");
  cache.stats();
  cache.get("a");
  expect_heard(trial, log, "");
}

inline void listener_hears_evicted(Trial& trial) {
  only_with_a_listener(trial);
  trial.only_if(trial.can().size_limit, "size_limit = false: nothing is evicted");
  std::atomic<std::size_t> heard{0};
  std::atomic<std::size_t> others{0};
  constexpr std::size_t sets = 100;
  const std::size_t limit = 20 * trial.size_of(trial.text(1000, 'v'));
  const auto cache =
      trial.fresh({.max_size_bytes = limit, .on_removal = [&](std::string_view, const Bytes&, RemovalCause cause) {
                     ++(cause == RemovalCause::evicted ? heard : others);
                   }});
  std::size_t left = 0;
  for (std::size_t i = 0; i < sets; ++i) cache.set("key " + std::to_string(i), trial.text(1000, 'v'));
  for (std::size_t i = 0; i < sets; ++i) left += cache.backend().exists("key " + std::to_string(i)) ? 1 : 0;
  const std::size_t told = heard;
  const std::size_t wrong = others;
  trial.story().tell("// the listener hears of " + std::to_string(told) + " evictions, and of " +
                     std::to_string(wrong) + " other removals");
  trial.expect(told == sets - left && wrong == 0, "that the listener hears of " + std::to_string(sets - left) +
                                                      " evictions, one for each entry that is gone");
  if (trial.size_of(std::string(limit + 1, 'v')) <= limit) return;
  const ListenerLog log;
  const auto another = trial.fresh({.max_size_bytes = limit, .on_removal = log});
  another.set("a", "1");
  another.set("a", std::string(limit + 1, 'v'));
  expect_heard(trial, log, "a=1 evicted");
}

/// Another thread can use the cache while the listener runs, so no lock is held. It is not this thread that tries,
/// since a cache with the bug would never return.
inline void listener_runs_without_the_lock(Trial& trial) {
  only_with_a_listener(trial);
  trial.only_if(trial.can().concurrent_use, "concurrent_use = false: there is no lock");
  struct Shared {
    std::mutex mutex;
    std::condition_variable changed;
    bool answered = false;
    bool in_time = true;
  };
  const auto shared = std::make_shared<Shared>();
  CacheBackend<>* backend = nullptr;
  std::vector<std::thread> others;
  const auto cache = trial.fresh({.on_removal = [&](std::string_view, const Bytes&, RemovalCause) {
    if (!others.empty()) return;
    others.emplace_back([shared, backend] {
      backend->exists("k");
      const std::lock_guard lock(shared->mutex);
      shared->answered = true;
      shared->changed.notify_all();
    });
    std::unique_lock lock(shared->mutex);
    shared->in_time = shared->changed.wait_for(lock, std::chrono::seconds(5), [&] { return shared->answered; });
  }});
  backend = &cache.backend();
  cache.set("k", "v");
  cache.erase("k");
  const bool told = !others.empty();
  for (std::thread& other : others) other.join();
  trial.expect(told, "that the listener is told of the erased entry");
  trial.story().tell("// while the listener runs, another thread calls cache.exists(\"k\")");
  trial.expect(shared->in_time, "an answer for the other thread: the listener is called after the lock is released");
}

inline void listener_may_use_the_cache(Trial& trial) {
  listener_runs_without_the_lock(trial);  // or the next lines would never end
  CacheBackend<>* backend = nullptr;
  const auto cache = trial.fresh({.on_removal = [&](std::string_view key, const Bytes&, RemovalCause cause) {
    if (cause != RemovalCause::erased) return;
    backend->erase("also");
    backend->set("heard", key);
    backend->get("a");
  }});
  backend = &cache.backend();
  cache.set_many({{"a", "1"}, {"b", "2"}, {"also", "3"}});
  trial.story().tell("// the listener erases \"also\", and sets \"heard\" to the key that it is told of");
  cache.erase("b");
  trial.expect(!cache.exists("also"), "false: the listener erased it");
  trial.expect(cache.get("a") == "1", "the value, untouched");
  const auto heard = cache.get("heard");
  trial.expect(heard == "b" || heard == "also", "the key that the listener was told of");
}

inline void listener_may_throw(Trial& trial) {
  only_with_a_listener(trial);
  std::size_t heard = 0;
  const auto cache = trial.fresh({.on_removal = [&heard](std::string_view, const Bytes&, RemovalCause) {
    ++heard;
    throw std::runtime_error("the listener throws");
  }});
  trial.story().tell("// the listener throws whenever it is called");
  cache.set_many({{"a", "1"}, {"b", "2"}});
  trial.expect(cache.erase("a"), "true: what the listener throws does not undo the erase, nor come out of it");
  trial.expect(!cache.exists("a"), "false: it was erased");
  trial.expect(cache.set("b", "3") && cache.get("b") == "3", "the new value");
  cache.clear();
  trial.expect(!cache.exists("b"), "false: the cache was cleared");
  trial.expect(heard == 3, "that the listener was told of three entries");
  const CacheStats stats = cache.stats();
  trial.expect(stats.errors == 3, "errors=3: one for each exception of the listener");
}

inline void add_listener_checks(CheckList& checks) {
  checks.push_back({"listener: it hears of what is erased", listener_hears_erased});
  checks.push_back({"listener: it hears of what is replaced", listener_hears_replaced});
  checks.push_back({"listener: it hears of what is cleared", listener_hears_cleared});
  checks.push_back({"listener: it hears of what has expired", listener_hears_expired});
  checks.push_back({"listener: it hears of what is evicted", listener_hears_evicted});
  checks.push_back({"listener: it is called after the lock is released", listener_runs_without_the_lock});
  checks.push_back({"listener: it may use the cache", listener_may_use_the_cache});
  checks.push_back({"listener: what it throws is counted and changes nothing", listener_may_throw});
}

}  // namespace larder::testing::detail
