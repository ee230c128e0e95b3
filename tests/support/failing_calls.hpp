/// \file failing_calls.hpp
/// Which calls a plan of ChaosBackend makes fail.
#pragma once

#include <cstddef>
#include <memory>
#include <set>
#include <utility>

#include <larder/cache_error.hpp>
#include <larder/testing/chaos_backend.hpp>

#include "tests/support/call_witness.hpp"
#include "tests/support/message_of.hpp"

namespace larder_tests {

/// The calls that fail, by their numbers.
inline std::set<std::size_t> failing_calls(larder::testing::ChaosOptions options, std::size_t calls) {
  larder::testing::ChaosBackend<> cache(std::make_shared<CallWitness>(), std::move(options));
  std::set<std::size_t> failing;
  for (std::size_t number = 1; number <= calls; ++number) {
    if (!message_of<larder::CacheError>([&] { cache.get("k"); }).empty()) failing.insert(number);
  }
  return failing;
}

}  // namespace larder_tests
