/// \file random.hpp
/// The random numbers of the tests: those of the contract kit.
#pragma once

#include <larder/testing/detail/random.hpp>

namespace larder_tests {

using larder::testing::detail::Random;

}  // namespace larder_tests
