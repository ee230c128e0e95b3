/// \file peak_memory.hpp
/// How much memory this process has had at most, as the kernel counts it.
#pragma once

#include <cstddef>
#include <fstream>
#include <optional>
#include <string>

namespace larder_tests {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool is_sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool is_sanitized = true;
#else
inline constexpr bool is_sanitized = false;
#endif
#else
inline constexpr bool is_sanitized = false;
#endif

/// Bytes that were resident at most since this was made, beyond what was resident then. Nothing where the kernel does
/// not tell, or a sanitizer keeps memory of its own.
class PeakMemory {
 public:
  PeakMemory() {
    std::ofstream("/proc/self/clear_refs") << "5";  // the peak is now what there is
    begin_ = peak();
  }

  std::optional<std::size_t> growth() const {
    const auto end = peak();
    if (is_sanitized || !begin_ || !end) return std::nullopt;
    return *end - std::min(*end, *begin_);
  }

 private:
  static std::optional<std::size_t> peak() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("VmHWM:")) return std::stoul(line.substr(6)) * 1024;
    }
    return std::nullopt;
  }

  std::optional<std::size_t> begin_;
};

}  // namespace larder_tests
