/// \file prefetch.hpp
/// prefetch: starts to read a cache line ahead of its use.
#pragma once

#include <cstddef>

namespace larder::detail {

inline constexpr std::size_t cache_line = 64;

/// The address may be any, also one that must not be read.
inline void prefetch([[maybe_unused]] const void* address) noexcept {
#if defined(__GNUC__)
  __builtin_prefetch(address);
  // g++ takes a function that does nothing but prefetch for one without effect, and leaves out the calls of it. This
  // costs no instruction and says otherwise.
  asm volatile("");
#endif
}

/// The cache line so many lines behind an address. An object that is not so long is no harm.
inline void prefetch_line(const void* object, std::size_t line) noexcept {
  prefetch(static_cast<const char*>(object) + line * cache_line);
}

}  // namespace larder::detail
