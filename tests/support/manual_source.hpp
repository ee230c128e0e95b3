/// \file manual_source.hpp
/// ManualSource: an invalidation source that tells nothing of its own accord. The test tells the events itself.
#pragma once

#include <larder/invalidation.hpp>

#include <chrono>

namespace larder_tests {

class ManualSource final : public larder::InvalidationSource {
 public:
  bool is_armed() const noexcept override { return false; }
  bool wait_until_armed(std::chrono::milliseconds) const override { return false; }
};

}  // namespace larder_tests
