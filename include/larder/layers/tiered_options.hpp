/// \file tiered_options.hpp
/// TieredOptions: for how long a TieredBackend keeps copies, and who tells it that they are out of date.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include <larder/cache_error.hpp>
#include <larder/fwd.hpp>
#include <larder/invalidation.hpp>
#include <larder/ttl.hpp>

namespace larder {

template <class Key>
struct TieredOptions {
  /// How long a copy is kept in the near cache at most. Without `invalidation` this is by how much a read may be behind
  /// what others wrote. Empty: as long as the far cache keeps the entry.
  Ttl near_ttl = std::chrono::seconds(60);
  /// Makes the source that tells of changes in the far cache, such as
  ///
  ///     [options](auto& events) { return std::make_unique<RedisInvalidationListener<>>(options, events); }
  ///
  /// Empty: there is none.
  std::function<std::unique_ptr<InvalidationSource>(InvalidationEvents<Key>& events)> invalidation{};
  /// The clock by which answers take their time: for tests. Empty: the steady clock.
  std::function<std::chrono::steady_clock::time_point()> now{};

  /// \throws InvalidArgumentError that names the option and its value if the options make no sense.
  void validate() const {
    if (near_ttl && near_ttl->count() <= 0) {
      throw InvalidArgumentError("TieredOptions: near_ttl = " + std::to_string(near_ttl->count()) +
                                 " ms, but it must be positive");
    }
  }
};

}  // namespace larder
