/// \file setup_checks.hpp
/// Whether what the kit was given makes sense, before any backend is blamed.
#pragma once

#include <string>

#include <larder/testing/detail/trial.hpp>

namespace larder::testing::detail {

/// Trial::fresh looks at each backend that the factory makes; a used one shows when two are made in turn.
inline void factory_makes_fresh_backends(Trial& trial) {
  {
    const auto cache = trial.fresh();
    cache.set("left by the first backend", "v");
    cache.get("left by the first backend");
    const auto other = trial.another();
    trial.expect(!other.exists("left by the first backend"),
                 "false: each backend that the factory makes has its own entries");
  }
  const auto cache = trial.fresh();
  if (cache.backend().exists("left by the first backend")) {
    throw SetupInvalid{"the factory returned a backend that is not fresh: it has what was stored in an earlier one"};
  }
}

/// What the capabilities claim is to be seen, or the fault is theirs.
inline void capabilities_are_true(Trial& trial) {
  const auto cache =
      trial.fresh(trial.can().size_limit ? BackendRequest<>{.max_size_bytes = 1 << 20} : BackendRequest<>{});
  const CacheStats stats = cache.stats();
  if (trial.can().exact_size_accounting && (!stats.current_entries || !stats.current_size_bytes)) {
    throw SetupInvalid{
        "the capabilities declare exact_size_accounting, but stats() knows no current_entries or "
        "current_size_bytes"};
  }
}

inline void add_setup_checks(CheckList& checks) {
  checks.push_back({"setup: the factory makes fresh backends", factory_makes_fresh_backends});
  checks.push_back({"setup: the capabilities are true", capabilities_are_true});
}

}  // namespace larder::testing::detail
