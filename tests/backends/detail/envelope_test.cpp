/// \file envelope_test.cpp
#include <larder/backends/detail/envelope.hpp>

#include <chrono>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>

#include "tests/support/catch.hpp"

namespace {

using larder::Bytes;
using larder::Metadata;
using larder::detail::Crc32;
using larder::detail::Envelope;
using namespace std::chrono_literals;

Envelope::Time at(std::chrono::milliseconds since_1970) {
  return Envelope::Time(std::chrono::duration_cast<Envelope::Time::duration>(since_1970));
}

std::string refusal(std::string_view stored) {
  std::string reason;
  CHECK_FALSE(Envelope::open(Bytes(stored), reason).has_value());
  return reason;
}

TEST_CASE("Crc32: the check value of its definition", "[envelope]") {
  Crc32 crc;
  crc.add("1234");
  crc.add("56789");
  CHECK(crc.value() == 0xcbf43926U);
}

TEST_CASE("Envelope: value, metadata and creation time come back", "[envelope]") {
  const Metadata metadata{{"", "empty name"}, {"type", "user"}, {"empty text", ""}, {std::string("\0\n", 2), "\xff"}};
  for (const std::string& value :
       {std::string(), std::string("v"), std::string("\0\r\n", 3), std::string(100'000, 'x')}) {
    const auto created = at(1'700'000'000'123ms);
    const std::string sealed = Envelope::seal(value, metadata, created);
    CHECK(Envelope::is_one(sealed));
    std::string reason;
    const auto content = Envelope::open(Bytes(sealed), reason);
    REQUIRE(content.has_value());
    CHECK(content->value == value);
    CHECK(content->metadata == metadata);
    CHECK(content->created_at == created);
  }
}

TEST_CASE("Envelope: an identity comes back, and nothing else with it", "[envelope]") {
  const std::string identity("a key\0", 6);
  const std::string sealed = Envelope::seal("value", {{"a", "b"}}, at(5ms), identity);
  std::string reason;
  const auto content = Envelope::open(Bytes(sealed), reason);
  REQUIRE(content.has_value());
  CHECK(content->identity == identity);
  CHECK(content->value == "value");
  CHECK(content->metadata == Metadata{{"a", "b"}});
  CHECK(Envelope::open(Bytes(Envelope::seal("value", {}, at(5ms))), reason)->identity.empty());
  CHECK(sealed[8] == 2);
}

TEST_CASE("Envelope: the value shares the memory of what was stored", "[envelope]") {
  const Bytes stored(Envelope::seal("value", {{"a", "b"}}, at(0ms)));
  std::string reason;
  const auto content = Envelope::open(stored, reason);
  REQUIRE(content.has_value());
  CHECK(content->value.data() == stored.data() + stored.size() - 5);
}

// Bytes of version 1, as written down: whatever changes, these stay readable, on every machine.
TEST_CASE("Envelope: version 1 is what it was", "[envelope]") {
  const std::string stored(
      "\xd3LRDR\r\n\0"
      "\x01"
      "\x7b\x68\xe5\xcf\x8b\x01\x00\x00"
      "\x10\x00\x00\x00"
      "\x05\x00\x00\x00\x00\x00\x00\x00"
      "\xec\x1c\xc0\x43"
      "\x04\x00\x00\x00"
      "type"
      "\x04\x00\x00\x00"
      "user"
      "hello",
      8 + 1 + 8 + 4 + 8 + 4 + 16 + 5);
  CHECK(Envelope::seal("hello", {{"type", "user"}}, at(1'700'000'000'123ms)) == stored);
  std::string reason;
  const auto content = Envelope::open(Bytes(stored), reason);
  REQUIRE(content.has_value());
  CHECK(content->value == "hello");
  CHECK(content->metadata == Metadata{{"type", "user"}});
  CHECK(content->created_at == at(1'700'000'000'123ms));
}

TEST_CASE("Envelope: only what has metadata, or looks like one, needs one", "[envelope]") {
  CHECK_FALSE(Envelope::is_needed("", {}));
  CHECK_FALSE(Envelope::is_needed("plain", {}));
  CHECK_FALSE(Envelope::is_needed("\xd3LRDR", {}));
  CHECK(Envelope::is_needed("plain", {{"a", "b"}}));
  const std::string lookalike("\xd3LRDR\r\n\0 and more", 17);
  CHECK(Envelope::is_needed(lookalike, {}));
  std::string reason;
  CHECK(Envelope::open(Bytes(Envelope::seal(lookalike, {}, at(0ms))), reason)->value == lookalike);
}

TEST_CASE("Envelope: a byte that was changed, lost or added is found out", "[envelope]") {
  const std::string sealed = Envelope::seal("some value", {{"name", "text"}}, at(1ms));
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    INFO("byte " << i);
    std::string changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 0x10);
    CHECK_FALSE(refusal(changed).empty());
    CHECK_FALSE(refusal(sealed.substr(0, i)).empty());
  }
  CHECK(refusal(sealed + "x") == "an envelope of another length than it says");
}

TEST_CASE("Envelope: another version is told apart from a broken one", "[envelope]") {
  std::string later = Envelope::seal("v", {{"a", "b"}}, at(1ms));
  later[8] = 3;
  CHECK(refusal(later) == "an envelope of an unknown version");
}

TEST_CASE("Envelope: lengths within the metadata that point outside are refused", "[envelope]") {
  // Sealed with a sound checksum: the attacker can compute it, too.
  std::string sealed = Envelope::seal("v", {{"a", "b"}}, at(1ms));
  for (const char length : {'\x02', '\x7f', '\xff'}) {
    std::string forged = sealed;
    forged[33] = length;
    Crc32 crc;
    crc.add(std::string_view(forged).substr(0, 29));
    crc.add(std::string_view(forged).substr(33));
    for (std::size_t i = 0; i < 4; ++i) forged[29 + i] = static_cast<char>(crc.value() >> (8 * i));
    CHECK(refusal(forged) == "an envelope whose metadata make no sense");
  }
}

TEST_CASE("Envelope: a creation time beyond the clock is clamped", "[envelope]") {
  std::string forged = Envelope::seal("v", {{"a", "b"}}, at(1ms));
  for (std::size_t i = 9; i < 16; ++i) forged[i] = '\xff';
  forged[16] = '\x7f';
  Crc32 crc;
  crc.add(std::string_view(forged).substr(0, 29));
  crc.add(std::string_view(forged).substr(33));
  for (std::size_t i = 0; i < 4; ++i) forged[29 + i] = static_cast<char>(crc.value() >> (8 * i));
  std::string reason;
  const auto content = Envelope::open(Bytes(forged), reason);
  REQUIRE(content.has_value());
  CHECK(content->created_at > at(8'000'000'000'000ms));
}

}  // namespace
