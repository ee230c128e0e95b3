/// \file chaos_options.hpp
/// ChaosOptions: by which plan a ChaosBackend disturbs calls.
#pragma once

#include <charconv>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <larder/cache_error.hpp>

namespace larder::testing {

/// Which error a disturbed call throws.
enum class ChaosFault : unsigned char {
  connection,  ///< ConnectionError
  timeout,     ///< TimeoutError
  protocol,    ///< ProtocolError
  server,      ///< ServerError with the code "CHAOS"
};

/// The plan. By default nothing is disturbed. Each share is from 0 (never) to 1 (always).
struct ChaosOptions {
  /// What the plan is drawn from: the same seed makes the same calls fail, on every platform.
  std::uint64_t seed = 1;
  /// The share of calls that throw and have no effect: the request was lost.
  double errors = 0;
  /// The share of calls that take effect and throw all the same: the reply was lost.
  double errors_after = 0;
  /// The share of writes (`set`, `set_if_absent`, `touch`, `erase`, `clear`, `set_many`, `erase_many`) that report
  /// success and change nothing.
  double lost_writes = 0;
  /// The share of calls that are delayed, whether they then fail or not.
  double delays = 0;
  /// How long a delay is: any length from the one to the other, each as likely.
  std::chrono::nanoseconds shortest_delay = std::chrono::milliseconds(1);
  std::chrono::nanoseconds longest_delay = std::chrono::milliseconds(100);
  /// Which errors there are, each as likely; one that stands here twice is drawn twice as often.
  std::vector<ChaosFault> faults = {ChaosFault::connection, ChaosFault::timeout, ChaosFault::protocol,
                                    ChaosFault::server};
  /// How a delay passes, such as `[clock](auto by) mutable { clock.advance(by); }`: in virtual time, tests stay fast.
  /// Called on the thread of the call, before its effect. It may use the cache; what it throws, the call throws.
  std::function<void(std::chrono::nanoseconds)> wait = {};

  /// \throws InvalidArgumentError that names the option and its value if the options make no sense.
  void validate() const {
    check_share("errors", errors);
    check_share("errors_after", errors_after);
    check_share("lost_writes", lost_writes);
    check_share("delays", delays);
    // Shares that add up to 1 in decimal digits may exceed it by a little in binary ones.
    require(errors + errors_after + lost_writes <= 1 + 1e-9,
            "errors + errors_after + lost_writes = " + to_text(errors + errors_after + lost_writes) +
                ", but no call has more than one of these fates: their sum is at most 1");
    require(errors + errors_after == 0 || !faults.empty(),
            "faults is empty, but errors + errors_after = " + to_text(errors + errors_after) + " needs one to throw");
    require(shortest_delay.count() >= 0, "shortest_delay = " + to_text(shortest_delay) + ", but no delay is negative");
    require(shortest_delay <= longest_delay,
            "shortest_delay = " + to_text(shortest_delay) + " is more than longest_delay = " + to_text(longest_delay));
    require(delays == 0 || wait != nullptr,
            "delays = " + to_text(delays) + " needs wait, the function by which a delay passes, but wait is empty");
  }

 private:
  static void require(bool holds, const std::string& otherwise) {
    if (!holds) throw InvalidArgumentError("ChaosOptions: " + otherwise);
  }

  static void check_share(const char* name, double share) {
    // Also false of what is not a number.
    require(share >= 0 && share <= 1, name + (" = " + to_text(share)) + ", but a share is from 0 to 1");
  }

  static std::string to_text(double number) {
    char digits[32];
    return {digits, std::to_chars(digits, digits + sizeof(digits), number).ptr};
  }
  static std::string to_text(std::chrono::nanoseconds delay) { return std::to_string(delay.count()) + " ns"; }
};

}  // namespace larder::testing
