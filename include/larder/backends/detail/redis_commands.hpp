/// \file redis_commands.hpp
/// RedisCommands: commands to be sent together, in Redis's own form, with what is needed to find their server.
///
/// hiredis can write commands, too, but counts their bytes in an `int` and allocates each one; and here a value is
/// copied once, into what is sent.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace larder::detail {

class RedisCommands {
 public:
  /// Begins a command of so many words, which `word` adds.
  RedisCommands& begin(std::size_t words) {
    ends_.push_back(bytes_.size());
    keys_.push_back({});
    head('*', words);
    ends_.back() = bytes_.size();
    return *this;
  }

  RedisCommands& word(std::string_view text) {
    head('$', text.size());
    bytes_.append(text);
    return end_word();
  }

  /// A word that is a key: the first of a command says to which server of a cluster it goes.
  RedisCommands& key(std::string_view prefix, std::string_view key) {
    head('$', prefix.size() + key.size());
    const std::size_t begin = bytes_.size();
    bytes_.append(prefix).append(key);
    if (keys_.back().size == 0) keys_.back() = {begin, bytes_.size() - begin};
    return end_word();
  }

  RedisCommands& number(long long value) {
    char digits[24];
    const char* end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
    return word({digits, static_cast<std::size_t>(end - digits)});
  }

  /// A whole command without a key.
  RedisCommands& add(std::initializer_list<std::string_view> words) {
    begin(words.size());
    for (const std::string_view each : words) word(each);
    return *this;
  }

  /// The command number `index` of others.
  void add_from(const RedisCommands& other, std::size_t index) {
    const std::size_t shift = bytes_.size();
    bytes_.append(other.bytes_of(index));
    Key key = other.keys_[index];
    if (key.size != 0) key.begin = key.begin - other.begin_of(index) + shift;
    keys_.push_back(key);
    ends_.push_back(bytes_.size());
  }

  std::size_t size() const noexcept { return ends_.size(); }
  bool empty() const noexcept { return ends_.empty(); }
  std::string_view bytes() const noexcept { return bytes_; }
  std::string_view bytes_of(std::size_t index) const noexcept {
    const std::size_t begin = begin_of(index);
    return std::string_view(bytes_).substr(begin, ends_[index] - begin);
  }
  /// The key that says where a command goes; empty if it has none.
  std::string_view key_of(std::size_t index) const noexcept {
    return std::string_view(bytes_).substr(keys_[index].begin, keys_[index].size);
  }

  void clear() noexcept {
    bytes_.clear();
    ends_.clear();
    keys_.clear();
  }

 private:
  struct Key {
    std::size_t begin = 0;
    std::size_t size = 0;
  };

  std::size_t begin_of(std::size_t index) const noexcept { return index == 0 ? 0 : ends_[index - 1]; }

  void head(char mark, std::size_t number) {
    char text[24] = {mark};
    char* end = std::to_chars(text + 1, text + sizeof(text) - 2, number).ptr;
    *end++ = '\r';
    *end++ = '\n';
    bytes_.append(text, static_cast<std::size_t>(end - text));
  }

  RedisCommands& end_word() {
    bytes_.append("\r\n");
    ends_.back() = bytes_.size();
    return *this;
  }

  std::string bytes_;
  std::vector<std::size_t> ends_;
  std::vector<Key> keys_;
};

}  // namespace larder::detail
