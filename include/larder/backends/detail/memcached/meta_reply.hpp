/// \file meta_reply.hpp
/// MetaReply: what a Memcached server answers in the meta protocol, and how it is read from bytes.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include <larder/bytes.hpp>
#include <larder/cache_error.hpp>

namespace larder::detail {

/// Result: what is before the next space, which is taken off together with it.
inline std::string_view take_word(std::string_view& line) noexcept {
  const std::size_t space = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, space);
  line.remove_prefix(std::min(space + 1, line.size()));
  return word;
}

/// \throws ProtocolError unless it is a number, and nothing else.
template <class Number>
Number number_in_reply(std::string_view digits) {
  Number value{};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) {
    throw ProtocolError("an answer with a number that is none");
  }
  return value;
}

inline bool is_error_word(std::string_view word) noexcept {
  return word == "SERVER_ERROR" || word == "CLIENT_ERROR" || word == "ERROR";
}

/// The first line of an answer. Its texts are views of that line.
struct MetaReply {
  enum class Status : unsigned char {
    done,        ///< HD
    value,       ///< VA, and a value follows
    miss,        ///< EN: nothing to get
    not_found,   ///< NF: nothing to erase
    not_stored,  ///< NS
    changed,     ///< EX: another version than was asked for
    error,       ///< SERVER_ERROR, CLIENT_ERROR or ERROR; nothing else is known then but `text`
  };

  Status status = Status::error;
  std::size_t value_size = 0;
  std::string_view key{};
  std::optional<std::uint64_t> opaque{};
  /// Seconds left; negative for one that does not expire.
  std::optional<std::int64_t> ttl{};
  std::optional<std::uint64_t> version{};
  /// The asker, and nobody else, is to fill the empty item.
  bool has_won = false;
  std::string_view text{};

  /// \throws ProtocolError if the line, which is without its CRLF, is no answer.
  static MetaReply parse(std::string_view line) {
    MetaReply reply{.text = line};
    const std::string_view word = take_word(line);
    if (is_error_word(word)) return reply;
    if (word == "HD") {
      reply.status = Status::done;
    } else if (word == "VA") {
      reply.status = Status::value;
      reply.value_size = number_in_reply<std::size_t>(take_word(line));
    } else if (word == "EN") {
      reply.status = Status::miss;
    } else if (word == "NF") {
      reply.status = Status::not_found;
    } else if (word == "NS") {
      reply.status = Status::not_stored;
    } else if (word == "EX") {
      reply.status = Status::changed;
    } else {
      throw ProtocolError("an answer that begins with neither HD, VA, EN, NF, NS, EX nor an error");
    }
    while (!line.empty()) {
      const std::string_view flag = take_word(line);
      if (flag.empty()) continue;  // of two spaces in a row
      const std::string_view token = flag.substr(1);
      switch (flag.front()) {
        case 'k': reply.key = token; break;
        case 'O': reply.opaque = number_in_reply<std::uint64_t>(token); break;
        case 't': reply.ttl = number_in_reply<std::int64_t>(token); break;
        case 'c': reply.version = number_in_reply<std::uint64_t>(token); break;
        case 'W': reply.has_won = true; break;
        default: break;  // that nobody asked for, or that says nothing new
      }
    }
    return reply;
  }
};

/// A line of what a server answers to a `get` of several keys.
struct GroupReply {
  bool is_end = false;
  /// If it is not the end, a value of this size follows, which is the key's.
  std::string_view key{};
  std::size_t value_size = 0;
  /// If it is not empty, all that is known.
  std::string_view error{};

  /// \throws ProtocolError if the line, which is without its CRLF, is no answer.
  static GroupReply parse(std::string_view line) {
    if (line == "END") return {.is_end = true};
    const std::string_view all = line;
    const std::string_view word = take_word(line);
    if (is_error_word(word)) return {.error = all};
    if (word != "VALUE") throw ProtocolError("an answer that begins with neither VALUE, END nor an error");
    GroupReply reply{.key = take_word(line)};
    number_in_reply<std::uint32_t>(take_word(line));  // flags, which mean nothing to us
    reply.value_size = number_in_reply<std::size_t>(line);
    return reply;
  }
};

}  // namespace larder::detail
