/// \file envelope_fuzz.cpp
/// Any bytes from a store: a value that was sealed, or a reason; and what is sealed opens as it was, unless a bit of it
/// is another.
#include <larder/backends/detail/envelope.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "tests/fuzz/input.hpp"

using larder::detail::Envelope;
using larder_tests::FuzzInput;
using larder_tests::require;

namespace {

void open_anything(const larder::Bytes& stored) {
  std::string reason;
  const auto content = Envelope::open(stored, reason);
  require(content.has_value() == reason.empty(), "a value or a reason");
  if (!content) return;
  require(Envelope::is_one(stored), "what opens is an envelope");
  const std::string again = Envelope::seal(content->value, content->metadata, content->created_at, content->identity);
  const auto reopened = Envelope::open(larder::Bytes(again), reason);
  require(reopened && reopened->value == content->value && reopened->metadata == content->metadata &&
              reopened->created_at == content->created_at && reopened->identity == content->identity,
          "what was opened can be sealed again");
}

/// The fuzzer cannot guess a checksum: so it is told how to make one.
void open_what_is_consistent(FuzzInput input) {
  const std::string_view pairs = input.text();
  const std::string_view value = input.rest();
  std::string sealed = Envelope::seal(value, {}, Envelope::Time(), pairs.empty() ? "" : "id");
  // The identity's place is taken by bytes of anybody's making, under a checksum that is right.
  if (pairs.empty()) return open_anything(larder::Bytes(sealed));
  sealed = sealed.substr(0, 17);
  for (int i = 0; i < 4; ++i) sealed.push_back(static_cast<char>(pairs.size() >> 8 * i));
  for (int i = 0; i < 8; ++i) sealed.push_back(static_cast<char>(value.size() >> 8 * i));
  sealed[8] = static_cast<char>(1 + pairs.size() % 2);
  larder::detail::Crc32 crc;
  crc.add(sealed);
  crc.add(pairs);
  crc.add(value);
  for (int i = 0; i < 4; ++i) sealed.push_back(static_cast<char>(crc.value() >> 8 * i));
  sealed.append(pairs).append(value);
  open_anything(larder::Bytes(sealed));
}

void seal_and_damage(FuzzInput input) {
  const std::size_t damaged_bit = input.below(1 << 16);
  const auto time = std::chrono::milliseconds(static_cast<std::int64_t>(input.below(1 << 16)) << input.below(27));
  larder::Metadata metadata;
  for (std::size_t pairs = input.below(4); pairs > 0; --pairs) {
    const std::string name(input.text());
    metadata[name] = std::string(input.text());
  }
  const std::string identity(input.text(input.below(8)));
  const std::string value(input.rest());
  std::string sealed = Envelope::seal(value, metadata, Envelope::Time(time), identity);
  std::string reason;
  const auto content = Envelope::open(larder::Bytes(sealed), reason);
  require(content && content->value == value && content->metadata == metadata && content->identity == identity &&
              content->created_at == Envelope::Time(time),
          "what was sealed opens as it was");
  sealed[damaged_bit / 8 % sealed.size()] ^= static_cast<char>(1 << damaged_bit % 8);
  require(!Envelope::open(larder::Bytes(sealed), reason), "an envelope with another bit does not open");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  FuzzInput input(bytes, size);
  switch (input.below(3)) {
    case 0: open_anything(larder::Bytes(input.rest())); break;
    case 1: open_what_is_consistent(input); break;
    default: seal_and_damage(input);
  }
  return 0;
}
