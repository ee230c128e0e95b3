/// \file layer_stacks.hpp
/// Layers to be put over each other: how each is made, and what it makes of the capabilities underneath.
#pragma once

#include <larder/layers/namespaced_backend.hpp>
#include <larder/layers/observed_backend.hpp>
#include <larder/layers/resilient_backend.hpp>
#include <larder/layers/tagged_backend.hpp>
#include <larder/layers/tiered_backend.hpp>

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <larder/backend_capabilities.hpp>
#include <larder/cache_backend.hpp>

namespace larder_tests {

using AnyCache = std::shared_ptr<larder::CacheBackend<>>;

struct Layer {
  /// Over a cache; `beside` is another one, for layers that need two.
  std::function<AnyCache(const AnyCache& cache, const AnyCache& beside)> over;
  std::function<larder::BackendCapabilities(larder::BackendCapabilities)> capabilities_over;
};

inline Layer tiered_layer() {
  return {.over = [](const AnyCache& cache,
                     const AnyCache& beside) { return std::make_shared<larder::TieredBackend<>>(beside, cache); },
          .capabilities_over = &larder::TieredBackend<>::capabilities_over};
}

inline Layer namespaced_layer(const std::string& name) {
  return {.over = [name](const AnyCache& cache,
                         const AnyCache&) { return std::make_shared<larder::NamespacedBackend<>>(cache, name); },
          .capabilities_over =
              [name](larder::BackendCapabilities wrapped) {
                return larder::NamespacedBackend<>::capabilities_over(wrapped, name);
              }};
}

/// Each call timed, each key followed, each hook called.
inline Layer observed_layer() {
  return {.over =
              [](const AnyCache& cache, const AnyCache&) {
                larder::ObservedOptions<> options{.time_one_in = 1};
                options.on_call = [](const larder::CallOutcome&) { throw 1; };
                options.start_span = [](larder::CacheOperation) -> std::unique_ptr<larder::CallSpan> { throw 1; };
                return std::make_shared<larder::ObservedBackend<>>(cache, std::move(options));
              },
          .capabilities_over = &larder::ObservedBackend<>::capabilities_over};
}

inline Layer resilient_layer() {
  return {.over = [](const AnyCache& cache,
                     const AnyCache&) { return std::make_shared<larder::ResilientBackend<>>(cache); },
          .capabilities_over = &larder::ResilientBackend<>::capabilities_over};
}

inline Layer tagged_layer() {
  return {.over = [](const AnyCache& cache,
                     const AnyCache& beside) { return std::make_shared<larder::TaggedBackend<>>(cache, beside); },
          .capabilities_over = &larder::TaggedBackend<>::capabilities_over};
}

}  // namespace larder_tests
