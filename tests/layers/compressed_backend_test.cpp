/// \file compressed_backend_test.cpp
#include <larder/layers/compressed_backend.hpp>

#include <chrono>
#include <limits>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <larder/in_memory_backend.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/message_of.hpp"

using namespace std::chrono_literals;
using larder::Bytes;
using larder::CompressedBackend;
using larder::CompressedOptions;

namespace {

using Memory = larder::InMemoryBackend<>;

const std::string magic("\xd3LRDZ\r\n\0", 8);

std::string noise(std::size_t size) {
  std::mt19937_64 random(1);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random() & 0xff);
  return bytes;
}

struct Compressed {
  explicit Compressed(CompressedOptions options = {}) : cache(store, with_log(std::move(options))) {}

  CompressedOptions with_log(CompressedOptions options) {
    options.on_undecodable = [this](std::string_view key, std::string_view reason) {
      log += std::string(key) + ": " + std::string(reason) + "\n";
      throw std::runtime_error("the hook's own affair");
    };
    return options;
  }

  std::string log;
  std::shared_ptr<Memory> store = std::make_shared<Memory>();
  CompressedBackend<> cache;
};

}  // namespace

TEST_CASE("CompressedBackend: bad input is refused by its name", "[compressed]") {
  using larder_tests::contains;
  CHECK(contains(larder_tests::message_of<larder::InvalidArgumentError>([] { CompressedBackend<> cache(nullptr); }),
                 "wrapped = nullptr"));
  CHECK_THROWS_AS(CompressedBackend<>(std::make_shared<Memory>(), {.level = 23}), larder::InvalidArgumentError);
}

TEST_CASE("CompressedBackend: large values are stored compressed, where that pays", "[compressed]") {
  Compressed compressed({.min_size_bytes = 100, .min_saving = 0.2});
  const std::string text(10'000, 'a');
  const std::string random = noise(10'000);
  CHECK(compressed.cache.set("text", text));
  CHECK(compressed.cache.set("random", random));
  CHECK(compressed.cache.set("small", text.substr(0, 99)));
  CHECK(compressed.cache.set("empty", ""));
  CHECK(compressed.store->get("text")->size() < 200);
  CHECK(compressed.store->get("random") == Bytes(random));
  CHECK(compressed.store->get("small") == Bytes(text.substr(0, 99)));
  CHECK(compressed.cache.get("text") == Bytes(text));
  CHECK(compressed.cache.get("random") == Bytes(random));
  CHECK(compressed.cache.get("small") == Bytes(text.substr(0, 99)));
  CHECK(compressed.cache.get("empty") == Bytes());
  // What saves less than the fifth that is asked for.
  const std::string little = noise(8'500) + std::string(1'500, 'a');
  compressed.cache.set("little", little);
  CHECK(compressed.store->get("little") == Bytes(little));
  CHECK(compressed.cache.get("little") == Bytes(little));
}

TEST_CASE("CompressedBackend: every way to write and read", "[compressed]") {
  Compressed compressed;
  const std::string text(10'000, 'a');
  CHECK(compressed.cache.set_if_absent("a", text, 1h, {{"name", "text"}}));
  CHECK_FALSE(compressed.cache.set_if_absent("a", text));
  CHECK(compressed.cache.set_many({{"b", Bytes(text)}, {"c", Bytes("small")}}) == 2);
  CHECK(compressed.store->get("b")->size() < 200);
  const auto entry = compressed.cache.get_entry("a");
  CHECK(entry->value == Bytes(text));
  CHECK(entry->size_bytes == text.size());
  CHECK(entry->metadata == larder::Metadata{{"name", "text"}});
  CHECK(entry->expires_at.has_value());
  CHECK(compressed.cache.get_many({"a", "b", "c", "d"}).size() == 3);
  std::string seen;
  const std::vector<std::string_view> keys{"c", "d", "b", "a"};
  CHECK(compressed.cache.visit_entries(keys, [&](std::size_t i, const larder::EntryView<Bytes>& entry_view) {
    seen += std::to_string(i) + "=" + std::to_string(entry_view.value.size()) + " ";
  }) == 3);
  CHECK(seen == "0=5 2=10000 3=10000 ");
  CHECK(compressed.cache.visit_entry("a", [&](const larder::EntryView<Bytes>& entry_view) {
    CHECK(entry_view.value == Bytes(text));
    CHECK(*entry_view.ttl > 59min);
    CHECK(entry_view.metadata.at("name") == "text");
  }));
  CHECK(compressed.log.empty());
  CHECK(compressed.cache.stats().hits == 1 + 3 + 3 + 1);  // one of them asked the store itself
}

TEST_CASE("CompressedBackend: values from before it was there stay readable", "[compressed]") {
  Compressed compressed;
  for (const std::string& value :
       {std::string(), std::string("v"), noise(5'000), std::string(5'000, 'a'), magic.substr(0, 7)}) {
    compressed.store->set("k", value);
    CHECK(compressed.cache.get("k") == Bytes(value));
  }
}

TEST_CASE("CompressedBackend: a value that looks like a compressed one is none", "[compressed]") {
  Compressed compressed;
  for (const std::string& value :
       {magic, magic + "\1\1", magic + std::string("\1\0\0\0\0\0\0\0\0\0", 10), magic + noise(5'000)}) {
    CHECK(compressed.cache.set("k", value));
    CHECK(compressed.cache.get("k") == Bytes(value));
  }
  CHECK(compressed.log.empty());
}

TEST_CASE("CompressedBackend: what cannot be read back is a miss, counted and told", "[compressed]") {
  Compressed compressed({.max_decompressed_bytes = 20'000});
  compressed.cache.set("good", std::string(10'000, 'a'));
  const std::string good = compressed.store->get("good")->str();
  const auto with = [&good](std::size_t at, char byte) {
    std::string changed = good;
    changed[at] = byte;
    return changed;
  };
  const std::vector<std::pair<std::string, std::string>> bad{
      {good.substr(0, 17), "ends too soon"},
      {good.substr(0, good.size() - 1), "corrupt"},
      {good + "x", "corrupt"},
      {with(8, 2), "unknown version"},
      {with(9, 2), "makes no sense"},
      {with(9, 0), "makes no sense"},
      {with(10, 'x'), "corrupt"},
      {with(13, 1), "exceeds max_decompressed_bytes"},
      {with(17, '\x7f'), "exceeds max_decompressed_bytes"},
      {with(good.size() - 1, 'x'), "corrupt"},
      {with(20, 'x'), "corrupt"},
  };
  for (const auto& [stored, reason] : bad) {
    compressed.store->set("k", stored);
    compressed.log.clear();
    CHECK(compressed.cache.get("k") == std::nullopt);
    CHECK(compressed.log.find("k: a compressed value") == 0);
    CHECK(compressed.log.find(reason) != std::string::npos);
    CHECK_FALSE(compressed.cache.get_entry("k"));
    CHECK_FALSE(compressed.cache.visit_entry("k", [](const larder::EntryView<Bytes>&) { FAIL("there is no value"); }));
    CHECK(compressed.cache.get_many({"k", "good"}).size() == 1);
  }
  const auto stats = compressed.cache.stats();
  CHECK(stats.undecodable == 4 * bad.size());
  CHECK(stats.misses == 3 * bad.size());
  CHECK(stats.hits == bad.size() + 1);  // one of them asked the store itself
  compressed.cache.reset_stats();
  CHECK(compressed.cache.stats().undecodable == 0);
}

TEST_CASE("CompressedBackend: a bomb is not decompressed", "[compressed]") {
  // A frame that says what it becomes, and a header that denies it.
  const auto store = std::make_shared<Memory>();
  CompressedBackend<> careless(store, {.max_decompressed_bytes = std::size_t{1} << 30});
  careless.set("bomb", std::string(200'000'000, '\0'));
  CHECK(store->get("bomb")->size() < 100'000);
  CompressedBackend<> careful(store, {.max_decompressed_bytes = 1'000'000});
  CHECK(careful.get("bomb") == std::nullopt);
  std::string lying = store->get("bomb")->str();
  lying.replace(10, 8, std::string("\x40\x42\x0f\0\0\0\0\0", 8));  // 1,000,000
  store->set("bomb", lying);
  CHECK(careful.get("bomb") == std::nullopt);
  CHECK(careful.stats().undecodable == 2);
}

TEST_CASE("CompressedBackend: what is larger than it would take back is stored as it is", "[compressed]") {
  Compressed compressed({.max_decompressed_bytes = 5'000});
  const std::string text(5'001, 'a');
  CHECK(compressed.cache.set("k", text));
  CHECK(compressed.store->get("k") == Bytes(text));
  CHECK(compressed.cache.get("k") == Bytes(text));
}

TEST_CASE("CompressedBackend: values that are strings, keys that are none", "[compressed]") {
  const auto store = std::make_shared<larder::InMemoryBackend<int, std::string>>();
  CompressedBackend<int, std::string> cache(store);
  const std::string text(10'000, 'a');
  cache.set(1, text);
  CHECK(store->get(1)->size() < 200);
  CHECK(cache.get(1) == text);
  store->set(1, magic);
  CHECK(cache.get(1) == std::nullopt);
}

TEST_CASE("CompressedBackend: payloads that are not compressed are not copied", "[compressed]") {
  Compressed compressed;
  const Bytes payload(noise(100'000));
  compressed.cache.set("k", payload);
  CHECK(static_cast<const void*>(compressed.cache.get("k")->data()) == payload.data());
}

TEST_CASE("CompressedBackend: many threads", "[compressed][threads]") {
  Compressed compressed;
  std::vector<std::thread> threads;
  std::vector<std::size_t> wrong(4);
  for (std::size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < 500; ++i) {
        const std::string text(1'000 + 7 * i + t, static_cast<char>('a' + t));
        const std::string key = std::to_string(t);
        compressed.cache.set(key, text);
        if (compressed.cache.get(key) != Bytes(text)) ++wrong[t];
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(wrong == std::vector<std::size_t>(4));
}
