/// \file key_history.hpp
/// KeyHistory: which reads of one key can have seen what they saw.
///
/// A call is taken to do its work on a key at one instant between its begin and its end (a batch: at one instant for
/// each of its keys, in any order). Nothing else is known, and each verdict is drawn from this alone:
///
/// - A write W has surely happened by its *effective end*: its end, or the end of the first read that returned its
///   value, if that is earlier. A call that threw has no end (`HistoryEvent::never`), so it is possible from its
///   begin on, and certain only if a read shows its value. A removal's effective end is its end.
/// - A read R of W's value is impossible if R was over before W began; or if for another write or removal E
///       effective end of W < begin of E   and   effective end of E < begin of R,
///   for then W happened before E, and E before R, at whichever instants: what W wrote was gone.
/// - An `exists` that was true is impossible if every write that began before its end is ruled out like that.
/// - A miss R is impossible, where nothing is evicted, if a write has surely happened before R began, and every removal
///   that began before the end of R was over before some such write began: the beginning, when the cache was empty, and
///   each removal came before a value that nothing took away. Where something may be evicted, no miss is impossible.
///
/// So what is reported is wrong in every order of the calls that their intervals allow (linearizability: Herlihy and
/// Wing, TOPLAS 1990); a read is never reported because two calls overlapped. The rules are not complete: where two
/// writes overlap, reads that turn from one value to the other and back may pass. Reads that end later than R play no
/// part in the verdict on the first impossible read R, so one wrong read does not throw suspicion on those before it.
///
/// That a cache under load is checked by the values which its reads may have seen, is the idea of the consistency check
/// in CacheBench (Berg et al., "The CacheLib Caching Engine: Design and Experiences at Scale", OSDI 2020). Reasoning by
/// the intervals of a write and of its reads follows Gibbons and Korach, "Testing Shared Memories", SIAM J. Comput.
/// 1997.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <larder/cache_error.hpp>
#include <larder/testing/detail/cpp_text.hpp>
#include <larder/testing/history_event.hpp>

namespace larder::testing::detail {

/// The largest of the values whose positions are below a limit.
class PrefixMaxima {
 public:
  void add(std::uint64_t position, std::uint64_t value) { points_.push_back({position, value}); }

  /// To be called between the last `add` and the first `below`.
  void finish() {
    std::sort(points_.begin(), points_.end(), [](const Point& a, const Point& b) { return a.position < b.position; });
    std::uint64_t largest = 0;
    for (Point& point : points_) point.value = largest = std::max(largest, point.value);
  }

  /// Empty if there is no position below the limit. O(log n).
  std::optional<std::uint64_t> below(std::uint64_t limit) const {
    const auto end = std::partition_point(points_.begin(), points_.end(),
                                          [limit](const Point& point) { return point.position < limit; });
    if (end == points_.begin()) return std::nullopt;
    return (end - 1)->value;
  }

 private:
  struct Point {
    std::uint64_t position;
    std::uint64_t value;
  };

  std::vector<Point> points_;
};

/// The events of one key, put in such an order that each read is judged in O(log n).
///
/// Invariant: no write has its effective end before its begin, since a read that was over by then does not count (it is
/// impossible itself). So no write rules itself out.
class KeyHistory {
  using Kind = HistoryEvent::Kind;
  using Events = std::vector<const HistoryEvent*>;

 public:
  explicit KeyHistory(const Events& events) {
    for (const HistoryEvent* event : events) {
      if (event->kind == Kind::wrote) add_write(*event);
      if (event->kind == Kind::removed) mutators_.push_back({event, nullptr});
    }
    for (const HistoryEvent* event : events) {
      if (event->kind != Kind::read) continue;
      const auto write = write_of_.find(event->value);
      if (write != write_of_.end()) mutators_[write->second].be_seen_by(*event);
    }
    for (const Mutator& mutator : mutators_) {
      surely_began_.add(mutator.effective_end(), mutator.begin());
      (mutator.is_write() ? writes_reach_ : removals_reach_).add(mutator.begin(), mutator.effective_end());
    }
    surely_began_.finish();
    writes_reach_.finish();
    removals_reach_.finish();
  }

  /// Whether the rules allow this event, which must be one of those given. Writes and removals always are.
  bool is_possible(const HistoryEvent& event) const {
    switch (event.kind) {
      case Kind::read: {
        const auto write = write_of_.find(event.value);
        if (write == write_of_.end()) return false;
        const Mutator& writer = mutators_[write->second];
        return writer.begin() < event.end && surely_began_.below(event.begin) <= writer.effective_end();
      }
      case Kind::found: return writes_reach_.below(event.end) && reach_over_all_before(writes_reach_, event);
      // Where nothing has surely begun, the miss may have seen the beginning.
      case Kind::missed: return reach_over_all_before(removals_reach_, event);
      case Kind::wrote:
      case Kind::removed: break;
    }
    return true;
  }

  /// The reason why an event is not possible; `all` is where a value that was not written here is looked for.
  ImpossibleRead explain(const HistoryEvent& event, std::span<const HistoryEvent> all) const {
    if (event.kind == Kind::found) return explain_found(event);
    if (event.kind == Kind::missed) return explain_missed(event);
    const auto write = write_of_.find(event.value);
    if (write == write_of_.end()) return explain_never_written(event, all);
    const Mutator& writer = mutators_[write->second];
    if (writer.begin() < event.end) return explain_outlived(event, writer);
    return report(event, {writer.event}, ", but was over before " + call_text(*writer.event) + " of that value began");
  }

 private:
  struct Mutator {
    const HistoryEvent* event;
    /// The read that shows that the write had happened before its end, if there is one.
    const HistoryEvent* seen;

    bool is_write() const noexcept { return event->kind == Kind::wrote; }
    std::uint64_t begin() const noexcept { return event->begin; }
    std::uint64_t effective_end() const noexcept { return seen == nullptr ? event->end : seen->end; }
    void be_seen_by(const HistoryEvent& read) noexcept {
      if (read.end > begin() && read.end < effective_end()) seen = &read;
    }
    /// Adds what proves that this had happened before `tick`. Result: words for the proof.
    std::string prove_before(std::uint64_t tick, Events& proof) const {
      proof.push_back(event);
      if (event->end < tick) return {};
      proof.push_back(seen);
      return " (" + call_text(*seen) + " of thread " + std::to_string(seen->thread) + " shows that " +
             cpp_string(event->value) + " was there by then)";
    }
  };

  void add_write(const HistoryEvent& event) {
    if (!write_of_.emplace(event.value, mutators_.size()).second) {
      throw InvalidArgumentError("find_impossible_read: the value " + cpp_string(event.value) +
                                 " is written twice to the key " + cpp_string(event.key) +
                                 ", so that it is unclear which of the two a read saw");
    }
    mutators_.push_back({&event, nullptr});
  }

  /// Whether one of those that began before the end of `event` may have happened after all that surely happened before
  /// its begin. (An empty optional is less than any number: there is nothing that has surely begun.)
  bool reach_over_all_before(const PrefixMaxima& reach, const HistoryEvent& event) const {
    return surely_began_.below(event.begin) <= reach.below(event.end);
  }

  /// Result: the mutator for which `cost` is least, and the first to begin among those; null if `cost` has none.
  template <class Cost>
  const Mutator* cheapest(Cost&& cost) const {
    const Mutator* best = nullptr;
    std::optional<int> least;
    for (const Mutator& mutator : mutators_) {
      const std::optional<int> here = cost(mutator);
      if (!here || (least && std::pair(*least, best->begin()) <= std::pair(*here, mutator.begin()))) continue;
      best = &mutator;
      least = here;
    }
    return best;
  }

  /// Result: the write or the removal that may have happened last of those that began before a tick; or null.
  const Mutator* latest_begun_before(std::uint64_t tick, bool writes) const {
    const Mutator* latest = nullptr;
    for (const Mutator& mutator : mutators_) {
      if (mutator.is_write() != writes || mutator.begin() >= tick) continue;
      if (latest == nullptr || mutator.effective_end() > latest->effective_end()) latest = &mutator;
    }
    return latest;
  }

  static ImpossibleRead explain_never_written(const HistoryEvent& read, std::span<const HistoryEvent> all) {
    for (const HistoryEvent& other : all) {
      if (other.kind == Kind::wrote && other.value == read.value && other.begin < read.end) {
        return report(read, {&other}, ", which was never written to this key, but to " + cpp_string(other.key));
      }
    }
    return report(read, {}, ", which was never written to this key");
  }

  ImpossibleRead explain_outlived(const HistoryEvent& read, const Mutator& writer) const {
    const Mutator& end = *cheapest([&](const Mutator& other) -> std::optional<int> {
      if (other.begin() <= writer.effective_end() || other.effective_end() >= read.begin) return std::nullopt;
      return (writer.event->end < other.begin() ? 0 : 1) + (other.event->end < read.begin ? 0 : 1);
    });
    Events proof;
    const std::string first = writer.prove_before(end.begin(), proof);
    const std::string second = end.prove_before(read.begin, proof);
    const std::string done = end.is_write() ? "replaced it with " + cpp_string(end.event->value) : "removed it";
    return report(read, proof, ", but " + call_text(*end.event) + " had surely " + done + " before" + first + second);
  }

  ImpossibleRead explain_found(const HistoryEvent& found) const {
    const Mutator* last = latest_begun_before(found.end, true);
    if (last == nullptr) return report(found, {}, ", but nothing had been written yet");
    const Mutator& removal = *cheapest([&](const Mutator& other) -> std::optional<int> {
      const bool fits = other.begin() > last->effective_end() && other.effective_end() < found.begin;
      if (other.is_write() || !fits) return std::nullopt;
      return last->event->end < other.begin() ? 0 : 1;
    });
    Events proof;
    const std::string words = last->prove_before(removal.begin(), proof);
    proof.push_back(removal.event);
    return report(found, proof,
                  ", but " + call_text(*removal.event) + " had surely removed the last value before" + words);
  }

  ImpossibleRead explain_missed(const HistoryEvent& missed) const {
    const Mutator* removal = latest_begun_before(missed.end, false);
    const Mutator& write = *cheapest([&](const Mutator& other) -> std::optional<int> {
      if (!other.is_write() || other.effective_end() >= missed.begin) return std::nullopt;
      if (removal != nullptr && other.begin() <= removal->event->end) return std::nullopt;
      return other.event->end < missed.begin ? 0 : 1;
    });
    Events proof;
    if (removal != nullptr) proof.push_back(removal->event);
    const std::string words = write.prove_before(missed.begin, proof);
    const std::string none = removal == nullptr ? "nothing had been removed" : "the last removal came before that";
    return report(missed, proof,
                  ", but " + call_text(*write.event) + " had surely written " + cpp_string(write.event->value) +
                      " before, and " + none + words);
  }

  static ImpossibleRead report(const HistoryEvent& read, Events proof, const std::string& reason) {
    proof.push_back(&read);
    std::stable_sort(proof.begin(), proof.end(),
                     [](const HistoryEvent* a, const HistoryEvent* b) { return a->begin < b->begin; });
    ImpossibleRead impossible{call_text(read) + " " + effect_text(read) + reason, {}, 0};
    for (const HistoryEvent* event : proof) {
      if (event == &read) impossible.read = impossible.events.size();
      impossible.events.push_back(*event);
    }
    return impossible;
  }

  std::vector<Mutator> mutators_;
  std::unordered_map<std::string_view, std::size_t> write_of_;  // the place of a value's write in mutators_
  // Of what has surely happened before a tick, the latest begin.
  PrefixMaxima surely_began_;
  // Of what began before a tick, the latest effective end.
  PrefixMaxima writes_reach_;
  PrefixMaxima removals_reach_;
};

}  // namespace larder::testing::detail
