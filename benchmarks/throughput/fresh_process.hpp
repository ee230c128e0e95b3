/// \file fresh_process.hpp
/// Measures where no other measurement has been: in a child process whose heap is as new as at the start.
#pragma once

#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#define LARDER_BENCHMARK_SINGLE_THREADED __libc_single_threaded
#else
#define LARDER_BENCHMARK_SINGLE_THREADED false
#endif
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <exception>
#include <new>
#include <span>
#include <stdexcept>
#include <thread>
#include <type_traits>

namespace larder::bench {

/// An array of zeros that a child process shares with its parent.
template <class Element>
requires std::is_trivially_copyable_v<Element>
class SharedArray {
 public:
  explicit SharedArray(std::size_t count) : count_(count) {
    void* memory = ::mmap(nullptr, bytes(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    elements_ = static_cast<Element*>(memory);
  }
  SharedArray(const SharedArray&) = delete;
  SharedArray& operator=(const SharedArray&) = delete;
  ~SharedArray() { ::munmap(elements_, bytes()); }

  std::span<Element> elements() const noexcept { return {elements_, count_}; }
  Element& operator[](std::size_t index) const noexcept { return elements_[index]; }

 private:
  std::size_t bytes() const noexcept { return count_ * sizeof(Element); }

  std::size_t count_;
  Element* elements_;
};

/// While a process has only ever had one thread, malloc, `std::shared_ptr` and others leave out what makes them
/// thread-safe. Whoever uses a thread-safe cache has threads, and pays for that; so must those measured here.
inline void become_multi_threaded() {
  std::thread([] {}).join();
  if (LARDER_BENCHMARK_SINGLE_THREADED) throw std::runtime_error("the process still counts as single-threaded");
}

#undef LARDER_BENCHMARK_SINGLE_THREADED

/// Runs `measure` in a child process that has had two threads, and hands its results over in a SharedArray.
/// \throws std::runtime_error if the child fails.
template <class Measure>
void in_fresh_process(Measure&& measure) {
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("cannot start a child process");
  if (child == 0) {
    try {
      become_multi_threaded();
      measure();
      ::_exit(0);  // without destructors: to free millions of entries one by one would be a waste
    } catch (const std::exception& error) {
      std::fprintf(stderr, "measurement failed: %s\n", error.what());
      ::_exit(1);
    }
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) throw std::runtime_error("a measuring process failed");
}

}  // namespace larder::bench
