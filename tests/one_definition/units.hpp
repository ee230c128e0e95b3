/// \file units.hpp
/// What the two translation units offer each other.
#pragma once

#include <cstddef>

#include <larder/fwd.hpp>

namespace larder_tests {

std::size_t first_unit_fills(larder::InMemoryBackend<>& cache);
std::size_t first_unit_hashes(const char* text);
const void* first_unit_address();

std::size_t second_unit_reads(larder::CacheBackend<>& cache);
std::size_t second_unit_hashes(const char* text);
const void* second_unit_address();
bool second_unit_catches(void (*throws)());

}  // namespace larder_tests
