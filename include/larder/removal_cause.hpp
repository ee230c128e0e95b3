/// \file removal_cause.hpp
/// RemovalCause: why an entry left a cache, as a removal listener is told.
#pragma once

namespace larder {

enum class RemovalCause : unsigned char {
  erased,    ///< by `erase` or `erase_many`, or by a `set` whose TTL is not positive
  replaced,  ///< by a `set` of the same key
  evicted,   ///< to keep a limit, or because its replacement was larger than the whole cache
  expired,   ///< its TTL ran out
  cleared,   ///< by `clear`, or by the end of the cache
};

/// Result: the cause's name as it is spelt above.
constexpr const char* to_string(RemovalCause cause) noexcept {
  switch (cause) {
    case RemovalCause::erased: return "erased";
    case RemovalCause::replaced: return "replaced";
    case RemovalCause::evicted: return "evicted";
    case RemovalCause::expired: return "expired";
    case RemovalCause::cleared: return "cleared";
  }
  return "unknown";
}

}  // namespace larder
