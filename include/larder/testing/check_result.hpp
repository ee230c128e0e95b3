/// \file check_result.hpp
/// CheckResult: what a check of the contract kit found.
#pragma once

#include <iosfwd>
#include <string>

namespace larder::testing {

enum class Verdict : unsigned char {
  passed,
  failed,          ///< the backend breaks its promise
  not_applicable,  ///< the backend has no such thing, by its capabilities or for want of a way to provoke it
  invalid_setup,   ///< the check says nothing about the backend: what it was given makes no sense
};

/// Result: the verdict's name as it is spelt above, with spaces.
constexpr const char* to_string(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::passed: return "passed";
    case Verdict::failed: return "failed";
    case Verdict::not_applicable: return "not applicable";
    case Verdict::invalid_setup: return "invalid setup";
  }
  return "unknown";
}

struct CheckResult {
  /// The check's name, such as "expiry: get does not see an entry from the instant of its TTL on".
  std::string name{};
  Verdict verdict = Verdict::passed;
  /// Unless it passed: what should have been and was not, or why the check does not apply.
  std::string reason{};
  /// If it failed: the calls that show it, as C++, with what each returned.
  std::string story{};

  /// Result: whether nothing is wrong.
  bool ok() const noexcept { return verdict == Verdict::passed || verdict == Verdict::not_applicable; }

  /// Result: all of it as text, one line if it passed.
  std::string to_text() const {
    std::string text = std::string(to_string(verdict)) + ": " + name + "\n";
    if (!reason.empty()) text += "  " + reason + "\n";
    if (!story.empty()) text += "\n" + story;
    return text;
  }
};

/// Prints `to_text()`.
template <class CharTraits>
std::basic_ostream<char, CharTraits>& operator<<(std::basic_ostream<char, CharTraits>& out, const CheckResult& result) {
  return out << result.to_text().c_str();
}

}  // namespace larder::testing
