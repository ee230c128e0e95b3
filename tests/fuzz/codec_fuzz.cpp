/// \file codec_fuzz.cpp
/// Any bytes where a codec's should be: what decodes is encoded to the same bytes again, in base64, as a key, as a
/// value, and compressed.
#include <larder/backends/detail/base64.hpp>
#include <larder/codec.hpp>
#include <larder/in_memory_backend.hpp>
#include <larder/layers/compressed_backend.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "tests/fuzz/input.hpp"

using larder_tests::FuzzInput;
using larder_tests::require;

namespace {

template <class Key>
void decode_key(std::string_view text) {
  const auto key = larder::KeyCodec<Key>::decode(text);
  if (key) require(std::string_view(larder::KeyCodec<Key>::encode(*key)) == text, "a key is spelt in one way");
}

template <class Value>
void decode_value(std::string_view bytes) {
  const larder::DefaultCodec<Value> codec;
  const auto value = codec.decode(larder::Bytes(bytes));
  if (value) require(std::string_view(codec.encode(*value)) == bytes, "a value has one form");
}

void decode_base64(std::string_view text) {
  using larder::detail::base64;
  if (const auto bytes = larder::detail::from_base64(text)) {
    require(base64(std::string_view(*bytes)) == text, "bytes have one form in base64");
  }
  const auto bytes = larder::detail::from_base64(base64(text));
  require(bytes && std::string_view(*bytes) == text, "base64 comes back");
}

/// What another program has put there: a value, or none, of no more bytes than allowed.
void decompress(std::string_view stored) {
  constexpr std::size_t most = 4096;
  static const auto store = std::make_shared<larder::InMemoryBackend<>>();
  static larder::CompressedBackend<> cache(store, {.max_decompressed_bytes = most});
  store->set("k", stored);
  const auto value = cache.get("k");
  require(!value || value->size() <= std::max(most, stored.size()), "what is decompressed is limited");
}

void compress(std::string_view value) {
  static const auto store = std::make_shared<larder::InMemoryBackend<>>();
  static larder::CompressedBackend<> cache(store, {.min_size_bytes = 1});
  cache.set("k", value);
  require(cache.get("k") == larder::Bytes(value), "what was compressed comes back");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  FuzzInput input(bytes, size);
  const std::size_t which = input.below(5);
  const std::string_view rest = input.rest();
  switch (which) {
    case 0:
      decode_key<std::int8_t>(rest);
      decode_key<std::uint64_t>(rest);
      decode_key<std::int64_t>(rest);
      decode_key<std::string>(rest);
      break;
    case 1:
      decode_value<std::uint32_t>(rest);
      decode_value<std::array<std::uint16_t, 3>>(rest);
      decode_value<std::string>(rest);
      decode_value<larder::Bytes>(rest);
      break;
    case 2: decode_base64(rest); break;
    case 3: decompress(rest); break;
    default: compress(rest);
  }
  return 0;
}
