/// \file meta_commands.hpp
/// MetaCommands: requests of Memcached's meta protocol, one after the other in one buffer.
///
/// Each says which key it is about (`k`) and bears a number of its own (`O`), both of which a server repeats in its
/// answer: so an answer to something else is never taken for one's own. The exception are keys that are asked for many
/// at once, by the classic `get` of several keys, since a server sends on each 20 answers of the meta protocol
/// separately, which takes three times as long. It repeats these keys, too, and there is always a numbered command
/// before them, whose answer tells that what follows is theirs.
#pragma once

#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <larder/backends/detail/memcached/memcached_key.hpp>
#include <larder/ttl.hpp>

namespace larder::detail {

/// Result: a lifetime as Memcached takes it, in seconds. Its clock ticks once a second, so that a lifetime of n may be
/// over after n - 1: one more is asked for, lest an entry die too soon. What is longer than 30 days must be given as a
/// time of day, of which there is none after January 2038; none at all is 0.
inline std::int64_t memcached_lifetime(const Ttl& ttl) {
  using std::chrono::seconds;
  constexpr seconds longest_relative = std::chrono::hours(24) * 30;
  constexpr seconds last_time(0x7fffffff);
  if (!ttl) return 0;
  const seconds lifetime = std::chrono::ceil<seconds>(*ttl);
  if (lifetime < longest_relative) return lifetime.count() + 1;
  const auto now = std::chrono::ceil<seconds>(std::chrono::system_clock::now().time_since_epoch());
  return lifetime < last_time - now ? (now + lifetime).count() + 1 : last_time.count();
}

/// For one thread at a time.
class MetaCommands {
 public:
  enum class Kind : unsigned char {
    get,
    get_in_group,
    get_entry,
    exists,
    touch,
    set,
    add,
    erase,
    win,
    version,
    erase_version
  };

  struct Command {
    Kind kind;
    std::uint64_t opaque;
    std::size_t key_begin;  ///< in the bytes
    std::size_t key_size;
    /// It is the last of the keys in one `get`.
    bool ends_group = false;
  };

  enum class Groups : bool { no, yes };

  /// `opaque` is the number of the first command; the others count on from it. `count` is how many there will be.
  explicit MetaCommands(std::uint64_t opaque, std::size_t count = 1, Groups groups = Groups::yes)
      : next_opaque_(opaque), groups_(groups) {
    constexpr std::size_t usual_size = 64;
    commands_.reserve(count);
    bytes_.reserve(count * usual_size);
  }

  void get(const MemcachedKey& key) { add(Kind::get, "mg ", key, " v"); }
  /// The same among others that are asked for.
  void get_in_group(const MemcachedKey& key) {
    if (groups_ == Groups::no || commands_.empty() || key.is_base64) return get(key);
    Command& last = commands_.back();
    const bool joins = last.ends_group && group_size_ < most_in_group;
    group_size_ = joins ? group_size_ + 1 : 1;
    if (joins) {
      last.ends_group = false;
      bytes_.resize(bytes_.size() - 2);
      bytes_.push_back(' ');
    } else {
      bytes_.append("get ");
    }
    commands_.push_back({.kind = Kind::get_in_group,
                         .opaque = next_opaque_++,
                         .key_begin = bytes_.size(),
                         .key_size = key.token.size(),
                         .ends_group = true});
    bytes_.append(key.token).append("\r\n");
  }
  void get_entry(const MemcachedKey& key) { add(Kind::get_entry, "mg ", key, " v t"); }
  void exists(const MemcachedKey& key) { add(Kind::exists, "mg ", key, ""); }
  void erase(const MemcachedKey& key) { add(Kind::erase, "md ", key, ""); }
  void touch(const MemcachedKey& key, const Ttl& ttl) { add(Kind::touch, "mg ", key, "", &ttl); }
  void set(const MemcachedKey& key, std::string_view value, const Ttl& ttl) {
    add(Kind::set, "ms ", key, "", &ttl, &value);
  }
  /// Stores the value unless there is one.
  void add(const MemcachedKey& key, std::string_view value, const Ttl& ttl) {
    add(Kind::add, "ms ", key, " ME", &ttl, &value);
  }

  /// Of all who ask for a key that is not there, one wins, and an empty item stands there for so long.
  void win(const MemcachedKey& key, const Ttl& ttl) { add(Kind::win, "mg ", key, " c", &ttl); }
  /// Asks for the number that each change of an item gives it.
  void version(const MemcachedKey& key) { add(Kind::version, "mg ", key, " c"); }
  /// Erases the item if it still has this number.
  void erase_version(const MemcachedKey& key, std::uint64_t version) {
    add(Kind::erase_version, "md ", key, " C" + std::to_string(version));
  }

  std::size_t size() const noexcept { return commands_.size(); }
  bool empty() const noexcept { return commands_.empty(); }
  std::string_view bytes() const noexcept { return bytes_; }
  const Command& operator[](std::size_t index) const noexcept { return commands_[index]; }
  /// Where a command that is in no group ends in the bytes.
  std::size_t end_of(std::size_t index) const noexcept {
    constexpr std::size_t name_size = 3;
    return index + 1 < commands_.size() ? commands_[index + 1].key_begin - name_size : bytes_.size();
  }
  /// The token that the command is about.
  std::string_view key_of(std::size_t index) const noexcept {
    return std::string_view(bytes_).substr(commands_[index].key_begin, commands_[index].key_size);
  }

 private:
  /// In one `get`: enough for the server, and few enough for us to read what comes while it looks for the rest.
  static constexpr std::size_t most_in_group = 300;

  void add(Kind kind, std::string_view name, const MemcachedKey& key, std::string_view flags, const Ttl* ttl = nullptr,
           const std::string_view* value = nullptr) {
    Command command{.kind = kind, .opaque = next_opaque_++, .key_begin = 0, .key_size = key.token.size()};
    bytes_.append(name);
    command.key_begin = bytes_.size();
    bytes_.append(key.token);
    if (value != nullptr) number(" ", value->size());
    bytes_.append(flags).append(" k");
    if (key.is_base64) bytes_.append(" b");
    if (ttl != nullptr) number(kind == Kind::win ? " N" : " T", memcached_lifetime(*ttl));
    number(" O", command.opaque);
    bytes_.append("\r\n");
    if (value != nullptr) bytes_.append(*value).append("\r\n");
    commands_.push_back(command);
  }

  template <class Number>
  void number(std::string_view before, Number value) {
    char digits[24];
    const char* end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
    bytes_.append(before).append(digits, static_cast<std::size_t>(end - digits));
  }

  std::uint64_t next_opaque_;
  Groups groups_;
  std::string bytes_;
  std::vector<Command> commands_;
  std::size_t group_size_ = 0;  // of the last group
};

}  // namespace larder::detail
