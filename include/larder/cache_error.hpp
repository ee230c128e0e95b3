/// \file cache_error.hpp
/// The error tree. A miss is an empty optional and never an error; an error is never a miss.
///
///     std::runtime_error
///       CacheError
///         ConnectionError        the store cannot be reached, or the connection broke
///         TimeoutError           the call's deadline passed
///         ProtocolError          the store answered what its protocol does not allow
///         ServerError            the store answered with an error of its own
///         NotSupportedError      this backend has no such operation
///         InvalidArgumentError   the caller's mistake; nothing was changed
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace larder {

/// Root of everything that larder throws on its own account. (What user code throws, and
/// `std::bad_alloc`, passes through unchanged.)
class CacheError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The store cannot be reached, or the connection broke. Whether the operation took effect is unknown.
class ConnectionError : public CacheError {
 public:
  using CacheError::CacheError;
};

/// The call's deadline passed. Whether the operation took effect is unknown.
class TimeoutError : public CacheError {
 public:
  using CacheError::CacheError;
};

/// The store answered what its protocol does not allow; the connection is not used again.
class ProtocolError : public CacheError {
 public:
  using CacheError::CacheError;
};

/// The store answered with an error of its own.
class ServerError : public CacheError {
 public:
  ServerError(std::string code, const std::string& message) : CacheError(message), code_(std::move(code)) {}

  /// The server's own code for what happened, as it spelt it (`OOM`, `READONLY`, `ThrottlingException` ...).
  const std::string& code() const noexcept { return code_; }

 private:
  std::string code_;
};

/// This backend has no such operation (a store that cannot list its keys, for one).
class NotSupportedError : public CacheError {
 public:
  using CacheError::CacheError;
};

/// An argument or option makes no sense; the message names it and its value. Nothing was changed.
class InvalidArgumentError : public CacheError {
 public:
  using CacheError::CacheError;
};

}  // namespace larder
