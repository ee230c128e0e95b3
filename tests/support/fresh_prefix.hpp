/// \file fresh_prefix.hpp
#pragma once

#include <atomic>
#include <string>

namespace larder_tests {

/// A prefix of keys that nobody else has, always of seven bytes.
inline std::string fresh_prefix() {
  static std::atomic<int> made{100'000};
  return std::to_string(++made) + ":";
}

}  // namespace larder_tests
