/// \file pattern_checks.hpp
/// The contract's row about patterns: Redis's dialect, and never exponential.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include <larder/cache_error.hpp>
#include <larder/testing/detail/trial.hpp>

namespace larder::testing::detail {

inline std::vector<std::string> patterned_keys() {
  return {"",  "a", "b",      "c",       "ab",    "abc", "a*c",  "a?c", "[a]", "a-c", "a]c",
          "^", "-", "user:1", "user:22", "users", "{a}", "a\\c", "a\\", "]",   "\xe9"};
}

struct PatternCase {
  const char* what;
  const char* pattern;
  std::vector<std::string> matches;
};

inline std::vector<PatternCase> pattern_cases() {
  return {
      {"a star takes everything", "*", patterned_keys()},
      {"two stars take everything", "**", patterned_keys()},
      {"the empty pattern takes the empty key", "", {""}},
      {"a plain text takes itself, and nothing longer", "user", {}},
      {"a plain text takes itself", "users", {"users"}},
      {"case counts", "A*", {}},
      {"a question mark takes one byte", "?", {"a", "b", "c", "^", "-", "]", "\xe9"}},
      {"a question mark within", "a?c", {"abc", "a*c", "a?c", "a-c", "a]c", "a\\c"}},
      {"a star at the end", "a*", {"a", "ab", "abc", "a*c", "a?c", "a-c", "a]c", "a\\c", "a\\"}},
      {"a star at the beginning", "*c", {"c", "abc", "a*c", "a?c", "a-c", "a]c", "a\\c"}},
      {"a star within", "u*2", {"user:22"}},
      {"a star beside a colon", "user:*", {"user:1", "user:22"}},
      {"stars on both sides", "*e*", {"user:1", "user:22", "users"}},
      {"an escaped star", "a\\*c", {"a*c"}},
      {"an escaped question mark", "a\\?c", {"a?c"}},
      {"an escaped bracket", "\\[a\\]", {"[a]"}},
      {"an escaped backslash", "a\\\\c", {"a\\c"}},
      {"a backslash at the end", "a\\", {"a\\"}},
      {"a backslash before a plain byte", "\\a\\b", {"ab"}},
      {"a class", "[ab]", {"a", "b"}},
      {"a class within", "a[b]c", {"abc"}},
      {"a dash before a bracket is a range, and the class unterminated", "a[b-]c", {"ab"}},
      {"a class of special bytes", "a[*?]c", {"a*c", "a?c"}},
      {"a range", "[a-c]", {"a", "b", "c"}},
      {"a range of bytes beyond ASCII", "[a-\xff]", {"a", "b", "c", "\xe9"}},
      {"a range backwards", "[c-a]", {"a", "b", "c"}},
      {"a negated class", "[^ab]", {"c", "^", "-", "]", "\xe9"}},
      {"a negated range", "[^a-c]", {"^", "-", "]", "\xe9"}},
      {"an escaped caret in a class", "[\\^]", {"^"}},
      {"an escaped dash in a class", "[a\\-]", {"a", "-"}},
      {"an escaped bracket in a class", "a[\\]]c", {"a]c"}},
      {"an unterminated class", "[ab", {"a", "b"}},
      {"an unterminated negated class", "[^ab", {"c", "^", "-", "]", "\xe9"}},
      {"an unterminated empty class", "a[", {}},
      {"an empty class", "[]", {}},
      {"a negated empty class", "[^]", {"a", "b", "c", "^", "-", "]", "\xe9"}},
      {"braces are plain bytes", "{a}", {"{a}"}},
      {"braces hold no alternatives", "{a,b}", {}},
  };
}

inline void pattern_matches(Trial& trial, const PatternCase& row) {
  trial.only_if(trial.can().enumerable_keys && trial.can().key_patterns, "by the capabilities there are no patterns");
  // A short story first: the keys that are listed and should not be, or the other way round, one at a time.
  const auto cache = trial.fresh();
  const auto keys = patterned_keys();
  for (const std::string& key : keys) cache.backend().set(key, "v");
  std::vector<std::string> expected = row.matches;
  std::sort(expected.begin(), expected.end());
  auto listed = cache.backend().keys(row.pattern);
  std::sort(listed.begin(), listed.end());
  if (listed == expected) return;
  std::vector<std::string> wrong;
  std::set_symmetric_difference(listed.begin(), listed.end(), expected.begin(), expected.end(),
                                std::back_inserter(wrong));
  const std::string culprit = wrong.empty() ? listed.front() : wrong.front();
  const bool should_match = std::binary_search(expected.begin(), expected.end(), culprit);
  const auto alone = trial.fresh();
  alone.set(culprit, "v");
  const auto seen = alone.keys(row.pattern);
  const std::string should =
      cpp_quoted(row.pattern) + (should_match ? " matches " : " does not match ") + cpp_quoted(culprit);
  if ((seen.size() == 1) != should_match) trial.fail(should);
  const auto all = trial.fresh();
  for (const std::string& key : keys) all.set(key, "v");
  all.keys(row.pattern);
  trial.fail(should + ", each key is listed once, and no other key is");
}

/// Steps are counted by time, the least of a few tries: a matcher that is exponential in its stars takes a thousand
/// times as long for fourteen stars as for two. Stars are added one by one, so that it never takes for ever.
inline void patterns_are_never_exponential(Trial& trial) {
  trial.only_if(trial.can().enumerable_keys && trial.can().key_patterns, "by the capabilities there are no patterns");
  using Clock = std::chrono::steady_clock;
  const auto cache = trial.fresh();
  cache.set(std::string(30, 'a'), "v");
  const auto time_for = [&](std::size_t stars) {
    std::string pattern;
    for (std::size_t i = 0; i < stars; ++i) pattern += "*a";
    pattern += "*b";
    Clock::duration least = Clock::duration::max();
    for (int tries = 0; tries < 5; ++tries) {
      const auto began = Clock::now();
      trial.expect(cache.backend().keys(pattern).empty(),
                   "no key: the pattern " + cpp_quoted(pattern) + " asks for a \"b\"");
      least = std::min(least, Clock::now() - began);
      if (Clock::now() - began > std::chrono::seconds(1)) break;
    }
    return least;
  };
  const auto few = time_for(2);
  for (std::size_t stars = 3; stars <= 15; ++stars) {
    const auto many = time_for(stars);
    if (many < 100 * few || many < std::chrono::milliseconds(5)) continue;
    trial.story().tell("// cache.keys(\"*a*a*b\") takes " + std::to_string(std::chrono::nanoseconds(few).count()) +
                       " ns, the same with " + std::to_string(stars) + " stars and letters " +
                       std::to_string(std::chrono::nanoseconds(many).count()) + " ns");
    trial.fail("a time that grows with the number of stars, not with its power");
  }
}

inline void keys_are_each_listed_once(Trial& trial) {
  const auto cache = trial.fresh();
  cache.set("a", "1");
  cache.set("b", "1");
  if (!trial.can().enumerable_keys) {
    trial.expect_throws<NotSupportedError>([&] { cache.keys(); }, "a NotSupportedError: enumerable_keys = false");
    return;
  }
  cache.set("a", "2");
  cache.get("b");
  trial.expect(cache.keys() == std::vector<std::string>{"a", "b"}, "\"a\" and \"b\", each once");
  cache.erase("a");
  trial.expect(cache.keys() == std::vector<std::string>{"b"}, "\"b\": the other one was erased");
  if (!trial.can().key_patterns) {
    trial.expect_throws<NotSupportedError>([&] { cache.keys("b*"); }, "a NotSupportedError: key_patterns = false");
    return;
  }
  constexpr std::size_t many = 3000;  // more than a store hands out at a time
  for (std::size_t i = 0; i < many; ++i) cache.backend().set("many:" + std::to_string(i), "v");
  trial.story().tell("for (int i = 0; i < 3000; ++i) cache.set(\"many:\" + std::to_string(i), \"v\");");
  auto listed = cache.backend().keys("many:*");
  trial.story().tell("cache.keys(\"many:*\");  // " + std::to_string(listed.size()) + " keys");
  std::sort(listed.begin(), listed.end());
  trial.expect(listed.size() == many && std::adjacent_find(listed.begin(), listed.end()) == listed.end(),
               "all 3,000 keys, each once");
}

inline void add_pattern_checks(CheckList& checks) {
  checks.push_back({"patterns: keys lists each key once", keys_are_each_listed_once});
  for (const PatternCase& row : pattern_cases()) {
    checks.push_back({std::string("patterns: ") + row.what, [row](Trial& trial) { pattern_matches(trial, row); }});
  }
  checks.push_back({"patterns: many stars are never exponential", patterns_are_never_exponential});
}

}  // namespace larder::testing::detail
