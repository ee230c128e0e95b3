/// \file removal_observer.hpp
/// RemovalObserver: tells an ObservedBackend of what leaves the cache that it wraps.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include <larder/detail/key_hash.hpp>
#include <larder/fwd.hpp>
#include <larder/key_view.hpp>
#include <larder/observability/detail/what_if.hpp>
#include <larder/removal_cause.hpp>

namespace larder {

/// A removal listener that measures the age of entries that leave, for the cache and for the layer that observes it:
///
///     RemovalObserver<> removals;
///     auto cache = std::make_shared<InMemoryBackend<>>(InMemoryOptions<>{.on_removal = removals});
///     ObservedBackend<> observed(cache, {.removals = removals});
///
/// Copies are the same observer, for one cache. Thread-safe.
template <class Key, class Value>
class RemovalObserver {
 public:
  using Listener = std::function<void(KeyView<Key> key, const Value& value, RemovalCause cause)>;

  /// `next` is a listener of your own, which is called as if it were the only one. `samples`: how many keys are
  /// followed at most, as ObservedOptions::what_if_samples says.
  explicit RemovalObserver(Listener next = {}, std::optional<std::size_t> samples = {})
      : what_if_(std::make_shared<detail::WhatIf>(samples)),
        next_(next ? std::make_shared<const Listener>(std::move(next)) : nullptr) {}

  void operator()(KeyView<Key> key, const Value& value, RemovalCause cause) const {
    const std::uint64_t hash = detail::KeyHash<Key, Hash<Key>>(key).bits;
    if (what_if_->samples(hash)) what_if_->removed(hash, cause);
    if (next_ != nullptr) (*next_)(key, value, cause);
  }

  /// For ObservedBackend.
  const std::shared_ptr<detail::WhatIf>& followed() const noexcept { return what_if_; }

 private:
  std::shared_ptr<detail::WhatIf> what_if_;
  std::shared_ptr<const Listener> next_;
};

}  // namespace larder
