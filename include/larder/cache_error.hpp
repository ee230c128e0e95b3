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
///         RecursiveLoadError     a loader asked for the very value that it is loading
///         LoadCancelledError     a loader gave up, which says nothing about the value
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

/// A loader asked, perhaps through other loaders and threads, for a value whose load waits for it: nobody could ever
/// go on. Thrown to the one whose request would have closed the circle.
class RecursiveLoadError : public CacheError {
 public:
  using CacheError::CacheError;
};

/// For loaders to throw that are cancelled: the load did not fail, and whoever else waits for the value loads it himself.
class LoadCancelledError : public CacheError {
 public:
  using CacheError::CacheError;
};

}  // namespace larder
