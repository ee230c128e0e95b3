/// \file mutant_glob.hpp
/// The pattern matcher of a MutantBackend: larder's own, or one with a bug.
#pragma once

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <larder/glob.hpp>

#include "tests/support/mutant/mutation.hpp"

namespace larder_tests {

/// Written to be obviously right but for its mutation, and so not like larder's: it follows all ways through the
/// pattern at once.
class MutantGlob {
 public:
  explicit MutantGlob(Mutation mutation) noexcept : mutation_(mutation) {}

  /// Whether the mutation is one of patterns, so that `matches` differs from larder::glob_match.
  bool has_bug() const noexcept {
    return mutation_ >= Mutation::exponential_glob && mutation_ <= Mutation::unterminated_class_matches_nothing;
  }

  bool matches(std::string_view pattern, std::string_view text) const {
    if (!has_bug()) return larder::glob_match(pattern, text);
    if (is(Mutation::exponential_glob)) return matches_by_trying(pattern, text);
    if (is(Mutation::glob_expands_braces)) return matches_alternative(pattern, text);
    return matches_in_step(pattern, text);
  }

  /// The matcher that has the bugs, also where there is none. O(pattern * text).
  bool matches_in_step(std::string_view pattern, std::string_view text) const {
    // Positions in the pattern at which what is left of it may match what is left of the text.
    std::vector<bool> here(pattern.size() + 1);
    here[0] = true;
    pass_empty_matches(pattern, here);
    for (const char character : text) {
      if (is(Mutation::glob_matches_prefix) && here[pattern.size()]) return true;
      std::vector<bool> next(pattern.size() + 1);
      for (std::size_t at = 0; at < pattern.size(); ++at) {
        if (!here[at]) continue;
        if (pattern[at] == '*') {
          if (!is(Mutation::glob_star_stops_at_colon) || character != ':') next[at] = true;
        } else if (std::size_t behind = at; element_matches(pattern, behind, character)) {
          next[behind] = true;
        }
      }
      here = std::move(next);
      pass_empty_matches(pattern, here);
    }
    return here[pattern.size()];
  }

 private:
  bool is(Mutation mutation) const noexcept { return mutation_ == mutation; }

  /// Wherever an element may match no byte at all, what follows it may be next.
  void pass_empty_matches(std::string_view pattern, std::vector<bool>& positions) const {
    for (std::size_t at = 0; at < pattern.size(); ++at) {
      const bool may_be_empty =
          pattern[at] == '*' || (pattern[at] == '?' && is(Mutation::glob_question_mark_is_optional));
      if (positions[at] && may_be_empty) positions[at + 1] = true;
    }
  }

  /// Matches one byte against the element at `at`, which is no star, and moves `at` behind it.
  bool element_matches(std::string_view pattern, std::size_t& at, char character) const {
    const char element = pattern[at++];
    if (element == '?') return true;
    if (element == '[' && !is(Mutation::glob_knows_no_classes)) return class_matches(pattern, at, character);
    if (is_escape(element) && at < pattern.size()) return same(pattern[at++], character);
    return same(element, character);
  }

  /// Matches one byte against the class that begins at `at`, behind its bracket, and moves `at` behind it.
  bool class_matches(std::string_view pattern, std::size_t& at, char character) const {
    const char negation = is(Mutation::glob_negates_with_bang) ? '!' : '^';
    const bool negated = at < pattern.size() && pattern[at] == negation;
    if (negated) ++at;
    bool found = false;
    while (at < pattern.size() && pattern[at] != ']') {
      if (is_escape(pattern[at]) && at + 1 < pattern.size()) {
        found |= same(pattern[at + 1], character);
        at += 2;
      } else if (at + 2 < pattern.size() && pattern[at + 1] == '-') {
        found |= range_matches(pattern[at], pattern[at + 2], character);
        at += 3;
      } else {
        found |= same(pattern[at], character);
        ++at;
      }
    }
    const bool terminated = at < pattern.size();
    if (terminated) ++at;
    if (!terminated && is(Mutation::unterminated_class_matches_nothing)) return false;
    return found != negated;
  }

  bool range_matches(char first, char last, char character) const {
    int low = order(first);
    int high = order(last);
    if (low > high && !is(Mutation::glob_reversed_range_matches_nothing)) std::swap(low, high);
    return low <= order(character) && order(character) <= high;
  }

  bool is_escape(char character) const noexcept { return character == '\\' && !is(Mutation::glob_ignores_escape); }

  bool same(char left, char right) const { return order(left) == order(right); }

  int order(char character) const {
    if (is(Mutation::glob_compares_signed_bytes)) return static_cast<signed char>(character);
    const int byte = static_cast<unsigned char>(character);
    return is(Mutation::glob_is_case_insensitive) ? std::tolower(byte) : byte;
  }

  /// Tries one end after another for each star.
  bool matches_by_trying(std::string_view pattern, std::string_view text) const {
    std::size_t at = 0;
    std::size_t matched = 0;
    while (at < pattern.size()) {
      if (pattern[at] == '*') {
        for (std::size_t end = matched; end <= text.size(); ++end) {
          if (matches_by_trying(pattern.substr(at + 1), text.substr(end))) return true;
        }
        return false;
      }
      if (matched == text.size() || !element_matches(pattern, at, text[matched++])) return false;
    }
    return matched == text.size();
  }

  /// Tries the alternatives of the first braces, and so on.
  bool matches_alternative(std::string_view pattern, std::string_view text) const {
    const std::size_t open = pattern.find('{');
    const std::size_t close = open == std::string_view::npos ? open : pattern.find('}', open);
    if (close == std::string_view::npos) return matches_in_step(pattern, text);
    for (std::size_t from = open + 1; from <= close;) {
      const std::size_t end = std::min(pattern.find(',', from), close);
      std::string alternative(pattern.substr(0, open));
      alternative.append(pattern.substr(from, end - from)).append(pattern.substr(close + 1));
      if (matches_alternative(alternative, text)) return true;
      from = end + 1;
    }
    return false;
  }

  Mutation mutation_;
};

}  // namespace larder_tests
