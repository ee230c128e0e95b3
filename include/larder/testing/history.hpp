/// \file history.hpp
/// History: what several threads did to one cache, recorded as they did it. find_impossible_read: whether what they
/// read can have been there.
///
///     larder::testing::History history(4);
///     // ... in thread i:
///     auto& recorder = history.thread(i);
///     recorder.set(cache, "k", "a value that nobody else writes to k");
///     recorder.get(cache, "k");
///     // ... when all threads have been joined:
///     const auto impossible = larder::testing::find_impossible_read(history.events(), true);
///     if (impossible) std::cout << impossible->to_text();
///
/// Invariants:
/// - The begin of a call is drawn from the one tick counter before the cache is called, its end after it has returned:
///   what the call does lies between the two.
/// - Where the end of one call is less than the begin of another, the one happened before the other, in the sense of
///   the memory model: so the other has to see what it did, and it cannot have seen what the other did.
/// - Besides that counter, threads share nothing while they record.
///
/// Such a counter puts calls in order that would not be otherwise, and thereby hides from a race detector the races
/// between calls that do not overlap: a test that hunts for these should not record.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <larder/cache_error.hpp>
#include <larder/testing/detail/key_history.hpp>
#include <larder/testing/history_event.hpp>
#include <larder/ttl.hpp>

namespace larder::testing {

/// The calls of several threads to one cache, each recorded by the thread's own `Recorder`.
class History {
  using Ticks = std::atomic<std::uint64_t>;
  using Kind = HistoryEvent::Kind;

 public:
  /// A call under way, which began when this was made. It ends when its first event is recorded, to be done as soon as
  /// the cache has returned; a batch goes on to record an event for each further key. A call that throws records
  /// `maybe_wrote` and `maybe_removed` of what it may have done, or may still do at any time later (a request that was
  /// sent and not answered); a read that throws records nothing.
  ///
  /// Used by one thread, and no longer than its History. All of them throw std::bad_alloc, and then the history lacks
  /// an event and proves nothing.
  class Call {
   public:
    /// Each value must be written to its key only once in a history.
    void wrote(std::string_view key, std::string_view value) { record(Kind::wrote, end(), key, value); }
    /// The key has no value after this, whether or not it had one before. That is what a `set` does that was declined.
    void removed(std::string_view key) { record(Kind::removed, end(), key, {}); }
    void read(std::string_view key, std::string_view value) { record(Kind::read, end(), key, value); }
    /// There was a value, whichever.
    void found(std::string_view key) { record(Kind::found, end(), key, {}); }
    void missed(std::string_view key) { record(Kind::missed, end(), key, {}); }
    /// Counts as possible from the begin of the call on, but not as certain. At most once, though.
    void maybe_wrote(std::string_view key, std::string_view value) {
      record(Kind::wrote, HistoryEvent::never, key, value);
    }
    void maybe_removed(std::string_view key) { record(Kind::removed, HistoryEvent::never, key, {}); }

   private:
    friend class History;

    // Acquire at the begin and release at the end are enough, because all that changes the counter is an atomic
    // addition: a begin that draws a larger tick than some end reads from the release sequence that this end heads,
    // so all of the call that ended happens before all of the call that begins. Nothing of a call can move out of its
    // interval either: acquire holds it back at the begin, release at the end.
    Call(Ticks& ticks, unsigned thread, std::string_view operation, std::vector<HistoryEvent>& log)
        : ticks_(&ticks),
          log_(&log),
          operation_(operation),
          thread_(thread),
          begin_(ticks.fetch_add(1, std::memory_order_acquire)) {}

    std::uint64_t end() {
      if (end_ == 0) end_ = ticks_->fetch_add(1, std::memory_order_release);
      return end_;
    }

    void record(Kind kind, std::uint64_t end, std::string_view key, std::string_view value) {
      log_->push_back({kind, thread_, begin_, end, std::string(key), std::string(value), operation_});
    }

    Ticks* ticks_;
    std::vector<HistoryEvent>* log_;
    std::string_view operation_;
    unsigned thread_;
    std::uint64_t begin_;
    std::uint64_t end_ = 0;  // ticks begin at 1
  };

  /// Records what one thread does. `begin` is for calls of any kind; the other functions call a `CacheBackend` of
  /// strings, or anything with the same functions, record what came of it, and return that. What the cache throws is
  /// recorded as something that may have happened, and thrown on. A value must be new to its key in every `set`.
  class alignas(64) Recorder {  // a cache line of its own, since each call changes it
    /// What only a History can make: recorders are constructed in place.
    struct Passkey {
      explicit Passkey() = default;
    };

   public:
    Recorder(Passkey, Ticks& ticks, unsigned thread) : ticks_(&ticks), thread_(thread) {}
    Recorder(const Recorder&) = delete;
    Recorder& operator=(const Recorder&) = delete;

    /// To be called right before the call that it stands for. `operation` is a literal, or outlives the events.
    Call begin(std::string_view operation) { return Call(*ticks_, thread_, operation, log_); }

    template <class Cache>
    auto get(Cache& cache, std::string_view key) {
      Call call = begin("get");
      auto value = cache.get(key);
      saw(call, key, value);
      return value;
    }

    template <class Cache>
    bool exists(Cache& cache, std::string_view key) {
      Call call = begin("exists");
      const bool exists = cache.exists(key);
      exists ? call.found(key) : call.missed(key);
      return exists;
    }

    template <class Cache>
    bool set(Cache& cache, std::string_view key, std::string_view value, Ttl ttl = {}) {
      typename Cache::mapped_type copy(value);
      Call call = begin("set");
      const bool stored =
          or_else([&] { return cache.set(key, std::move(copy), ttl); }, [&] { maybe_set(call, key, value); });
      stored ? call.wrote(key, value) : call.removed(key);
      return stored;
    }

    /// To be used with what the cache does not decline: so a false says that there was an entry.
    template <class Cache>
    bool set_if_absent(Cache& cache, std::string_view key, std::string_view value, Ttl ttl = {}) {
      typename Cache::mapped_type copy(value);
      Call call = begin("set_if_absent");
      const bool stored = or_else([&] { return cache.set_if_absent(key, std::move(copy), ttl); },
                                  [&] { call.maybe_wrote(key, value); });
      stored ? call.wrote(key, value) : call.found(key);
      return stored;
    }

    /// To be used with a TTL that is positive, or none.
    template <class Cache>
    bool touch(Cache& cache, std::string_view key, Ttl ttl) {
      Call call = begin("touch");
      const bool touched = cache.touch(key, ttl);
      touched ? call.found(key) : call.missed(key);
      return touched;
    }

    template <class Cache>
    bool erase(Cache& cache, std::string_view key) {
      Call call = begin("erase");
      const bool erased = or_else([&] { return cache.erase(key); }, [&] { call.maybe_removed(key); });
      call.removed(key);
      return erased;
    }

    /// `keys` are all keys that the history writes.
    template <class Cache>
    std::size_t clear(Cache& cache, std::span<const std::string> keys) {
      return remove_all("clear", keys, [&] { return cache.clear(); });
    }

    /// The positional one. Result: a value for each key.
    template <class Cache>
    auto get_many(Cache& cache, std::span<const std::string> keys) {
      const std::vector<std::string_view> views(keys.begin(), keys.end());
      std::vector<std::optional<typename Cache::mapped_type>> values(keys.size());
      Call call = begin("get_many");
      cache.get_many(views, values);
      for (std::size_t i = 0; i < keys.size(); ++i) saw(call, keys[i], values[i]);
      return values;
    }

    template <class Cache>
    std::size_t set_many(Cache& cache, std::span<const std::pair<std::string, std::string>> items, Ttl ttl = {}) {
      Call call = begin("set_many");
      const std::size_t stored = or_else([&] { return cache.set_many(items, ttl); },
                                         [&] {
                                           for (const auto& [key, value] : items) maybe_set(call, key, value);
                                         });
      for (const auto& [key, value] : items) {
        if (stored == items.size()) {
          call.wrote(key, value);
          continue;
        }
        // Which ones were declined is not told: the old value is gone in any case, and the new one may be there.
        call.removed(key);
        if (stored != 0) call.maybe_wrote(key, value);
      }
      return stored;
    }

    template <class Cache>
    std::size_t erase_many(Cache& cache, std::span<const std::string> keys) {
      const std::vector<std::string_view> views(keys.begin(), keys.end());
      return remove_all("erase_many", keys, [&] { return cache.erase_many(views); });
    }

   private:
    friend class History;

    template <class Value>
    static void saw(Call& call, std::string_view key, const std::optional<Value>& value) {
      value ? call.read(key, *value) : call.missed(key);
    }

    /// A store may have dropped the old value on its way to an error.
    static void maybe_set(Call& call, std::string_view key, std::string_view value) {
      call.maybe_wrote(key, value);
      call.maybe_removed(key);
    }

    template <class Function, class Record>
    static auto or_else(Function&& call_cache, Record&& record_failure) {
      try {
        return call_cache();
      } catch (...) {
        record_failure();
        throw;
      }
    }

    template <class Function>
    std::size_t remove_all(std::string_view operation, std::span<const std::string> keys, Function&& call_cache) {
      Call call = begin(operation);
      const std::size_t count = or_else(call_cache, [&] {
        for (const std::string& key : keys) call.maybe_removed(key);
      });
      for (const std::string& key : keys) call.removed(key);
      return count;
    }

    Ticks* ticks_;
    unsigned thread_;
    std::vector<HistoryEvent> log_;
  };

  explicit History(std::size_t threads) {
    for (unsigned i = 0; i < threads; ++i) recorders_.emplace_back(Recorder::Passkey(), ticks_, i);
  }
  History(const History&) = delete;
  History& operator=(const History&) = delete;

  /// The recorder for thread number `index`, to be used by one thread at a time.
  /// \throws InvalidArgumentError if the history was made for fewer threads.
  Recorder& thread(std::size_t index) {
    if (index >= recorders_.size()) {
      throw InvalidArgumentError("History::thread: index " + std::to_string(index) + " of " +
                                 std::to_string(recorders_.size()) + " threads");
    }
    return recorders_[index];
  }

  /// All that was recorded, in order of begin; what one batch recorded, in its order. To be called while no thread
  /// records, such as when all have been joined. O(n log n).
  std::vector<HistoryEvent> events() const {
    std::vector<HistoryEvent> all;
    for (const Recorder& recorder : recorders_) all.insert(all.end(), recorder.log_.begin(), recorder.log_.end());
    std::stable_sort(all.begin(), all.end(),
                     [](const HistoryEvent& a, const HistoryEvent& b) { return a.begin < b.begin; });
    return all;
  }

 private:
  std::deque<Recorder> recorders_;
  alignas(64) Ticks ticks_{1};  // on a cache line of its own, as the recorders are
};

/// Finds the impossible read that ended first (of several in one batch, the first in `events`) in the history of a
/// cache that was empty at the beginning. The events may come in any order.
///
/// With `nothing_is_evicted`, the caller vouches that values leave by the recorded removals alone: no limit was
/// reached, and nothing expired. Without it, misses are not judged.
///
/// O(n log n) for n events. \throws InvalidArgumentError if an event ends before it begins, or one value was written
/// twice to one key, so that it is unclear which write a read saw; std::bad_alloc.
inline std::optional<ImpossibleRead> find_impossible_read(std::span<const HistoryEvent> events,
                                                          bool nothing_is_evicted) {
  std::unordered_map<std::string_view, std::vector<const HistoryEvent*>> events_of;
  for (const HistoryEvent& event : events) {
    if (event.begin >= event.end) {
      throw InvalidArgumentError("find_impossible_read: " + detail::call_text(event) + " begins at " +
                                 std::to_string(event.begin) + " and ends at " + std::to_string(event.end));
    }
    events_of[event.key].push_back(&event);
  }
  const HistoryEvent* first = nullptr;
  for (const auto& [key, of_key] : events_of) {
    const detail::KeyHistory history(of_key);
    for (const HistoryEvent* event : of_key) {
      if (event->kind == HistoryEvent::Kind::missed && !nothing_is_evicted) continue;
      if (first != nullptr && std::pair(first->end, first) < std::pair(event->end, event)) continue;
      if (!history.is_possible(*event)) first = event;
    }
  }
  if (first == nullptr) return std::nullopt;
  return detail::KeyHistory(events_of[first->key]).explain(*first, events);
}

}  // namespace larder::testing
