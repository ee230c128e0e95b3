/// \file w_tiny_lfu.hpp
/// WTinyLfu: entries stay by how often they were asked for lately, and new ones get a short time to show it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include <larder/detail/chunked_array.hpp>
#include <larder/eviction/detail/frequency_sketch.hpp>
#include <larder/eviction/detail/hill_climber.hpp>
#include <larder/eviction/entry_lists.hpp>
#include <larder/eviction/eviction_policy.hpp>

namespace larder {

/// W-TinyLFU (Einziger, Friedman and Manes, "TinyLFU: A Highly Efficient Cache Admission Policy", ACM TOS 2017), with a
/// window that adapts (Einziger, Eytan, Friedman and Manes, "Adaptive Software Cache Management", Middleware 2018).
///
/// New entries enter the window, an LRU list. At its end one is compared with an entry of the main part that is due to
/// leave, and whichever was asked for more seldom lately leaves: a sketch has counted how often each key was. The main
/// part is a segmented LRU list: who comes from the window is on probation, and a hit there moves it to the protected
/// part, of 80 %, whose oldest go back on probation. Due to leave is the most seldom asked for among the sixteen oldest
/// on probation.
///
/// The window begins with 15 % of the entries, and grows or shrinks in steps as long as that brings more hits. Where
/// there is a limit of weights it begins with 3 % of it, and so it does in a cache of fewer than 64 entries.
///
/// An entry that weighs more than the window holds passes through it: it is compared as soon as room is needed. One
/// that weighs more than an eighth of the limit would displace many at once: where it does not fit, it must be asked
/// for more often than every single one of those that would have to leave, or it is turned away, and `set` returns
/// false.
///
/// Where it wins: mixes of frequent and seldom keys that last. Where it loses: to Lru and Clock where the newest keys
/// are asked for again and then never more, and caches are small; and it takes the most time of all.
///
/// The functions are those of an EvictionPolicy, O(1) but for `admit` of a heavy entry, which is O(entries that would
/// have to leave). 16 bytes an entry.
class WTinyLfu {
 public:
  void set_limits(EvictionLimits limits) noexcept {
    unit_ = limits.weight != SIZE_MAX ? Unit{true, limits.weight} : Unit{false, limits.entries};
    const bool begins_small = limits.weight != SIZE_MAX ? limits.entries == SIZE_MAX : limits.entries < few_entries;
    window_.begin_at(begins_small ? 0.03 : 0.15);
  }

  void reserve(std::size_t ids) {
    lists_.reserve(ids);
    segment_of_.reserve(ids);
    sketch_.reserve(ids);
  }

  template <class Entries>
  bool admit(const EvictionEntry& entry, const Entries& entries) noexcept {
    sketch_.count(entry.hash, all_entries());
    const std::size_t taken = all() + size_of(entry);
    if (taken <= unit_.capacity) {
      demote(entries);
      const std::size_t window_after = window_size();
      for (int i = 0; i < most_moves && load(window) + size_of(entry) > window_after && load(window) > 0; ++i) {
        move(entries[lists_.oldest(window)], probation);
      }
      return true;
    }
    return !is_heavy(entry) || deserves(entry, taken - unit_.capacity, entries);
  }

  void insert(const EvictionEntry& entry) noexcept {
    lists_.push(entry.id, window);
    segment_of_[entry.id] = window;
    loads_[window].add(entry);
    window_.count(false, all_entries());
  }

  void touch(const EvictionEntry& entry) noexcept {
    sketch_.count(entry.hash, all_entries());
    const Segment segment = segment_of_[entry.id];
    if (segment == probation) {
      move(entry, protection);
    } else {
      lists_.move(entry.id, segment);
    }
    window_.count(true, all_entries());
  }

  void replace(const EvictionEntry& old, const EvictionEntry& fresh) noexcept {
    EvictionLoad& load = loads_[segment_of_[old.id]];
    load.drop(old);
    load.add(fresh);
  }

  void erase(const EvictionEntry& entry) noexcept {
    lists_.erase(entry.id);
    loads_[segment_of_[entry.id]].drop(entry);
  }

  template <class Entries>
  EvictionId victim(const EvictionNeed& need, const Entries& entries) noexcept {
    unit_ = {need.by_weight, need.capacity};
    const std::size_t size = window_size();
    demote(entries);
    // After it has shrunk.
    for (int i = 0; i < most_moves && load(window) > size + need.incoming && loads_[window].entries > 1; ++i) {
      move(entries[lists_.oldest(window)], probation);
    }
    const EvictionId due = due_in_main(need.spared, entries);
    const EvictionId candidate = oldest(window, need.spared);
    const bool main_is_over = load(probation) + load(protection) > unit_.capacity - size;
    const bool window_has_room = load(window) + need.incoming <= size;
    if (candidate == no_entry || (due != no_entry && (main_is_over || window_has_room))) return due;
    if (due == no_entry) return candidate;
    if (frequency(candidate, entries) <= frequency(due, entries)) return candidate;
    move(entries[candidate], probation);
    return due;
  }

  void prefetch(EvictionId id) const noexcept { lists_.prefetch(id); }

  void clear() noexcept {
    lists_.clear();
    segment_of_.clear();
    sketch_.clear();
    for (EvictionLoad& load : loads_) load = {};
  }

 private:
  enum Segment : std::uint8_t { window, probation, protection };

  struct Unit {
    bool by_weight = false;
    std::size_t capacity = 1;
  };

  static constexpr std::size_t few_entries = 64;
  /// What goes over to another segment at once, so that no operation pays for all of it.
  static constexpr int most_moves = 8;
  /// How many are compared for which is due, and of how many on probation one is.
  static constexpr std::size_t most_compared = 16;
  static constexpr std::size_t compared_of = 4;

  std::size_t size_of(const EvictionEntry& entry) const noexcept { return unit_.by_weight ? entry.weight : 1; }
  std::size_t load(Segment segment) const noexcept { return loads_[segment].in(unit_.by_weight); }
  std::size_t all() const noexcept { return load(window) + load(probation) + load(protection); }
  std::size_t all_entries() const noexcept {
    return loads_[window].entries + loads_[probation].entries + loads_[protection].entries;
  }

  std::size_t window_size() const noexcept {
    return std::max<std::size_t>(1, static_cast<std::size_t>(window_.share() * static_cast<double>(unit_.capacity)));
  }

  bool is_heavy(const EvictionEntry& entry) const noexcept {
    return unit_.by_weight && entry.weight > unit_.capacity / 8;
  }

  template <class Entries>
  unsigned frequency(EvictionId id, const Entries& entries) noexcept {
    return sketch_.frequency(entries.hash_of(id));
  }

  void move(const EvictionEntry& entry, Segment segment) noexcept {
    loads_[segment_of_[entry.id]].drop(entry);
    loads_[segment].add(entry);
    segment_of_[entry.id] = segment;
    lists_.move(entry.id, segment);
  }

  template <class Entries>
  void demote(const Entries& entries) noexcept {
    const std::size_t most = (unit_.capacity - std::min(window_size(), unit_.capacity)) / 5 * 4;
    for (int i = 0; i < most_moves && load(protection) > most; ++i) move(entries[lists_.oldest(protection)], probation);
  }

  EvictionId oldest(Segment segment, EvictionId spared) const noexcept {
    const EvictionId id = lists_.oldest(segment);
    return id == spared && id != no_entry ? lists_.newer(id) : id;
  }

  /// Which entry of the main part should leave; `no_entry` if there is none.
  template <class Entries>
  EvictionId due_in_main(EvictionId spared, const Entries& entries) noexcept {
    EvictionId id = oldest(probation, spared);
    if (id == no_entry) return oldest(protection, spared);
    EvictionId due = id;
    unsigned least = frequency(id, entries);
    const std::size_t count = std::min(most_compared, 1 + loads_[probation].entries / compared_of);
    for (std::size_t i = 1; i < count && least > 0; ++i) {
      id = lists_.newer(id);
      if (id == spared && id != no_entry) id = lists_.newer(id);
      if (id == no_entry) break;
      const unsigned other = frequency(id, entries);
      if (other >= least) continue;
      due = id;
      least = other;
    }
    return due;
  }

  /// Whether a heavy entry is asked for more often than each of those that would have to leave for it.
  template <class Entries>
  bool deserves(const EvictionEntry& entry, std::size_t needed, const Entries& entries) noexcept {
    const unsigned frequent = sketch_.frequency(entry.hash);
    std::size_t freed = 0;
    for (const Segment segment : {probation, protection, window}) {
      for (EvictionId id = lists_.oldest(segment); id != no_entry; id = lists_.newer(id)) {
        if (frequency(id, entries) >= frequent) return false;
        freed += size_of(entries[id]);
        if (freed >= needed) return true;
      }
    }
    return true;
  }

  EntryLists<3> lists_;
  detail::ChunkedArray<Segment> segment_of_;
  EvictionLoad loads_[3];
  detail::FrequencySketch sketch_;
  detail::HillClimber window_;
  Unit unit_;  // the limit that was in the way the last time
};

}  // namespace larder
