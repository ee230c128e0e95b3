/// \file this_thread.hpp
/// What a lock needs to know of threads: from the operating system where it can be had, since <thread> alone would add
/// nearly a tenth to what larder's in-memory cache costs a compiler beyond the standard headers that it needs anyway.
#pragma once

#include <chrono>

#if defined(__unix__) || defined(__APPLE__)
#include <ctime>

#include <sched.h>
#include <unistd.h>
#else
#include <thread>
#endif

namespace larder::detail {

#if defined(__unix__) || defined(__APPLE__)

/// Lets another thread have the processor, if one waits for it.
inline void yield_thread() noexcept { ::sched_yield(); }

/// For less than a second. A signal may end it sooner.
inline void sleep_thread(std::chrono::nanoseconds time) noexcept {
  const timespec wanted{0, static_cast<long>(time.count())};
  ::nanosleep(&wanted, nullptr);
}

/// How many processors there are; 0 if that is not known.
inline unsigned processor_count() noexcept {
  const long count = ::sysconf(_SC_NPROCESSORS_ONLN);
  return count > 0 ? static_cast<unsigned>(count) : 0;
}

#else

inline void yield_thread() noexcept { std::this_thread::yield(); }
inline void sleep_thread(std::chrono::nanoseconds time) noexcept { std::this_thread::sleep_for(time); }
inline unsigned processor_count() noexcept { return std::thread::hardware_concurrency(); }

#endif

}  // namespace larder::detail
