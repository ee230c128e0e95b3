/// \file policies.hpp
/// The eviction policies that replay compares, by their names on its command line and in what it prints.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace larder::replay {

enum class Policy { lru, clock, s3_fifo, w_tiny_lfu, gdsf, belady };

struct PolicyNames {
  Policy policy;
  std::string_view option;
  std::string_view label;
};

/// In the order of the enumeration.
inline constexpr std::array<PolicyNames, 6> all_policies{{
    {Policy::lru, "lru", "LRU"},
    {Policy::clock, "clock", "CLOCK"},
    {Policy::s3_fifo, "s3fifo", "S3-FIFO"},
    {Policy::w_tiny_lfu, "wtinylfu", "W-TinyLFU"},
    {Policy::gdsf, "gdsf", "GDSF"},
    {Policy::belady, "belady", "optimum"},
}};

constexpr const PolicyNames& names_of(Policy policy) noexcept { return all_policies[static_cast<std::size_t>(policy)]; }

}  // namespace larder::replay
