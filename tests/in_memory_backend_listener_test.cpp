/// \file in_memory_backend_listener_test.cpp
/// The removal listener: whom it hears of, when, and what it may do.
#include <larder/in_memory_backend.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/fixture.hpp"
#include "tests/support/random.hpp"
#include "tests/support/watched_mutex.hpp"

using larder::Bytes;
using larder::RemovalCause;
using larder_tests::Fixture;
using larder_tests::sorted_keys;
using namespace std::chrono_literals;

namespace {

/// A cache whose listener is whatever function the test puts in place. The end of the cache calls it, too, so what
/// it uses must be declared before.
struct Listening {
  std::function<void(std::string_view, const Bytes&, RemovalCause)> listener;
  Fixture<> f;

  explicit Listening(Fixture<>::Options options = {}) : f(listen(std::move(options))) {}
  auto& cache() { return f.cache; }

 private:
  Fixture<>::Options listen(Fixture<>::Options options) {
    options.on_removal = [this](std::string_view key, const Bytes& value, RemovalCause cause) {
      const auto present = listener;  // which may put another one in its own place
      if (present) present(key, value, cause);
    };
    return options;
  }
};

}  // namespace

TEST_CASE("the listener hears of each cause", "[listener]") {
  Fixture<> f({.max_size_bytes = 0, .max_entries = 2});
  f.cache.set("a", "1");
  f.cache.erase("a");
  CHECK(f.removals.take_text() == "a=1 erased");
  f.cache.set("b", "1");
  f.cache.set("b", "2");
  CHECK(f.removals.take_text() == "b=1 replaced");
  f.cache.set("c", "1", 1s);
  f.cache.set("d", "1");
  CHECK(f.removals.take_text() == "b=2 evicted");
  f.clock.advance(1s);
  f.cache.keys();
  CHECK(f.removals.take_text() == "c=1 expired");
  f.cache.clear();
  CHECK(f.removals.take_text() == "d=1 cleared");
  f.cache.set("e", "1");
  f.cache.erase_many({"e", "x"});
  CHECK(f.removals.take_text() == "e=1 erased");
}

TEST_CASE("the end of a cache clears it", "[listener]") {
  std::optional<Fixture<>> f(std::in_place);
  const auto removals = f->removals;
  f->cache.set("a", "1");
  f.reset();
  CHECK(removals.take_text() == "a=1 cleared");
}

TEST_CASE("the listener hears of every entry exactly once", "[listener]") {
  Fixture<> f({.max_size_bytes = 2000, .max_entries = 50});
  larder_tests::Random random(3);
  std::size_t stored = 0;
  for (int i = 0; i < 20000; ++i) {
    const std::string key = std::to_string(random.below(100));
    switch (random.below(8)) {
      case 0: f.cache.erase(key); break;
      case 1: f.clock.advance(std::chrono::milliseconds(random.below(20))); break;
      case 2: stored += f.cache.set(key, std::string(random.below(300), 'v')) ? 1 : 0; break;
      default: stored += f.cache.set(key, "v", std::chrono::milliseconds(random.below(100))) ? 1 : 0; break;
    }
  }
  f.cache.clear();
  CHECK(f.removals.take().size() == stored);
}

TEST_CASE("the listener is called in the order of removal, on the calling thread", "[listener]") {
  std::vector<std::string> order;
  std::vector<std::thread::id> threads;
  Listening l({.max_size_bytes = 10});
  l.listener = [&](std::string_view key, const Bytes&, RemovalCause) {
    order.emplace_back(key);
    threads.push_back(std::this_thread::get_id());
  };
  for (const char* key : {"c", "a", "d", "b"}) l.cache().set(key, "12");
  l.cache().get("c");
  l.cache().set("all of it", "1234567890");
  CHECK(order == std::vector<std::string>{"a", "d", "b", "c"});
  CHECK(threads == std::vector<std::thread::id>(4, std::this_thread::get_id()));
}

TEST_CASE("the listener is called before the function that removed the entry returns", "[listener]") {
  int heard = 0;
  Listening l;
  l.listener = [&heard](std::string_view, const Bytes&, RemovalCause) { ++heard; };
  l.cache().set("a", "1");
  CHECK(heard == 0);
  l.cache().set("a", "2");
  CHECK(heard == 1);
  l.cache().erase("a");
  CHECK(heard == 2);
}

TEST_CASE("the listener may use every function of the cache", "[listener]") {
  std::size_t calls = 0;
  Listening l({.max_size_bytes = 0, .max_entries = 2});
  auto& cache = l.cache();
  cache.set("a", "1");
  cache.set("b", "2");
  l.listener = [&](std::string_view key, const Bytes&, RemovalCause) {
    if (++calls > 1) return;
    CHECK_FALSE(cache.exists(key));
    CHECK_FALSE(cache.get(key).has_value());
    CHECK(cache.get("c") == "3");
    CHECK(cache.keys().size() == 2);
    CHECK(cache.stats().evictions == 1);
    CHECK(cache.get_entry("b").has_value());
    CHECK(cache.visit("b", [](const Bytes&) {}));
    CHECK(cache.set("from the listener", "4"));
    CHECK(cache.get_many({"c", "b"}).size() == 1);
    CHECK(cache.erase("from the listener"));
    CHECK(cache.clear() == 1);
  };
  cache.set("c", "3");
  CHECK(calls == 4);
  CHECK(cache.keys().empty());
}

TEST_CASE("the listener may put back what was removed", "[listener]") {
  Listening l;
  l.cache().set("k", "v");
  l.listener = [&](std::string_view key, const Bytes& value, RemovalCause cause) {
    if (cause == RemovalCause::erased) l.cache().set(key, value);
  };
  CHECK(l.cache().erase("k"));
  CHECK(l.cache().get("k") == "v");
  l.listener = [&](std::string_view key, const Bytes& value, RemovalCause cause) {
    if (cause == RemovalCause::cleared) l.cache().set(key, value);
  };
  CHECK(l.cache().clear() == 1);
  CHECK(l.cache().get("k") == "v");
  l.listener = nullptr;
}

TEST_CASE("the listener's key and value stay valid whatever it does to the cache", "[listener]") {
  const std::size_t size = GENERATE(std::size_t{3}, std::size_t{5000});  // inside the entry, or shared
  std::string heard_key;
  Bytes heard_value;
  Listening l;
  const std::string key(100, 'k');
  l.cache().set(key, std::string(size, 'v'));
  l.listener = [&](std::string_view removed, const Bytes& value, RemovalCause) {
    l.listener = nullptr;
    l.cache().set(removed, "another");
    l.cache().erase(removed);
    l.cache().clear();
    heard_key = removed;
    heard_value = value;
  };
  l.cache().erase(key);
  CHECK(heard_key == key);
  l.cache().set(key, "something else");
  CHECK(heard_value == std::string(size, 'v'));
}

TEST_CASE("what the listener throws is swallowed and counted, and the others are still heard of", "[listener][exceptions]") {
  std::size_t calls = 0;
  Listening l;
  l.listener = [&calls](std::string_view, const Bytes&, RemovalCause) {
    if (++calls % 2 == 1) throw std::runtime_error("from the listener");
  };
  l.cache().set_many({{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}});
  CHECK(l.cache().erase("a"));
  CHECK(l.cache().stats().errors == 1);
  CHECK(l.cache().clear() == 3);
  CHECK(calls == 4);
  CHECK(l.cache().stats().errors == 2);
  CHECK(l.cache().stats().deletes == 1);
  CHECK(l.cache().set("e", "5"));
  CHECK(l.cache().get("e") == "5");
}

TEST_CASE("a cache without a listener removes silently", "[listener]") {
  larder_tests::Fixture<>::Backend cache;
  cache.set("a", "1");
  cache.set("a", "2");
  CHECK(cache.erase("a"));
  CHECK(cache.stats().errors == 0);
}

namespace {

struct Watched : larder::InMemoryTraits<int, larder_tests::WatchfulValue> {
  using Mutex = larder_tests::WatchedMutex;
};

using larder_tests::WatchedMutex;
using larder_tests::WatchfulValue;

}  // namespace

TEST_CASE("no value is copied, moved, weighed or destroyed under the lock", "[listener][locking]") {
  Fixture<int, WatchfulValue, Watched> f({.max_size_bytes = 0, .max_entries = 3});
  WatchfulValue::restart();
  for (int i = 0; i < 6; ++i) f.cache.set(i, WatchfulValue(i), 1s);
  f.cache.set(5, WatchfulValue(50));
  CHECK(f.cache.get(5)->number() == 50);
  CHECK(f.cache.get_many({3, 4, 5}).size() == 3);
  CHECK(f.cache.get_entry(4)->value.number() == 4);
  CHECK(f.cache.erase(4));
  f.clock.advance(1s);
  CHECK_FALSE(f.cache.get(3).has_value());
  f.cache.set_many({{7, WatchfulValue(7)}, {8, WatchfulValue(8)}});
  CHECK(f.cache.erase_many({7, 9}) == 1);
  f.cache.clear();
  CHECK(WatchfulValue::used_under_lock() == 0);
}

TEST_CASE("the listener is called with no lock held, and visit's function with it held", "[listener][locking]") {
  bool held_in_listener = false;
  int heard = 0;
  Fixture<int, WatchfulValue, Watched> f({.max_size_bytes = 0,
                                          .max_entries = 1,
                                          .on_removal = [&](const int&, const WatchfulValue&, RemovalCause) {
                                            ++heard;
                                            held_in_listener = held_in_listener || WatchedMutex::held();
                                          }});
  f.cache.set(1, WatchfulValue(1));
  f.cache.set(2, WatchfulValue(2));
  f.cache.set(2, WatchfulValue(3), 1s);
  f.clock.advance(1s);
  f.cache.keys();
  f.cache.set(3, WatchfulValue(3));
  f.cache.erase(3);
  f.cache.set(4, WatchfulValue(4));
  f.cache.clear();
  CHECK(heard == 5);
  CHECK_FALSE(held_in_listener);

  f.cache.set(5, WatchfulValue(5));
  bool held_in_visit = false;
  f.cache.visit(5, [&held_in_visit](const WatchfulValue&) { held_in_visit = WatchedMutex::held(); });
  CHECK(held_in_visit);
}
