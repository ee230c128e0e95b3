/// \file capacity.hpp
/// Capacity: how much a cache holds, in entries or bytes or as a part of a trace's footprint; and Mode, which of them
/// is meant.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "text.hpp"
#include "usage_error.hpp"

namespace larder::replay {

enum class Mode { entries, bytes };

constexpr const char* to_string(Mode mode) noexcept { return mode == Mode::entries ? "entries" : "bytes"; }

/// A capacity as it was asked for.
struct Capacity {
  enum class Unit { millionths_of_a_percent, entries, bytes };

  Unit unit;
  std::uint64_t amount;  // never 0

  friend bool operator==(const Capacity&, const Capacity&) = default;
};

/// \throws UsageError.
inline Mode parse_mode(std::string_view text) {
  if (text == "entries") return Mode::entries;
  if (text == "bytes") return Mode::bytes;
  detail::refuse(text, "no mode: there are entries and bytes");
}

namespace detail {

inline constexpr std::uint64_t millionths_of_the_whole = 100'000'000;

inline Capacity parse_percentage(std::string_view text) {
  Decimal percent;
  const std::errc error = parse_decimal(text.substr(0, text.size() - 1), 6, percent);
  if (error == std::errc::invalid_argument || !percent.exact) {
    refuse(text, "not a percentage: give digits, at most six of them after a point, and %");
  }
  if (error != std::errc() || percent.steps == 0 || percent.steps > millionths_of_the_whole) {
    refuse(text, "no part of the footprint: a percentage is more than 0 and at most 100");
  }
  return {Capacity::Unit::millionths_of_a_percent, percent.steps};
}

}  // namespace detail

/// "0.1%", "5000", "64MiB" ... \throws UsageError.
inline Capacity parse_capacity(std::string_view text) {
  if (text.ends_with('%')) return detail::parse_percentage(text);
  constexpr std::array<std::pair<std::string_view, unsigned>, 6> units{
      {{"", 0}, {"B", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}}};
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  std::uint64_t number = 0;
  const std::errc error = parse_whole(text.substr(0, digits), number);
  for (const auto& [name, shift] : units) {
    if (error == std::errc::invalid_argument || text.substr(digits) != name) continue;
    if (error != std::errc() || number > std::numeric_limits<std::uint64_t>::max() >> shift) {
      detail::refuse(text, "too large a capacity");
    }
    if (number == 0) detail::refuse(text, "no capacity at all");
    return {name.empty() ? Capacity::Unit::entries : Capacity::Unit::bytes, number << shift};
  }
  detail::refuse(text,
                 "not a capacity: give a percentage (1%), a number of entries (5000), or bytes with B, KiB, "
                 "MiB, GiB or TiB (64MiB)");
}

/// \throws UsageError.
inline std::vector<Capacity> parse_capacities(std::string_view list) {
  std::vector<Capacity> capacities;
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    capacities.push_back(parse_capacity(list.substr(begin, end - begin)));
    begin = end + 1;
  }
  return capacities;
}

/// \throws UsageError if one of the capacities cannot be meant in this mode.
inline void check_units(std::span<const Capacity> capacities, Mode mode) {
  for (const auto& [unit, amount] : capacities) {
    if (unit == Capacity::Unit::entries && mode == Mode::bytes) {
      throw UsageError("a capacity of " + std::to_string(amount) + " entries, but sizes are counted: write " +
                       std::to_string(amount) + "B if bytes are meant, or give --mode entries");
    }
    if (unit == Capacity::Unit::bytes && mode == Mode::entries) {
      throw UsageError("a capacity of " + std::to_string(amount) +
                       " bytes, but entries are counted: --mode bytes counts bytes, if the trace has sizes");
    }
  }
}

/// Result: the capacity in entries or bytes; of a percentage that part of the footprint, rounded down, at least 1.
inline std::uint64_t absolute(const Capacity& capacity, std::uint64_t footprint) {
  if (capacity.unit != Capacity::Unit::millionths_of_a_percent) return capacity.amount;
  constexpr std::uint64_t whole = detail::millionths_of_the_whole;
  // In two steps, because the product of footprint and amount may overflow.
  const std::uint64_t part = footprint / whole * capacity.amount + footprint % whole * capacity.amount / whole;
  return std::max<std::uint64_t>(part, 1);
}

}  // namespace larder::replay
