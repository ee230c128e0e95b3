/// \file contract_model.hpp
/// ContractModel: what a cache may answer, given all that it was told and answered before.
///
/// It is no second cache to compare with, because a cache is free in some things: when a limit makes it evict, and in
/// real time, just when an entry expires. So the model keeps for each key what is certain, and learns from the answers
/// what is not: after a miss that was possible the entry is surely gone, after a hit it is surely there.
///
/// Invariants:
/// - `entries_` holds every key that may be there, with the one value that it then has.
/// - Each counter is known exactly, or within the bounds `low_` and `high_`.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <larder/backend_capabilities.hpp>
#include <larder/glob.hpp>
#include <larder/testing/detail/cpp_text.hpp>
#include <larder/testing/detail/trial.hpp>
#include <larder/testing/operation.hpp>

namespace larder::testing::detail {

class ContractModel {
 public:
  using Nanoseconds = std::chrono::nanoseconds;

  /// When an operation began and ended, since the cache was made; the same for both on a virtual clock.
  struct Interval {
    Nanoseconds begin{};
    Nanoseconds end{};
  };

  /// `limit`: how many bytes the cache was asked to hold at most.
  ContractModel(const ErasedSubject& subject, std::optional<std::size_t> limit) : subject_(subject), limit_(limit) {}

  /// Takes note of an operation. Result: what should have been, if the outcome is impossible.
  std::optional<std::string> observe(const Operation& operation, const Outcome& outcome, Interval when) {
    if (!outcome.error.empty()) return "an answer, and no exception";
    forget_expired(when);
    using Kind = Operation::Kind;
    switch (operation.kind) {
      case Kind::get: return read(operation.keys[0], outcome.values[0], when);
      case Kind::get_many: return read_many(operation, outcome, when);
      case Kind::set:
        return write(operation.keys[0], operation.values[0], operation.ttl, operation.metadata, outcome.flag, when);
      case Kind::set_if_absent: return write_if_absent(operation, outcome.flag, when);
      case Kind::touch: return touch(operation.keys[0], operation.ttl, outcome.flag, when);
      case Kind::set_many: return write_many(operation, outcome, when);
      case Kind::erase: return remove(operation.keys[0], outcome.flag, when);
      case Kind::erase_many: return remove_many(operation, outcome, when);
      case Kind::exists: return found(operation.keys[0], outcome.flag, when);
      case Kind::get_entry: return show(operation.keys[0], outcome.entry, when);
      case Kind::keys: return list(operation.keys[0], outcome.keys, when);
      case Kind::clear: return clear(outcome.count, when);
      case Kind::stats: return compare_stats(outcome.stats, when);
      case Kind::reset_stats: return reset_stats(when);
      case Kind::wait: return std::nullopt;
    }
    return std::nullopt;
  }

 private:
  enum class Presence : unsigned char { absent, unknown, present };

  struct Entry {
    std::string value;
    Metadata metadata;
    Nanoseconds alive_until;  // surely there before
    Nanoseconds gone_from;    // surely gone from here on
    bool has_ttl;
    bool may_be_evicted;
    bool may_be_counted = false;  // as expired, before the counters were zeroed
  };
  using Entries = std::map<std::string, Entry, std::less<>>;

  static constexpr Nanoseconds never = Nanoseconds::max();

  const BackendCapabilities& can() const noexcept { return subject_.capabilities; }

  static Presence presence(const Entry& entry, Interval when) {
    if (when.begin >= entry.gone_from) return Presence::absent;
    return when.end < entry.alive_until && !entry.may_be_evicted ? Presence::present : Presence::unknown;
  }

  Presence presence(std::string_view key, Interval when) const {
    const auto entry = entries_.find(key);
    return entry == entries_.end() ? Presence::absent : presence(entry->second, when);
  }

  void forget_expired(Interval when) {
    for (auto entry = entries_.begin(); entry != entries_.end();) {
      const bool expired = when.begin >= entry->second.gone_from;
      if (expired) {
        ++high_.expirations;
        ++unseen_expirations_;
        low_.expirations += entry->second.may_be_evicted || entry->second.may_be_counted ? 0 : 1;
      }
      entry = expired ? entries_.erase(entry) : std::next(entry);
    }
  }

  /// Takes note of whether a key was seen. Result: whether that is possible.
  bool settle(std::string_view key, bool seen, Interval when) {
    const auto entry = entries_.find(key);
    if (entry == entries_.end()) return !seen;
    const Presence expected = presence(entry->second, when);
    if (seen) {
      entry->second.may_be_evicted = false;
      return expected != Presence::absent;
    }
    if (expected == Presence::present) return false;
    note_possible_expiration(entry->second);
    entries_.erase(entry);
    return true;
  }

  static std::string quoted(const std::optional<std::string>& value) { return value ? cpp_string(*value) : "a miss"; }

  std::optional<std::string> read(const std::string& key, const std::optional<std::string>& value, Interval when) {
    const auto entry = entries_.find(key);
    const std::optional<std::string> held = entry == entries_.end() ? std::nullopt : std::optional(entry->second.value);
    const Presence before = presence(key, when);
    if (can().request_counters) {
      ++(value ? low_.hits : low_.misses);
      ++(value ? high_.hits : high_.misses);
    }
    if (!settle(key, value.has_value(), when)) return before == Presence::present ? quoted(held) : "a miss";
    if (value && value != held) return quoted(held);
    return std::nullopt;
  }

  std::optional<std::string> read_many(const Operation& operation, const Outcome& outcome, Interval when) {
    for (std::size_t i = 0; i < operation.keys.size(); ++i) {
      if (auto wrong = read(operation.keys[i], outcome.values[i], when)) {
        return "in position " + std::to_string(i) + " " + *wrong;
      }
    }
    return std::nullopt;
  }

  std::optional<std::string> write(const std::string& key, const std::string& value, const Ttl& ttl,
                                   const Metadata& metadata, bool stored, Interval when) {
    if (ttl && ttl->count() <= 0) {
      if (stored) return "false: such a TTL stores nothing";
      count_delete(key, when);
      forget(key);
      return std::nullopt;
    }
    const std::size_t size = subject_.size_of(value);
    const bool too_large = size > can().largest_value || (limit_ && size > *limit_);
    // A limit may be on more than the value's bytes, so that what is just below it may be declined.
    if (stored && too_large) return "false: the value is too large";
    if (!stored && !too_large && (!limit_ || size < *limit_ / 8)) return "true";
    forget(key);
    if (limit_) {
      for (auto& [other, entry] : entries_) entry.may_be_evicted = true;
    }
    if (!stored) return std::nullopt;
    ++low_.sets;
    ++high_.sets;
    entries_.insert_or_assign(key, Entry{value, can().metadata ? metadata : Metadata(), alive_until(ttl, when.begin),
                                         gone_from(ttl, when.end), ttl.has_value(), false});
    return std::nullopt;
  }

  std::optional<std::string> write_if_absent(const Operation& operation, bool stored, Interval when) {
    const std::string& key = operation.keys[0];
    const bool stores = !operation.ttl || operation.ttl->count() > 0;
    if (stored) {
      if (presence(key, when) == Presence::present) return "false: the entry is there";
      if (!stores) return "false: such a TTL stores nothing";
      return write(key, operation.values[0], operation.ttl, operation.metadata, true, when);
    }
    const std::size_t size = subject_.size_of(operation.values[0]);
    const bool surely_fits = size <= can().largest_value && (!limit_ || size < *limit_ / 8);
    // Else it was an entry that stood in the way.
    if (!stores || !surely_fits || settle(key, true, when)) return std::nullopt;
    return "true: there is no such entry";
  }

  std::optional<std::string> touch(const std::string& key, const Ttl& ttl, bool there, Interval when) {
    if (ttl && ttl->count() <= 0) return remove(key, there, when);
    // An entry with a TTL may weigh more than one without, and so displace others, or be too heavy itself.
    for (auto& [other, entry] : entries_) {
      entry.may_be_evicted |= limit_ && (other != key || subject_.size_of(entry.value) >= *limit_ / 8);
    }
    if (auto wrong = found(key, there, when)) return wrong;
    if (!there) return std::nullopt;
    Entry& entry = entries_.find(key)->second;
    entry.alive_until = alive_until(ttl, when.begin);
    entry.gone_from = gone_from(ttl, when.end);
    entry.has_ttl = ttl.has_value();
    entry.may_be_counted = false;
    return std::nullopt;
  }

  Nanoseconds alive_until(const Ttl& ttl, Nanoseconds from) const {
    if (!ttl || *ttl > std::chrono::hours(24 * 365 * 100)) return never;
    return from + *ttl;
  }

  Nanoseconds gone_from(const Ttl& ttl, Nanoseconds from) const {
    if (!ttl || *ttl > std::chrono::hours(24 * 365 * 100)) return never;
    const auto step = can().ttl_granularity;
    const auto rounded = (*ttl + step - std::chrono::milliseconds(1)) / step * step;
    return from + (subject_.clock.is_virtual() && step == std::chrono::milliseconds(1) ? rounded : rounded + step);
  }

  std::optional<std::string> write_many(const Operation& operation, const Outcome& outcome, Interval when) {
    const bool stores = !operation.ttl || operation.ttl->count() > 0;
    std::size_t most = 0;
    std::size_t least = 0;
    for (std::size_t i = 0; i < operation.keys.size(); ++i) {
      const std::size_t size = subject_.size_of(operation.values[i]);
      const bool fits = size <= can().largest_value && (!limit_ || size <= *limit_);
      const bool surely = fits && (!limit_ || size < *limit_ / 8);
      most += stores && fits ? 1 : 0;
      least += stores && surely ? 1 : 0;
      // Whether one in between was stored is not told; it may be there.
      const std::uint64_t sets = low_.sets;
      write(operation.keys[i], operation.values[i], operation.ttl, {}, stores && fits, when);
      if (fits && !surely && stores) {
        low_.sets = sets;
        entries_.find(operation.keys[i])->second.may_be_evicted = true;
      }
    }
    if (outcome.count < least || outcome.count > most) return std::to_string(most);
    return std::nullopt;
  }

  void count_delete(std::string_view key, Interval when) {
    const Presence before = presence(key, when);
    low_.deletes += before == Presence::present ? 1 : 0;
    high_.deletes += before != Presence::absent ? 1 : 0;
  }

  /// A key is overwritten or removed: its entry, if it was still there, leaves no trace.
  void forget(std::string_view key) {
    const auto entry = entries_.find(key);
    if (entry == entries_.end()) return;
    note_possible_expiration(entry->second);
    entries_.erase(entry);
  }

  static bool may_have_expired(const Entry& entry, Interval when) { return when.end >= entry.alive_until; }

  /// An entry in that time in which it may be expired or not.
  void note_possible_expiration(const Entry& entry) {
    if (entry.alive_until == entry.gone_from) return;
    ++high_.expirations;
    ++unseen_expirations_;
  }

  /// What expired before the counters were zeroed may have been counted or may still be.
  std::optional<std::string> reset_stats(Interval when) {
    for (auto& [key, entry] : entries_) entry.may_be_counted |= may_have_expired(entry, when);
    low_ = high_ = {};
    high_.expirations = unseen_expirations_;
    return std::nullopt;
  }

  std::optional<std::string> remove(const std::string& key, bool removed, Interval when) {
    low_.deletes += removed ? 1 : 0;
    high_.deletes += removed ? 1 : 0;
    if (!settle(key, removed, when)) return removed ? "false: there is no such entry" : "true: the entry is there";
    const auto entry = entries_.find(key);
    if (entry != entries_.end()) entries_.erase(entry);
    return std::nullopt;
  }

  std::optional<std::string> remove_many(const Operation& operation, const Outcome& outcome, Interval when) {
    std::size_t least = 0;
    std::size_t most = 0;
    for (const std::string& key : operation.keys) {
      const Presence before = presence(key, when);
      least += before == Presence::present ? 1 : 0;
      most += before != Presence::absent ? 1 : 0;
      forget(key);
    }
    low_.deletes += outcome.count;
    high_.deletes += outcome.count;
    if (outcome.count >= least && outcome.count <= most) return std::nullopt;
    return std::to_string(outcome.count < least ? least : most);
  }

  std::optional<std::string> found(const std::string& key, bool seen, Interval when) {
    if (settle(key, seen, when)) return std::nullopt;
    return seen ? "false: there is no such entry" : "true: the entry is there";
  }

  std::optional<std::string> show(const std::string& key, const std::optional<CacheEntry<>>& shown, Interval when) {
    const auto held = entries_.find(key);
    const std::optional<Entry> expected = held == entries_.end() ? std::nullopt : std::optional(held->second);
    if (!settle(key, shown.has_value(), when)) {
      return shown ? "no entry" : "an entry with the value " + cpp_string(expected->value);
    }
    if (!shown) return std::nullopt;
    if (shown->key != key) return "an entry whose key is " + cpp_string(key);
    if (shown->value != expected->value) return "an entry with the value " + cpp_string(expected->value);
    if (shown->size_bytes != subject_.size_of(expected->value)) {
      return "size_bytes = " + std::to_string(subject_.size_of(expected->value));
    }
    if (shown->metadata != expected->metadata) return "the metadata " + cpp_list(expected->metadata);
    if (!expected->has_ttl && shown->expires_at) return "an entry that does not expire";
    if (expected->alive_until != never && !shown->expires_at) return "an entry that expires";
    return std::nullopt;
  }

  std::optional<std::string> list(const std::string& pattern, const std::vector<std::string>& keys, Interval when) {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (i > 0 && keys[i] == keys[i - 1]) return "the key " + cpp_string(keys[i]) + " once";
      if (!glob_match(pattern, keys[i])) return "not the key " + cpp_string(keys[i]) + ", which does not match";
      if (!settle(keys[i], true, when)) return "not the key " + cpp_string(keys[i]) + ", which is not there";
    }
    std::vector<std::string> missing;
    for (const auto& [key, entry] : entries_) {
      if (glob_match(pattern, key) && !std::binary_search(keys.begin(), keys.end(), key)) missing.push_back(key);
    }
    for (const std::string& key : missing) {
      if (!settle(key, false, when)) return "the key " + cpp_string(key) + ", too";
    }
    return std::nullopt;
  }

  std::optional<std::string> clear(std::size_t count, Interval when) {
    const auto [least, most] = size_bounds(when, [](const Entry&) { return std::size_t{1}; });
    while (!entries_.empty()) forget(entries_.begin()->first);
    if (!can().clear_count) return count == 0 ? std::nullopt : std::optional<std::string>("0: clear_count = false");
    if (count >= least && count <= most) return std::nullopt;
    return std::to_string(count < least ? least : most);
  }

  template <class Function>
  std::pair<std::size_t, std::size_t> size_bounds(Interval when, Function&& size) const {
    std::pair<std::size_t, std::size_t> bounds{0, 0};
    for (const auto& [key, entry] : entries_) {
      if (presence(entry, when) == Presence::present) bounds.first += size(entry);
      bounds.second += size(entry);
    }
    return bounds;
  }

  static std::optional<std::string> outside(const char* name, std::uint64_t number, std::uint64_t least,
                                            std::uint64_t most) {
    if (number >= least && number <= most) return std::nullopt;
    return std::string(name) + "=" + std::to_string(number < least ? least : most);
  }

  std::optional<std::string> compare_stats(const CacheStats& stats, Interval when) {
    unseen_expirations_ = 0;
    std::optional<std::string> wrong;
    const auto compare = [&wrong](const char* name, std::uint64_t number, std::uint64_t least, std::uint64_t most) {
      if (!wrong) wrong = outside(name, number, least, most);
    };
    if (can().request_counters) {
      compare("hits", stats.hits, low_.hits, high_.hits);
      compare("misses", stats.misses, low_.misses, high_.misses);
      compare("sets", stats.sets, low_.sets, high_.sets);
      compare("deletes", stats.deletes, low_.deletes, high_.deletes);
    }
    if (can().removal_counters) {
      std::uint64_t most = high_.expirations;
      for (const auto& [key, entry] : entries_) most += may_have_expired(entry, when) ? 1 : 0;
      compare("expirations", stats.expirations, low_.expirations, most);
      if (!limit_) compare("evictions", stats.evictions, stats.expirations, stats.expirations);
    }
    if (can().exact_size_accounting) {
      const auto entries = size_bounds(when, [](const Entry&) { return std::size_t{1}; });
      compare("current_entries", stats.current_entries.value_or(0), entries.first, entries.second);
      const auto bytes = size_bounds(when, [this](const Entry& entry) { return subject_.size_of(entry.value); });
      compare("current_size_bytes", stats.current_size_bytes.value_or(0), bytes.first, bytes.second);
    }
    if (limit_ && stats.current_size_bytes.value_or(0) > *limit_) {
      wrong = "current_size_bytes <= " + std::to_string(*limit_);
    }
    compare("errors", stats.errors, 0, 0);
    compare("undecodable", stats.undecodable, 0, 0);
    return wrong;
  }

  const ErasedSubject& subject_;
  std::optional<std::size_t> limit_;
  Entries entries_;
  CacheStats low_;
  CacheStats high_;
  std::uint64_t unseen_expirations_ = 0;  // since stats() was last asked
};

}  // namespace larder::testing::detail
