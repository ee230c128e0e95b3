/// \file usage_error.hpp
/// UsageError: what is wrong with replay's command line.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include "text.hpp"

namespace larder::replay {

/// The command line makes no sense, or not for this trace; the message says why.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

namespace detail {

[[noreturn]] inline void refuse(std::string_view text, const std::string& why) {
  throw UsageError("'" + plain_text(text, 60) + "' is " + why);
}

}  // namespace detail

}  // namespace larder::replay
