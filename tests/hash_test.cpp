/// \file hash_test.cpp
/// The seed is drawn anew in each process, so what is checked here must hold for every seed.
#include <larder/hash.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/environment.hpp"
#include "tests/support/random.hpp"

using larder::Hash;
using larder_tests::Random;

namespace {

template <class Type>
concept Avalanching = requires {
  typename Type::is_avalanching;
};
template <class Type>
concept Transparent = requires {
  typename Type::is_transparent;
};

enum class Suit : unsigned char { clubs, diamonds, hearts, spades };

struct Point {
  int x;
  int y;
};

}  // namespace

template <>
struct std::hash<Point> {
  /// As poor as many a user's: only the bits from the eighth on differ.
  std::size_t operator()(const Point& point) const noexcept {
    return static_cast<std::size_t>(point.x * 1000 + point.y) << 8;
  }
};

static_assert(Avalanching<Hash<std::string>> && Avalanching<Hash<std::string_view>> && Avalanching<Hash<int>>);
static_assert(Avalanching<Hash<Suit>> && Avalanching<Hash<const int*>> && Avalanching<Hash<Point>>);
static_assert(Transparent<Hash<std::string>> && Transparent<Hash<std::string_view>>);

namespace {

std::uint64_t hash_text(std::string_view text) { return Hash<std::string>()(text); }

constexpr int hash_bits = std::numeric_limits<std::size_t>::digits;

/// Of some ten thousand hashes of 32 bits, one or the other meets another by chance.
bool all_differ(std::vector<std::uint64_t> hashes) {
  const std::size_t count = hashes.size();
  std::sort(hashes.begin(), hashes.end());
  hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
  return count - hashes.size() <= (hash_bits == 64 ? 0 : 4);
}

std::string random_bytes(Random& random, std::size_t size) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random.next());
  return bytes;
}

/// Pearson's chi-squared of the hashes over equally likely cells, as a multiple of what random numbers give.
double unevenness(const std::vector<std::uint64_t>& hashes, std::size_t cells,
                  const std::function<std::size_t(std::uint64_t)>& cell_of) {
  std::vector<double> counts(cells, 0.0);
  for (const std::uint64_t hash : hashes) ++counts[cell_of(hash)];
  const double expected = static_cast<double>(hashes.size()) / static_cast<double>(cells);
  double sum = 0;
  for (const double count : counts) sum += (count - expected) * (count - expected) / expected;
  return sum / static_cast<double>(cells - 1);
}

/// Random numbers stay below 1.3 for a thousand cells and below 1.8 for a hundred; a hash that uses half of the
/// cells that it has would be at 17.
constexpr double uneven = 2.5;

/// As the in-memory cache takes a hash apart.
std::size_t low_bits(std::uint64_t hash) { return static_cast<std::size_t>(hash % 1024); }
std::size_t top_bits(std::uint64_t hash) { return static_cast<std::size_t>(hash >> (hash_bits - 10)); }
std::size_t tag_bits(std::uint64_t hash) { return static_cast<std::uint32_t>(hash) >> 25; }

/// The hashes of so many integers in the given distance from one to the next.
std::vector<std::uint64_t> hashes_with_stride(std::uint64_t stride) {
  std::vector<std::uint64_t> hashes;
  for (std::uint64_t i = 0; i < 16384; ++i) hashes.push_back(Hash<std::uint64_t>()(i * stride));
  return hashes;
}

/// 2^0 to 2^32, and what counters, timestamps and table sizes come in.
std::vector<std::uint64_t> strides() {
  std::vector<std::uint64_t> strides = {3, 10, 24, 1000, 60000, 1000000, 1000000000};
  for (unsigned power = 0; power <= 32; ++power) strides.push_back(std::uint64_t{1} << power);
  return strides;
}

/// How many bits of the hash change, on average over the keys, when the one bit of each is flipped.
template <class Text>
double flipped_bits(const std::vector<Text>& keys, std::size_t bit) {
  int flipped = 0;
  for (const Text& key : keys) {
    Text changed = key;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ 1 << bit % 8);
    flipped += std::popcount(hash_text(key) ^ hash_text(changed));
  }
  return static_cast<double>(flipped) / static_cast<double>(keys.size());
}

}  // namespace

TEST_CASE("a string, a view and a literal of the same characters hash alike", "[hash]") {
  const std::string text = "a key that is longer than what a string keeps inside itself";
  const auto hash = Hash<std::string>()(text);
  CHECK(Hash<std::string>()("a key that is longer than what a string keeps inside itself") == hash);
  CHECK(Hash<std::string>()(std::string_view(text)) == hash);
  CHECK(Hash<std::string_view>()(text) == hash);
  CHECK(Hash<std::string>()(std::string(text)) == hash);
}

TEST_CASE("where a text lies in memory makes no difference to its hash", "[hash]") {
  Random random(1);
  for (std::size_t size = 0; size <= 40; ++size) {
    const std::string text = random_bytes(random, size);
    const std::string longer = "1234567" + text + "tail";
    for (std::size_t cut = 0; cut <= 7; ++cut) {
      const std::string shifted = longer.substr(cut);
      REQUIRE(hash_text(std::string_view(shifted).substr(7 - cut, size)) == hash_text(text));
    }
  }
}

TEST_CASE("texts that differ in one bit hash differently, whatever their length", "[hash]") {
  Random random(2);
  for (std::size_t size = 0; size <= 100; ++size) {
    CAPTURE(size);
    for (std::string text : {std::string(size, '\0'), random_bytes(random, size)}) {
      std::vector<std::uint64_t> hashes = {hash_text(text)};
      for (char& byte : text) {
        for (int bit = 0; bit < 8; ++bit) {
          byte = static_cast<char>(byte ^ 1 << bit);
          hashes.push_back(hash_text(text));
          byte = static_cast<char>(byte ^ 1 << bit);
        }
      }
      REQUIRE(all_differ(hashes));
    }
  }
}

TEST_CASE("texts that differ in one byte hash differently, whatever their length", "[hash]") {
  Random random(3);
  for (std::size_t size = 1; size <= 100; ++size) {
    CAPTURE(size);
    std::string text = random_bytes(random, size);
    std::vector<std::uint64_t> hashes = {hash_text(text)};
    for (char& byte : text) {
      for (int difference = 1; difference < 256; ++difference) {
        byte = static_cast<char>(byte ^ difference);
        hashes.push_back(hash_text(text));
        byte = static_cast<char>(byte ^ difference);
      }
    }
    REQUIRE(all_differ(hashes));
  }
}

TEST_CASE("all texts of up to two bytes hash differently", "[hash]") {
  std::vector<std::uint64_t> hashes = {hash_text("")};
  for (int first = 0; first < 256; ++first) {
    std::string text(1, static_cast<char>(first));
    hashes.push_back(hash_text(text));
    text.push_back('\0');
    for (int second = 0; second < 256; ++second) {
      text[1] = static_cast<char>(second);
      hashes.push_back(hash_text(text));
    }
  }
  CHECK(all_differ(hashes));
}

TEST_CASE("the order of the bytes counts", "[hash]") {
  for (std::size_t size = 2; size <= 70; ++size) {
    CAPTURE(size);
    std::string text;
    for (std::size_t i = 0; i < size; ++i) text.push_back(static_cast<char>('!' + i));
    std::vector<std::uint64_t> hashes = {hash_text(text)};
    for (std::size_t i = 0; i < size; ++i) {
      for (std::size_t j = i + 1; j < size; ++j) {
        std::swap(text[i], text[j]);
        hashes.push_back(hash_text(text));
        std::swap(text[i], text[j]);
      }
    }
    REQUIRE(all_differ(hashes));
  }
}

TEST_CASE("zero bytes and the length count", "[hash]") {
  std::vector<std::uint64_t> hashes;
  for (std::size_t zeros = 0; zeros <= 100; ++zeros) {
    hashes.push_back(hash_text(std::string(zeros, '\0')));
    hashes.push_back(hash_text("a" + std::string(zeros, '\0')));
    hashes.push_back(hash_text(std::string(zeros + 1, '\0') + "a"));
    hashes.push_back(hash_text(std::string(zeros + 1, 'r')));
  }
  CHECK(all_differ(hashes));
}

TEST_CASE("no part of a key that its author may choose makes the rest of it not count", "[hash][lessons]") {
  // Who multiplies by a known constant xor bytes of the key lets these bytes make a zero of it. Then the seed and
  // all that came before are gone from the hash, and colliding keys can be made at will.
  Random random(4);
  for (const std::uint64_t constant :
       {larder::detail::hash_constant_a, larder::detail::hash_constant_b, larder::detail::hash_constant_c}) {
    for (const std::size_t size : {9u, 12u, 16u, 17u, 24u, 32u, 40u, 48u}) {
      for (std::size_t at = 0; at + sizeof constant <= size; ++at) {
        CAPTURE(constant, size, at);
        std::string text = random_bytes(random, size);
        std::memcpy(text.data() + at, &constant, sizeof constant);
        std::vector<std::uint64_t> hashes = {hash_text(text)};
        for (char& byte : text) {
          byte = static_cast<char>(byte ^ 1);
          const bool is_chosen = &byte >= text.data() + at && &byte < text.data() + at + sizeof constant;
          if (!is_chosen) hashes.push_back(hash_text(text));
          byte = static_cast<char>(byte ^ 1);
        }
        CHECK(all_differ(hashes));
      }
    }
  }
}

TEST_CASE("integers of any stride spread evenly over the low bits", "[hash]") {
  for (const std::uint64_t stride : strides()) {
    CAPTURE(stride);
    CHECK(unevenness(hashes_with_stride(stride), 1024, low_bits) < uneven);
  }
}

TEST_CASE("integers of any stride spread evenly over the top bits", "[hash]") {
  for (const std::uint64_t stride : strides()) {
    CAPTURE(stride);
    CHECK(unevenness(hashes_with_stride(stride), 1024, top_bits) < uneven);
  }
}

TEST_CASE("integers of any stride spread evenly over the bits of a tag", "[hash]") {
  for (const std::uint64_t stride : strides()) {
    CAPTURE(stride);
    CHECK(unevenness(hashes_with_stride(stride), 128, tag_bits) < uneven);
  }
}

TEST_CASE("numbered texts spread evenly over low bits, top bits and tags", "[hash]") {
  for (const std::string_view prefix : {"", "k", "user:", "session:0000", "https://example.org/articles/by-number/"}) {
    CAPTURE(prefix);
    std::vector<std::uint64_t> hashes;
    hashes.reserve(16384);
    for (int i = 0; i < 16384; ++i) hashes.push_back(hash_text(std::string(prefix) + std::to_string(i)));
    CHECK(unevenness(hashes, 1024, low_bits) < uneven);
    CHECK(unevenness(hashes, 1024, top_bits) < uneven);
    CHECK(unevenness(hashes, 128, tag_bits) < uneven);
  }
}

TEST_CASE("integers of every type and sign hash, and different ones differently", "[hash]") {
  CHECK(Hash<int>()(-1) != Hash<int>()(1));
  CHECK(Hash<bool>()(false) != Hash<bool>()(true));
  CHECK(Hash<char>()('a') != Hash<char>()('b'));
  std::vector<std::uint64_t> hashes;
  for (int i = -32768; i < 32768; ++i) hashes.push_back(Hash<std::int16_t>()(static_cast<std::int16_t>(i)));
  CHECK(all_differ(hashes));
}

TEST_CASE("integers that differ in one bit hash differently", "[hash]") {
  Random random(5);
  for (int sample = 0; sample < 1000; ++sample) {
    const std::uint64_t number = random.next();
    std::vector<std::uint64_t> hashes = {Hash<std::uint64_t>()(number)};
    for (int bit = 0; bit < 64; ++bit) hashes.push_back(Hash<std::uint64_t>()(number ^ std::uint64_t{1} << bit));
    REQUIRE(all_differ(hashes));
  }
}

TEST_CASE("different enumerators hash differently", "[hash]") {
  CHECK(all_differ({Hash<Suit>()(Suit::clubs), Hash<Suit>()(Suit::diamonds), Hash<Suit>()(Suit::hearts),
                    Hash<Suit>()(Suit::spades)}));
}

TEST_CASE("pointers into one array spread evenly", "[hash]") {
  const std::vector<std::array<char, 64>> objects(16384);
  std::vector<std::uint64_t> hashes;
  hashes.reserve(objects.size());
  for (const auto& object : objects) hashes.push_back(Hash<const void*>()(&object));
  CHECK(unevenness(hashes, 1024, low_bits) < uneven);
  CHECK(unevenness(hashes, 1024, top_bits) < uneven);
}

TEST_CASE("the std::hash of a type of one's own is mixed", "[hash]") {
  std::vector<std::uint64_t> hashes;
  for (int x = 0; x < 128; ++x) {
    for (int y = 0; y < 128; ++y) hashes.push_back(Hash<Point>()({x, y}));
  }
  CHECK(all_differ(hashes));
  CHECK(unevenness(hashes, 1024, low_bits) < uneven);
  CHECK(unevenness(hashes, 1024, top_bits) < uneven);
}

TEST_CASE("flipping one bit of an integer flips about half of the hash", "[hash]") {
  Random random(6);
  for (int bit = 0; bit < 64; ++bit) {
    CAPTURE(bit);
    int flipped = 0;
    for (int sample = 0; sample < 1000; ++sample) {
      const std::uint64_t number = random.next();
      const std::uint64_t other = number ^ std::uint64_t{1} << bit;
      flipped += std::popcount(Hash<std::uint64_t>()(number) ^ Hash<std::uint64_t>()(other));
    }
    CHECK(flipped > 0.39 * hash_bits * 1000);
    CHECK(flipped < 0.61 * hash_bits * 1000);
  }
}

TEST_CASE("flipping one bit of a text flips about half of the hash", "[hash]") {
  Random random(7);
  for (const std::size_t size : {1u, 2u, 3u, 4u, 5u, 7u, 8u, 9u, 15u, 16u, 17u, 31u, 32u, 33u, 48u, 64u, 100u}) {
    std::vector<std::string> texts;
    texts.reserve(200);
    for (int sample = 0; sample < 200; ++sample) texts.push_back(random_bytes(random, size));
    for (std::size_t bit = 0; bit < size * 8; ++bit) {
      CAPTURE(size, bit);
      const double flipped = flipped_bits(texts, bit);
      REQUIRE(flipped > 0.39 * hash_bits);
      REQUIRE(flipped < 0.61 * hash_bits);
    }
  }
}
