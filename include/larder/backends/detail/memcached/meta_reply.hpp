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

/// The first line of an answer. Its texts are views of that line.
struct MetaReply {
  enum class Status : unsigned char {
    done,        ///< HD
    value,       ///< VA, and a value follows
    miss,        ///< EN: nothing to get
    not_found,   ///< NF: nothing to erase
    not_stored,  ///< NS
    error,       ///< SERVER_ERROR, CLIENT_ERROR or ERROR; nothing else is known then but `text`
  };

  Status status = Status::error;
  std::size_t value_size = 0;
  std::string_view key{};
  std::optional<std::uint64_t> opaque{};
  /// Seconds left; negative for one that does not expire.
  std::optional<std::int64_t> ttl{};
  std::string_view text{};

  /// \throws ProtocolError if the line, which is without its CRLF, is no answer.
  static MetaReply parse(std::string_view line) {
    MetaReply reply{.text = line};
    const std::string_view word = take_word(line);
    if (word == "SERVER_ERROR" || word == "CLIENT_ERROR" || word == "ERROR") return reply;
    if (word == "HD") {
      reply.status = Status::done;
    } else if (word == "VA") {
      reply.status = Status::value;
      reply.value_size = number<std::size_t>(take_word(line));
    } else if (word == "EN") {
      reply.status = Status::miss;
    } else if (word == "NF") {
      reply.status = Status::not_found;
    } else if (word == "NS") {
      reply.status = Status::not_stored;
    } else {
      throw ProtocolError("an answer that begins with neither HD, VA, EN, NF, NS nor an error");
    }
    while (!line.empty()) {
      const std::string_view flag = take_word(line);
      if (flag.empty()) continue;  // of two spaces in a row
      const std::string_view token = flag.substr(1);
      switch (flag.front()) {
        case 'k': reply.key = token; break;
        case 'O': reply.opaque = number<std::uint64_t>(token); break;
        case 't': reply.ttl = number<std::int64_t>(token); break;
        default: break;  // that nobody asked for, or that says nothing new
      }
    }
    return reply;
  }

 private:
  static std::string_view take_word(std::string_view& line) noexcept {
    const std::size_t space = std::min(line.find(' '), line.size());
    const std::string_view word = line.substr(0, space);
    line.remove_prefix(std::min(space + 1, line.size()));
    return word;
  }

  template <class Number>
  static Number number(std::string_view digits) {
    Number value{};
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size()) {
      throw ProtocolError("an answer with a number that is none");
    }
    return value;
  }
};

}  // namespace larder::detail
