/// \file invalidation.hpp
/// How a cache that is nearer than the store learns which of its entries the store has changed since.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include <larder/fwd.hpp>
#include <larder/key_view.hpp>

namespace larder {

/// What an InvalidationSource tells, one call at a time, from a thread of its own.
///
/// - It begins unarmed. `on_armed` and `on_lost` take turns, and `on_invalidated` comes in between alone.
/// - While it is armed, every change of a key in the store is told, whoever made it: in the order in which a server
///   made them, and after them by as long as the way takes. When that can no longer be relied on, `on_lost` tells so;
///   by when at the latest is the source's own promise.
/// - What a near cache may keep is what it began to read from the store after `on_armed` had begun, unless an
///   `on_invalidated` of the key or an `on_lost` began before it was kept: an overtaken fill may be out of date.
/// - An entry that expires is told when the store removes it, which may be later than when it expired.
/// - The functions should be quick, since what they hold up counts against the source's promise. They must not destroy
///   the source. What they throw is swallowed; where `on_invalidated` has thrown, `on_lost` and `on_armed` follow.
template <class Key>
class InvalidationEvents {
 public:
  /// From now on, changes are told.
  virtual void on_armed() = 0;
  /// The entry of this key is no longer what it was, or is gone.
  virtual void on_invalidated(KeyView<Key> key) = 0;
  /// Changes may have been missed, and more may be until `on_armed`: nothing that was read before is to be trusted.
  /// Where everything has changed at once, such as by a flush of the store, `on_armed` follows at once.
  virtual void on_lost() = 0;

 protected:
  ~InvalidationEvents() = default;
};

/// Tells InvalidationEvents what changes, from its construction on. Its destructor returns when the last event is over,
/// which is an `on_lost` if it was armed; so whoever receives the events owns it, and as the last of its members.
class InvalidationSource {
 public:
  InvalidationSource() = default;
  InvalidationSource(const InvalidationSource&) = delete;
  InvalidationSource& operator=(const InvalidationSource&) = delete;
  virtual ~InvalidationSource() = default;

  /// Thread-safe.
  virtual bool is_armed() const noexcept = 0;
  /// Waits until it is armed, and `on_armed` has returned. Result: whether it is. Thread-safe, but not for the events'
  /// own thread.
  virtual bool wait_until_armed(std::chrono::milliseconds timeout) const = 0;
};

/// What an InvalidationSource has seen so far.
struct InvalidationStats {
  std::uint64_t invalidations = 0;  ///< keys that were told
  std::uint64_t flushes = 0;        ///< times that everything changed at once
  std::uint64_t losses = 0;         ///< times that it was armed and then was not, flushes and its end left aside
  std::uint64_t reconnects = 0;     ///< times that it was armed again after a loss
  std::string last_error{};         ///< why it was lost, or not armed, the last time; empty if it never was
};

}  // namespace larder
