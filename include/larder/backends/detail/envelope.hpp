/// \file envelope.hpp
/// The envelope: how a value is stored together with what a store has no place for, its metadata and creation time.
///
/// A value without metadata is stored as it is, so that other programs can read it, unless it looks like an envelope
/// itself. Numbers little-endian:
///
///     0   8  magic
///     8   1  version: 1, or 2 for one with an identity
///     9   8  creation time, in milliseconds since 1970
///     17  4  bytes of metadata, the identity among them
///     21  8  bytes of the value
///     29  4  CRC-32 (IEEE 802.3) of all before, of the metadata and of the value
///     33     the identity in version 2: its length (4), its text. It is the key, where what the store has as its key
///            (a hash, for one) does not tell it
///            metadata: for each pair the length of its name (4), the name, the length of its text (4), the text
///            the value
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include <larder/bytes.hpp>
#include <larder/cache_entry.hpp>
#include <larder/cache_error.hpp>

namespace larder::detail {

/// CRC-32 as in IEEE 802.3 and zlib, over several pieces one after the other.
class Crc32 {
 public:
  void add(std::string_view bytes) noexcept {
    for (const char byte : bytes) state_ = table[(state_ ^ static_cast<unsigned char>(byte)) & 0xffU] ^ (state_ >> 8U);
  }
  std::uint32_t value() const noexcept { return ~state_; }

 private:
  static constexpr auto table = [] {
    std::array<std::uint32_t, 256> made{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t remainder = i;
      for (int bit = 0; bit < 8; ++bit) remainder = (remainder >> 1U) ^ ((remainder & 1U) != 0 ? 0xedb88320U : 0U);
      made[i] = remainder;
    }
    return made;
  }();

  std::uint32_t state_ = 0xffffffffU;
};

/// Writes and reads envelopes.
class Envelope {
 public:
  using Time = std::chrono::system_clock::time_point;

  /// What is in an envelope.
  struct Content {
    Bytes value{};
    Metadata metadata{};
    Time created_at{};
    std::string identity{};  ///< empty if there is none
  };

  static constexpr std::size_t header_size = 33;

  /// Whether what is stored is an envelope, broken or not.
  static bool is_one(std::string_view stored) noexcept { return stored.starts_with(magic); }

  /// Whether a value must be put into an envelope.
  static bool is_needed(std::string_view value, const Metadata& metadata) noexcept {
    return !metadata.empty() || is_one(value);
  }

  /// Result: the bytes to store. \throws InvalidArgumentError if the metadata have 4 GiB or more.
  static std::string seal(std::string_view value, const Metadata& metadata, Time created_at,
                          std::string_view identity = {}) {
    std::string pairs;
    if (!identity.empty()) append_text(pairs, identity);
    for (const auto& [name, text] : metadata) {
      append_text(pairs, name);
      append_text(pairs, text);
    }
    std::string sealed(magic);
    sealed.reserve(header_size + pairs.size() + value.size());
    sealed.push_back(identity.empty() ? plain_version : identity_version);
    const auto time = std::chrono::duration_cast<std::chrono::milliseconds>(created_at.time_since_epoch()).count();
    append_number<8>(sealed, static_cast<std::uint64_t>(time));
    append_number<4>(sealed, checked_length(pairs.size()));
    append_number<8>(sealed, value.size());
    Crc32 crc;
    crc.add(sealed);
    crc.add(pairs);
    crc.add(value);
    append_number<4>(sealed, crc.value());
    return sealed.append(pairs).append(value);
  }

  /// Result: the content, whose value shares the memory of `stored`; only a reason if it is no sound envelope.
  static std::optional<Content> open(const Bytes& stored, std::string& reason) {
    const std::string_view all = stored;
    if (!is_one(all)) return refuse(reason, "no envelope");
    const char version = all.size() > magic.size() ? all[magic.size()] : '\0';
    if (version != plain_version && version != identity_version) {
      return refuse(reason, "an envelope of an unknown version");
    }
    if (all.size() < header_size) return refuse(reason, "an envelope that ends too soon");
    const std::uint64_t metadata_size = number<4>(all.substr(17));
    const std::uint64_t value_size = number<8>(all.substr(21));
    const std::size_t rest = all.size() - header_size;
    if (metadata_size > rest || value_size != rest - metadata_size) {
      return refuse(reason, "an envelope of another length than it says");
    }
    Crc32 crc;
    crc.add(all.substr(0, 29));
    crc.add(all.substr(header_size));
    if (crc.value() != number<4>(all.substr(29))) return refuse(reason, "an envelope whose checksum is wrong");
    Content content{.value = stored.substr(header_size + static_cast<std::size_t>(metadata_size))};
    std::string_view pairs = all.substr(header_size, static_cast<std::size_t>(metadata_size));
    if (version == identity_version) {
      const auto identity = take_text(pairs);
      if (!identity || identity->empty()) return refuse(reason, "an envelope whose identity makes no sense");
      content.identity = *identity;
    }
    while (!pairs.empty()) {
      const auto name = take_text(pairs);
      const auto text = take_text(pairs);
      if (!name || !text) return refuse(reason, "an envelope whose metadata make no sense");
      content.metadata.emplace(*name, *text);
    }
    content.created_at = time_of(static_cast<std::int64_t>(number<8>(all.substr(9))));
    return content;
  }

 private:
  /// No text in any encoding of today begins like this, nor do the usual formats of images and archives.
  static constexpr std::string_view magic{"\xd3LRDR\r\n\0", 8};
  static constexpr char plain_version = 1;
  static constexpr char identity_version = 2;

  static std::optional<Content> refuse(std::string& reason, const char* why) {
    reason = why;
    return std::nullopt;
  }

  static std::uint64_t checked_length(std::size_t length) {
    if (length > std::numeric_limits<std::uint32_t>::max()) {
      throw InvalidArgumentError("metadata of " + std::to_string(length) + " bytes are too large");
    }
    return length;
  }

  template <int Size>
  static void append_number(std::string& out, std::uint64_t value) {
    for (int i = 0; i < Size; ++i) out.push_back(static_cast<char>((value >> (8 * i)) & 0xffU));
  }

  template <int Size>
  static std::uint64_t number(std::string_view bytes) noexcept {
    std::uint64_t value = 0;
    for (int i = 0; i < Size; ++i) {
      value |= std::uint64_t{static_cast<unsigned char>(bytes[static_cast<std::size_t>(i)])} << (8 * i);
    }
    return value;
  }

  static void append_text(std::string& out, std::string_view text) {
    append_number<4>(out, checked_length(text.size()));
    out.append(text);
  }

  static std::optional<std::string_view> take_text(std::string_view& bytes) noexcept {
    if (bytes.size() < 4) return std::nullopt;
    const auto size = static_cast<std::size_t>(number<4>(bytes));
    bytes.remove_prefix(4);
    if (size > bytes.size()) return std::nullopt;
    const std::string_view text = bytes.substr(0, size);
    bytes.remove_prefix(size);
    return text;
  }

  /// Clamped to what the clock can count.
  static Time time_of(std::int64_t milliseconds) noexcept {
    using Milliseconds = std::chrono::milliseconds;
    const auto most = std::chrono::duration_cast<Milliseconds>(Time::max().time_since_epoch());
    const auto least = std::chrono::duration_cast<Milliseconds>(Time::min().time_since_epoch());
    const Milliseconds time(milliseconds);
    return Time(std::chrono::duration_cast<Time::duration>(time > most ? most : time < least ? least : time));
  }
};

}  // namespace larder::detail
