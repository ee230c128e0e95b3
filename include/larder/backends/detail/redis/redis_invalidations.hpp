/// \file redis_invalidations.hpp
/// RedisInvalidations: the thread that listens for changed keys, to one server or to all masters of a cluster.
///
/// Invariants:
/// - It is armed if and only if every server with slots has confirmed, after the last loss, that it tells what changes,
///   and (in a cluster) all of them agree on who has which slots.
/// - While it is armed, no wait is for one server alone: what another one tells is passed on meanwhile.
/// - Events are told by the thread alone, and under no lock.
#pragma once

#include <poll.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <larder/backends/detail/deadline.hpp>
#include <larder/backends/detail/interrupt.hpp>
#include <larder/backends/detail/redis/redis_node.hpp>
#include <larder/backends/detail/redis/redis_topology.hpp>
#include <larder/backends/detail/redis/redis_tracking.hpp>
#include <larder/backends/redis_options.hpp>
#include <larder/cache_error.hpp>
#include <larder/invalidation.hpp>

namespace larder::detail {

/// Thread-safe but for its destructor. Keys are told without the prefix.
class RedisInvalidations {
 public:
  using Milliseconds = std::chrono::milliseconds;

  /// \throws InvalidArgumentError; std::system_error if there can be no further thread or descriptor.
  RedisInvalidations(RedisOptions options, Milliseconds heartbeat, InvalidationEvents<std::string>& events)
      : settings_(std::move(options)),
        heartbeat_(checked(heartbeat)),
        events_(events),
        random_(std::random_device()()) {
    if (settings_.options.cluster) topology_.emplace(settings_);
    thread_ = std::thread([this] { run(); });
  }
  RedisInvalidations(const RedisInvalidations&) = delete;
  RedisInvalidations& operator=(const RedisInvalidations&) = delete;
  /// Waits for an event that is being told, and for nothing else.
  ~RedisInvalidations() {
    stop_.raise();
    thread_.join();
  }

  bool is_armed() const noexcept { return is_armed_; }

  bool wait_until_armed(Milliseconds timeout) const {
    std::unique_lock lock(mutex_);
    return armed_.wait_until(lock, Deadline::in(timeout).at(), [this] { return is_armed_.load(); });
  }

  InvalidationStats stats() const {
    const std::lock_guard lock(mutex_);
    return stats_;
  }

 private:
  static constexpr Milliseconds least_delay{10};
  static constexpr Milliseconds most_delay{1000};

  static Milliseconds checked(Milliseconds heartbeat) {
    if (heartbeat < Milliseconds(10)) {
      throw InvalidArgumentError("RedisInvalidationOptions: heartbeat = " + std::to_string(heartbeat.count()) +
                                 " ms, which must be 10 ms or more");
    }
    return heartbeat;
  }

  void run() noexcept {
    while (!stop_.is_raised()) {
      try {
        connect();
        tell_armed();
        watch();
      } catch (const std::exception& error) {
        note_failure(error.what());
      } catch (...) {
        note_failure("unknown");
      }
      tell_lost();
      polled_.clear();
      trackings_.clear();
      pause();
    }
  }

  Deadline deadline() const { return Deadline::in(settings_.options.timeout).interrupted_by(stop_.descriptor()); }

  /// Has every server tell what changes.
  void connect() {
    std::vector<Endpoint> endpoints;
    if (topology_) {
      topology_->require(deadline());
      topology_->refresh(nullptr, deadline());
      for (const auto& node : topology_->masters()) endpoints.push_back(node->endpoint());
    } else {
      endpoints.push_back(settings_.options.endpoint());
    }
    polled_.push_back({stop_.descriptor(), POLLIN, 0});
    for (const Endpoint& endpoint : endpoints) {
      const auto& tracking = trackings_.emplace_back(std::make_unique<RedisTracking>(endpoint, settings_, deadline()));
      polled_.push_back({tracking->subscriber(), POLLIN, 0});
      polled_.push_back({tracking->tracker(), POLLIN, 0});
    }
    if (topology_ && !is_complete(endpoints)) {
      throw ConnectionError("redis: the servers of the cluster do not agree on who has which slots");
    }
  }

  /// Whether all servers see the same distribution of slots, and it is over just these servers, which are sorted.
  bool is_complete(const std::vector<Endpoint>& endpoints) const {
    const auto& slots = trackings_.front()->slots();
    std::size_t next = 0;
    for (const SlotRange& range : slots) {
      if (range.first != next || !std::binary_search(endpoints.begin(), endpoints.end(), range.master)) return false;
      next = range.last + 1;
    }
    return next == redis_slots && std::all_of(trackings_.begin(), trackings_.end(),
                                              [&slots](const auto& each) { return each->slots() == slots; });
  }

  /// Passes on what is told until it is interrupted. \throws if changes may have been missed.
  void watch() {
    // Asked twice a heartbeat: an answer that is missing is noticed when the next one is due.
    const Milliseconds beat = heartbeat_ / 2;
    Deadline next_beat = Deadline::in(beat);
    bool is_more = true;  // than what can be polled for: it may have been received while connecting
    for (;;) {
      const int ready = ::poll(polled_.data(), polled_.size(), is_more ? 0 : next_beat.poll_milliseconds());
      if (ready < 0 && errno != EINTR) throw ConnectionError("waiting failed: " + error_text(errno));
      if (ready > 0 && polled_[0].revents != 0) return;
      if (ready >= 0) is_more = take_in(is_more);
      if (!next_beat.has_passed()) continue;
      next_beat = Deadline::in(beat);
      for (const auto& tracking : trackings_) tracking->ask(next_beat.interrupted_by(stop_.descriptor()));
      delay_ = least_delay;  // it has held for a while
    }
  }

  /// A part of what there is, so that a server that says much holds up nobody. Result: whether there may be more.
  bool take_in(bool from_all) {
    bool is_more = false;
    for (std::size_t i = 0; i < trackings_.size(); ++i) {
      if (!from_all && polled_[2 * i + 1].revents == 0 && polled_[2 * i + 2].revents == 0) continue;
      is_more |=
          trackings_[i]->take_in([this](const std::vector<Reply>& keys) { tell_keys(keys); }, [this] { tell_flush(); });
    }
    return is_more;
  }

  void tell_keys(const std::vector<Reply>& keys) {
    const std::string_view prefix = settings_.options.prefix;
    for (const Reply& key : keys) {
      std::string_view text = key.text;
      if (!text.starts_with(prefix)) continue;
      text.remove_prefix(prefix.size());
      count(&InvalidationStats::invalidations);
      if (!tell([&] { events_.on_invalidated(text); })) tell_everything();
    }
  }

  void tell_flush() {
    count(&InvalidationStats::flushes);
    tell_everything();
  }

  void tell_everything() {
    tell([this] { events_.on_lost(); });
    tell([this] { events_.on_armed(); });
  }

  void tell_armed() {
    tell([this] { events_.on_armed(); });
    {
      const std::lock_guard lock(mutex_);
      is_armed_ = true;
      if (stats_.losses > 0) ++stats_.reconnects;
    }
    armed_.notify_all();
  }

  void tell_lost() {
    if (!is_armed_.exchange(false)) return;
    tell([this] { events_.on_lost(); });
  }

  /// Result: whether nothing was thrown.
  template <class Event>
  static bool tell(const Event& event) noexcept {
    try {
      event();
      return true;
    } catch (...) {
      return false;
    }
  }

  void count(std::uint64_t InvalidationStats::*counter) {
    const std::lock_guard lock(mutex_);
    ++(stats_.*counter);
  }

  void note_failure(const char* why) noexcept {
    const std::lock_guard lock(mutex_);
    if (is_armed_) ++stats_.losses;
    try {
      stats_.last_error = why;
    } catch (...) {  // no memory: the last one stands
    }
  }

  /// Before the next attempt: a random part of a time that doubles, so that not everybody comes back at once.
  void pause() noexcept {
    const auto most = static_cast<int>(delay_.count());
    pollfd polled{stop_.descriptor(), POLLIN, 0};
    ::poll(&polled, 1, std::uniform_int_distribution<int>(most / 2, most)(random_));
    delay_ = std::min(2 * delay_, most_delay);
  }

  const RedisSettings settings_;
  const Milliseconds heartbeat_;
  InvalidationEvents<std::string>& events_;
  Interrupt stop_;

  // Of the thread alone.
  std::optional<RedisTopology> topology_;
  std::vector<std::unique_ptr<RedisTracking>> trackings_;
  std::vector<pollfd> polled_;  // what stops the thread, then two for each tracking
  Milliseconds delay_ = least_delay;
  std::minstd_rand random_;

  mutable std::mutex mutex_;  // of `stats_`, and of every change of `is_armed_` to true
  mutable std::condition_variable armed_;
  std::atomic<bool> is_armed_{false};
  InvalidationStats stats_;

  std::thread thread_;  // last, since it uses the others
};

}  // namespace larder::detail
