/// \file outage.cpp
/// What a service sees when its shared cache is down, slow, and back: memory in front of a store, with tags. The store
/// is a layer of our own here that behaves as it is told; a RedisBackend would stand in its place.
#include <larder/larder.hpp>

#include <chrono>
#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// A cache that can be down (it throws at once) or slow (it throws when the caller's time is over).
class Store final : public larder::ForwardingBackend<> {
 public:
  enum class Mood : unsigned char { up, down, slow } mood = Mood::up;

  Store() : larder::ForwardingBackend<>(std::make_shared<larder::InMemoryBackend<>>(), "Store") {}

 private:
  void be_in_the_mood() const {
    if (mood == Mood::down) throw larder::ConnectionError("nobody there");
    if (mood == Mood::up) return;
    std::this_thread::sleep_until(larder::CallDeadline::of_call(Clock::now()));
    throw larder::TimeoutError("no answer");
  }

  bool do_set(std::string_view key, larder::Bytes value, larder::Ttl ttl, larder::Metadata metadata) override {
    be_in_the_mood();
    return wrapped().set(key, std::move(value), ttl, std::move(metadata));
  }
  bool do_erase(std::string_view key) override {
    be_in_the_mood();
    return wrapped().erase(key);
  }
  bool do_visit_entry(std::string_view key, EntryVisitor visit) override {
    be_in_the_mood();
    return wrapped().visit_entry(key, visit);
  }
};

/// Prints what a call answers, and after how long.
template <class Call>
void show(const char* name, const Call& call) {
  const auto begin = Clock::now();
  const bool answer = call();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin).count();
  std::cout << "  " << std::left << std::setw(22) << name << std::boolalpha << std::setw(6) << answer << std::right
            << std::setw(4) << ms << " ms\n";
}

int main() {
  const auto store = std::make_shared<Store>();
  const auto far = std::make_shared<larder::ResilientBackend<>>(
      store, larder::ResilientOptions<>{.deadline = 50ms, .breaker = {.min_failures = 4, .open_for = 200ms}});
  const auto near = std::make_shared<larder::InMemoryBackend<>>();
  const auto tiered = std::make_shared<larder::TieredBackend<>>(near, far, larder::TieredOptions<>{.near_ttl = 1min});
  larder::TaggedBackend<> cache{tiered};
  cache.set("hot", "v", 1h);
  cache.set("cold", "v", 1h);

  for (const auto& [name, mood] : {std::pair{"up", Store::Mood::up}, std::pair{"down", Store::Mood::down},
                                   std::pair{"slow", Store::Mood::slow}, std::pair{"back", Store::Mood::up}}) {
    std::this_thread::sleep_for(250ms);  // longer than the circuit breaker waits
    store->mood = mood;
    near->erase("entry:cold");
    std::cout << "the store is " << name << ":\n";
    show("get, in memory", [&] { return cache.get("hot").has_value(); });
    show("get, not in memory", [&] { return cache.get("cold").has_value(); });
    show("set", [&] { return cache.set("new", "v", 1h); });
    show("erase", [&] { return cache.erase("new"); });
    show("erase_tag", [&] { return cache.erase_tag("pages"); });
    show("get, not in memory", [&] { return cache.get("cold").has_value(); });
    std::cout << "  the circuit is " << to_string(far->resilience().circuit) << "\n";
  }
  return cache.get("hot") && cache.get("cold") ? EXIT_SUCCESS : EXIT_FAILURE;
}
