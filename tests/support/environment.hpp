/// \file environment.hpp
/// What the surroundings ask of the tests: a seed to repeat, and less work where every instruction is watched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LARDER_TESTS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(undefined_behavior_sanitizer)
#define LARDER_TESTS_SANITIZED 1
#endif
#endif

#if defined(__SANITIZE_ADDRESS__)
#define LARDER_TESTS_ADDRESS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LARDER_TESTS_ADDRESS_SANITIZED 1
#endif
#endif

namespace larder_tests {

#if defined(LARDER_TESTS_SANITIZED)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif

#if defined(LARDER_TESTS_ADDRESS_SANITIZED)
inline constexpr bool address_sanitized = true;
#else
inline constexpr bool address_sanitized = false;
#endif

#if defined(_LIBCPP_VERSION)
/// Where a thread is cancelled within a `try` with a `catch (...)`, the process dies, whoever wrote it.
inline constexpr bool threads_can_be_cancelled = false;
#else
inline constexpr bool threads_can_be_cancelled = true;
#endif

/// The number in an environment variable, or `otherwise` if it is not set.
inline std::uint64_t environment_number(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr || *text == '\0' ? otherwise : std::stoull(text, nullptr, 0);
}

/// `count` operations, or a tenth of them under a sanitizer; LARDER_TEST_SCALE (percent) overrides both.
inline std::size_t scaled(std::size_t count) {
  const auto percent = static_cast<std::size_t>(environment_number("LARDER_TEST_SCALE", sanitized ? 10 : 100));
  return count * percent / 100 + 1;
}

}  // namespace larder_tests
