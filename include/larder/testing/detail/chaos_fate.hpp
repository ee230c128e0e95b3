/// \file chaos_fate.hpp
/// ChaosFate: what a plan has for one call.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include <larder/cache_error.hpp>
#include <larder/testing/chaos_options.hpp>
#include <larder/testing/detail/random.hpp>

namespace larder::testing::detail {

/// What becomes of one call.
struct ChaosFate {
  enum class Outcome : unsigned char { undisturbed, error, error_after, lost_write };

  Outcome outcome = Outcome::undisturbed;
  /// Of an error.
  ChaosFault fault = ChaosFault::connection;
  std::optional<std::chrono::nanoseconds> delay{};
};

/// Result: what the plan has for the call of this number.
inline ChaosFate planned_fate(const ChaosOptions& options, std::uint64_t number) {
  Random random(Random(options.seed).next() + number);
  const double outcome = random.fraction();
  const std::uint64_t fault = random.next();
  const double delay = random.fraction();
  const std::uint64_t length = random.next();
  ChaosFate fate;
  // Errors from below and lost writes from above, so that neither moves the other.
  if (outcome < options.errors) {
    fate.outcome = ChaosFate::Outcome::error;
  } else if (outcome < options.errors + options.errors_after) {
    fate.outcome = ChaosFate::Outcome::error_after;
  } else if (outcome >= 1 - options.lost_writes) {
    fate.outcome = ChaosFate::Outcome::lost_write;
  }
  if (!options.faults.empty()) fate.fault = options.faults[static_cast<std::size_t>(fault % options.faults.size())];
  if (delay < options.delays) {
    const auto lengths = static_cast<std::uint64_t>((options.longest_delay - options.shortest_delay).count()) + 1;
    fate.delay = options.shortest_delay + std::chrono::nanoseconds(length % lengths);
  }
  return fate;
}

[[noreturn]] inline void throw_fault(ChaosFault fault, const std::string& message) {
  switch (fault) {
    case ChaosFault::connection: throw ConnectionError(message + ": the connection broke");
    case ChaosFault::timeout: throw TimeoutError(message + ": the deadline passed");
    case ChaosFault::protocol: throw ProtocolError(message + ": the reply made no sense");
    case ChaosFault::server: break;
  }
  throw ServerError("CHAOS", message + ": the server answered with an error");
}

}  // namespace larder::testing::detail
