/// \file second.cpp
/// The second of two translation units that include all of the library.
#include <larder/larder.hpp>

#include "tests/one_definition/units.hpp"

namespace larder_tests {

std::size_t second_unit_reads(larder::CacheBackend<>& cache) { return cache.get_many({"a", "b", "c"}).size(); }

std::size_t second_unit_hashes(const char* text) { return larder::Hash<std::string>()(text); }

const void* second_unit_address() { return reinterpret_cast<const void*>(&larder::glob_match); }

bool second_unit_catches(void (*throws)()) {
  try {
    throws();
  } catch (const larder::InvalidArgumentError&) {
    return true;
  }
  return false;
}

}  // namespace larder_tests
