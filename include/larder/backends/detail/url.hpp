/// \file url.hpp
/// Url: the parts of `scheme://user:password@host:port,host:port/path?name=value`, decoded.
#pragma once

#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <larder/backends/detail/endpoint.hpp>
#include <larder/cache_error.hpp>

namespace larder::detail {

/// Messages name the part that makes no sense, and never show the user or the password: nor what could be a part of
/// these, where somebody has written one with a `/` or `?` in it (see `read`).
struct Url {
  std::string scheme{};
  std::optional<std::string> username{};
  std::optional<std::string> password{};
  /// A port of 0 where none was given.
  std::vector<Endpoint> hosts{};
  /// Without its first slash.
  std::string path{};
  std::vector<std::pair<std::string, std::string>> query{};

  /// \throws InvalidArgumentError.
  static Url parse(std::string_view text) {
    Url url;
    const std::size_t colon = text.find("://");
    if (colon == std::string_view::npos || colon == 0) fail("there is no scheme, such as redis://");
    url.scheme = std::string(text.substr(0, colon));
    text.remove_prefix(colon + 3);
    const std::size_t question = text.find('?');
    if (question != std::string_view::npos) url.parse_query(text.substr(question + 1));
    text = text.substr(0, question);
    const std::size_t slash = text.find('/');
    if (slash != std::string_view::npos) url.path = decoded(text.substr(slash + 1), "path");
    std::string_view authority = text.substr(0, slash);
    const std::size_t at = authority.rfind('@');
    if (at != std::string_view::npos) url.parse_user(authority.substr(0, at));
    if (at != std::string_view::npos) authority.remove_prefix(at + 1);
    if (!authority.empty()) url.parse_hosts(authority);
    return url;
  }

  /// Result: what `make` makes of the parts. With an `@` behind the host, what stands before it may be a user or
  /// password that was written without `%2F` or `%3F`: then no message shows anything.
  /// \throws InvalidArgumentError, from `make` as well.
  template <class Make>
  static auto read(std::string_view text, const Make& make) {
    try {
      return make(parse(text));
    } catch (const InvalidArgumentError&) {
      if (may_be_shown(text)) throw;
    }
    fail(
        "it makes no sense; why is not shown, since there is an @ behind the host, so that a user or password may have "
        "been taken for something else (write %2F for / in them, %3F for ? and %40 for @)");
  }

  [[noreturn]] static void fail(const std::string& why) { throw InvalidArgumentError("url: " + why); }

  /// An option in the query that there is not.
  [[noreturn]] static void fail_unknown_option(const std::string& name) {
    fail("there is no option " + quoted(name) + " that a query could set");
  }

  /// A number in decimal. \throws InvalidArgumentError that names `what`.
  template <class Number>
  static Number number(const std::string& what, std::string_view text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) fail(what + " is no number that it could be");
    return value;
  }

  /// As a message may show it.
  static std::string quoted(std::string_view text) {
    return text.find('@') == std::string_view::npos ? "\"" + std::string(text) + "\"" : "(not shown)";
  }

  /// `500`, `500ms`, `2s`, `1min`. \throws InvalidArgumentError that names `what`.
  static std::chrono::milliseconds duration(const std::string& what, std::string_view text) {
    std::string_view digits = text;
    std::chrono::milliseconds unit(1);
    if (digits.ends_with("ms")) {
      digits.remove_suffix(2);
    } else if (digits.ends_with("min")) {
      digits.remove_suffix(3);
      unit = std::chrono::minutes(1);
    } else if (digits.ends_with("s")) {
      digits.remove_suffix(1);
      unit = std::chrono::seconds(1);
    }
    return number<std::uint32_t>(what, digits) * unit;
  }

  /// `true`, `1`, `yes`, or nothing at all; `false`, `0`, `no`. \throws InvalidArgumentError that names `what`.
  static bool flag(const std::string& what, std::string_view text) {
    if (text.empty() || text == "true" || text == "1" || text == "yes") return true;
    if (text == "false" || text == "0" || text == "no") return false;
    fail(what + " = " + quoted(text) + " is neither true nor false");
  }

 private:
  static bool may_be_shown(std::string_view text) noexcept {
    const std::size_t scheme_end = text.find("://");
    const std::size_t host = scheme_end == std::string_view::npos ? 0 : scheme_end + 3;
    const std::size_t behind_host = text.find_first_of("/?", host);
    return behind_host == std::string_view::npos || text.find('@', behind_host) == std::string_view::npos;
  }

  static int hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  }

  static std::string decoded(std::string_view text, const char* part) {
    std::string bytes;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '%') {
        bytes.push_back(text[i]);
        continue;
      }
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) fail(std::string("a % in its ") + part + " is not followed by two hexadecimal digits");
      bytes.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    }
    return bytes;
  }

  void parse_user(std::string_view text) {
    const std::size_t colon = text.find(':');
    if (colon != std::string_view::npos) password = decoded(text.substr(colon + 1), "password");
    if (colon != 0 && !text.empty()) username = decoded(text.substr(0, colon), "user");
  }

  void parse_hosts(std::string_view text) {
    for (;;) {
      const std::size_t comma = text.find(',');
      hosts.push_back(host(text.substr(0, comma)));
      if (comma == std::string_view::npos) return;
      text.remove_prefix(comma + 1);
    }
  }

  static Endpoint host(std::string_view text) {
    std::size_t colon = text.rfind(':');
    std::string_view name = text.substr(0, colon);
    if (text.starts_with('[')) {  // an IPv6 address
      const std::size_t bracket = text.find(']');
      if (bracket == std::string_view::npos) fail("a [ without its ] in the host");
      name = text.substr(1, bracket - 1);
      colon = text.find(':', bracket);
      if (bracket + 1 != (colon == std::string_view::npos ? text.size() : colon)) {
        fail("no port behind the ] in the host");
      }
    }
    Endpoint endpoint{.host = decoded(name, "host")};
    if (endpoint.host.empty()) fail("a host is empty");
    if (colon != std::string_view::npos) {
      endpoint.port = number<std::uint16_t>("port", text.substr(colon + 1));
      if (endpoint.port == 0) fail("port = 0 is no port to connect to");
    }
    return endpoint;
  }

  void parse_query(std::string_view text) {
    while (!text.empty()) {
      const std::size_t ampersand = text.find('&');
      const std::string_view pair = text.substr(0, ampersand);
      const std::size_t equals = pair.find('=');
      const std::string_view value = equals == std::string_view::npos ? "" : pair.substr(equals + 1);
      if (!pair.empty()) query.emplace_back(decoded(pair.substr(0, equals), "query"), decoded(value, "query"));
      if (ampersand == std::string_view::npos) return;
      text.remove_prefix(ampersand + 1);
    }
  }
};

}  // namespace larder::detail
