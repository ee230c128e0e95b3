/// \file cache_backend_test.cpp
/// What the interface gives to every backend, seen through a user's own backend of six small functions.
#include <larder/cache_backend.hpp>

#include <array>
#include <chrono>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/six_functions.hpp"

using larder::Bytes;
using larder_tests::SixFunctions;
using namespace std::chrono_literals;
using namespace std::string_view_literals;

static_assert(!std::is_copy_constructible_v<SixFunctions> && !std::is_copy_assignable_v<SixFunctions>);
static_assert(std::has_virtual_destructor_v<larder::CacheBackend<>>);
static_assert(std::is_abstract_v<larder::CacheBackend<>>);

TEST_CASE("six functions make a backend with every convenience", "[cache_backend]") {
  SixFunctions backend;
  larder::CacheBackend<>& cache = backend;

  CHECK(cache.set("k", "v"));
  CHECK(cache.set("k", "v", 60s));
  CHECK(backend.at("k").ttl == 60000ms);
  CHECK(cache.set("k", "v", 600s, {{"endpoint", "/api/search"}, {"user_type", "premium"}}));
  CHECK(backend.at("k").metadata.at("user_type") == "premium");
  CHECK(std::string_view(*cache.get("k")) == "v");
  CHECK(cache.exists("k"));
  CHECK(cache.erase("k"));
  CHECK_FALSE(cache.erase("k"));
  CHECK_FALSE(cache.get("k").has_value());

  CHECK(cache.set_many({{"user:1", "Alice"}, {"user:2", "Bob"}}, 300s) == 2);
  CHECK(backend.at("user:2").ttl == 300000ms);
  CHECK(cache.get_many({"user:1", "user:2", "user:3"}) ==
        std::unordered_map<std::string, Bytes>{{"user:1", "Alice"}, {"user:2", "Bob"}});
  CHECK(cache.erase_many({"user:1", "user:3"}) == 1);
  CHECK(cache.stats().current_entries == 1u);
  CHECK(cache.clear() == 1);
}

TEST_CASE("a set without a TTL tells the backend so", "[cache_backend]") {
  SixFunctions cache;
  cache.set("k", "v");
  CHECK_FALSE(cache.at("k").ttl.has_value());
  CHECK(cache.at("k").metadata.empty());
}

TEST_CASE("a backend need not offer set_if_absent and touch", "[cache_backend]") {
  SixFunctions cache;
  cache.set("k", "v");
  CHECK_THROWS_AS(cache.set_if_absent("new", "v"), larder::NotSupportedError);
  CHECK_THROWS_AS(cache.touch("k", 1s), larder::NotSupportedError);
  CHECK_THROWS_AS(cache.touch("k", {}), larder::NotSupportedError);
  cache.take_calls();
  CHECK(cache.get("k") == "v");
  CHECK(cache.take_calls() == "get k");
}

TEST_CASE("a TTL that is not positive makes touch an erase, and set_if_absent nothing", "[cache_backend]") {
  SixFunctions cache;
  cache.set("k", "v");
  cache.take_calls();
  CHECK_FALSE(cache.set_if_absent("new", "v", 0s));
  CHECK_FALSE(cache.set_if_absent("k", "v", -1ms));
  CHECK(cache.take_calls().empty());
  CHECK(cache.touch("k", 0s));
  CHECK_FALSE(cache.touch("k", -1ms));
  CHECK(cache.take_calls() == "erase k, erase k");
}

TEST_CASE("a TTL that is no whole number of milliseconds reaches the backend rounded up", "[cache_backend]") {
  SixFunctions cache;
  cache.set("k", "v", 1ns);
  CHECK(cache.at("k").ttl == 1ms);
  cache.set("k", "v", 1.0001s);
  CHECK(cache.at("k").ttl == 1001ms);
}

TEST_CASE("a batch may be any range of keys", "[cache_backend]") {
  SixFunctions cache;
  cache.set_many({{"a", "1"}, {"b", "2"}});
  const std::unordered_map<std::string, Bytes> expected = {{"a", "1"}, {"b", "2"}};

  const std::vector<std::string> strings = {"a", "b"};
  const std::vector<std::string_view> views = {"a", "b"};
  const std::array<const char*, 2> literals = {"a", "b"};
  const std::set<std::string> set = {"a", "b"};
  const std::string_view raw[] = {"a", "b"};
  CHECK(cache.get_many(strings) == expected);
  CHECK(cache.get_many(views) == expected);
  CHECK(cache.get_many(literals) == expected);
  CHECK(cache.get_many(set) == expected);
  CHECK(cache.get_many(raw) == expected);
  CHECK(cache.get_many(std::span<const std::string>(strings)) == expected);
  CHECK(cache.get_many(std::vector<Bytes>{"a", "b"}) == expected);
  CHECK(cache.erase_many(set) == 2);
  CHECK(cache.erase_many(strings) == 0);
}

TEST_CASE("a batch of values may be any range of pairs", "[cache_backend]") {
  SixFunctions cache;
  CHECK(cache.set_many(std::map<std::string, std::string>{{"a", "1"}, {"b", "2"}}) == 2);
  CHECK(cache.set_many(std::unordered_map<std::string, Bytes>{{"c", "3"}}, 5s) == 1);
  CHECK(cache.set_many(std::vector<std::pair<const char*, const char*>>{{"d", "4"}}) == 1);
  const std::array<std::pair<std::string_view, Bytes>, 1> array = {{{"e", "5"}}};
  CHECK(cache.set_many(array) == 1);
  CHECK(cache.stats().current_entries == 5u);
  CHECK(cache.get("b") == "2");
  CHECK(cache.at("c").ttl == 5000ms);
  CHECK(cache.get("e") == "5");
}

TEST_CASE("batches by default loop over the single functions, in order", "[cache_backend]") {
  SixFunctions cache;
  cache.set_many({{"b", "2"}, {"a", "1"}});
  CHECK(cache.take_calls() == "set b, set a");
  cache.get_many({"a", "b", "c"});
  CHECK(cache.take_calls() == "get a, get b, get c");
  cache.erase_many({"c", "a"});
  CHECK(cache.take_calls() == "erase c, erase a");
}

TEST_CASE("an empty batch is a no-op", "[cache_backend]") {
  SixFunctions cache;
  CHECK(cache.get_many(std::vector<std::string>()).empty());
  CHECK(cache.get_many(std::initializer_list<std::string_view>()).empty());
  cache.get_many(std::span<const std::string_view>(), std::span<std::optional<Bytes>>());
  CHECK(cache.set_many(std::map<std::string, std::string>()) == 0);
  CHECK(cache.set_many(std::map<std::string, std::string>(), 0s) == 0);
  CHECK(cache.erase_many(std::vector<std::string>()) == 0);
  CHECK(cache.take_calls().empty());
}

TEST_CASE("a duplicate key is answered in each position", "[cache_backend]") {
  SixFunctions cache;
  cache.set("a", "1");
  const std::array<std::string_view, 4> keys = {"a", "b", "a", "b"};
  std::array<std::optional<Bytes>, 4> values;
  cache.get_many(keys, values);
  CHECK(values[0] == Bytes("1"));
  CHECK_FALSE(values[1].has_value());
  CHECK(values[2] == Bytes("1"));
  CHECK_FALSE(values[3].has_value());
  CHECK(cache.get_many({"a", "a"}).size() == 1);
  CHECK(cache.set_many({{"d", "first"}, {"d", "second"}}) == 2);
  CHECK(cache.get("d") == "second");
  CHECK(cache.erase_many({"d", "d"}) == 1);
}

TEST_CASE("a positional get_many empties the positions of keys that are not there", "[cache_backend]") {
  SixFunctions cache;
  cache.set("a", "1");
  const std::array<std::string_view, 2> keys = {"missing", "a"};
  std::array<std::optional<Bytes>, 2> values = {"left over", "left over"};
  cache.get_many(keys, values);
  CHECK_FALSE(values[0].has_value());
  CHECK(values[1] == Bytes("1"));
}

TEST_CASE("a positional get_many refuses spans of different lengths before it asks for anything", "[cache_backend]") {
  SixFunctions cache;
  const std::array<std::string_view, 2> keys = {"a", "b"};
  std::array<std::optional<Bytes>, 3> values = {"kept", "kept", "kept"};
  const auto message = larder_tests::message_of<larder::InvalidArgumentError>([&] { cache.get_many(keys, values); });
  CHECK(larder_tests::contains(message, "2 keys"));
  CHECK(larder_tests::contains(message, "3 values"));
  CHECK(cache.take_calls().empty());
  CHECK(values[0] == Bytes("kept"));
}

TEST_CASE("a TTL that is zero or negative removes the key and stores nothing", "[cache_backend]") {
  SixFunctions cache;
  for (const larder::Ttl ttl : {larder::Ttl(0s), larder::Ttl(-1ms), larder::Ttl(std::chrono::milliseconds::min())}) {
    cache.set("k", "old");
    cache.take_calls();
    CHECK_FALSE(cache.set("k", "new", ttl));
    CHECK(cache.take_calls() == "erase k");
    CHECK_FALSE(cache.exists("k"));
    CHECK_FALSE(cache.set("k", "new", ttl));
    cache.take_calls();
  }
}

TEST_CASE("a batch with a TTL that is not positive removes every key", "[cache_backend]") {
  SixFunctions cache;
  cache.set_many({{"a", "1"}, {"b", "2"}, {"c", "3"}});
  cache.take_calls();
  CHECK(cache.set_many({{"a", "new"}, {"b", "new"}}, -5s) == 0);
  CHECK(cache.take_calls() == "erase a, erase b");
  CHECK(cache.stats().current_entries == 1u);
  CHECK(cache.set_many(std::map<std::string, std::string>{{"c", "new"}}, 0s) == 0);
  CHECK(cache.stats().current_entries == 0u);
}

TEST_CASE("a TTL that is not a number is refused before anything changes", "[cache_backend]") {
  SixFunctions cache;
  cache.set("k", "old");
  cache.take_calls();
  const std::chrono::duration<double> nonsense(std::numeric_limits<double>::quiet_NaN());
  CHECK_THROWS_AS(cache.set("k", "new", nonsense), larder::InvalidArgumentError);
  CHECK_THROWS_AS(cache.set_many({{"a", "1"}, {"k", "new"}}, nonsense), larder::InvalidArgumentError);
  CHECK(cache.take_calls().empty());
  CHECK(cache.get("k") == "old");
}

TEST_CASE("a batch counts what was stored, not what was asked", "[cache_backend]") {
  SixFunctions cache;
  cache.longest_value = 3;
  CHECK(cache.set_many({{"a", "fits"}, {"b", "yes"}, {"c", "no!"}, {"d", "too long"}}) == 2);
}

TEST_CASE("what a backend does not offer is refused by name", "[cache_backend]") {
  using larder::NotSupportedError;
  SixFunctions cache;
  const auto asks_for = [&](auto&& function) { return larder_tests::message_of<NotSupportedError>(function); };
  CHECK(larder_tests::contains(asks_for([&] { (void)cache.keys(); }), "keys"));
  CHECK(larder_tests::contains(asks_for([&] { (void)cache.keys("user:*"); }), "keys"));
  CHECK(larder_tests::contains(asks_for([&] { (void)cache.get_entry("k"); }), "entries"));
  CHECK(larder_tests::contains(asks_for([&] { cache.reset_stats(); }), "statistics"));
}

TEST_CASE("keys are data: empty ones and those with NUL bytes reach the backend unchanged", "[cache_backend]") {
  SixFunctions cache;
  cache.set("", "empty");
  cache.set("a\0b"sv, "with NUL");
  cache.set("a", "without");
  CHECK(cache.get("") == "empty");
  CHECK(cache.get("a\0b"sv) == "with NUL");
  CHECK(cache.get("a") == "without");
  CHECK(cache.get_many({"", "a\0b"sv}).size() == 2);
}

namespace {

/// A backend that can do better than a loop, and says with how many keys it was asked.
class WholeBatches : public larder::CacheBackend<int, std::string> {
 public:
  std::vector<std::string> calls;

 private:
  std::optional<std::string> do_get(const int&) override { return std::nullopt; }
  bool do_set(const int&, std::string, larder::Ttl, larder::Metadata) override { return false; }
  bool do_erase(const int&) override { return false; }
  bool do_exists(const int&) override { return false; }
  std::size_t do_clear() override { return 0; }
  larder::CacheStats do_stats() const override { return {}; }

  void do_get_many(std::span<const int> keys, std::span<std::optional<std::string>> values) override {
    calls.push_back("get " + std::to_string(keys.size()));
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (keys[i] > 0) values[i] = std::to_string(keys[i]);
    }
  }
  std::size_t do_set_many(std::span<item> items, larder::Ttl ttl) override {
    calls.push_back("set " + std::to_string(items.size()) + (ttl ? " with ttl" : ""));
    return items.size();
  }
  std::size_t do_erase_many(std::span<const int> keys) override {
    calls.push_back("erase " + std::to_string(keys.size()));
    return keys.size();
  }
  std::vector<int> do_keys(std::string_view pattern) override {
    calls.push_back("keys " + std::string(pattern));
    return {1, 2};
  }
};

}  // namespace

TEST_CASE("a backend's own batch functions are called once a batch", "[cache_backend]") {
  WholeBatches cache;
  CHECK(cache.get_many({1, -2, 3}) == std::unordered_map<int, std::string>{{1, "1"}, {3, "3"}});
  CHECK(cache.get_many(std::set<int>{4}) == std::unordered_map<int, std::string>{{4, "4"}});
  CHECK(cache.set_many({{1, "a"}, {2, "b"}}, 1s) == 2);
  CHECK(cache.set_many(std::map<int, const char*>{{1, "a"}}) == 1);
  CHECK(cache.erase_many({1, 2, 3}) == 3);
  CHECK(cache.keys() == std::vector<int>{1, 2});
  CHECK(cache.calls == std::vector<std::string>{"get 3", "get 1", "set 2 with ttl", "set 1", "erase 3", "keys *"});
  cache.calls.clear();
  cache.get_many(std::vector<int>());
  CHECK(cache.set_many({{1, "a"}}, 0s) == 0);
  CHECK(cache.erase_many(std::vector<int>()) == 0);
  CHECK(cache.calls.empty());
}

namespace {

/// The range f(0), f(1) ... f(count - 1), whose elements are made as it goes. It can be walked through once, and
/// so not if it is const. (Clang 14 cannot compile the views of the standard library.)
template <class Function>
class Made {
 public:
  Made(int count, Function function) : count_(count), function_(std::move(function)) {}

  struct End {};
  struct Iterator {
    Made* range;
    decltype(auto) operator*() const { return range->function_(range->next_); }
    Iterator& operator++() {
      ++range->next_;
      return *this;
    }
    bool operator!=(End) const { return range->next_ < range->count_; }
  };
  Iterator begin() { return {this}; }
  End end() const { return {}; }

 private:
  int next_ = 0;
  int count_;
  Function function_;
};

std::string long_key(int i) { return "a key too long to be kept inside a string: " + std::to_string(i); }

}  // namespace

TEST_CASE("a batch of keys may be a range that makes its keys as it goes", "[cache_backend]") {
  SixFunctions cache;
  for (int i = 0; i < 3; ++i) cache.set(long_key(i), std::to_string(i));
  CHECK(cache.get_many(Made(4, long_key)).size() == 3);
  Made keys(4, long_key);
  CHECK(cache.erase_many(keys) == 3);
}

TEST_CASE("a batch of values may be a range that makes its pairs as it goes", "[cache_backend]") {
  SixFunctions cache;
  const auto pair_of = [](int i) { return std::pair(long_key(i), std::to_string(i)); };
  CHECK(cache.set_many(Made(3, pair_of), 1s) == 3);
  for (int i = 0; i < 3; ++i) CHECK(cache.get(long_key(i)) == std::to_string(i));

  const std::string kept = long_key(7);
  const auto view_of = [&kept](int i) { return std::pair<std::string_view, std::string>(kept, std::to_string(i)); };
  CHECK(cache.set_many(Made(2, view_of)) == 2);
  CHECK(cache.get(kept) == "1");
}
