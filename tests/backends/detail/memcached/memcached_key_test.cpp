/// \file memcached_key_test.cpp
#include <larder/backends/detail/memcached/memcached_key.hpp>

#include <set>
#include <string>
#include <string_view>

#include "tests/support/catch.hpp"

namespace {

using larder::detail::MemcachedKey;

constexpr std::string_view generation = "AAAAAAAAAAA";

/// What the protocol takes as a key.
bool may_stand_in_a_command(const std::string& token) {
  if (token.empty() || token.size() > MemcachedKey::longest_token) return false;
  for (const char c : token) {
    if (static_cast<unsigned char>(c) <= ' ' || c == 127) return false;
  }
  return true;
}

TEST_CASE("MemcachedKey: travels as it is, in base64 or as a hash", "[memcached_key]") {
  CHECK(MemcachedKey::of("p:", {}, "key").token == "p:key");
  CHECK_FALSE(MemcachedKey::of("p:", {}, "key").is_base64);
  CHECK(MemcachedKey::of("p:", generation, "key").token == "p:AAAAAAAAAAA:key");
  CHECK(MemcachedKey::of("p:", {}, "a b").token == "cDphIGI=");
  CHECK(MemcachedKey::of("p:", {}, "a b").is_base64);
  CHECK(MemcachedKey::of("", {}, "caf\xc3\xa9").token == "caf\xc3\xa9");
  // The SHA-256 of all of it, in base64.
  CHECK(MemcachedKey::of("", {}, "").token == "#47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
  CHECK(MemcachedKey::of("p:", generation, std::string(300, 'k')).token.starts_with("p:AAAAAAAAAAA#"));
}

TEST_CASE("MemcachedKey: the longest that need not be hashed", "[memcached_key]") {
  CHECK_FALSE(MemcachedKey::is_hashed("", false, std::string(250, 'k')));
  CHECK(MemcachedKey::is_hashed("", false, std::string(251, 'k')));
  CHECK_FALSE(MemcachedKey::is_hashed("", false, std::string(186, ' ')));
  CHECK(MemcachedKey::is_hashed("", false, std::string(187, ' ')));
  CHECK_FALSE(MemcachedKey::is_hashed("p:", true, std::string(236, 'k')));
  CHECK(MemcachedKey::is_hashed("p:", true, std::string(237, 'k')));
  CHECK(MemcachedKey::is_hashed("", false, "#looks like a hash"));
  CHECK_FALSE(MemcachedKey::is_hashed("", true, "#looks like a hash"));
}

TEST_CASE("MemcachedKey: whatever the key, a command can have it, and no other key is spelt alike", "[memcached_key]") {
  for (const bool has_generation : {false, true}) {
    for (const std::string& prefix : {std::string(), std::string("p:"), std::string("\r\n"), std::string(400, 'p')}) {
      std::set<std::pair<std::string, bool>> seen;
      std::size_t made = 0;
      const auto add = [&](const std::string& key) {
        const auto spelt = MemcachedKey::of(prefix, has_generation ? generation : "", key);
        CAPTURE(prefix.size(), key.size());
        CHECK(may_stand_in_a_command(spelt.token));
        seen.emplace(spelt.token, spelt.is_base64);
        ++made;
      };
      for (int byte = 0; byte < 256; ++byte) {
        for (const std::size_t size : {1U, 2U, 180U, 186U, 187U, 230U, 251U}) {
          add(std::string(size, static_cast<char>(byte)));
          if (byte != 'k') add("k" + std::string(size, static_cast<char>(byte)));
        }
      }
      add("");
      add("YQ==");
      CHECK(seen.size() == made);
    }
  }
}

}  // namespace
