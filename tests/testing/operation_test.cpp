#include <larder/testing/operation.hpp>

#include <chrono>
#include <string>

#include "tests/support/catch.hpp"

using larder::testing::Operation;
using larder::testing::Outcome;
using larder::testing::to_cpp;
using larder::testing::to_text;
using Kind = larder::testing::Operation::Kind;
using namespace std::chrono_literals;
using namespace std::string_literals;

TEST_CASE("an operation is printed as the call that it is") {
  CHECK(to_cpp({.kind = Kind::get, .keys = {"k"}}) == "cache.get(\"k\");");
  CHECK(to_cpp({.kind = Kind::set, .keys = {"k"}, .values = {"v"}}) == "cache.set(\"k\", \"v\");");
  CHECK(to_cpp({.kind = Kind::set, .keys = {"k"}, .values = {"v"}, .ttl = 1500ms}) ==
        "cache.set(\"k\", \"v\", 1500ms);");
  CHECK(to_cpp({.kind = Kind::set, .keys = {"k"}, .values = {"v"}, .metadata = {{"a", "b"}, {"c", ""}}}) ==
        "cache.set(\"k\", \"v\", {}, {{\"a\", \"b\"}, {\"c\", \"\"}});");
  CHECK(to_cpp({.kind = Kind::set_if_absent, .keys = {"k"}, .values = {"v"}, .ttl = 2h}) ==
        "cache.set_if_absent(\"k\", \"v\", 2h);");
  CHECK(to_cpp({.kind = Kind::touch, .keys = {"k"}, .ttl = 5ms}) == "cache.touch(\"k\", 5ms);");
  CHECK(to_cpp({.kind = Kind::touch, .keys = {"k"}}) == "cache.touch(\"k\", {});");
  CHECK(to_cpp({.kind = Kind::erase, .keys = {"k"}}, "other") == "other.erase(\"k\");");
  CHECK(to_cpp({.kind = Kind::exists, .keys = {""}}) == "cache.exists(\"\");");
  CHECK(to_cpp({.kind = Kind::clear}) == "cache.clear();");
  CHECK(to_cpp({.kind = Kind::get_many, .keys = {"a", "b"}}) == "cache.get_many({\"a\", \"b\"});");
  CHECK(to_cpp({.kind = Kind::erase_many}) == "cache.erase_many(std::vector<std::string>{});");
  CHECK(to_cpp({.kind = Kind::set_many, .keys = {"a", "b"}, .values = {"1", "2"}, .ttl = 2h}) ==
        "cache.set_many({{\"a\", \"1\"}, {\"b\", \"2\"}}, 2h);");
  CHECK(to_cpp({.kind = Kind::keys, .keys = {"*"}}) == "cache.keys();");
  CHECK(to_cpp({.kind = Kind::keys, .keys = {"a*"}}) == "cache.keys(\"a*\");");
  CHECK(to_cpp({.kind = Kind::get_entry, .keys = {"k"}}) == "cache.get_entry(\"k\");");
  CHECK(to_cpp({.kind = Kind::stats}) == "cache.stats();");
  CHECK(to_cpp({.kind = Kind::reset_stats}) == "cache.reset_stats();");
}

TEST_CASE("a pause is time on the clock, or a sleep") {
  CHECK(to_cpp({.kind = Kind::wait, .pause = 5ms}) == "clock.advance(5ms);");
  CHECK(to_cpp({.kind = Kind::wait, .pause = 9999999ns}) == "clock.advance(9999999ns);");
  CHECK(to_cpp({.kind = Kind::wait, .pause = 2s}, "cache", false) == "std::this_thread::sleep_for(2s);");
}

TEST_CASE("any bytes are printed so that they can be pasted") {
  const auto printed = [](const std::string& key) { return to_cpp({.kind = Kind::get, .keys = {key}}); };
  CHECK(printed("a\"b\\c") == "cache.get(\"a\\\"b\\\\c\");");
  CHECK(printed("a\r\nb") == "cache.get(\"a\\r\\nb\");");
  CHECK(printed("\0"s) == "cache.get(\"\\000\"s);");
  CHECK(printed("\0001"s) == "cache.get(\"\\0001\"s);");
  CHECK(printed("\xff") == "cache.get(\"\\377\");");
  CHECK(printed("what?\?/") == "cache.get(\"what\\?\\?/\");");
  CHECK(printed(std::string(2048, 'k')) == "cache.get(std::string(2048, 'k'));");
  CHECK(printed("key" + std::string(100, '\0')) == "cache.get(\"key\" + std::string(100, '\\000'));");
  CHECK(printed(std::string(100, '\'')) == "cache.get(std::string(100, '\\''));");
}

TEST_CASE("TTLs beyond any clock are printed as what they are") {
  const auto printed = [](larder::Ttl ttl) {
    return to_cpp({.kind = Kind::set, .keys = {"k"}, .values = {"v"}, .ttl = ttl});
  };
  CHECK(printed(std::chrono::milliseconds::max()) == "cache.set(\"k\", \"v\", std::chrono::milliseconds::max());");
  CHECK(printed(std::chrono::milliseconds::min()) == "cache.set(\"k\", \"v\", std::chrono::milliseconds::min());");
  CHECK(printed(0ms) == "cache.set(\"k\", \"v\", 0s);");
  CHECK(printed(-1ms) == "cache.set(\"k\", \"v\", -1ms);");
}

TEST_CASE("an outcome is told in a few words") {
  const auto told = [](Kind kind, const Outcome& outcome) { return to_text({.kind = kind}, outcome); };
  CHECK(told(Kind::get, {.values = {"v"}}) == "\"v\"");
  CHECK(told(Kind::get, {.values = {std::nullopt}}) == "a miss");
  CHECK(told(Kind::get_many, {.values = {"1", std::nullopt}}) == "\"1\", a miss");
  CHECK(told(Kind::get_many, {}) == "nothing");
  CHECK(told(Kind::set, {.flag = true}) == "true");
  CHECK(told(Kind::set_if_absent, {.flag = true}) == "true");
  CHECK(told(Kind::touch, {.flag = false}) == "false");
  CHECK(told(Kind::exists, {.flag = false}) == "false");
  CHECK(told(Kind::clear, {.count = 3}) == "3");
  CHECK(told(Kind::keys, {.keys = {"a"}}) == "1 key: \"a\"");
  CHECK(told(Kind::keys, {.keys = std::vector<std::string>(12, "k")}).ends_with("\"k\", ..."));
  CHECK(told(Kind::get_entry, {}) == "no entry");
  CHECK(told(Kind::get_entry, {.entry = larder::CacheEntry<>{.key = "k", .value = "v", .metadata = {{"a", "b"}}}}) ==
        "\"v\", 1 bytes, metadata {{\"a\", \"b\"}}, does not expire");
  CHECK(told(Kind::stats, {.stats = {.hits = 2}}).starts_with("hits=2 misses=0"));
  CHECK(told(Kind::get, {.error = "TimeoutError: late"}) == "throws TimeoutError: late");
}
