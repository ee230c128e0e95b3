/// \file scoped_variable.hpp
/// ScopedVariable: an environment variable with another value for a while.
#pragma once

#include <stdlib.h>

#include <optional>
#include <string>
#include <utility>

namespace larder_tests {

/// Not while other threads look at the environment.
class ScopedVariable {
 public:
  /// Null unsets it.
  ScopedVariable(std::string name, const char* value) : name_(std::move(name)) {
    if (const char* before = ::getenv(name_.c_str())) before_ = before;
    set(value);
  }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;
  ~ScopedVariable() { set(before_ ? before_->c_str() : nullptr); }

 private:
  void set(const char* value) { value == nullptr ? ::unsetenv(name_.c_str()) : ::setenv(name_.c_str(), value, 1); }

  std::string name_;
  std::optional<std::string> before_;
};

}  // namespace larder_tests
