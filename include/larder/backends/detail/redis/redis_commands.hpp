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
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace larder::detail {

/// What a command's reply must be, if it is no error: anything else means that the stream is out of step.
struct ExpectedReply {
  enum class Shape : unsigned char {
    anything,
    ok,           ///< `OK`
    ok_or_nil,    ///< `OK`, or nil where a condition did not hold
    text_or_nil,  ///< a bulk string or nil
    integer,
    texts,  ///< an array of bulk strings and nils, as many as `elements`
    entry,  ///< an array of a bulk string or nil, and an integer
    page,   ///< an array of a cursor, and an array of bulk strings
  };

  Shape shape = Shape::anything;
  std::size_t elements = 0;

  /// How many elements it may have, those of its elements among them.
  std::size_t most_elements() const noexcept {
    if (shape == Shape::texts) return elements;
    if (shape == Shape::entry) return 2;
    return shape == Shape::page || shape == Shape::anything ? std::numeric_limits<std::size_t>::max() : 0;
  }
};

/// Commands, one behind the other.
class RedisCommands {
 public:
  using Shape = ExpectedReply::Shape;

  /// With room for a short command or two, which is what most are.
  RedisCommands() {
    bytes_.reserve(240);
    commands_.reserve(2);
  }

  /// Begins a command of so many words, which the functions below add.
  RedisCommands& begin(std::size_t words, ExpectedReply expected = {}) {
    commands_.push_back({.end = bytes_.size(), .key_begin = 0, .key_size = 0, .expected = expected});
    head('*', words);
    commands_.back().end = bytes_.size();
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
    Command& command = commands_.back();
    if (command.key_size == 0) {
      command.key_begin = begin;
      command.key_size = bytes_.size() - begin;
    }
    return end_word();
  }

  RedisCommands& number(long long value) {
    char digits[24];
    const char* end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
    return word({digits, static_cast<std::size_t>(end - digits)});
  }

  /// A whole command without a key.
  RedisCommands& add(std::initializer_list<std::string_view> words, ExpectedReply expected = {}) {
    begin(words.size(), expected);
    for (const std::string_view each : words) word(each);
    return *this;
  }

  /// The command number `index` of others.
  void add_from(const RedisCommands& other, std::size_t index) {
    Command command = other.commands_[index];
    command.key_begin = command.key_begin - other.begin_of(index) + bytes_.size();
    bytes_.append(other.bytes_of(index));
    command.end = bytes_.size();
    commands_.push_back(command);
  }

  std::size_t size() const noexcept { return commands_.size(); }
  bool empty() const noexcept { return commands_.empty(); }
  std::string_view bytes() const noexcept { return bytes_; }
  std::string_view bytes_of(std::size_t index) const noexcept {
    const std::size_t begin = begin_of(index);
    return std::string_view(bytes_).substr(begin, commands_[index].end - begin);
  }
  /// The key that says where a command goes; empty if it has none.
  std::string_view key_of(std::size_t index) const noexcept {
    const Command& command = commands_[index];
    return std::string_view(bytes_).substr(command.key_begin, command.key_size);
  }
  const ExpectedReply& expected(std::size_t index) const noexcept { return commands_[index].expected; }

  void clear() noexcept {
    bytes_.clear();
    commands_.clear();
  }

 private:
  /// Where in the bytes a command ends, and its first key is.
  struct Command {
    std::size_t end;
    std::size_t key_begin;
    std::size_t key_size;
    ExpectedReply expected;
  };

  std::size_t begin_of(std::size_t index) const noexcept { return index == 0 ? 0 : commands_[index - 1].end; }

  void head(char mark, std::size_t number) {
    char text[24] = {mark};
    char* end = std::to_chars(text + 1, text + sizeof(text) - 2, number).ptr;
    *end++ = '\r';
    *end++ = '\n';
    bytes_.append(text, static_cast<std::size_t>(end - text));
  }

  RedisCommands& end_word() {
    bytes_.append("\r\n");
    commands_.back().end = bytes_.size();
    return *this;
  }

  std::string bytes_;
  std::vector<Command> commands_;
};

}  // namespace larder::detail
