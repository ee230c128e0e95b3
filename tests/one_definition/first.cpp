/// \file first.cpp
/// The first of two translation units that include all of the library.
#include <larder/larder.hpp>

#include "tests/one_definition/units.hpp"

namespace larder_tests {

std::size_t first_unit_fills(larder::InMemoryBackend<>& cache) {
  return cache.set_many({{"a", "from the first unit"}, {"b", "from the first unit"}});
}

std::size_t first_unit_hashes(const char* text) { return larder::Hash<std::string>()(text); }

const void* first_unit_address() { return reinterpret_cast<const void*>(&larder::glob_match); }

}  // namespace larder_tests
