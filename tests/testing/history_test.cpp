/// \file history_test.cpp
/// What a History records, from one thread and from several, and what is found in it. Why a read is impossible is
/// tested in detail/key_history_test.cpp.
#include <larder/testing/history.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <semaphore>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <larder/cache_backend.hpp>
#include <larder/in_memory_backend.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/environment.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/random.hpp"
#include "tests/support/six_functions.hpp"

using larder::Bytes;
using larder::InvalidArgumentError;
using larder::testing::find_impossible_read;
using larder::testing::History;
using larder::testing::HistoryEvent;
using larder_tests::contains;
using larder_tests::message_of;
using larder_tests::Random;
using Events = std::vector<HistoryEvent>;
using Kind = HistoryEvent::Kind;

namespace {

constexpr std::uint64_t never = HistoryEvent::never;

/// Scaled, but never so few that nothing happens.
std::size_t scaled(std::size_t count) { return std::max<std::size_t>(larder_tests::scaled(count), 1000); }

/// The explanation and the evidence, or nothing if every read is possible.
std::string report_on(const Events& events, bool nothing_is_evicted = true) {
  const auto impossible = find_impossible_read(events, nothing_is_evicted);
  return impossible ? impossible->to_text() : "";
}

}  // namespace

TEST_CASE("a recorder notes what each call did, and what it saw, for each key", "[history]") {
  larder_tests::SixFunctions cache;
  cache.longest_value = 1;
  History history(2);
  auto& recorder = history.thread(1);
  const std::vector<std::string> keys = {"a", "b"};

  CHECK(recorder.set(cache, "a", "1"));
  CHECK_FALSE(recorder.set(cache, "b", "too long"));
  CHECK(recorder.get(cache, "a") == Bytes("1"));
  CHECK_FALSE(recorder.get(cache, "b").has_value());
  CHECK(recorder.exists(cache, "a"));
  CHECK_FALSE(recorder.exists(cache, "b"));
  CHECK(recorder.get_many(cache, keys) == std::vector<std::optional<Bytes>>{Bytes("1"), std::nullopt});
  CHECK(recorder.erase(cache, "a"));
  CHECK_FALSE(recorder.erase(cache, "a"));

  const auto expected = [](Kind kind, std::uint64_t begin, std::string key, std::string value, std::string_view call) {
    return HistoryEvent{kind, 1, begin, begin + 1, std::move(key), std::move(value), call};
  };
  CHECK(history.events() == Events{expected(Kind::wrote, 1, "a", "1", "set"),        //
                                   expected(Kind::removed, 3, "b", "", "set"),       //
                                   expected(Kind::read, 5, "a", "1", "get"),         //
                                   expected(Kind::missed, 7, "b", "", "get"),        //
                                   expected(Kind::found, 9, "a", "", "exists"),      //
                                   expected(Kind::missed, 11, "b", "", "exists"),    //
                                   expected(Kind::read, 13, "a", "1", "get_many"),   //
                                   expected(Kind::missed, 13, "b", "", "get_many"),  //
                                   expected(Kind::removed, 15, "a", "", "erase"),    //
                                   expected(Kind::removed, 17, "a", "", "erase")});
}

TEST_CASE("a recorder notes batches that write, and clear, as one event for each key", "[history]") {
  larder_tests::SixFunctions cache;
  cache.longest_value = 1;
  History history(1);
  auto& recorder = history.thread(0);
  const std::vector<std::string> keys = {"a", "b"};
  using Items = std::vector<std::pair<std::string, std::string>>;

  CHECK(recorder.set_many(cache, Items{{"a", "1"}, {"b", "2"}}) == 2);
  CHECK(recorder.set_many(cache, Items{{"a", "too long"}, {"b", "3"}}) == 1);
  CHECK(recorder.set_many(cache, Items{{"a", "4"}, {"b", "5"}}, std::chrono::seconds(0)) == 0);
  CHECK(recorder.erase_many(cache, keys) == 0);
  CHECK(recorder.clear(cache, keys) == 0);

  const auto expected = [](Kind kind, std::uint64_t begin, std::uint64_t end, std::string key, std::string value,
                           std::string_view call) {
    return HistoryEvent{kind, 0, begin, end, std::move(key), std::move(value), call};
  };
  CHECK(history.events() == Events{expected(Kind::wrote, 1, 2, "a", "1", "set_many"),             //
                                   expected(Kind::wrote, 1, 2, "b", "2", "set_many"),             //
                                   expected(Kind::removed, 3, 4, "a", "", "set_many"),            //
                                   expected(Kind::wrote, 3, never, "a", "too long", "set_many"),  //
                                   expected(Kind::removed, 3, 4, "b", "", "set_many"),            //
                                   expected(Kind::wrote, 3, never, "b", "3", "set_many"),         //
                                   expected(Kind::removed, 5, 6, "a", "", "set_many"),            //
                                   expected(Kind::removed, 5, 6, "b", "", "set_many"),            //
                                   expected(Kind::removed, 7, 8, "a", "", "erase_many"),          //
                                   expected(Kind::removed, 7, 8, "b", "", "erase_many"),          //
                                   expected(Kind::removed, 9, 10, "a", "", "clear"),              //
                                   expected(Kind::removed, 9, 10, "b", "", "clear")});
}

TEST_CASE("calls of any kind can be recorded by hand", "[history]") {
  History history(2);
  History::Call write = history.thread(0).begin("compare_and_set");
  History::Call look = history.thread(1).begin("peek");
  look.missed("k");
  write.wrote("k", "v");
  look.found("other");
  history.thread(1).begin("touch").found("k");
  const Events expected = {{Kind::wrote, 0, 1, 4, "k", "v", "compare_and_set"},
                           {Kind::missed, 1, 2, 3, "k", "", "peek"},
                           {Kind::found, 1, 2, 3, "other", "", "peek"},
                           {Kind::found, 1, 5, 6, "k", "", "touch"}};
  CHECK(history.events() == expected);
}

TEST_CASE("a history has as many threads as it was made for", "[history]") {
  History history(2);
  CHECK(history.events().empty());
  history.thread(1).begin("get").missed("k");
  CHECK(history.events().at(0).thread == 1);
  CHECK(message_of<InvalidArgumentError>([&] { history.thread(2); }) == "History::thread: index 2 of 2 threads");
}

TEST_CASE("a recorder knows what the answers of set_if_absent and touch say", "[history]") {
  larder::InMemoryBackend<> cache;
  History history(1);
  auto& recorder = history.thread(0);
  CHECK_FALSE(recorder.touch(cache, "k", {}));
  CHECK(recorder.set_if_absent(cache, "k", "1"));
  CHECK_FALSE(recorder.set_if_absent(cache, "k", "2"));
  CHECK(recorder.touch(cache, "k", larder::Ttl(std::chrono::hours(1))));
  const auto events = history.events();
  REQUIRE(events.size() == 4);
  CHECK(events[0].kind == Kind::missed);
  CHECK(events[1].kind == Kind::wrote);
  CHECK(events[1].value == "1");
  CHECK(events[2].kind == Kind::found);
  CHECK(events[3].kind == Kind::found);
  CHECK(events[3].operation == "touch");
}

namespace {

/// A map behind a connection that breaks when a test says so: before a call does its work, or after.
class BrokenConnection : public larder::CacheBackend<> {
 public:
  enum class Breaks { not_at_all, before, after };

  Breaks breaks = Breaks::not_at_all;

 private:
  template <class Function>
  auto call(Function&& work) {
    if (breaks == Breaks::before) throw larder::ConnectionError("no connection");
    auto result = work();
    if (breaks == Breaks::after) throw larder::ConnectionError("the answer was lost");
    return result;
  }

  std::optional<Bytes> do_get(std::string_view key) override {
    return call([&]() -> std::optional<Bytes> {
      const auto entry = map_.find(std::string(key));
      if (entry == map_.end()) return std::nullopt;
      return entry->second;
    });
  }
  bool do_set(std::string_view key, Bytes value, larder::Ttl, larder::Metadata) override {
    return call([&] {
      map_[std::string(key)] = std::move(value);
      return true;
    });
  }
  bool do_erase(std::string_view key) override {
    return call([&] { return map_.erase(std::string(key)) == 1; });
  }
  bool do_exists(std::string_view key) override {
    return call([&] { return map_.contains(std::string(key)); });
  }
  std::size_t do_clear() override {
    return call([&] {
      const std::size_t count = map_.size();
      map_.clear();
      return count;
    });
  }
  larder::CacheStats do_stats() const override { return {}; }

  std::map<std::string, Bytes> map_;
};

}  // namespace

TEST_CASE("a call that throws may have happened or not, and its exception goes on to the caller", "[history]") {
  using Breaks = BrokenConnection::Breaks;
  BrokenConnection cache;
  History history(1);
  auto& recorder = history.thread(0);
  const std::vector<std::string> keys = {"k"};
  const std::vector<std::pair<std::string, std::string>> items = {{"k", "in a batch"}};
  const Breaks breaks = GENERATE(Breaks::before, Breaks::after);
  const std::size_t call = GENERATE(range(std::size_t{0}, std::size_t{5}));
  const std::array<std::function<void()>, 5> calls = {
      [&] { recorder.set(cache, "k", "alone"); }, [&] { recorder.erase(cache, "k"); },
      [&] { recorder.clear(cache, keys); },       [&] { recorder.set_many(cache, items); },
      [&] { recorder.erase_many(cache, keys); },
  };

  recorder.set(cache, "k", "first");
  cache.breaks = breaks;
  CHECK_THROWS_AS(calls[call](), larder::ConnectionError);
  CHECK_THROWS_AS(recorder.get(cache, "k"), larder::ConnectionError);
  CHECK_THROWS_AS(recorder.exists(cache, "k"), larder::ConnectionError);
  CHECK_THROWS_AS(recorder.get_many(cache, keys), larder::ConnectionError);
  cache.breaks = Breaks::not_at_all;

  const Events thrown = history.events();
  const bool sets = call == 0 || call == 3;
  REQUIRE(thrown.size() == (sets ? 3u : 2u));
  CHECK(thrown[1].kind == (sets ? Kind::wrote : Kind::removed));
  CHECK(thrown.back().kind == Kind::removed);
  for (std::size_t i = 1; i < thrown.size(); ++i) {
    CHECK(thrown[i].begin == 3);
    CHECK(thrown[i].end == never);
    CHECK(thrown[i].key == "k");
  }
  recorder.get(cache, "k");
  recorder.exists(cache, "k");
  CHECK(history.events().size() == thrown.size() + 2);
  CHECK(report_on(history.events()).empty());
}

// Threads.

namespace {

constexpr std::size_t thread_count = 4;
const std::vector<std::string> few_keys = {"a", "b", "c"};

/// Every kind of call on few keys, from several threads at once.
template <class Cache>
Events record_threads(Cache& cache, std::size_t operations) {
  History history(thread_count);
  const auto work = [&](std::size_t thread) {
    Random random(thread + 1);
    auto& recorder = history.thread(thread);
    const auto any_key = [&random] { return few_keys[random.below(few_keys.size())]; };
    for (std::size_t i = 0; i < operations; ++i) {
      const std::string value = std::to_string(thread) + "-" + std::to_string(i);
      const std::size_t choice = random.below(100);
      if (choice < 40) {
        recorder.get(cache, any_key());
      } else if (choice < 60) {
        recorder.set(cache, any_key(), value);
      } else if (choice < 65) {
        recorder.erase(cache, any_key());
      } else if (choice < 75) {
        recorder.exists(cache, any_key());
      } else if (choice < 85) {
        recorder.get_many(cache, std::vector<std::string>{any_key(), any_key()});
      } else if (choice < 93) {
        recorder.set_many(cache, std::vector<std::pair<std::string, std::string>>{{any_key(), value + "x"},
                                                                                  {any_key(), value + "y"}});
      } else if (choice < 97) {
        recorder.erase_many(cache, std::vector<std::string>{any_key(), any_key()});
      } else {
        recorder.clear(cache, few_keys);
      }
    }
  };
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < thread_count; ++i) threads.emplace_back(work, i);
  for (std::thread& thread : threads) thread.join();
  return history.events();
}

}  // namespace

TEST_CASE("what threads read from the in-memory cache is possible, and would be noticed if it were not",
          "[history][threads]") {
  larder::InMemoryBackend<> cache;
  Events events = record_threads(cache, scaled(20000));
  CHECK(report_on(events).empty());

  const auto is_read = [](const HistoryEvent& event) { return event.kind == Kind::read; };
  const auto last_read = std::find_if(events.rbegin(), events.rend(), is_read);
  REQUIRE(last_read != events.rend());
  const auto first_read = std::find_if(events.begin(), events.end(), [&](const HistoryEvent& event) {
    return is_read(event) && event.key == last_read->key;
  });
  last_read->value = first_read->value;
  CHECK(contains(report_on(events), " had surely "));
}

TEST_CASE("where the in-memory cache evicts, only its misses need to be excused", "[history][threads]") {
  larder::InMemoryBackend<> cache{{.max_entries = few_keys.size() - 1}};
  const Events events = record_threads(cache, scaled(20000));
  CHECK(report_on(events, false).empty());
  CHECK(contains(report_on(events), " missed, but "));
}

namespace {

/// A near copy in front of a map. Some writes forget to renew the near copy, so that it goes stale.
class StaleCache : public larder::CacheBackend<> {
  std::optional<Bytes> do_get(std::string_view key) override {
    const std::lock_guard lock(mutex_);
    const auto entry = map_.find(std::string(key));
    if (entry == map_.end()) return std::nullopt;
    return near_.try_emplace(entry->first, entry->second).first->second;
  }
  bool do_set(std::string_view key, Bytes value, larder::Ttl, larder::Metadata) override {
    const std::lock_guard lock(mutex_);
    if (++sets_ % 16 != 0) near_.erase(std::string(key));
    map_[std::string(key)] = std::move(value);
    return true;
  }
  bool do_erase(std::string_view key) override {
    const std::lock_guard lock(mutex_);
    near_.erase(std::string(key));
    return map_.erase(std::string(key)) == 1;
  }
  bool do_exists(std::string_view key) override {
    const std::lock_guard lock(mutex_);
    return map_.contains(std::string(key));
  }
  std::size_t do_clear() override {
    const std::lock_guard lock(mutex_);
    const std::size_t count = map_.size();
    near_.clear();
    map_.clear();
    return count;
  }
  larder::CacheStats do_stats() const override { return {}; }

  std::mutex mutex_;
  std::size_t sets_ = 0;
  std::map<std::string, Bytes> map_;
  std::map<std::string, Bytes> near_;
};

/// One value in two halves, each with a lock of its own: whoever reads between the two gets half of each value.
class TornCache {
 public:
  using mapped_type = std::string;

  /// Called when one half is written.
  std::function<void()> between = [] {};

  bool set(std::string_view, const std::string& value, larder::Ttl) {
    const std::size_t middle = value.size() / 2;
    put(halves_[0], value.substr(0, middle));
    between();
    put(halves_[1], value.substr(middle));
    return true;
  }
  std::optional<std::string> get(std::string_view) { return take(halves_[0]) + take(halves_[1]); }

 private:
  struct Half {
    std::mutex mutex;
    std::string text;
  };

  static void put(Half& half, std::string text) {
    const std::lock_guard lock(half.mutex);
    half.text = std::move(text);
  }
  static std::string take(Half& half) {
    const std::lock_guard lock(half.mutex);
    return half.text;
  }

  std::array<Half, 2> halves_;
};

}  // namespace

TEST_CASE("a cache whose near copies go stale is caught", "[history][threads]") {
  StaleCache cache;
  const auto impossible = find_impossible_read(record_threads(cache, scaled(20000)), true);
  REQUIRE(impossible.has_value());
  CHECK(contains(impossible->explanation, "had surely replaced it with"));
  const HistoryEvent& stale = impossible->events.at(impossible->read);
  CHECK(impossible->events.front().kind == Kind::wrote);
  CHECK(impossible->events.front().value == stale.value);
}

TEST_CASE("a cache whose values can be seen half written is caught", "[history][threads]") {
  TornCache cache;
  History history(2);
  history.thread(0).set(cache, "k", "aaaa");
  std::binary_semaphore half_written(0);
  std::binary_semaphore read(0);
  cache.between = [&] {
    half_written.release();
    read.acquire();
  };
  std::thread writer([&] { history.thread(0).set(cache, "k", "bbbb"); });
  half_written.acquire();
  history.thread(1).get(cache, "k");
  read.release();
  writer.join();
  CHECK(contains(report_on(history.events()), R"(get("k") read "bbaa", which was never written to this key)"));
}

TEST_CASE("the ticks of threads that record at once are all different, and grow in each thread", "[history][threads]") {
  History history(thread_count);
  const std::size_t calls = scaled(20000);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < thread_count; ++i) {
    threads.emplace_back([&history, calls, i] {
      for (std::size_t call = 0; call < calls; ++call) history.thread(i).begin("get").missed("k");
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::uint64_t> ticks;
  std::array<std::uint64_t, thread_count> last{};
  bool grow = true;
  for (const HistoryEvent& each : history.events()) {
    ticks.insert({each.begin, each.end});
    grow = grow && last.at(each.thread) < each.begin && each.begin < each.end;
    last.at(each.thread) = each.end;
  }
  CHECK(grow);
  CHECK(ticks.size() == 2 * calls * thread_count);
  CHECK(*ticks.begin() == 1);
  CHECK(*ticks.rbegin() == 2 * calls * thread_count);
}
