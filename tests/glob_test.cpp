/// \file glob_test.cpp
#include <larder/glob.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/environment.hpp"
#include "tests/support/random.hpp"

using larder::glob_match;
using namespace std::string_view_literals;

namespace {

struct Row {
  std::string_view pattern;
  std::string_view text;
  bool matches;
};

// What Redis 7.0 answers, unless the test that uses a table says otherwise.
constexpr Row literals_and_wildcards[] = {
    {"", "", true},
    {"", "a", false},
    {"a", "", false},
    {"abc", "abc", true},
    {"abc", "ab", false},
    {"abc", "abcd", false},
    {"abc", "ABC", false},
    {"?", "a", true},
    {"?", "", false},
    {"?", "ab", false},
    {"??", "ab", true},
    {"h?llo", "hello", true},
    {"h?llo", "hllo", false},
    {"?", "?", true},
    {"*", "a", true},
    {"*", "anything at all", true},
    {"**", "a", true},
    {"***", "abc", true},
    {"h*llo", "hllo", true},
    {"h*llo", "heeeello", true},
    {"h*llo", "hello!", false},
    {"*llo", "hello", true},
    {"hel*", "hello", true},
    {"hello*", "hello", true},
    {"hello**", "hello", true},
    {"*a*", "a", true},
    {"*a*", "bab", true},
    {"*a*", "bbb", false},
    {"a*b*c", "abc", true},
    {"a*b*c", "aXbYc", true},
    {"a*b*c", "aXbYcZ", false},
    {"a*b*c", "acb", false},
    {"*ab", "aab", true},
    {"*aab", "aaaab", true},
    {"*?", "a", true},
    {"?*", "a", true},
    {"*??", "a", false},
    {"*?*?*", "ab", true},
    {"user:*", "user:1", true},
    {"user:*", "user:", true},
    {"user:*", "session:1", false},
    {"*:profile", "user:1:profile", true},
    {"*:profile", "user:1:profiles", false},
    {"user:*:profile", "user:1:2:profile", true},
    {"{a,b}", "a", false},
    {"{a,b}", "{a,b}", true},
    {"a.c", "abc", false},
    {"a+", "a+", true},
    {"^a$", "a", false},
};

constexpr Row classes[] = {
    {"h[ae]llo", "hello", true},
    {"h[ae]llo", "hallo", true},
    {"h[ae]llo", "hillo", false},
    {"h[a-b]llo", "hbllo", true},
    {"h[a-b]llo", "hcllo", false},
    {"h[^e]llo", "hallo", true},
    {"h[^e]llo", "hello", false},
    {"h[^e]llo", "hllo", false},
    {"[^a-c]", "b", false},
    {"[^a-c]", "d", true},
    {"[!a]", "!", true},
    {"[!a]", "b", false},
    {"[a^]", "^", true},
    {"[a^]", "a", true},
    {"[^^]", "^", false},
    {"[^^]", "a", true},
    {"[z-a]", "m", true},
    {"[z-a]", "a", true},
    {"[z-a]", "z", true},
    {"[z-a]", "A", false},
    {"[a-a]", "a", true},
    {"[a-cx-z]", "y", true},
    {"[a-cx-z]", "d", false},
    {"[a-cX]", "X", true},
    {"[*]", "*", true},
    {"[*]", "a", false},
    {"[?]", "?", true},
    {"[?]", "a", false},
    {"[[]", "[", true},
    {"[[]", "a", false},
    {"[a]]", "a]", true},
    {"[a]]", "a", false},
    {"[a]*[b]", "aXYb", true},
    {"*[0-9]", "user:7", true},
    {"*[0-9]", "user:x", false},
    {"[ab][cd]", "bd", true},
    {"[ab][cd]", "cb", false},
    // An empty class matches nothing, its negation any byte.
    {"[]", "a", false},
    {"[]", "", false},
    {"[]", "[]", false},
    {"[]a]", "a]", false},
    {"[]a", "a", false},
    {"[^]", "a", true},
    {"[^]", "^", true},
    {"[^]", "", false},
    {"[^]a]", "xa]", true},
    // A hyphen stands for itself where it has no byte on both sides.
    {"[-]", "-", true},
    {"[-a]", "-", true},
    {"[-a]", "a", true},
    {"[-a]", "b", false},
    {"[a-", "a", true},
    {"[a-", "-", true},
    {"[a-", "b", false},
    {"[--a]", "-", true},
    {"[--a]", "0", true},
    {"[a-b-c]", "-", true},
    {"[a-b-c]", "c", true},
    // But a closing bracket is a byte, too: this is the range from ']' to 'a', and it is not closed.
    {"[a-]", "^", true},
    {"[a-]", "a", true},
    {"[a-]", "-", false},
    {"[a-]b", "b", true},
    {"[a-]b", "c", false},
};

constexpr Row unterminated_classes[] = {
    {"[", "", false},
    {"[", "[", false},
    {"[", "a", false},
    {"[a", "a", true},
    {"[ab", "b", true},
    {"[ab", "c", false},
    {"[ab", "ab", false},
    {"[ab", "[ab", false},
    {"[^", "a", true},
    {"[^", "", false},
    {"[^a", "b", true},
    {"[^a", "a", false},
    {"[a-c", "b", true},
    {"[a-c", "d", false},
    {"x[", "x", false},
    {"x[", "x[", false},
    {"x[y", "xy", true},
    {"*[b", "aab", true},
    {"*[", "a", false},
    {"[a*", "*", true},
    {"[a*", "abc", false},
    {"[[", "[", true},
};

constexpr Row escapes[] = {
    {"\\*", "*", true},
    {"\\*", "a", false},
    {"\\?", "?", true},
    {"\\?", "a", false},
    {"\\[a]", "[a]", true},
    {"\\[a]", "a", false},
    {"\\\\", "\\", true},
    {"\\\\", "\\\\", false},
    {"\\a", "a", true},
    {"\\a", "\\a", false},
    {"a\\*b", "a*b", true},
    {"a\\*b", "aXb", false},
    {"*\\*", "a*", true},
    {"*\\*", "ab", false},
    // Inside a class.
    {"[\\]]", "]", true},
    {"[\\]]", "\\", false},
    {"[a\\]b]", "]", true},
    {"[a\\]b]", "b", true},
    {"[\\^a]", "^", true},
    {"[\\^a]", "b", false},
    {"[^\\]]", "]", false},
    {"[^\\]]", "a", true},
    {"[a\\-c]", "-", true},
    {"[a\\-c]", "b", false},
    {"[a\\-c]", "c", true},
    {"[\\\\]", "\\", true},
    {"[\\a-c]", "a", true},
    {"[\\a-c]", "-", true},
    {"[\\a-c]", "b", false},
    {"[a-\\]]", "]", false},
    {"[a-\\]]", "\\]", true},
    {"[a-\\]]", "^]", true},
    {"[\\", "\\", true},
    {"[\\", "a", false},
    {"[a\\", "a", true},
    {"[a\\", "\\", true},
    {"[^\\", "\\", false},
    {"[^\\", "a", true},
    // A trailing backslash is a backslash.
    {"\\", "\\", true},
    {"\\", "", false},
    {"\\", "a", false},
    {"a\\", "a\\", true},
    {"a\\", "a", false},
    {"*\\", "ab\\", true},
    {"*\\", "ab", false},
    {"\\\\\\", "\\\\", true},
};

constexpr Row any_bytes[] = {
    {"a\0b"sv, "a\0b"sv, true},
    {"a\0b"sv, "a"sv, false},
    {"a?b"sv, "a\0b"sv, true},
    {"a*b"sv, "a\0\0b"sv, true},
    {"a*"sv, "a\0"sv, true},
    {"a"sv, "a\0"sv, false},
    {"\0"sv, "\0"sv, true},
    {"[\0]"sv, "\0"sv, true},
    {"[\0-a]"sv, "A"sv, true},
    {"[^\0]"sv, "\0"sv, false},
    {"\\\0"sv, "\0"sv, true},
    {"?"sv, "\xff"sv, true},
    {"\x80*"sv, "\x80\xfe"sv, true},
    {"[\xc0-\xdf]"sv, "\xd0"sv, true},
    {"[\xc0-\xdf]"sv, "\xe0"sv, false},
    {"[^\x80]"sv, "\x80"sv, false},
    {"[^\x80]"sv, "\x81"sv, true},
    {"??"sv, "\xc3\xa9"sv, true},
    {"?"sv, "\xc3\xa9"sv, false},
};

template <std::size_t Rows>
void check_table(const Row (&rows)[Rows]) {
  for (const Row& row : rows) {
    CAPTURE(row.pattern, row.text);
    CHECK(glob_match(row.pattern, row.text) == row.matches);
  }
}

/// Reads one element that is no star at the front of `pattern`: its length, and whether `byte` is one of its bytes.
/// Written from the description in glob.hpp alone, a set of 256 bytes for each element.
struct SlowElement {
  std::size_t length = 1;
  std::vector<bool> bytes = std::vector<bool>(256, false);
};

SlowElement read_class(std::string_view pattern) {
  SlowElement element;
  const auto byte_at = [pattern](std::size_t at) { return static_cast<unsigned char>(pattern[at]); };
  std::size_t at = 1;
  const bool negated = at < pattern.size() && pattern[at] == '^';
  at += negated ? 1 : 0;
  while (at < pattern.size() && pattern[at] != ']') {
    const bool escaped = pattern[at] == '\\' && at + 1 < pattern.size();
    const bool range = !escaped && at + 2 < pattern.size() && pattern[at + 1] == '-';
    const unsigned first = byte_at(escaped ? at + 1 : at);
    const unsigned last = range ? byte_at(at + 2) : first;
    for (unsigned byte = 0; byte < 256; ++byte) {
      if ((first <= byte && byte <= last) || (last <= byte && byte <= first)) element.bytes[byte] = true;
    }
    at += escaped ? 2 : range ? 3 : 1;
  }
  if (negated) element.bytes.flip();
  element.length = at < pattern.size() ? at + 1 : at;
  return element;
}

SlowElement read_element(std::string_view pattern) {
  if (pattern[0] == '[') return read_class(pattern);
  SlowElement element;
  if (pattern[0] == '?') {
    element.bytes.flip();
    return element;
  }
  const bool escape = pattern[0] == '\\' && pattern.size() > 1;
  element.length = escape ? 2 : 1;
  element.bytes[static_cast<unsigned char>(pattern[element.length - 1])] = true;
  return element;
}

/// The definition, tried out in every way there is: a star takes nothing, or one byte and goes on.
bool slow_match(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*') {
    return slow_match(pattern.substr(1), text) || (!text.empty() && slow_match(pattern, text.substr(1)));
  }
  if (text.empty()) return false;
  const SlowElement element = read_element(pattern);
  return element.bytes[static_cast<unsigned char>(text[0])] &&
         slow_match(pattern.substr(element.length), text.substr(1));
}

}  // namespace

TEST_CASE("literals, question marks and stars match as in Redis 7", "[glob]") { check_table(literals_and_wildcards); }

TEST_CASE("classes, negations and ranges match as in Redis 7", "[glob]") { check_table(classes); }

TEST_CASE("an unterminated class matches as in Redis 7", "[glob]") { check_table(unterminated_classes); }

TEST_CASE("escapes inside and outside of classes match as in Redis 7", "[glob]") { check_table(escapes); }

TEST_CASE("NUL and bytes from 0x80 on match as in Redis 7", "[glob]") { check_table(any_bytes); }

TEST_CASE("any number of stars matches an empty key", "[glob]") {
  // Redis's matcher says no, but its KEYS * lists an empty key all the same.
  CHECK(glob_match("*", ""));
  CHECK(glob_match("**", ""));
  CHECK_FALSE(glob_match("*?", ""));
  CHECK_FALSE(glob_match("*a*", ""));
}

TEST_CASE("ranges compare unsigned bytes on every platform", "[glob]") {
  // Redis compares plain chars, which are signed on some platforms and unsigned on others.
  CHECK(glob_match("[\x7f-\x80]", "\x7f"));
  CHECK(glob_match("[\x7f-\x80]", "\x80"));
  CHECK_FALSE(glob_match("[\x7f-\x80]", "a"));
  CHECK(glob_match("[a-\xff]", "\x90"));
  CHECK_FALSE(glob_match("[a-\xff]", "A"));
}

TEST_CASE("matching promises not to throw", "[glob]") {
  STATIC_REQUIRE(noexcept(glob_match(std::string_view(), std::string_view())));
}

TEST_CASE("a hopeless pattern of many stars ends quickly", "[glob]") {
  const std::string text(10000, 'a');
  std::string pattern;
  for (int star = 0; star < 2000; ++star) pattern += "a*";
  const auto start = std::chrono::steady_clock::now();
  CHECK_FALSE(glob_match(pattern + "b", text));
  CHECK(glob_match(pattern, text));
  CHECK_FALSE(glob_match(pattern + "[^a]", text));
  CHECK_FALSE(glob_match("*a*a*a*a*a*a*a*a*a*a*a*a*b", text));
  CHECK_FALSE(glob_match(std::string(10000, '*') + "b", text));
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(larder_tests::sanitized ? 60 : 10));
}

TEST_CASE("a very long pattern and text need no stack", "[glob]") {
  const std::string stars(1000000, '*');
  const std::string text(1000000, 'a');
  CHECK(glob_match(stars, text));
  CHECK(glob_match(text, text));
  CHECK(glob_match("[" + text, "a"));
}

TEST_CASE("random patterns match as a slow reading of the definition does", "[glob][model]") {
  const std::uint64_t seed = larder_tests::environment_number("LARDER_SEED", 20240601);
  larder_tests::Random random(seed);
  std::size_t matched = 0;
  const std::size_t rounds = larder_tests::scaled(300000);
  for (std::size_t round = 0; round < rounds; ++round) {
    const std::string pattern = random.text("ab-]*?[^\\", 9);
    const std::string text = random.text("ab-]^\\", 6);
    const bool expected = slow_match(pattern, text);
    matched += expected ? 1 : 0;
    if (glob_match(pattern, text) != expected) {
      FAIL("seed " << seed << ": pattern \"" << pattern << "\" and text \"" << text << "\" should be " << expected);
    }
  }
  CHECK(matched > rounds / 100);  // enough of both kinds to mean something
}
