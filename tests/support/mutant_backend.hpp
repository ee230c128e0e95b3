/// \file mutant_backend.hpp
/// MutantBackend: a whole backend with one small bug, or with none, to find out whether a suite that checks caches is
/// worth its name: it must accept the one without, and find the bug of every other.
///
/// It is one lock around a MutantStore, and adds to it what the store has no part in: keys and values as they are
/// stored (mutant_encoding.hpp), hooks (mutant_hooks.hpp), batches, and a store that breaks. Everything that a mutation
/// changes stands behind an `is(Mutation::...)`, so what remains without these is what the contract asks for.
///
/// Invariants, if there is no mutation:
/// - No hook is called under the lock; each entry that has left is told to the listener once, on the thread that
///   removed it, before its function returns.
/// - While the store is broken, a function that needs it counts one error, changes nothing and throws.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <larder/backend_capabilities.hpp>
#include <larder/bytes.hpp>
#include <larder/cache_backend.hpp>
#include <larder/cache_entry.hpp>
#include <larder/cache_error.hpp>
#include <larder/cache_stats.hpp>
#include <larder/removal_cause.hpp>
#include <larder/testing/manual_clock.hpp>
#include <larder/ttl.hpp>

#include "tests/support/mutant/mutant_encoding.hpp"
#include "tests/support/mutant/mutant_hooks.hpp"
#include "tests/support/mutant/mutant_lookup.hpp"
#include "tests/support/mutant/mutant_options.hpp"
#include "tests/support/mutant/mutant_store.hpp"
#include "tests/support/mutant/mutation.hpp"
#include "tests/support/mutant/mutation_facts.hpp"

namespace larder_tests {

class MutantBackend final : public larder::CacheBackend<> {
 public:
  using Options = MutantOptions;

  static constexpr larder::BackendCapabilities capabilities{.size_limit = true, .removal_listener = true};

  MutantBackend(Mutation mutation, larder::testing::ManualClock clock, Options options = {})
      : mutation_(mutation),
        encoding_(mutation),
        tenants_(options.tenants),
        store_(mutation, std::move(clock), options.max_size_bytes.value_or(0)),
        hooks_(mutation, std::move(options)) {
    if (tenants_) tenants_->add(*this);
  }

  /// Tells the listener of every entry that is left, as `cleared`. What the listener stores now, it hears no more of.
  ~MutantBackend() override {
    if (tenants_) tenants_->remove(*this);
    try {
      Aftermath after;
      store_.clear(after.gone);
      hooks_.tell(after);
    } catch (...) {
      // The bug that lets a listener's exception out does so elsewhere.
    }
  }

  Mutation mutation() const noexcept { return mutation_; }

  /// From now on the key holds a payload that cannot be decoded, as if another program had written it.
  void plant_undecodable(std::string_view key) {
    const std::string stored = encoding_.stored_key(key);
    const auto lock = locked();
    store_.plant_undecodable(stored);
  }

  /// From now on every function that needs the store throws ConnectionError: all but `stats` and `reset_stats`.
  void break_store() {
    const auto lock = locked();
    broken_ = true;
  }
  /// The store is back, with all that it held.
  void mend_store() {
    const auto lock = locked();
    if (!is(Mutation::never_recovers)) broken_ = false;
  }

 private:
  using Call = MutantStore::Call;
  using Entries = MutantStore::Entries;
  using Position = MutantStore::Position;
  using Aftermath = MutantAftermath;
  using Bytes = larder::Bytes;

  bool is(Mutation mutation) const noexcept { return mutation_ == mutation; }

  std::optional<Bytes> do_get(std::string_view key) override {
    const std::string stored = encoding_.stored_key(key);
    Entries seen;
    std::optional<Bytes> value = perform(Call::get, [&](Aftermath& after) {
      auto found = lookup_.get(stored, Call::get, after);
      if (found && is(Mutation::loses_update_under_threads)) {
        seen.push_back(*store_.find(stored, Call::get, after.gone));
      }
      return found;
    });
    if (value && is(Mutation::hits_lost_under_threads)) count_hit_in_two_steps();
    if (!seen.empty()) put_back(std::move(seen));
    return value;
  }

  bool do_set(std::string_view key, Bytes value, larder::Ttl ttl, larder::Metadata metadata) override {
    Entries fresh = store_.made(encoding_.stored_key(key), encoding_.stored_value(value), ttl, std::move(metadata));
    if (is(Mutation::torn_value_under_threads)) write_half(fresh.front().key, fresh.front().value);
    return perform(Call::set, [&](Aftermath& after) { return store_.store(std::move(fresh), Call::set, after.gone); });
  }

  bool do_set_if_absent(std::string_view key, Bytes value, larder::Ttl ttl, larder::Metadata metadata) override {
    Entries fresh = store_.made(encoding_.stored_key(key), encoding_.stored_value(value), ttl, std::move(metadata));
    if (is(Mutation::set_if_absent_wins_twice_under_threads)) {
      const bool is_there = perform(Call::set_if_absent, [&](Aftermath& after) {
        return store_.find(fresh.front().key, Call::set_if_absent, after.gone) != store_.none();
      });
      // Long enough for the others to catch up, also where one thread began long before them.
      if (!is_there) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      return !is_there && do_set(key, std::move(value), ttl, {});
    }
    return perform(Call::set_if_absent,
                   [&](Aftermath& after) { return store_.store_if_absent(std::move(fresh), after.gone); });
  }

  bool do_touch(std::string_view key, larder::Ttl ttl) override {
    const std::string stored = encoding_.stored_key(key);
    Entries seen;
    const bool touched = perform(Call::touch, [&](Aftermath& after) {
      const bool found = lookup_.touch(stored, ttl, after);
      if (found && is(Mutation::touch_loses_update_under_threads)) {
        seen.push_back(*store_.find(stored, Call::touch, after.gone));
      }
      return found;
    });
    if (!seen.empty()) put_back(std::move(seen));
    return touched;
  }

  bool do_erase(std::string_view key) override {
    const std::string stored = encoding_.stored_key(key);
    bool was_there = false;
    if (is(Mutation::erase_succeeds_twice_under_threads)) {
      was_there = perform(
          Call::erase, [&](Aftermath& after) { return store_.find(stored, Call::erase, after.gone) != store_.none(); });
      std::this_thread::yield();
    }
    return perform(Call::erase, [&](Aftermath& after) { return lookup_.erase(stored, Call::erase, after); }) ||
           was_there;
  }

  bool do_exists(std::string_view key) override {
    const std::string stored = encoding_.stored_key(key);
    return perform(Call::exists,
                   [&](Aftermath& after) { return lookup_.peek(stored, Call::exists, after) != store_.none(); });
  }

  std::optional<larder::CacheEntry<>> do_get_entry(std::string_view key) override {
    const std::string stored = encoding_.stored_key(key);
    return perform(Call::get_entry, [&](Aftermath& after) {
      const Position entry = lookup_.peek(stored, Call::get_entry, after);
      return entry == store_.none() ? std::nullopt : std::optional(store_.shown(*entry));
    });
  }

  bool do_visit_entry(std::string_view key, EntryVisitor visit) override {
    if (!is(Mutation::visit_counts_nothing) && !do_get(key)) return false;
    const std::optional<larder::CacheEntry<>> entry = do_get_entry(key);
    if (!entry) return false;
    larder::EntryView<Bytes> view{
        entry->value, is(Mutation::visit_hides_metadata) ? larder::EntryView<Bytes>::no_metadata() : entry->metadata};
    if (const auto left = entry->ttl_remaining(); left && !is(Mutation::visit_hides_ttl)) {
      view.ttl = std::chrono::floor<std::chrono::milliseconds>(*left);
    }
    visit(view);
    return true;
  }

  std::size_t do_visit_entries(std::span<const key_item> keys, EntriesVisitor visit) override {
    std::size_t found = 0;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const auto earlier = keys.first(i);
      const bool is_skipped = is(Mutation::visit_entries_skips_duplicates) &&
                              std::find(earlier.begin(), earlier.end(), keys[i]) != earlier.end();
      const auto visit_this = [&visit, i](const larder::EntryView<Bytes>& entry) { visit(i, entry); };
      found += !is_skipped && do_visit_entry(keys[i], EntryVisitor(visit_this)) ? 1 : 0;
    }
    return found;
  }

  bool do_can_list_keys() const noexcept override { return !is(Mutation::listing_not_told); }

  std::size_t do_clear() override {
    const std::size_t count = perform(Call::clear, [&](Aftermath& after) { return store_.clear(after.gone); });
    if (tenants_ && is(Mutation::clear_empties_the_neighbour)) {
      tenants_->for_each_but(*this, [](MutantBackend& other) { other.lose_everything(); });
    }
    return count;
  }

  std::vector<std::string> do_keys(std::string_view pattern) override {
    std::vector<std::string> keys = own_keys(pattern);
    if (tenants_ && is(Mutation::keys_lists_the_neighbours)) {
      tenants_->for_each_but(*this, [&](MutantBackend& other) {
        for (std::string& key : other.own_keys(pattern)) keys.push_back(std::move(key));
      });
    }
    for (std::string& key : keys) key = encoding_.listed_key(std::move(key));
    return keys;
  }

  larder::CacheStats do_stats() const override {
    return perform(Call::stats, [&](Aftermath& after) {
      larder::CacheStats stats = store_.stats(after.gone);
      stats.errors += hooks_.errors();
      return stats;
    });
  }

  void do_reset_stats() override {
    Entries dropped;
    const auto lock = locked();
    const std::uint64_t hits = store_.counters.hits;
    store_.counters = {};
    hooks_.reset_errors();
    if (is(Mutation::reset_stats_forgets_hits)) store_.counters.hits = hits;
    if (is(Mutation::reset_stats_drops_entries)) store_.clear(dropped);
  }

  void do_get_many(std::span<const key_item> keys, std::span<std::optional<Bytes>> values) override {
    std::vector<std::optional<Bytes>> found;
    perform(Call::get_many, [&](Aftermath& after) {
      const larder::CacheStats before = store_.counters;
      for (std::size_t i = 0; i < keys.size(); ++i) {
        const auto earlier = keys.first(i);
        const bool is_skipped = is(Mutation::get_many_skips_duplicates) &&
                                std::find(earlier.begin(), earlier.end(), keys[i]) != earlier.end();
        found.push_back(is_skipped ? std::nullopt : lookup_.get(encoding_.stored_key(keys[i]), Call::get_many, after));
      }
      if (is(Mutation::get_many_counts_once)) {
        store_.counters.hits = std::min(store_.counters.hits, before.hits + 1);
        store_.counters.misses = std::min(store_.counters.misses, before.misses + 1);
      }
      return true;
    });
    found.resize(keys.size());  // where a fault was swallowed
    if (is(Mutation::get_many_reverses_order)) std::reverse(found.begin(), found.end());
    if (is(Mutation::get_many_packs_hits)) {
      std::stable_partition(found.begin(), found.end(), [](const auto& value) { return value.has_value(); });
    }
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (found[i] || !is(Mutation::get_many_leaves_old_values)) values[i] = std::move(found[i]);
    }
  }

  std::size_t do_set_many(std::span<item> items, larder::Ttl ttl) override {
    if (is(Mutation::set_many_forgets_ttl)) ttl = {};
    return perform(Call::set_many, [&](Aftermath& after) {
      const std::uint64_t sets = store_.counters.sets;
      std::set<std::string> seen;
      std::size_t stored = 0;
      for (auto& [key, value] : items) {
        Entries fresh = store_.made(encoding_.stored_key(key), encoding_.stored_value(value), ttl, {});
        if (is(Mutation::set_many_first_duplicate_wins) && !seen.insert(fresh.front().key).second) {
          ++stored;
        } else if (store_.store(std::move(fresh), Call::set_many, after.gone)) {
          ++stored;
        } else if (is(Mutation::set_many_stops_at_declined)) {
          break;
        }
      }
      if (is(Mutation::set_many_counts_one_set)) store_.counters.sets = std::min(store_.counters.sets, sets + 1);
      return is(Mutation::set_many_returns_size) ? items.size() : stored;
    });
  }

  std::size_t do_erase_many(std::span<const key_item> keys) override {
    return perform(Call::erase_many, [&](Aftermath& after) {
      std::size_t erased = 0;
      for (const key_item key : keys)
        erased += lookup_.erase(encoding_.stored_key(key), Call::erase_many, after) ? 1 : 0;
      return is(Mutation::erase_many_returns_size) ? keys.size() : erased;
    });
  }

  /// Calls `work(aftermath)` under the lock, then the hooks without it. Result: what work returned.
  template <class Work>
  std::invoke_result_t<Work&, Aftermath&> perform(Call call, Work&& work) const {
    Aftermath after;
    auto lock = locked();
    if (broken_ && call != Call::stats) return fail<std::invoke_result_t<Work&, Aftermath&>>(call);
    try {
      auto result = work(after);
      store_.expire_past(after.gone);
      if (is(Mutation::listener_under_lock)) {
        teller_ = std::this_thread::get_id();
        hooks_.tell(after);
        teller_ = std::thread::id();
      }
      lock.unlock();
      hooks_.tell(after);
      return result;
    } catch (...) {
      if (lock.owns_lock()) lock.unlock();
      hooks_.tell(after);
      throw;
    }
  }

  /// \throws std::system_error where the present thread would wait for itself, because it is in a listener that is
  /// called under the lock.
  std::unique_lock<std::mutex> locked() const {
    if (teller_ == std::this_thread::get_id()) {
      throw std::system_error(std::make_error_code(std::errc::resource_deadlock_would_occur));
    }
    return std::unique_lock(mutex_);
  }

  /// Counts an error and throws.
  template <class Result>
  Result fail(Call call) const {
    const bool reads = call == Call::get || call == Call::get_many;
    if (!is(Mutation::fault_not_counted)) ++store_.counters.errors;
    if (reads && is(Mutation::fault_counts_as_miss)) ++store_.counters.misses;
    if (reads && is(Mutation::fault_is_a_miss)) return Result{};
    const bool tells_success = !reads && call != Call::get_entry && call != Call::keys;
    if (tells_success && is(Mutation::fault_returns_false)) return Result{};
    if (is(Mutation::fault_is_no_cache_error)) throw std::runtime_error("the store is broken");
    throw larder::ConnectionError("the store is broken");
  }

  std::vector<std::string> own_keys(std::string_view pattern) {
    return perform(Call::keys, [&](Aftermath& after) { return store_.keys(pattern, after.gone); });
  }

  /// What a neighbour does to this backend that takes it for its own.
  void lose_everything() {
    Entries lost;
    const auto lock = locked();
    store_.clear(lost);
  }

  void count_hit_in_two_steps() {
    auto lock = locked();
    const std::uint64_t hits = store_.counters.hits;
    lock.unlock();
    std::this_thread::yield();
    lock.lock();
    store_.counters.hits = hits + 1;
  }

  void write_half(std::string_view key, const Bytes& value) {
    auto lock = locked();
    if (!broken_) store_.write_half(key, value);
    lock.unlock();
    std::this_thread::yield();
  }

  void put_back(Entries seen) {
    std::this_thread::yield();
    Entries gone;
    const auto lock = locked();
    store_.put_back(std::move(seen), gone);
  }

  Mutation mutation_;
  MutantEncoding encoding_;
  std::shared_ptr<MutantTenants> tenants_;
  mutable std::mutex mutex_;
  mutable std::atomic<std::thread::id> teller_{};  // who is in the listener with the lock held
  mutable MutantStore store_;
  MutantLookup lookup_{mutation_, store_};
  MutantHooks hooks_;
  bool broken_ = false;
};

}  // namespace larder_tests
