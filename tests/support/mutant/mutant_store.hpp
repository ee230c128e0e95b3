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
#include <cstdint>
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
#include <larder/testing/manual_clock.hpp>
#include <larder/ttl.hpp>

#include "tests/support/mutant/mutant_glob.hpp"
#include "tests/support/mutant/mutation.hpp"

namespace larder_tests {

class MutantStore {
 public:
  using Clock = larder::testing::ManualClock;
  using WallClock = std::chrono::system_clock;

  /// The operation that an entry is looked at for.
  enum class Call { get, set, erase, exists, clear, stats, get_entry, keys, get_many, set_many, erase_many };

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
      : mutation_(mutation), clock_(std::move(clock)), max_size_bytes_(max_size_bytes) {}

  /// All but what the listener threw.
  larder::CacheStats counters;

  /// An entry to be stored, in a list of its own.
  Entries made(std::string key, larder::Bytes value, const larder::Ttl& ttl, larder::Metadata metadata) const {
    if (is(Mutation::metadata_lost) || (ttl && is(Mutation::metadata_lost_when_ttl_given))) metadata.clear();
    Entries fresh;
    fresh.push_back({std::move(key), std::move(value), std::move(metadata), ttl, deadline_of(ttl)});
    return fresh;
  }

  /// The live entry of a key, or `none()`.
  Position find(std::string_view key, Call call, Entries& gone) {
    const auto found = found_.find(key);
    if (found == found_.end()) return order_.end();
    const Position entry = found->second;
    if (!is_expired(*entry, call)) return entry;
    remove(entry, larder::RemovalCause::expired, gone);
    return order_.end();
  }
  Position none() noexcept { return order_.end(); }

  bool holds_undecodable(std::string_view key) const { return undecodable_.find(key) != undecodable_.end(); }

  /// Result: the value of a live entry, which is a hit.
  larder::Bytes hit(Position entry, Call call) {
    if (call != Call::get || !is(Mutation::hits_lost_under_threads)) ++counters.hits;
    if (is(Mutation::immortal_after_get)) entry->expires_at.reset();
    if (is(Mutation::get_renews_ttl)) entry->expires_at = deadline_of(entry->ttl);
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
    if (!is(Mutation::get_entry_hides_expiry)) shown.expires_at = wall_time_of(entry);
    shown.size_bytes = entry.value.size() + (is(Mutation::size_bytes_of_entry_wrong) ? entry.key.size() : 0);
    shown.metadata = entry.metadata;
    return shown;
  }

  /// Lets those go that have expired for some time already, so that none stays for ever because nobody asks for it.
  void expire_past(Entries& gone) {
    remove_if(gone, [now = clock_.now()](const Entry& entry) { return entry.expires_at && now > *entry.expires_at; });
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
  using Milliseconds = std::chrono::milliseconds;

  bool is(Mutation mutation) const noexcept { return mutation_ == mutation; }

  bool is_expired(const Entry& entry, Call call) const {
    if (!entry.expires_at || ignores_expiry(call)) return false;
    const auto now = clock_.now();
    if (is(Mutation::expires_early)) return now >= *entry.expires_at - Milliseconds(1);
    return is_late(call) ? now > *entry.expires_at : now >= *entry.expires_at;
  }

  bool ignores_expiry(Call call) const noexcept {
    return (call == Call::exists && is(Mutation::exists_ignores_expiry)) ||
           (call == Call::get_entry && is(Mutation::get_entry_shows_expired));
  }

  bool is_late(Call call) const noexcept {
    switch (call) {
      case Call::get: return is(Mutation::expires_late_in_get);
      case Call::exists: return is(Mutation::expires_late_in_exists);
      case Call::erase: return is(Mutation::expires_late_in_erase);
      case Call::get_entry: return is(Mutation::expires_late_in_get_entry);
      case Call::keys: return is(Mutation::expires_late_in_keys);
      case Call::get_many: return is(Mutation::expires_late_in_get_many);
      case Call::erase_many: return is(Mutation::expires_late_in_erase_many);
      case Call::clear: return is(Mutation::expires_late_in_clear);
      case Call::stats: return is(Mutation::expires_late_in_stats);
      case Call::set:
      case Call::set_many: break;
    }
    return false;
  }

  /// The end of a TTL that begins now; the clock's last instant, which never comes, if it is beyond that.
  std::optional<Clock::time_point> deadline_of(const larder::Ttl& ttl) const {
    using std::chrono::seconds;
    if (!ttl || (is(Mutation::subsecond_ttl_means_for_ever) && *ttl < seconds(1))) return std::nullopt;
    const auto now = clock_.now();
    if (is(Mutation::large_ttl_overflows)) {
      const auto begin = static_cast<std::uint64_t>(now.time_since_epoch().count());
      const auto end = begin + static_cast<std::uint64_t>(ttl->count()) * 1'000'000;  // unsigned, so that it may
      return Clock::time_point(Clock::duration(static_cast<Clock::duration::rep>(end)));
    }
    const auto most = std::chrono::floor<seconds>(Clock::time_point::max() - now);
    if (*ttl >= most) return Clock::time_point::max();
    if (is(Mutation::ttl_truncated_to_seconds)) return now + std::chrono::floor<seconds>(*ttl);
    if (is(Mutation::ttl_rounded_up_to_seconds)) return now + std::chrono::ceil<seconds>(*ttl);
    return now + *ttl;
  }

  /// When an entry will expire by the wall clock; empty if never.
  std::optional<WallClock::time_point> wall_time_of(const Entry& entry) const {
    if (!entry.expires_at || *entry.expires_at == Clock::time_point::max()) return std::nullopt;
    const auto now = WallClock::now();
    auto left = *entry.expires_at - clock_.now();
    if (is(Mutation::get_entry_shows_full_ttl)) left = *entry.ttl;
    if (left >= WallClock::time_point::max() - now) return WallClock::time_point::max();
    return now + std::chrono::duration_cast<WallClock::duration>(left);
  }

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
    remove_if(gone, [this, call](const Entry& entry) { return is_expired(entry, call); });
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
  Clock clock_;
  std::size_t max_size_bytes_;  // 0 means no limit
  Entries order_;
  std::map<std::string, Position, std::less<>> found_;
  std::set<std::string, std::less<>> undecodable_;
  std::size_t size_ = 0;
};

}  // namespace larder_tests
