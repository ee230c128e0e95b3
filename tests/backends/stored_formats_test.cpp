/// \file stored_formats_test.cpp
/// How keys and values stand in stores, format 1, as written down: whatever changes, these stay what they are, on every
/// machine, or `stored_format` becomes another. What bears an unknown version is a miss, counted and reported.
#include <larder/larder.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <larder/backends/detail/memcached/memcached_key.hpp>
#include <larder/backends/redis_backend.hpp>
#include <larder/layers/compressed_backend.hpp>
#include <larder/version.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/redis_cache.hpp"
#include "tests/support/redis_server.hpp"

using larder::Bytes;
using larder::detail::MemcachedKey;
using namespace std::string_literals;

TEST_CASE("stored format 1: keys in Memcached", "[stored_formats]") {
  STATIC_REQUIRE(larder::stored_format == 1);
  const std::string long_key(300, 'x');
  CHECK(MemcachedKey::of("larder:", "", "user:42").token == "larder:user:42");
  CHECK(MemcachedKey::of("larder:", "", "a b").token == "bGFyZGVyOmEgYg==");
  CHECK(MemcachedKey::of("larder:", "", "a b").is_base64);
  CHECK(MemcachedKey::of("larder:", "", long_key).token == "larder:#o7FIN-g1Vtm3Qq3MzPj0mjxD46rhksZEo2Y0eEkrpx8");
  CHECK(MemcachedKey::of("larder:", "abcdefghijk", "user:42").token == "larder:abcdefghijk:user:42");
  CHECK(MemcachedKey::of("larder:", "abcdefghijk", long_key).token ==
        "larder:abcdefghijk#wMAjvbL6zxb2X_JumpzuDSDCR2eehlFxK0xInoTkcWE");
  CHECK(MemcachedKey::of("larder:", "", "#1").token == "larder:#f7a-Cqtl4eSwKcrOvkFa4ECWQuPEejZHqZoXg1FXbGs");
}

TEST_CASE("stored format 1: keys in layers", "[stored_formats]") {
  const auto store = std::make_shared<larder::InMemoryBackend<>>();
  larder::NamespacedBackend<> named(store, "a:b\\c");
  named.set("k:1", "v");
  CHECK(store->keys() == std::vector{"a\\:b\\\\c:k:1"s});
  store->clear();
  larder::TaggedBackend<> tagged(store);
  tagged.set("k", "v", {}, {{"tags", "red"}});
  CHECK(store->exists("tag:tred"));
  CHECK(store->exists("entry:k"));
}

TEST_CASE("stored format 1: compressed values", "[stored_formats]") {
  const auto store = std::make_shared<larder::InMemoryBackend<>>();
  larder::CompressedBackend<> compressed(store);
  store->set("k",
             "\xd3LRDZ\r\n\0\x01\x01\xd0\x07\0\0\0\0\0\0(\xb5/\xfd"
             "d\xd0\x06M\0\0\x10"
             "aa\x01\0\xcb\xff\0\x0b>{N*"s);
  CHECK(compressed.get("k") == Bytes(std::string(2000, 'a')));
  const std::string like_one = "\xd3LRDZ\r\n\0x"s;
  compressed.set("k", like_one);
  CHECK(store->get("k") == Bytes("\xd3LRDZ\r\n\0\x01\0\x09\0\0\0\0\0\0\0"s + like_one));
}

TEST_CASE("stored format 1: keys and values in Redis, and versions that nobody knows", "[stored_formats]") {
  if (larder_tests::skipped_without_redis()) return;
  auto options = larder_tests::shared_redis();
  std::vector<std::string> reasons;
  options.on_undecodable = [&reasons](std::string_view, std::string_view reason) { reasons.emplace_back(reason); };
  larder_tests::RedisCache cache(options);
  auto client = larder_tests::shared_redis_server().client();
  cache.set("raw", "value");
  CHECK(client.expect({"GET", options.prefix + "raw"}).text == "value");
  const std::string version_1 =
      "\xd3LRDR\r\n\0\x01\xd2\x04\0\0\0\0\0\0\x0a\0\0\0\x05\0\0\0\0\0\0\0\x2c\xd9\x45\xf5\x01\0\0\0n\x01\0\0\0tvalue"s;
  client.expect({"SET", options.prefix + "k", version_1});
  CHECK(cache.get("k") == "value");
  CHECK(cache.get_entry("k")->metadata == larder::Metadata{{"n", "t"}});
  for (const char version : {'\0', '\x03', '\x63', '\xff'}) {
    std::string unknown = version_1;
    unknown[8] = version;
    client.expect({"SET", options.prefix + "k", unknown});
    CHECK_FALSE(cache.get("k"));
  }
  CHECK(cache.stats().undecodable == 4);
  CHECK(reasons == std::vector<std::string>(4, "an envelope of an unknown version"));
  CHECK(cache.stats().errors == 0);
}
