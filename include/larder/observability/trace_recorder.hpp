/// \file trace_recorder.hpp
/// TraceRecorder: writes down what a live cache is asked, for `replay` to find out what other sizes and policies would
/// make of it.
#pragma once

#include <array>
#include <atomic>
#include <cerrno>
#include <cinttypes>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include <larder/cache_error.hpp>
#include <larder/ttl.hpp>

namespace larder {

struct TraceRecorderOptions {
  /// The file, which is overwritten if it is there.
  std::string file;
  /// Of how many keys one is recorded, with all its requests. A trace of one key in ten has a tenth of the footprint:
  /// replayed at percentages of that, it shows what the whole one would.
  std::uint32_t one_key_in = 1;
  /// When so many bytes are written, recording ends.
  std::uint64_t max_bytes = std::uint64_t{64} << 20;

  /// \throws InvalidArgumentError that names the option and its value if the options make no sense.
  void validate() const {
    if (file.empty()) throw InvalidArgumentError("TraceRecorderOptions: file is empty, but a trace needs one");
    if (one_key_in == 0) throw InvalidArgumentError("TraceRecorderOptions: one_key_in = 0, but it must be at least 1");
    if (max_bytes == 0) throw InvalidArgumentError("TraceRecorderOptions: max_bytes = 0 leaves room for no request");
  }
};

/// Writes a line `KEY SIZE` or `KEY SIZE TTL` for each request: the key's hash, the value's size in bytes, the TTL in
/// seconds. A request is a value that was found, or one that was stored: so a `get` that misses and the `set` that
/// follows are one, and a miss that nothing follows is none.
///
/// Keys are hashed with a seed of this process: what they were cannot be told from the file, and two files cannot be
/// joined. Writing ends for good when the file is full or cannot be written; the cache goes on without. Thread-safe.
class TraceRecorder {
 public:
  /// \throws InvalidArgumentError if the options make no sense; CacheError if the file cannot be opened.
  explicit TraceRecorder(TraceRecorderOptions options) : options_((options.validate(), std::move(options))) {
    file_.reset(std::fopen(options_.file.c_str(), "wb"));
    if (file_ == nullptr) {
      throw CacheError("TraceRecorder: cannot write " + options_.file + ": " + std::strerror(errno));
    }
    is_recording_.store(true, std::memory_order_relaxed);
  }
  TraceRecorder(const TraceRecorder&) = delete;
  TraceRecorder& operator=(const TraceRecorder&) = delete;
  ~TraceRecorder() { stop(); }

  /// Whether a key of this hash is recorded, just now.
  bool records(std::uint64_t hash) const noexcept {
    if (!is_recording_.load(std::memory_order_relaxed)) return false;
    return (hash & 0xffffffffu) * options_.one_key_in >> 32 == 0;
  }

  /// A request for a key that is recorded. O(1).
  void record(std::uint64_t hash, std::uint64_t size, const Ttl& ttl = {}) noexcept {
    std::array<char, 96> line{};
    const auto [seconds, rest] = std::lldiv(ttl ? ttl->count() : 0, 1000);
    const int length = ttl ? std::snprintf(line.data(), line.size(), "%" PRIx64 " %" PRIu64 " %lld.%03lld\n", hash,
                                           size, seconds, rest)
                           : std::snprintf(line.data(), line.size(), "%" PRIx64 " %" PRIu64 "\n", hash, size);
    const std::string_view text(line.data(), static_cast<std::size_t>(length));
    const std::lock_guard lock(mutex_);
    if (file_ == nullptr) return;
    if (bytes_ + text.size() > options_.max_bytes) return close();
    if (std::fwrite(text.data(), 1, text.size(), file_.get()) != text.size()) {
      failed_ = true;
      return close();
    }
    bytes_ += text.size();
    ++requests_;
  }

  /// Ends recording, and writes what is not written yet.
  void stop() noexcept {
    const std::lock_guard lock(mutex_);
    close();
  }

  bool is_recording() const noexcept { return is_recording_.load(std::memory_order_relaxed); }
  /// How many requests, and bytes, were recorded.
  std::uint64_t requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  std::uint64_t bytes() const {
    const std::lock_guard lock(mutex_);
    return bytes_;
  }
  /// Whether something could not be written: then the file lacks it, and ends early.
  bool failed() const {
    const std::lock_guard lock(mutex_);
    return failed_;
  }

 private:
  struct Closer {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
  };

  void close() noexcept {
    is_recording_.store(false, std::memory_order_relaxed);
    if (file_ != nullptr && std::fclose(file_.release()) != 0) failed_ = true;  // a full disk may show only here
  }

  const TraceRecorderOptions options_;
  std::atomic<bool> is_recording_{false};
  mutable std::mutex mutex_;
  std::unique_ptr<std::FILE, Closer> file_;
  std::uint64_t requests_ = 0;
  std::uint64_t bytes_ = 0;
  bool failed_ = false;
};

}  // namespace larder
