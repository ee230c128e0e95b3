/// \file resident_memory.hpp
/// How much memory the process has taken at its peak.
#pragma once

#include <cstddef>
#include <fstream>
#include <string>

namespace larder_tests {

/// Since it was made. Of the whole process, and to be trusted where there is no sanitizer, which keeps what is freed.
class PeakMemory {
 public:
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  static constexpr bool is_meaningful = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  static constexpr bool is_meaningful = false;
#else
  static constexpr bool is_meaningful = true;
#endif
#else
  static constexpr bool is_meaningful = true;
#endif

  PeakMemory() {
    std::ofstream("/proc/self/clear_refs") << "5";  // the peak is what is resident now; where that may not be asked
    before_ = kilobytes("VmRSS:");                  // for, it is that of all times, and `growth` too large
  }

  std::size_t growth() const {
    const std::size_t peak = kilobytes("VmHWM:");
    return peak > before_ ? (peak - before_) * 1024 : 0;
  }

 private:
  /// 0 where the system does not tell.
  static std::size_t kilobytes(const std::string& name) {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
      std::size_t value = 0;
      if (word == name && status >> value) return value;
    }
    return 0;
  }

  std::size_t before_ = 0;
};

}  // namespace larder_tests
