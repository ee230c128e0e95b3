/// \file in_memory_backend_test.cpp
/// The rest of what every backend promises: values, metadata, clear, and data that moves from the cache to itself.
/// Expiry, overwriting, eviction, counting, batches, keys, the listener and exceptions have files of their own.
#include <larder/in_memory_backend.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/fixture.hpp"

using larder::Bytes;
using larder_tests::Fixture;
using larder_tests::sorted_keys;
using namespace std::chrono_literals;

namespace {

/// Lengths around the one from which on a value is shared rather than kept inside the entry.
constexpr std::size_t lengths[] = {0, 1, 2, 7, 8, 15, 16, 100, 1023, 1024, 1025, 4096, 100000};

std::string text_of(std::size_t length) {
  std::string text(length, '\0');
  for (std::size_t i = 0; i < length; ++i) text[i] = static_cast<char>(i * 131 + length);
  return text;
}

}  // namespace

TEST_CASE("a value that was set is got, and one that was not is an empty optional", "[contract]") {
  Fixture<> f;
  CHECK_FALSE(f.cache.get("k").has_value());
  CHECK_FALSE(f.cache.exists("k"));
  CHECK(f.cache.set("k", "v"));
  CHECK(f.cache.get("k") == "v");
  CHECK(f.cache.exists("k"));
  CHECK(f.cache.erase("k"));
  CHECK_FALSE(f.cache.erase("k"));
  CHECK_FALSE(f.cache.get("k").has_value());
}

TEST_CASE("values are any bytes of any length", "[contract][values]") {
  Fixture<> f;
  for (const std::size_t length : lengths) f.cache.set(std::to_string(length), text_of(length));
  for (const std::size_t length : lengths) {
    CAPTURE(length);
    const std::string key = std::to_string(length);
    const std::string expected = text_of(length);
    CHECK((f.cache.get(key) == expected));
    CHECK((f.cache.get_entry(key)->value == expected));
    CHECK(f.cache.get_entry(key)->size_bytes == length);
    bool same = false;
    CHECK(f.cache.visit(key, [&](const Bytes& value) { same = value == expected; }));
    CHECK(same);
  }
}

TEST_CASE("an empty value is a hit", "[contract][values]") {
  Fixture<> f;
  CHECK(f.cache.set("k", ""));
  CHECK(f.cache.exists("k"));
  CHECK(f.cache.get("k") == "");
  CHECK(f.cache.get_many({"k"}).size() == 1);
  CHECK(f.cache.visit("k", [](const Bytes&) {}));
  CHECK(f.cache.stats().hits == 3);
  CHECK(f.cache.stats().misses == 0);
}

TEST_CASE("what was got stays valid whatever happens to its entry", "[contract][values]") {
  std::vector<Bytes> got;
  {
    Fixture<> f;
    for (const std::size_t length : lengths) {
      const std::string key = std::to_string(length);
      f.cache.set(key, text_of(length), 1s, {{"name", "text"}});
      got.push_back(*f.cache.get(key));
      f.cache.visit(key, [&got](const Bytes& value) { got.push_back(value); });
      got.push_back(f.cache.get_entry(key)->value);
    }
    f.cache.set("1", "overwritten");
    f.cache.erase("2");
    f.cache.set("100", "removed", 0s);
    f.clock.advance(1s);
    f.cache.keys();
    f.cache.clear();
  }
  for (std::size_t i = 0; i < got.size(); ++i) CHECK((got[i] == text_of(lengths[i / 3])));
}

TEST_CASE("a get copies no payload, however often it is asked", "[contract][values]") {
  Fixture<> f;
  for (const std::size_t length : {std::size_t{10}, std::size_t{5000}}) {
    f.cache.set("k", text_of(length));
    const Bytes first = *f.cache.get("k");
    CHECK((f.cache.get("k")->data() == first.data()));
  }
}

TEST_CASE("what the caller does to his own bytes does not change the cache", "[contract][values]") {
  Fixture<> f;
  std::string text = "before";
  f.cache.set("k", text);
  text = "after!";
  Bytes got = *f.cache.get("k");
  got = "something else";
  CHECK(f.cache.get("k") == "before");
}

TEST_CASE("metadata comes back as it was given", "[contract][metadata]") {
  Fixture<> f;
  const larder::Metadata metadata = {{"endpoint", "/api/search"}, {"", "empty name"}, {"long", std::string(1000, 'm')}};
  f.cache.set("inside", "v", 600s, metadata);
  f.cache.set("shared", text_of(5000), {}, metadata);
  f.cache.set("none", "v");
  CHECK(f.cache.get_entry("inside")->metadata == metadata);
  CHECK(f.cache.get_entry("shared")->metadata == metadata);
  CHECK((f.cache.get_entry("shared")->value == text_of(5000)));
  CHECK(f.cache.get_entry("none")->metadata.empty());
  CHECK_FALSE(f.cache.get_entry("missing").has_value());
}

TEST_CASE("get_entry tells all about an entry", "[contract]") {
  Fixture<> f;
  const auto before = std::chrono::system_clock::now();
  f.cache.set("k", "value", 60s, {{"name", "text"}});
  const auto entry = f.cache.get_entry("k");
  const auto after = std::chrono::system_clock::now();
  REQUIRE(entry.has_value());
  CHECK(entry->key == "k");
  CHECK(entry->value == "value");
  CHECK(entry->size_bytes == 5);
  CHECK(entry->created_at >= before);
  CHECK(entry->created_at <= after);
  CHECK(*entry->expires_at >= before + 60s);
  CHECK(*entry->expires_at <= after + 60s + 1ms);
  CHECK_FALSE(entry->is_expired());
}

TEST_CASE("clear removes everything and says how many live entries there were", "[contract][clear]") {
  Fixture<> f({.shards = GENERATE(std::size_t{1}, std::size_t{4})});
  CHECK(f.cache.clear() == 0);
  for (int i = 0; i < 100; ++i) f.cache.set(std::to_string(i), "v");
  for (int i = 0; i < 10; ++i) f.cache.set("session " + std::to_string(i), "v", 1s);
  f.clock.advance(1s);
  CHECK(f.cache.clear() == 100);
  CHECK(f.cache.keys().empty());
  CHECK(f.cache.stats().current_entries == 0u);
  CHECK(f.cache.stats().current_size_bytes == 0u);
  CHECK(f.cache.clear() == 0);
}

TEST_CASE("a cleared cache can be filled again, and old deadlines mean nothing to it", "[contract][clear]") {
  Fixture<> f({.max_size_bytes = 0, .max_entries = 10});
  for (int i = 0; i < 10; ++i) f.cache.set(std::to_string(i), "v", 1s);
  CHECK(f.cache.clear() == 10);
  for (int i = 0; i < 10; ++i) f.cache.set(std::to_string(i), "w");
  f.removals.take();
  f.clock.advance(1h);
  CHECK(f.cache.keys().size() == 10);
  CHECK(f.cache.get("3") == "w");
  f.cache.set("one more", "v");
  CHECK(f.removals.take_text() == "0=w evicted");
}

TEST_CASE("two caches share nothing", "[contract][clear]") {
  Fixture<> first;
  Fixture<> second;
  first.cache.set("k", "1");
  second.cache.set("k", "2");
  CHECK(first.cache.clear() == 1);
  CHECK(second.cache.get("k") == "2");
}

TEST_CASE("setting a key to its own value is safe", "[contract][own data]") {
  Fixture<> f({.max_size_bytes = 200000, .max_entries = 3});
  for (const std::size_t length : lengths) {
    CAPTURE(length);
    f.cache.set("k", text_of(length));
    for (int i = 0; i < 3; ++i) CHECK(f.cache.set("k", *f.cache.get("k")));
    CHECK((f.cache.get("k") == text_of(length)));
    CHECK(f.cache.set("copy", *f.cache.get("k")));
    CHECK(f.cache.erase("k"));
    CHECK((f.cache.get("copy") == text_of(length)));
  }
}

TEST_CASE("setting a key to a part of its own value is safe", "[contract][own data]") {
  Fixture<> f;
  for (const std::size_t length : lengths) {
    f.cache.set("k", text_of(length));
    CHECK(f.cache.set("k", f.cache.get("k")->substr(length / 2)));
    CHECK((f.cache.get("k") == text_of(length).substr(length / 2)));
  }
}

TEST_CASE("a key may be a view into the cache's own storage", "[contract][own data]") {
  Fixture<> f;
  const std::string name = GENERATE(std::string("k"), std::string(2000, 'k'));
  f.cache.set(name, name);
  Bytes key = *f.cache.get(name);
  SECTION("set") { CHECK(f.cache.set(key, "new")); }
  SECTION("set of itself") {
    CHECK(f.cache.set(key, key));
    CHECK(f.cache.set(key, "new"));
  }
  SECTION("erase, and set again") {
    CHECK(f.cache.erase(key));
    CHECK(f.cache.set(key, "new"));
  }
  SECTION("a TTL that is not positive, and set again") {
    CHECK_FALSE(f.cache.set(key, key, 0s));
    CHECK(f.cache.set(key, "new"));
  }
  SECTION("batches") {
    CHECK(f.cache.erase_many(std::vector<Bytes>{key, key}) == 1);
    CHECK(f.cache.set_many(std::vector<std::pair<Bytes, Bytes>>{{key, key}, {key, "new"}}) == 2);
  }
  CHECK(f.cache.get(key) == "new");
  CHECK(key == name);
}

TEST_CASE("a removed value may be the last to know its key", "[contract][own data][listener]") {
  Fixture<> f;
  Fixture<> other({.on_removal = [&f](std::string_view k, const Bytes& value, larder::RemovalCause) {
    f.cache.set(value, k);  // turned round: both views are into what is just leaving
  }});
  other.cache.set("key", "value");
  other.cache.erase("key");
  CHECK(f.cache.get("value") == "key");
}

namespace {

struct Person {
  std::string name;
  int age;
};

}  // namespace

TEST_CASE("values may be of any type that can be copied", "[contract][types]") {
  Fixture<int, std::shared_ptr<const Person>> pointers;
  pointers.cache.set(1, std::make_shared<const Person>(Person{"Alice", 30}));
  CHECK((*pointers.cache.get(1))->name == "Alice");
  CHECK(pointers.cache.get(1)->get() == pointers.cache.get(1)->get());

  Fixture<std::string, Person> people;
  people.cache.set("bob", {"Bob", 40});
  CHECK(people.cache.get("bob")->age == 40);
  int age = 0;
  people.cache.visit("bob", [&age](const Person& person) { age = person.age; });
  CHECK(age == 40);

  Fixture<int, Bytes> numbered;
  for (const std::size_t length : lengths) numbered.cache.set(static_cast<int>(length), text_of(length), 1s, {{"a", "b"}});
  for (const std::size_t length : lengths) CHECK((numbered.cache.get(static_cast<int>(length)) == text_of(length)));

  Fixture<std::string, std::string> strings;
  strings.cache.set("k", "v", 1s);
  CHECK(strings.cache.get("k") == "v");
  CHECK(strings.cache.get_many({"k", "x"}).at("k") == "v");
}
