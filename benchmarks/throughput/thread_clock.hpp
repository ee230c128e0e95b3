/// \file thread_clock.hpp
/// The processor time of this thread, in which other programs' turns do not count.
#pragma once

#include <time.h>

namespace larder::bench {

inline double thread_nanoseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

}  // namespace larder::bench
