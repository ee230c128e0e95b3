/// \file prefetch.hpp
/// prefetch: starts to read a cache line ahead of its use.
#pragma once

namespace larder::detail {

/// The address may be any, also one that must not be read.
inline void prefetch([[maybe_unused]] const void* address) noexcept {
#if defined(__GNUC__)
  __builtin_prefetch(address);
  // g++ takes a function that does nothing but prefetch for one without effect, and leaves out the calls of it. This
  // costs no instruction and says otherwise.
  asm volatile("");
#endif
}

}  // namespace larder::detail
