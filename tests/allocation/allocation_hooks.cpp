/// \file allocation_hooks.cpp
#include "tests/allocation/allocation_hooks.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

#include <larder/testing/fragile_text.hpp>

namespace {

thread_local std::size_t counted = 0;
thread_local std::size_t until_failure = 0;  // 0: nothing fails
thread_local bool failing_forever = false;
thread_local bool failed = false;
std::atomic<std::ptrdiff_t> live{0};

/// Counts one allocation. Result: whether it may be made.
bool may_allocate() noexcept {
  ++counted;
  if (larder::testing::LitFuse::goes_off()) return false;
  if (failed && failing_forever) return false;
  if (until_failure == 0 || --until_failure != 0) return true;
  failed = true;
  return false;
}

void* allocate(std::size_t size, std::size_t alignment) {
  if (!may_allocate()) throw std::bad_alloc();
  const std::size_t rounded = (size + alignment - 1) / alignment * alignment;  // as aligned_alloc demands
  void* memory = alignment <= alignof(std::max_align_t) ? std::malloc(size == 0 ? 1 : size)
                                                        : std::aligned_alloc(alignment, rounded);
  if (memory == nullptr) throw std::bad_alloc();
  live.fetch_add(1, std::memory_order_relaxed);
  return memory;
}

void deallocate(void* memory) noexcept {
  if (memory == nullptr) return;
  live.fetch_sub(1, std::memory_order_relaxed);
  std::free(memory);
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size, 1); }
void* operator new[](std::size_t size) { return allocate(size, 1); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  try {
    return ::operator new(size);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return ::operator new(size, std::nothrow); }
void operator delete(void* memory) noexcept { deallocate(memory); }
void operator delete[](void* memory) noexcept { deallocate(memory); }
void operator delete(void* memory, std::size_t) noexcept { deallocate(memory); }
void operator delete[](void* memory, std::size_t) noexcept { deallocate(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { deallocate(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { deallocate(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { deallocate(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { deallocate(memory); }

// The linker sends every call of calloc in this program's own objects here. The names are the linker's.
extern "C" void* __real_calloc(std::size_t count, std::size_t size);   // NOLINT(bugprone-reserved-identifier)
extern "C" void* __wrap_calloc(std::size_t count, std::size_t size) {  // NOLINT(bugprone-reserved-identifier)
  return may_allocate() ? __real_calloc(count, size) : nullptr;
}

namespace larder_tests {

std::size_t allocations() noexcept { return counted; }

std::ptrdiff_t live_blocks() noexcept { return live.load(std::memory_order_relaxed); }

FailingAllocation::FailingAllocation(std::size_t number, bool forever) noexcept {
  until_failure = number;
  failing_forever = forever;
  failed = false;
}

FailingAllocation::~FailingAllocation() {
  until_failure = 0;
  failing_forever = false;
  failed = false;
}

bool FailingAllocation::happened() const noexcept { return failed; }

}  // namespace larder_tests
