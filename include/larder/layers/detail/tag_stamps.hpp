/// \file tag_stamps.hpp
/// TagStamps: the stamp that each tag has, and what an entry remembers of them.
///
/// A tag's stamp is the time at which it was last invalidated, or first used, and a random number, since clocks differ
/// and stand still. An entry remembers the stamps of its tags as they were when it was stored. It is out of date when
/// one of them is another now. A stamp that is gone is another one, too: what a cache evicts brings no old entry back.
///
/// What an entry remembers is, for each tag: the stamp (12 bytes), the length of the tag's key (4, little-endian), and
/// the key under which the stamp is kept: `t` and the tag. It stands among the metadata, in the text that holds the
/// tags: a NUL, its length (4), what is remembered, and the tags. Not as metadata of its own, which a hit would have to
/// fetch from one more place in memory.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <larder/bytes.hpp>
#include <larder/cache_backend.hpp>
#include <larder/ttl.hpp>

namespace larder::detail {

inline void append_length(std::string& to, std::size_t length) {
  for (std::size_t i = 0; i < 4; ++i) to.push_back(static_cast<char>((length >> (8 * i)) & 0xffU));
}
inline std::size_t read_length(std::string_view bytes) noexcept {
  std::size_t length = 0;
  for (std::size_t i = 0; i < 4; ++i) length |= std::size_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  return length;
}

/// The text that holds an entry's tags, with what it remembers or without.
struct TagText {
  std::string_view remembered{};
  std::string_view tags{};

  /// Of what makes no sense, all is remembered, and so holds for nothing.
  static TagText read(std::string_view text) noexcept {
    if (text.empty() || text[0] != '\0') return {.remembered = {}, .tags = text};
    if (text.size() < 5) return {.remembered = text, .tags = {}};
    const std::size_t length = read_length(text.substr(1));
    if (length > text.size() - 5) return {.remembered = text, .tags = {}};
    return {.remembered = text.substr(5, length), .tags = text.substr(5 + length)};
  }

  std::string write() const {
    std::string text(1, '\0');
    append_length(text, remembered.size());
    return text.append(remembered).append(tags);
  }
};

/// Goes through what an entry remembers. What makes no sense ends it, and is not `sound`.
class RememberedStamps {
 public:
  static constexpr std::size_t stamp_size = 12;

  explicit RememberedStamps(std::string_view bytes) noexcept : rest_(bytes) {}

  struct Stamp {
    std::string_view key;
    std::string_view stamp;
  };
  std::optional<Stamp> next() noexcept {
    if (rest_.empty()) return std::nullopt;
    if (rest_.size() < stamp_size + 4) return refuse();
    const std::size_t length = read_length(rest_.substr(stamp_size));
    const std::string_view stamp = rest_.substr(0, stamp_size);
    rest_.remove_prefix(stamp_size + 4);
    if (length > rest_.size()) return refuse();
    const std::string_view key = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return Stamp{key, stamp};
  }
  bool sound() const noexcept { return sound_; }

  static void append(std::string& bytes, std::string_view key, std::string_view stamp) {
    bytes.append(stamp);
    append_length(bytes, key.size());
    bytes.append(key);
  }

 private:
  std::optional<Stamp> refuse() noexcept {
    sound_ = false;
    rest_ = {};
    return std::nullopt;
  }

  std::string_view rest_;
  bool sound_ = true;
};

class TagStamps {
 public:
  using Store = CacheBackend<std::string, Bytes>;

  TagStamps(std::shared_ptr<Store> store, Ttl ttl) : store_(std::move(store)), ttl_(ttl) {}

  /// Result: what an entry with these tags is to remember; empty if a stamp could be neither read nor made.
  std::optional<std::string> remember(const std::vector<std::string>& tags) {
    std::vector<std::string> keys;
    for (const std::string& tag : tags) keys.push_back(key_of(tag));
    const std::vector<std::string_view> views(keys.begin(), keys.end());
    std::vector<std::optional<Bytes>> stamps(keys.size());
    store_->get_many(std::span<const std::string_view>(views), std::span<std::optional<Bytes>>(stamps));
    std::string remembered;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (!stamps[i] || stamps[i]->size() != RememberedStamps::stamp_size) stamps[i] = made(keys[i]);
      if (!stamps[i]) return std::nullopt;
      RememberedStamps::append(remembered, keys[i], *stamps[i]);
    }
    return remembered;
  }

  /// Result: whether all that an entry remembers is as it was.
  bool hold(std::string_view remembered) {
    RememberedStamps stamps(remembered);
    while (const auto each = stamps.next()) {
      const std::optional<Bytes> now = store_->get(each->key);
      if (!now || *now != each->stamp) return false;
    }
    return stamps.sound();
  }

  /// The same for many entries, with one request: `holds[i]` becomes false where not all of `remembered[i]` holds.
  void hold(std::span<const std::string> remembered, std::vector<bool>& holds) {
    std::vector<std::string_view> keys;
    std::vector<std::string_view> expected;
    std::vector<std::size_t> owners;
    for (std::size_t i = 0; i < remembered.size(); ++i) {
      RememberedStamps stamps(remembered[i]);
      while (const auto each = stamps.next()) {
        keys.push_back(each->key);
        expected.push_back(each->stamp);
        owners.push_back(i);
      }
      if (!stamps.sound()) holds[i] = false;
    }
    if (keys.empty()) return;
    std::vector<std::optional<Bytes>> now(keys.size());
    store_->get_many(std::span<const std::string_view>(keys), std::span<std::optional<Bytes>>(now));
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (!now[i] || *now[i] != expected[i]) holds[owners[i]] = false;
    }
  }

  /// Gives a tag another stamp. Result: whether it has it.
  bool renew(std::string_view tag) { return store_->set(key_of(tag), fresh(), ttl_); }

  /// For who alone may do something about a key for a while. Result: whether that is the caller.
  bool claim(std::string_view text) {
    return store_->set_if_absent("l" + std::string(text), "", std::chrono::seconds(10));
  }
  void release(std::string_view text) { store_->erase("l" + std::string(text)); }

 private:
  static std::string key_of(std::string_view tag) { return "t" + std::string(tag); }

  /// Result: the stamp of a tag that had none a moment ago; empty if the store keeps none.
  std::optional<Bytes> made(std::string_view key) {
    for (int attempt = 0; attempt < 3; ++attempt) {
      const Bytes stamp = fresh();
      if (store_->set_if_absent(key, stamp, ttl_)) return stamp;
      auto stored = store_->get(key);  // somebody else was first
      if (stored && stored->size() == RememberedStamps::stamp_size) return stored;
      if (stored) store_->erase(key);  // it is no stamp
    }
    return std::nullopt;
  }

  static Bytes fresh() {
    thread_local std::mt19937_64 random{std::random_device()()};
    const auto now = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
            .count());
    const std::uint64_t extra = random();
    return Bytes::generate(RememberedStamps::stamp_size, [&](char* to) {
      for (int i = 0; i < 8; ++i) to[i] = static_cast<char>((now >> (8 * i)) & 0xffU);
      for (int i = 0; i < 4; ++i) to[8 + i] = static_cast<char>((extra >> (8 * i)) & 0xffU);
    });
  }

  const std::shared_ptr<Store> store_;
  const Ttl ttl_;
};

}  // namespace larder::detail
