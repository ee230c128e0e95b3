/// \file zstd_frames.hpp
/// Zstandard (RFC 8878) by libzstd, whose header is included here alone.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <string_view>

#include <zstd.h>

namespace larder::detail {

/// A thread keeps what libzstd works with, since to make it takes longer than a small value does.
class ZstdFrames {
 public:
  static int least_level() noexcept { return ZSTD_minCLevel(); }
  static int largest_level() noexcept { return ZSTD_maxCLevel(); }

  /// Writes a frame with a checksum. Result: its size, or 0 if it does not fit. \throws std::bad_alloc.
  static std::size_t compress(std::string_view bytes, char* to, std::size_t capacity, int level) {
    thread_local const std::unique_ptr<ZSTD_CCtx, Free> context(ZSTD_createCCtx());
    if (context == nullptr) throw std::bad_alloc();
    ZSTD_CCtx_reset(context.get(), ZSTD_reset_session_and_parameters);
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level);
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
    const std::size_t size = ZSTD_compress2(context.get(), to, capacity, bytes.data(), bytes.size());
    return ZSTD_isError(size) != 0 ? 0 : size;
  }

  /// Result: whether a frame is sound and has so many bytes, which are then written. \throws std::bad_alloc.
  static bool decompress(std::string_view frame, char* to, std::size_t size) {
    thread_local const std::unique_ptr<ZSTD_DCtx, Free> context(ZSTD_createDCtx());
    if (context == nullptr) throw std::bad_alloc();
    const std::size_t written = ZSTD_decompressDCtx(context.get(), to, size, frame.data(), frame.size());
    return ZSTD_isError(written) == 0 && written == size;
  }

 private:
  struct Free {
    void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
    void operator()(ZSTD_DCtx* context) const noexcept { ZSTD_freeDCtx(context); }
  };
};

}  // namespace larder::detail
