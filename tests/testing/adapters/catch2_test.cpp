/// \file catch2_test.cpp
/// A program of Catch2 whose test cases are the contract of two backends.
#include "tests/support/catch.hpp"
// Behind Catch2's own header, which it finds again.
#include <larder/testing/catch2.hpp>

#include "tests/testing/adapters/subjects.hpp"

using larder_tests::Mutation;

const bool sound = larder::testing::add_to_catch2(larder_tests::contract_of("Sound", Mutation::none));
const bool broken =
    larder::testing::add_to_catch2(larder_tests::contract_of("Broken", Mutation::keeps_ttl_on_overwrite));
