/// \file ttl.hpp
/// Ttl: how long an entry lives.
#pragma once

#include <chrono>
#include <limits>
#include <optional>
#include <type_traits>

#include <larder/cache_error.hpp>

namespace larder {

/// How long an entry lives, in milliseconds; empty means that it does not expire (or, where a backend
/// has a default TTL, that the default applies).
///
/// Any `std::chrono` duration converts. A duration that is no whole number of milliseconds is rounded
/// up, so that a short TTL never becomes "already expired"; one beyond the range is clamped to it, so
/// `std::chrono::milliseconds::max()` (or `hours::max()`) is the way to say "for ever" in spite of a default.
/// Zero and negative TTLs are kept as they are: they mean "already expired".
///
/// \throws InvalidArgumentError from the conversion of a floating-point duration that is not a number.
class Ttl : public std::optional<std::chrono::milliseconds> {
  using Base = std::optional<std::chrono::milliseconds>;

 public:
  constexpr Ttl() noexcept = default;
  constexpr Ttl(std::nullopt_t) noexcept {}
  constexpr Ttl(Base ttl) noexcept : Base(ttl) {}

  template <class Rep, class Period>
  constexpr Ttl(std::chrono::duration<Rep, Period> duration) : Base(round_up(duration)) {}

 private:
  template <class Rep, class Period>
  static constexpr std::chrono::milliseconds round_up(std::chrono::duration<Rep, Period> duration) {
    using Milliseconds = std::chrono::milliseconds;
    if constexpr (std::is_floating_point_v<Rep>) {
      if (duration != duration) throw InvalidArgumentError("ttl is not a number");
    }
    // Compared in floating point, because the exact comparison of a huge duration is what would overflow;
    // the last representable values are given up for that (some hours out of 292 million years).
    using Wide = std::chrono::duration<long double, std::milli>;
    constexpr long double limit = static_cast<long double>(std::numeric_limits<Milliseconds::rep>::max() / 2);
    const long double wide = std::chrono::duration_cast<Wide>(duration).count();
    if (wide >= limit) return Milliseconds::max();
    if (wide <= -limit) return Milliseconds::min();
    return std::chrono::ceil<Milliseconds>(duration);
  }
};

}  // namespace larder
