/// \file mutant_lookup.hpp
/// MutantLookup: what the calls of a MutantBackend do with one key, which may hold what cannot be decoded. To be used
/// with the lock held.
#pragma once

#include <optional>
#include <string>

#include <larder/bytes.hpp>
#include <larder/cache_error.hpp>
#include <larder/removal_cause.hpp>
#include <larder/ttl.hpp>

#include "tests/support/mutant/mutant_hooks.hpp"
#include "tests/support/mutant/mutant_store.hpp"
#include "tests/support/mutant/mutation.hpp"

namespace larder_tests {

class MutantLookup {
  using Call = MutantStore::Call;
  using Position = MutantStore::Position;
  using Aftermath = MutantAftermath;

 public:
  MutantLookup(Mutation mutation, MutantStore& store) noexcept : mutation_(mutation), store_(store) {}

  /// For `get` and `get_many`.
  std::optional<larder::Bytes> get(const std::string& key, Call call, Aftermath& after) {
    if (store_.holds_undecodable(key)) {
      if (is(Mutation::undecodable_returns_raw)) {
        ++store_.counters.hits;
        return larder::Bytes("\x7f no envelope of ours");
      }
      if (is(Mutation::undecodable_is_error)) {
        ++store_.counters.errors;
        throw larder::ProtocolError("the payload cannot be decoded");
      }
      if (!is(Mutation::undecodable_not_counted)) ++store_.counters.undecodable;
      if (!is(Mutation::undecodable_not_reported)) after.undecodable.push_back(key);
      if (!is(Mutation::undecodable_not_a_miss)) count_miss();
      return std::nullopt;
    }
    const Position entry = store_.find(key, call, after.gone);
    if (entry == store_.none() || (entry->value.empty() && is(Mutation::empty_value_is_a_miss))) {
      count_miss();
      return std::nullopt;
    }
    return store_.hit(entry, call);
  }

  /// The live entry for `exists` and `get_entry`, or `none()`.
  Position peek(const std::string& key, Call call, Aftermath& after) {
    const bool is_absent = store_.holds_undecodable(key);
    const Position entry = is_absent ? store_.none() : store_.find(key, call, after.gone);
    const bool found = entry != store_.none();
    if (is(call == Call::exists ? Mutation::counts_exists_as_hit : Mutation::counts_get_entry_as_hit)) {
      ++(found ? store_.counters.hits : store_.counters.misses);
    }
    if (found && is(call == Call::exists ? Mutation::promotes_on_exists : Mutation::promotes_on_get_entry)) {
      store_.promote(entry);
    }
    return entry;
  }

  bool erase(const std::string& key, Call call, Aftermath& after) {
    store_.forget_undecodable(key);
    const Position entry = store_.find(key, call, after.gone);
    if (entry != store_.none()) {
      store_.remove(entry, larder::RemovalCause::erased, after.gone);
      return true;
    }
    if (is(Mutation::erase_of_absent_counts)) ++store_.counters.deletes;
    return is(Mutation::erase_of_absent_returns_true);
  }

  bool touch(const std::string& key, const larder::Ttl& ttl, Aftermath& after) {
    const bool is_absent = store_.holds_undecodable(key);
    const Position entry = is_absent ? store_.none() : store_.find(key, Call::touch, after.gone);
    if (entry == store_.none()) return is(Mutation::touch_of_absent_returns_true);
    store_.touch(entry, ttl, after.gone);
    return true;
  }

 private:
  bool is(Mutation mutation) const noexcept { return mutation_ == mutation; }

  void count_miss() noexcept { store_.counters.misses += is(Mutation::misses_not_counted) ? 0 : 1; }

  Mutation mutation_;
  MutantStore& store_;
};

}  // namespace larder_tests
