/// \file memcached_key.hpp
/// MemcachedKey: how a key of any bytes and any length is spelt in Memcached's protocol.
///
/// A server takes keys of 250 bytes, without spaces and control characters, or others in base64. So a key travels
///
/// - as it is, where all of its bytes may stand in a command,
/// - in base64, flagged as such, where that is short enough; the server has the bytes themselves,
/// - as the SHA-256 of all of it otherwise. The key itself is then in the value's envelope (`identity`).
///
/// Two keys never become one: the first two have different bytes, and only a hash has a '#' where it has one.
#pragma once

#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include <larder/backends/detail/base64.hpp>

namespace larder::detail {

/// What stands in a command for a key.
struct MemcachedKey {
  std::string token{};
  /// The token is base64, and the command must say so.
  bool is_base64 = false;

  static constexpr std::size_t longest_token = 250;
  /// Of a generation as it stands in a key.
  static constexpr std::size_t generation_size = 11;

  /// `generation` is empty where keys have none.
  static MemcachedKey of(std::string_view prefix, std::string_view generation, std::string_view key) {
    std::string text;
    text.reserve(prefix.size() + generation.size() + 1 + key.size());
    text.append(prefix).append(generation);
    if (!generation.empty()) text.push_back(':');
    if (is_hashed(prefix, !generation.empty(), key)) return {.token = hashed(std::move(text), prefix, generation, key)};
    text.append(key);
    if (is_plain(text) && text.size() <= longest_token) return {.token = std::move(text)};
    return {.token = base64(text), .is_base64 = true};
  }

  /// Whether the key is not to be seen in its token, and so must be in the value's envelope.
  static bool is_hashed(std::string_view prefix, bool has_generation, std::string_view key) noexcept {
    const std::size_t size = prefix.size() + (has_generation ? generation_size + 1 : 0) + key.size();
    if (size == 0 || size > longest_token) return true;
    if (!has_generation && key.starts_with('#')) return true;  // lest it be taken for a hash
    return (size + 2) / 3 * 4 > longest_token && !(is_plain(prefix) && is_plain(key));
  }

 private:
  static bool is_plain(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) > ' ' && c != 127; });
  }

  static std::string hashed(std::string text, std::string_view prefix, std::string_view generation,
                            std::string_view key) {
    text.append(key);
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
    const std::string name = base64({reinterpret_cast<const char*>(digest.data()), digest.size()}, Base64Alphabet::url);
    // A prefix that would not do stands in the hash alone.
    const bool shows_prefix = is_plain(prefix) && prefix.size() <= 128;
    std::string token(shows_prefix ? prefix : std::string_view());
    return token.append(generation).append("#").append(name);
  }
};

}  // namespace larder::detail
