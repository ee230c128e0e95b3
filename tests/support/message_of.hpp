/// \file message_of.hpp
/// Looking at what was thrown, in a way that Catch2 2 and 3 both allow.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <larder/cache_error.hpp>

namespace larder_tests {

/// The message of the `Error` that `f()` throws; empty if it throws nothing. Other exceptions pass through.
template <class Error, class Function>
std::string message_of(Function&& f) {
  try {
    std::forward<Function>(f)();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

inline bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// Result: why options are refused; empty if they are not.
template <class Options>
std::string refusal_of(const Options& options) {
  return message_of<larder::InvalidArgumentError>([&options] { options.validate(); });
}

}  // namespace larder_tests
