/// \file clock.hpp
/// The clock that `InMemoryTraits::Clock` names by default.
#pragma once

#include <chrono>

namespace larder {

/// Expiry is measured on a steady clock, so that setting the wall clock neither kills entries nor revives
/// them. A clock of your own (`testing::ManualClock` is one) is copyable and has this function, which any
/// thread may call and which must never go back.
struct SteadyClock {
  using time_point = std::chrono::steady_clock::time_point;

  time_point now() const noexcept { return std::chrono::steady_clock::now(); }
};

}  // namespace larder
