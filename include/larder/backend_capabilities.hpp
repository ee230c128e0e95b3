/// \file backend_capabilities.hpp
/// BackendCapabilities: what a backend declares where it promises less than all of the contract, or more.
#pragma once

#include <chrono>
#include <cstddef>
#include <limits>
#include <string>

namespace larder {

/// What a cache can do. The defaults are the whole contract of `CacheBackend`; a backend that cannot keep a part of
/// it says so, as a constant of its class:
///
///     static constexpr larder::BackendCapabilities capabilities{.enumerable_keys = false, .ttl_granularity = 1s};
///
/// The contract kit (testing/backend_contract.hpp) then holds it to what it declares instead.
struct BackendCapabilities {
  static constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

  /// `keys` lists the live keys. Otherwise it throws NotSupportedError.
  bool enumerable_keys = true;
  /// `keys` takes any pattern. Otherwise it knows `*` alone, and throws NotSupportedError for the rest. (Without
  /// enumerable keys this says nothing.)
  bool key_patterns = true;
  /// `get_entry` shows whole entries. Otherwise it throws NotSupportedError.
  bool entries = true;
  /// Metadata are kept, and shown by `get_entry`. Otherwise they are dropped. (Without entries this says nothing.)
  bool metadata = true;
  /// `get_entry` knows when each entry was stored. Otherwise only of those with metadata; for the rest `created_at` is
  /// the clock's epoch (`time_point{}`). (Without entries this says nothing.)
  bool creation_times = true;
  /// `set_if_absent` is offered. Otherwise it throws NotSupportedError.
  bool conditional_set = true;
  /// `touch` is offered. Otherwise it throws NotSupportedError.
  bool touch = true;
  /// TTLs are kept. Otherwise what is called with one throws NotSupportedError and changes nothing.
  bool expiry = true;
  /// In what steps entries expire: a TTL that is no multiple is rounded up, and what has expired may be seen for up
  /// to one step more.
  std::chrono::milliseconds ttl_granularity{1};
  /// The longest key, in bytes; a longer one is refused with InvalidArgumentError.
  std::size_t largest_key = unlimited;
  /// The largest value, in bytes; `set` declines a larger one.
  std::size_t largest_value = unlimited;
  /// `clear` leaves alone what other backend objects keep in the same store.
  bool own_namespace_clear = true;
  /// `clear` tells how many live entries went. Otherwise it returns 0.
  bool clear_count = true;
  /// `stats` counts hits, misses, sets and deletes. Otherwise they stay 0.
  bool request_counters = true;
  /// `stats` counts evictions and expirations. Otherwise they stay 0.
  bool removal_counters = true;
  /// `reset_stats` zeroes the counters. Otherwise it throws NotSupportedError.
  bool resettable_stats = true;
  /// `stats` knows the number of live entries and the bytes of their values, exactly. Otherwise it may leave these
  /// gauges empty, or give what the store estimates.
  bool exact_size_accounting = true;
  /// Any number of threads may use one backend object at once.
  bool concurrent_use = true;
  /// There is a limit in bytes of this object's own, which evicts.
  bool size_limit = false;
  /// That limit is on the bytes of the values alone and on all of them together, so that what fits exactly is kept.
  bool exact_size_limit = false;
  /// There is a removal listener.
  bool removal_listener = false;
  /// Payloads that cannot be decoded are reported to a hook.
  bool error_hook = false;

  /// Result: what two of these contradict each other in, or nothing.
  std::string contradiction() const {
    if (ttl_granularity <= std::chrono::milliseconds::zero()) {
      return "ttl_granularity = " + std::to_string(ttl_granularity.count()) + " ms, but time has to go on";
    }
    if (largest_key == 0) return "largest_key = 0 leaves no key but the empty one";
    if (largest_value == 0) return "largest_value = 0 leaves no value but the empty one";
    if (!expiry && ttl_granularity != std::chrono::milliseconds(1)) {
      return "ttl_granularity = " + std::to_string(ttl_granularity.count()) +
             " ms, but expiry = false: there are no TTLs";
    }
    if (exact_size_limit && !size_limit) return "exact_size_limit = true, but size_limit = false: there is no limit";
    return {};
  }
};

}  // namespace larder
