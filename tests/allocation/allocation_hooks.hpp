/// \file allocation_hooks.hpp
/// The allocation tests replace global operator new and delete, and wrap calloc (link with -Wl,--wrap=calloc), so
/// that allocations of the present thread can be counted and made to fail, also by the contract kit's LitFuse.
#pragma once

#include <cstddef>

namespace larder_tests {

/// How many allocations this thread has made.
std::size_t allocations() noexcept;

/// Blocks that operator new gave out and operator delete has not got back, of all threads.
std::ptrdiff_t live_blocks() noexcept;

/// While it exists, this thread's n-th allocation from its construction on fails (the first is number 1), and
/// those after it, too, if `forever`. One at a time.
class FailingAllocation {
 public:
  FailingAllocation(std::size_t number, bool forever) noexcept;
  ~FailingAllocation();
  FailingAllocation(const FailingAllocation&) = delete;
  FailingAllocation& operator=(const FailingAllocation&) = delete;

  /// Whether the n-th allocation was asked for, and so refused.
  bool happened() const noexcept;
};

/// Result: how many allocations `f()` makes.
template <class Function>
std::size_t allocations_of(Function&& f) {
  const std::size_t before = allocations();
  static_cast<void>(f());
  return allocations() - before;
}

}  // namespace larder_tests
