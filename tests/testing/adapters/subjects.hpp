/// \file subjects.hpp
/// What the programs of this folder hand to a test framework: a backend that keeps the contract, and one that does not.
#pragma once

#include <memory>

#include <larder/testing/manual_clock.hpp>

#include "tests/support/contract.hpp"
#include "tests/support/mutant_backend.hpp"

namespace larder_tests {

inline larder::testing::BackendContract<> contract_of(const char* name, Mutation mutation) {
  const larder::testing::ManualClock clock;
  return larder::testing::BackendContract<>({
      .name = name,
      .make = [=] { return std::make_unique<MutantBackend>(mutation, clock); },
      .clock = clock,
  });
}

}  // namespace larder_tests
