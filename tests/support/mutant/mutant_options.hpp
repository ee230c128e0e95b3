/// \file mutant_options.hpp
/// What a MutantBackend is made with, besides its mutation and its clock.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include <larder/bytes.hpp>
#include <larder/removal_cause.hpp>

namespace larder_tests {

class MutantBackend;

/// The backends that share one server, each with its own part of it. Thread-safe.
class MutantTenants {
 public:
  void add(MutantBackend& backend) {
    const std::lock_guard lock(mutex_);
    backends_.push_back(&backend);
  }
  void remove(MutantBackend& backend) {
    const std::lock_guard lock(mutex_);
    std::erase(backends_, &backend);
  }
  template <class Function>
  void for_each_but(const MutantBackend& backend, Function&& f) {
    const std::lock_guard lock(mutex_);
    for (MutantBackend* other : backends_) {
      if (other != &backend) f(*other);
    }
  }

 private:
  std::mutex mutex_;
  std::vector<MutantBackend*> backends_;
};

struct MutantOptions {
  /// The limit for the bytes of all values; empty or 0 means none.
  std::optional<std::size_t> max_size_bytes{};
  std::function<void(std::string_view key, const larder::Bytes& value, larder::RemovalCause cause)> on_removal{};
  /// Called once for each key of `get` and `get_many` whose payload could not be decoded.
  std::function<void(std::string_view key)> on_undecodable{};
  /// Whom this backend shares its server with, if anybody.
  std::shared_ptr<MutantTenants> tenants{};
};

}  // namespace larder_tests
