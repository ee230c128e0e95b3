/// \file mutant_store.hpp
/// MutantStore: the entries of a MutantBackend, without its lock, its listener and its faults. Written to be obviously
/// right and not to be fast, but for the one bug that its mutation is: a std::list of entries from the least recently
/// used one on, and a std::map that finds them.
///
/// Invariants, if there is no mutation:
/// - `order_` and `found_` hold the same entries, `undecodable_` none of their keys; `size_` is the sum of the bytes of
///   their values, and at most the limit.
/// - What a function removes it moves to `gone`; whatever may throw comes before the first other change.
/// - An entry has expired from `expires_at` on: an operation lets such an entry go when it comes upon it, and one that
///   looks at all entries or needs room lets all of them go.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <larder/bytes.hpp>
#include <larder/cache_entry.hpp>
#include <larder/cache_error.hpp>
#include <larder/cache_stats.hpp>
#include <larder/removal_cause.hpp>
#include <larder/ttl.hpp>

#include "tests/support/mutant/mutant_glob.hpp"
#include "tests/support/mutant/mutant_time.hpp"
#include "tests/support/mutant/mutation.hpp"

namespace larder_tests {

class MutantStore {
 public:
  using Clock = MutantTime::Clock;
  using WallClock = MutantTime::WallClock;

  using Call = MutantTime::Call;

  struct Entry {
    std::string key;
    larder::Bytes value;
    larder::Metadata metadata;
    larder::Ttl ttl;
    std::optional<Clock::time_point> expires_at{};
    WallClock::time_point created_at = WallClock::now();
    /// Why it is gone, if it is.
    larder::RemovalCause cause = larder::RemovalCause::erased;
    /// What a reader sees while another value is being written.
    std::optional<larder::Bytes> half_written{};
  };
  using Entries = std::list<Entry>;
  using Position = Entries::iterator;

  MutantStore(Mutation mutation, Clock clock, std::size_t max_size_bytes)
      : mutation_(mutation), time_(mutation, std::move(clock)), max_size_bytes_(max_size_bytes) {}

  /// All but what the listener threw.
  larder::CacheStats counters;

  /// An entry to be stored, in a list of its own.
  Entries made(std::string key, larder::Bytes value, const larder::Ttl& ttl, larder::Metadata metadata) const {
    if (is(Mutation::metadata_lost) || (ttl && is(Mutation::metadata_lost_when_ttl_given))) metadata.clear();
    Entries fresh;
    fresh.push_back({std::move(key), std::move(value), std::move(metadata), ttl, time_.deadline_of(ttl)});
    return fresh;
  }

  /// The live entry of a key, or `none()`.
  Position find(std::string_view key, Call call, Entries& gone) {
    const auto found = found_.find(key);
    if (found == found_.end()) return order_.end();
    const Position entry = found->second;
    if (!time_.is_over(entry->expires_at, call)) return entry;
    remove(entry, larder::RemovalCause::expired, gone);
    return order_.end();
  }
  Position none() noexcept { return order_.end(); }

  bool holds_undecodable(std::string_view key) const { return undecodable_.find(key) != undecodable_.end(); }

  /// Result: the value of a live entry, which is a hit.
  larder::Bytes hit(Position entry, Call call) {
    if (call != Call::get || !is(Mutation::hits_lost_under_threads)) ++counters.hits;
    if (is(Mutation::immortal_after_get)) entry->expires_at.reset();
    if (is(Mutation::get_renews_ttl)) entry->expires_at = time_.deadline_of(entry->ttl);
    promote(entry);
    return entry->half_written ? *entry->half_written : entry->value;
  }

  void promote(Position entry) { order_.splice(order_.end(), order_, entry); }

  /// Stores the one entry of `fresh`. Result: whether it was stored.
  bool store(Entries fresh, Call call, Entries& gone) {
    Entry& entry = fresh.front();
    const std::size_t bytes = charge(entry);
    Position old = find(entry.key, call, gone);
    if (exceeds_limit(bytes)) return decline(entry.key, old, gone);
    const bool is_new = old == order_.end();
    const auto place = found_.try_emplace(entry.key, fresh.begin()).first;
    const Position behind_old = is_new ? order_.end() : std::next(old);
    const std::size_t old_bytes = is_new ? 0 : charge(*old);
    if (!is_new) {
      inherit(entry, *old, call);
      leave(old, larder::RemovalCause::replaced, gone);
      if (is(Mutation::listener_told_new_value)) old->value = entry.value;
      place->second = fresh.begin();
    }
    if (!is(Mutation::undecodable_outlives_set)) forget_undecodable(entry.key);
    if (is(Mutation::evicts_key_being_written)) {
      order_.splice(behind_old, fresh);
      size_ += bytes;
      make_room(0, call, gone);
      if (const auto survivor = found_.find(entry.key); survivor != found_.end()) promote(survivor->second);
    } else {
      make_room(is(Mutation::overwrite_charges_full_size) ? bytes + old_bytes : bytes, call, gone);
      order_.splice(order_.end(), fresh);
      size_ += bytes;
    }
    ++counters.sets;
    return is_new || !is(Mutation::set_returns_whether_new);
  }

  /// Stores the one entry of `fresh` where there is none. Result: whether it was stored.
  bool store_if_absent(Entries fresh, Entries& gone) {
    Entry& entry = fresh.front();
    if (is(Mutation::set_if_absent_forgets_ttl)) entry.expires_at.reset();
    if (is(Mutation::set_if_absent_forgets_metadata)) entry.metadata.clear();
    const Position old = find(entry.key, Call::set_if_absent, gone);
    const bool is_there = old != order_.end();
    if (exceeds_limit(charge(entry))) {
      if (is_there && is(Mutation::set_if_absent_drops_for_declined)) {
        remove(old, larder::RemovalCause::evicted, gone);
      }
      return false;
    }
    if (!is_there || is(Mutation::set_if_absent_overwrites)) return store(std::move(fresh), Call::set_if_absent, gone);
    if (is(Mutation::set_if_absent_counts_failures)) ++counters.sets;
    if (is(Mutation::set_if_absent_promotes)) promote(old);
    if (is(Mutation::set_if_absent_renews_ttl)) old->expires_at = entry.expires_at;
    return false;
  }

  /// Gives a live entry a new expiry, and the newest place.
  void touch(Position entry, const larder::Ttl& ttl, Entries& gone) {
    if (is(Mutation::touch_tells_listener)) {
      gone.push_back(*entry);
      gone.back().cause = larder::RemovalCause::replaced;
    }
    entry->expires_at = time_.touched(entry->expires_at, ttl);
    entry->ttl = ttl;
    if (is(Mutation::touch_drops_metadata)) entry->metadata.clear();
    if (is(Mutation::touch_renews_created_at)) entry->created_at = WallClock::now();
    if (is(Mutation::touch_counts_as_hit)) ++counters.hits;
    if (!is(Mutation::touch_does_not_promote)) promote(entry);
  }

  /// Removes a live entry.
  void remove(Position entry, larder::RemovalCause cause, Entries& gone) {
    found_.erase(found_.find(entry->key));
    leave(entry, cause, gone);
  }

  /// Result: how many live entries there were.
  std::size_t clear(Entries& gone) {
    if (!is(Mutation::clear_counts_expired)) expire_all(Call::clear, gone);
    const std::size_t count = order_.size();
    const std::size_t size = size_;
    while (!order_.empty()) remove(order_.begin(), larder::RemovalCause::cleared, gone);
    undecodable_.clear();
    if (is(Mutation::clear_keeps_size)) size_ = size;
    if (is(Mutation::clear_resets_stats)) counters = {};
    return is(Mutation::clear_returns_zero) ? 0 : count;
  }

  std::vector<std::string> keys(std::string_view pattern, Entries& gone) {
    if (!is(Mutation::keys_lists_expired)) expire_all(Call::keys, gone);
    const MutantGlob glob(mutation_);
    std::vector<std::string> keys;
    for (const auto& [key, entry] : found_) {
      if (is(Mutation::keys_ignores_pattern) || glob.matches(pattern, key)) keys.push_back(key);
    }
    return keys;
  }

  larder::CacheStats stats(Entries& gone) {
    if (!is(Mutation::stats_count_expired_entries)) expire_all(Call::stats, gone);
    larder::CacheStats stats = counters;
    stats.current_entries = order_.size();
    stats.current_size_bytes = size_;
    if (max_size_bytes_ != 0 && !is(Mutation::limit_not_reported)) stats.max_size_bytes = max_size_bytes_;
    return stats;
  }

  /// What get_entry shows.
  larder::CacheEntry<> shown(const Entry& entry) const {
    larder::CacheEntry<> shown;
    shown.key = is(Mutation::get_entry_wrong_key) ? "larder:" + entry.key : entry.key;
    shown.value = entry.value;
    if (!is(Mutation::get_entry_created_now)) shown.created_at = entry.created_at;
    if (!is(Mutation::get_entry_hides_expiry)) shown.expires_at = time_.wall_time_of(entry.expires_at, entry.ttl);
    shown.size_bytes = entry.value.size() + (is(Mutation::size_bytes_of_entry_wrong) ? entry.key.size() : 0);
    shown.metadata = entry.metadata;
    return shown;
  }

  /// Lets those go that have expired for some time already, so that none stays for ever because nobody asks for it.
  void expire_past(Entries& gone) {
    remove_if(gone, [now = time_.now()](const Entry& entry) { return entry.expires_at && now > *entry.expires_at; });
  }

  /// From now on the key holds what cannot be decoded, and no entry.
  void plant_undecodable(std::string_view key) {
    undecodable_.emplace(key);
    const auto found = found_.find(key);
    if (found == found_.end()) return;
    size_ -= charge(*found->second);
    order_.erase(found->second);
    found_.erase(found);
  }

  /// Result: whether the key held what cannot be decoded.
  bool forget_undecodable(std::string_view key) {
    const auto found = undecodable_.find(key);
    if (found == undecodable_.end()) return false;
    undecodable_.erase(found);
    return true;
  }

  /// The first half of a set that takes two steps.
  void write_half(std::string_view key, const larder::Bytes& value) {
    const auto found = found_.find(key);
    if (found == found_.end()) return;
    Entry& entry = *found->second;
    const std::size_t half = value.size() / 2;
    entry.half_written = value.substr(0, half).str() + entry.value.substr(std::min(half, entry.value.size())).str();
  }

  /// The second half of a get that takes two steps: puts the entry back that the first one saw.
  void put_back(Entries copy, Entries& gone) {
    const std::size_t bytes = charge(copy.front());
    const auto [place, is_new] = found_.try_emplace(copy.front().key, copy.begin());
    if (!is_new) {
      size_ -= charge(*place->second);
      order_.erase(place->second);
      place->second = copy.begin();
    }
    make_room(bytes, Call::get, gone);
    order_.splice(order_.end(), copy);
    size_ += bytes;
  }

 private:
  bool is(Mutation mutation) const noexcept { return mutation_ == mutation; }

  std::size_t charge(const Entry& entry) const noexcept {
    return entry.value.size() + (is(Mutation::size_counts_keys) ? entry.key.size() : 0);
  }

  bool exceeds_limit(std::size_t bytes) const noexcept {
    if (max_size_bytes_ == 0) return false;
    return bytes > max_size_bytes_ || (bytes == max_size_bytes_ && is(Mutation::full_size_value_declined));
  }

  /// A value that is larger than the whole cache takes the older one with it, and nothing else.
  bool decline(std::string_view key, Position old, Entries& gone) {
    forget_undecodable(key);
    if (is(Mutation::oversized_value_evicts_others)) {
      while (!order_.empty()) remove(order_.begin(), larder::RemovalCause::evicted, gone);
    } else if (old != order_.end() && !is(Mutation::oversized_value_keeps_old)) {
      remove(old, larder::RemovalCause::evicted, gone);
    }
    if (is(Mutation::sets_count_declined)) ++counters.sets;
    return is(Mutation::declined_set_returns_true);
  }

  /// What an entry takes over from the one that it replaces: nothing.
  void inherit(Entry& entry, const Entry& old, Call call) const {
    const bool in_batch = call == Call::set_many;
    if ((is(Mutation::keeps_ttl_on_overwrite) && !entry.ttl) || is(Mutation::ttl_ignored_on_overwrite) ||
        (is(Mutation::set_many_keeps_old_ttl) && in_batch)) {
      entry.expires_at = old.expires_at;
      entry.ttl = old.ttl;
    }
    if (is(Mutation::keeps_metadata_on_overwrite) || (is(Mutation::set_many_keeps_old_metadata) && in_batch)) {
      entry.metadata.insert(old.metadata.begin(), old.metadata.end());
    }
    if (is(Mutation::keeps_created_at_on_overwrite)) entry.created_at = old.created_at;
  }

  /// Evicts until so many more bytes fit: what has expired, then the least recently used.
  void make_room(std::size_t bytes, Call call, Entries& gone) {
    if (max_size_bytes_ == 0) return;
    const std::size_t wanted = is(Mutation::limit_may_be_exceeded) ? 0 : bytes;
    const auto is_full = [&] {
      const std::size_t total = size_ + wanted;
      return total > max_size_bytes_ || (total == max_size_bytes_ && is(Mutation::evicts_at_exact_fit));
    };
    if (is_full() && !is(Mutation::evicts_live_before_expired)) expire_all(call, gone);
    while (is_full() && !order_.empty()) remove(order_.begin(), larder::RemovalCause::evicted, gone);
  }

  template <class Predicate>
  void remove_if(Entries& gone, Predicate&& has_expired) {
    for (Position entry = order_.begin(); entry != order_.end();) {
      const Position next = std::next(entry);
      if (has_expired(*entry)) remove(entry, larder::RemovalCause::expired, gone);
      entry = next;
    }
  }

  void expire_all(Call call, Entries& gone) {
    remove_if(gone, [this, call](const Entry& entry) { return time_.is_over(entry.expires_at, call); });
  }

  /// Moves an entry to those that are gone.
  void leave(Position entry, larder::RemovalCause cause, Entries& gone) {
    using enum larder::RemovalCause;
    count(cause);
    const bool forgotten = (cause == erased && is(Mutation::size_not_reduced_on_erase)) ||
                           (cause == expired && is(Mutation::size_not_reduced_on_expiry)) ||
                           (cause == replaced && is(Mutation::size_not_adjusted_on_overwrite));
    if (!forgotten) size_ -= charge(*entry);
    entry->cause = cause;
    gone.splice(gone.end(), order_, entry);
  }

  void count(larder::RemovalCause cause) noexcept {
    switch (cause) {
      case larder::RemovalCause::erased:
        ++counters.deletes;
        if (is(Mutation::erase_counts_as_eviction)) ++counters.evictions;
        break;
      case larder::RemovalCause::replaced:
        if (is(Mutation::overwrite_counts_as_delete)) ++counters.deletes;
        if (is(Mutation::overwrite_counts_as_eviction)) ++counters.evictions;
        break;
      case larder::RemovalCause::evicted:
        if (!is(Mutation::evictions_not_counted)) ++counters.evictions;
        break;
      case larder::RemovalCause::expired:
        if (!is(Mutation::evictions_without_expirations)) ++counters.evictions;
        if (!is(Mutation::expirations_not_counted)) ++counters.expirations;
        break;
      case larder::RemovalCause::cleared:
        if (is(Mutation::clear_counts_as_evictions)) ++counters.evictions;
        if (is(Mutation::clear_counts_as_deletes)) ++counters.deletes;
        break;
    }
  }

  Mutation mutation_;
  MutantTime time_;
  std::size_t max_size_bytes_;  // 0 means no limit
  Entries order_;
  std::map<std::string, Position, std::less<>> found_;
  std::set<std::string, std::less<>> undecodable_;
  std::size_t size_ = 0;
};

}  // namespace larder_tests
