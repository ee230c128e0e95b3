/// \file zeroed_memory.hpp
/// ZeroedMemory: a block of zeros that costs nothing until it is used, however large, and that can be given back bit
/// by bit. For to clear, or to free, a table of many megabytes at once would be the long pause that growing step by
/// step avoids.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace larder::detail {

/// Aligned to a cache line. Large blocks come from the kernel directly, and not in huge pages: to clear one of those
/// takes milliseconds on some machines.
class ZeroedMemory {
 public:
  static constexpr std::size_t alignment = 64;
  /// What is given back at a time. A multiple of all pages that there are, and small enough to go in no time.
  static constexpr std::size_t piece = std::size_t{256} << 10;

  ZeroedMemory() = default;

  /// \throws std::bad_alloc.
  explicit ZeroedMemory(std::size_t bytes) {
#if defined(__linux__)
    if (bytes >= 4 * piece) {
      map(bytes);
      return;
    }
#endif
    block_ = std::calloc(bytes + alignment, 1);
    if (block_ == nullptr) throw std::bad_alloc();
    std::size_t space = bytes + alignment;
    data_ = block_;
    std::align(alignment, bytes, data_, space);
  }

  ZeroedMemory(ZeroedMemory&& other) noexcept { swap(other); }
  ZeroedMemory& operator=(ZeroedMemory&& other) noexcept {
    ZeroedMemory(std::move(other)).swap(*this);
    return *this;
  }
  ~ZeroedMemory() {
#if defined(__linux__)
    if (mapped_bytes_ != 0) {
      ::munmap(block_, mapped_bytes_);
      return;
    }
#endif
    std::free(block_);
  }

  void* data() const noexcept { return data_; }

  /// The piece that begins `offset` bytes into the block will only be read from now on, and may be zeros again.
  void give_back([[maybe_unused]] std::size_t offset) noexcept {
#if defined(__linux__)
    if (mapped_bytes_ != 0) ::madvise(static_cast<char*>(data_) + offset, piece, MADV_DONTNEED);
#endif
  }

  void swap(ZeroedMemory& other) noexcept {
    std::swap(block_, other.block_);
    std::swap(data_, other.data_);
    std::swap(mapped_bytes_, other.mapped_bytes_);
  }

 private:
#if defined(__linux__)
  void map(std::size_t bytes) {
    void* block = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) throw std::bad_alloc();
    block_ = data_ = block;
    mapped_bytes_ = bytes;
  }
#endif

  void* block_ = nullptr;
  void* data_ = nullptr;
  std::size_t mapped_bytes_ = 0;  // 0: it is from calloc
};

}  // namespace larder::detail
