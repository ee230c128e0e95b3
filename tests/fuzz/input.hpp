/// \file input.hpp
/// FuzzInput: a fuzzer's bytes, taken as numbers and texts. require: what must hold for any of them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace larder_tests {

/// Ends the program, which is how a fuzzer learns that an input is a finding.
inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

/// What is asked for beyond the end is zero, or empty.
class FuzzInput {
 public:
  FuzzInput(const std::uint8_t* bytes, std::size_t size) : rest_(reinterpret_cast<const char*>(bytes), size) {}

  bool is_empty() const noexcept { return rest_.empty(); }

  std::uint8_t byte() noexcept {
    if (rest_.empty()) return 0;
    const auto first = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return first;
  }
  /// Of one byte, or of two where one cannot be so large.
  std::size_t below(std::size_t bound) noexcept {
    std::size_t number = byte();
    if (bound > 256) number = number << 8 | byte();
    return number % bound;
  }
  bool flag() noexcept { return (byte() & 1) != 0; }

  std::string_view text(std::size_t size) noexcept {
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  /// As long as its first byte says.
  std::string_view text() noexcept { return text(byte()); }
  std::string_view rest() noexcept { return text(rest_.size()); }

 private:
  std::string_view rest_;
};

}  // namespace larder_tests
