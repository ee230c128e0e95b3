/// \file backend_contract_mutants_test.cpp
/// Whether the contract kit finds bugs: each mutation of a naive backend must be caught by the check that names its
/// bug, and the naive backend without one must pass them all.
#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include <larder/testing/manual_clock.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/contract.hpp"
#include "tests/support/mutant_backend.hpp"

using larder::testing::BackendContract;
using larder::testing::BackendRequest;
using larder::testing::CheckResult;
using larder::testing::ContractCheck;
using larder::testing::Verdict;
using larder_tests::MutantBackend;
using larder_tests::Mutation;

namespace {

MutantBackend& mutant(larder::CacheBackend<>& backend) { return static_cast<MutantBackend&>(backend); }

BackendContract<> contract_of(Mutation mutation) {
  const larder::testing::ManualClock clock;
  const auto tenants = std::make_shared<larder_tests::MutantTenants>();
  larder::BackendCapabilities capabilities = MutantBackend::capabilities;
  capabilities.exact_size_limit = capabilities.error_hook = true;
  return BackendContract<>({
      .name = std::string("a backend with ") + to_string(mutation),
      .make =
          [=](const BackendRequest<>& request) {
            larder_tests::MutantOptions options{.max_size_bytes = request.max_size_bytes,
                                                .on_removal = request.on_removal};
            if (request.on_undecodable) {
              options.on_undecodable = [told = request.on_undecodable](std::string_view) { told(); };
            }
            options.tenants = tenants;
            return std::make_unique<MutantBackend>(mutation, clock, std::move(options));
          },
      .capabilities = capabilities,
      .clock = clock,
      .plant_undecodable = [](larder::CacheBackend<>& backend,
                              std::string_view key) { mutant(backend).plant_undecodable(key); },
      .break_store = [](larder::CacheBackend<>& backend) { mutant(backend).break_store(); },
      .mend_store = [](larder::CacheBackend<>& backend) { mutant(backend).mend_store(); },
  });
}

constexpr const char* gone = " sees an entry until its TTL is over, and not from then on";

/// The check that names the bug of a mutation.
const std::map<Mutation, std::string>& namesakes() {
  using enum Mutation;
  static const std::map<Mutation, std::string> names{
      {keeps_ttl_on_overwrite, "overwriting: set clears the old TTL if it has none"},
      {ttl_ignored_on_overwrite, "overwriting: set replaces the old TTL"},
      {keeps_metadata_on_overwrite, "overwriting: set replaces the metadata"},
      {keeps_created_at_on_overwrite, "overwriting: set renews created_at"},
      {metadata_lost, "entries: metadata come back"},
      {metadata_lost_when_ttl_given, "entries: metadata come back"},
      {set_returns_whether_new, "values: set replaces, erase removes"},
      {expires_late_in_get, std::string("expiry: get") + gone},
      {expires_late_in_exists, std::string("expiry: exists") + gone},
      {expires_late_in_erase, std::string("expiry: erase") + gone},
      {expires_late_in_get_entry, std::string("expiry: get_entry") + gone},
      {expires_late_in_keys, std::string("expiry: keys") + gone},
      {expires_late_in_get_many, std::string("expiry: get_many") + gone},
      {expires_late_in_erase_many, std::string("expiry: erase_many") + gone},
      {expires_late_in_clear, std::string("expiry: clear") + gone},
      {expires_late_in_stats, std::string("expiry: stats") + gone},
      {expires_early, std::string("expiry: get") + gone},
      {exists_ignores_expiry, std::string("expiry: exists") + gone},
      {get_entry_shows_expired, std::string("expiry: get_entry") + gone},
      {keys_lists_expired, std::string("expiry: keys") + gone},
      {stats_count_expired_entries, std::string("expiry: stats") + gone},
      {immortal_after_get, "expiry: a get does not prolong an entry's life"},
      {get_renews_ttl, "expiry: a get does not prolong an entry's life"},
      {ttl_truncated_to_seconds, std::string("expiry: get") + gone},
      {ttl_rounded_up_to_seconds, std::string("expiry: get") + gone},
      {subsecond_ttl_means_for_ever, "TTL: 1 ms is rounded up, neither to \"now\" nor to \"for ever\""},
      {large_ttl_overflows, "TTL: the largest there is is kept or clamped, and never overflows"},
      {set_if_absent_overwrites, "set_if_absent: it stores where there is nothing, and leaves what is there"},
      {set_if_absent_blocked_by_expired, "set_if_absent: it takes the place of what has expired"},
      {expires_late_in_set_if_absent, std::string("expiry: set_if_absent") + gone},
      {set_if_absent_forgets_ttl, "set_if_absent: its TTL is that of what it stores"},
      {set_if_absent_renews_ttl, "set_if_absent: its TTL is that of what it stores"},
      {set_if_absent_forgets_metadata, "set_if_absent: its metadata are those of what it stores"},
      {set_if_absent_drops_for_declined, "set_if_absent: a value that is too large changes nothing"},
      {set_if_absent_counts_failures, "set_if_absent: it counts a set where it stores, and nothing else"},
      {set_if_absent_promotes, "set_if_absent: it promotes nothing"},
      {set_if_absent_wins_twice_under_threads, "set_if_absent: of several threads at once, one succeeds"},
      {touch_never_shortens, "touch: a shorter TTL takes the place of the old one"},
      {touch_never_lengthens, "touch: a longer TTL takes the place of the old one"},
      {touch_adds_no_expiry, "touch: what had no TTL gets one"},
      {touch_keeps_expiry_if_none_given, "touch: without a TTL nothing expires any more"},
      {touch_adds_to_the_old_ttl, "touch: the TTL counts from now"},
      {touch_overflows, "touch: the largest TTL there is does not overflow"},
      {touch_drops_metadata, "touch: value, metadata and created_at stay"},
      {touch_renews_created_at, "touch: value, metadata and created_at stay"},
      {touch_of_absent_returns_true, "touch: it finds neither what is not there nor what has expired"},
      {touch_revives_expired, "touch: it finds neither what is not there nor what has expired"},
      {expires_late_in_touch, std::string("expiry: touch") + gone},
      {touch_counts_as_hit, "touch: it counts nothing"},
      {touch_does_not_promote, "touch: it promotes as a hit does"},
      {touch_tells_listener, "touch: no listener hears of it"},
      {touch_loses_update_under_threads, "history: threads read only what may have been there"},
      {counts_exists_as_hit, "counting: exists counts neither hits nor misses"},
      {counts_get_entry_as_hit, "counting: get_entry counts neither hits nor misses"},
      {promotes_on_exists, "limit: exists promotes nothing"},
      {promotes_on_get_entry, "limit: get_entry promotes nothing"},
      {misses_not_counted, "counting: hits and misses are the keys asked of get and get_many"},
      {sets_count_declined, "limit: a batch goes on behind a declined value, and counts what it stored"},
      {overwrite_counts_as_delete, "overwriting: set counts as a set and nothing else"},
      {overwrite_counts_as_eviction, "overwriting: set counts as a set and nothing else"},
      {erase_counts_as_eviction, "counting: evictions are removals by limit or TTL, expirations those by TTL"},
      {erase_of_absent_returns_true, "values: set replaces, erase removes"},
      {erase_of_absent_counts, "counting: sets and deletes are successes"},
      {evictions_without_expirations, "counting: evictions are removals by limit or TTL, expirations those by TTL"},
      {expirations_not_counted, "counting: evictions are removals by limit or TTL, expirations those by TTL"},
      {evictions_not_counted, "limit: fresh entries displace old ones, and each eviction is counted"},
      {reset_stats_drops_entries, "counting: reset_stats zeroes the counters and keeps the entries"},
      {reset_stats_forgets_hits, "counting: reset_stats zeroes the counters and keeps the entries"},
      {evicts_key_being_written, "limit: the key being written is never evicted"},
      {evicts_live_before_expired, "limit: expired entries go before live ones"},
      {evicts_at_exact_fit, "limit: what fits exactly is kept"},
      {limit_may_be_exceeded, "limit: it holds after every operation"},
      {limit_not_reported, "setup: the capabilities are true"},
      {full_size_value_declined, "limit: what fits exactly is kept"},
      {oversized_value_keeps_old, "limit: a value larger than the cache is declined, and evicts nobody else"},
      {oversized_value_evicts_others, "limit: a value larger than the cache is declined, and evicts nobody else"},
      {declined_set_returns_true, "limit: a value larger than the cache is declined, and evicts nobody else"},
      {overwrite_charges_full_size, "limit: overwriting charges the difference before evicting"},
      {size_counts_keys, "counting: the gauges are the live entries and the bytes of their values"},
      {size_not_reduced_on_erase, "counting: the gauges are the live entries and the bytes of their values"},
      {size_not_reduced_on_expiry, "counting: the gauges are the live entries and the bytes of their values"},
      {size_not_adjusted_on_overwrite, "overwriting: set charges the difference in size"},
      {size_bytes_of_entry_wrong, "values: a plain value round-trips"},
      {get_entry_wrong_key, "keys: a plain key round-trips"},
      {get_entry_hides_expiry, "entries: get_entry tells when an entry was made and when it expires"},
      {get_entry_shows_full_ttl, "entries: get_entry tells when an entry was made and when it expires"},
      {get_entry_created_now, "entries: get_entry tells when an entry was made and when it expires"},
      {visit_hides_metadata, "visiting: an entry shows its value and metadata"},
      {visit_hides_ttl, "visiting: an entry shows how long it is still there"},
      {visit_counts_nothing, "visiting: it counts as the requests that it stands for"},
      {visit_entries_skips_duplicates, "visiting: a batch answers in each position, duplicates too"},
      {key_truncated_at_nul, "keys: a key with a NUL in it round-trips"},
      {key_truncated_at_250, "keys: a key of 251 bytes round-trips"},
      {key_trimmed_of_spaces, "keys: a key with spaces and tabs round-trips"},
      {key_escape_not_escaped, "keys: no key is taken for another"},
      {keys_are_case_insensitive, "keys: no key is taken for another"},
      {empty_key_refused, "keys: an empty key round-trips"},
      {keys_ignores_pattern, "patterns: a plain text takes itself"},
      {keys_lists_encoded_keys, "keys: a key with spaces and tabs round-trips"},
      {keys_lists_the_neighbours, "namespaces: two backends never see each other's entries"},
      {listing_not_told, "keys: whether they can be listed is told"},
      {value_truncated_at_nul, "values: a value with a NUL in it round-trips"},
      {value_truncated_at_64k, "values: a value of 64 KiB and one byte round-trips"},
      {value_loses_trailing_newline, "values: a value that looks like a reply round-trips"},
      {empty_value_is_a_miss, "values: an empty one is a hit"},
      {exponential_glob, "patterns: many stars are never exponential"},
      {glob_knows_no_classes, "patterns: a class"},
      {glob_ignores_escape, "patterns: an escaped star"},
      {glob_matches_prefix, "patterns: a plain text takes itself, and nothing longer"},
      {glob_negates_with_bang, "patterns: a negated class"},
      {glob_compares_signed_bytes, "patterns: a range of bytes beyond ASCII"},
      {glob_reversed_range_matches_nothing, "patterns: a range backwards"},
      {glob_question_mark_is_optional, "patterns: a question mark takes one byte"},
      {glob_is_case_insensitive, "patterns: case counts"},
      {glob_star_stops_at_colon, "patterns: a star takes everything"},
      {glob_expands_braces, "patterns: braces hold no alternatives"},
      {unterminated_class_matches_nothing, "patterns: an unterminated class"},
      {get_many_skips_duplicates, "batches: get_many answers in each position, duplicates too"},
      {get_many_reverses_order, "batches: get_many answers in each position, duplicates too"},
      {get_many_packs_hits, "batches: get_many answers in each position, duplicates too"},
      {get_many_leaves_old_values, "batches: get_many answers in each position, duplicates too"},
      {get_many_counts_once, "counting: hits and misses are the keys asked of get and get_many"},
      {set_many_first_duplicate_wins, "batches: set_many takes the last of duplicates"},
      {set_many_returns_size, "limit: a batch goes on behind a declined value, and counts what it stored"},
      {set_many_stops_at_declined, "limit: a batch goes on behind a declined value, and counts what it stored"},
      {set_many_counts_one_set, "counting: sets and deletes are successes"},
      {set_many_keeps_old_metadata, "overwriting: set_many replaces the metadata"},
      {set_many_keeps_old_ttl, "overwriting: set_many replaces the old TTL"},
      {set_many_forgets_ttl, "expiry: a batch keeps its TTL"},
      {erase_many_returns_size, "batches: erase_many counts what was there"},
      {clear_counts_as_evictions, "clear: it counts as neither a delete nor an eviction"},
      {clear_counts_as_deletes, "clear: it counts as neither a delete nor an eviction"},
      {clear_resets_stats, "clear: it counts as neither a delete nor an eviction"},
      {clear_returns_zero, "clear: it removes everything and tells how much"},
      {clear_counts_expired, "clear: it counts live entries only"},
      {clear_keeps_size, "counting: the gauges are the live entries and the bytes of their values"},
      {clear_empties_the_neighbour, "clear: it leaves other backends' entries alone"},
      {torn_value_under_threads, "history: threads read only what may have been there"},
      {loses_update_under_threads, "history: threads read only what may have been there"},
      {hits_lost_under_threads, "history: when the threads rest, all adds up"},
      {erase_succeeds_twice_under_threads, "history: when the threads rest, all adds up"},
      {listener_under_lock, "listener: it is called after the lock is released"},
      {listener_not_told_of_replaced, "listener: it hears of what is replaced"},
      {listener_not_told_of_expired, "listener: it hears of what has expired"},
      {listener_told_twice, "listener: it hears of what is erased"},
      {listener_told_new_value, "listener: it hears of what is replaced"},
      {listener_wrong_cause_for_expiry, "listener: it hears of what has expired"},
      {listener_exception_escapes, "listener: what it throws is counted and changes nothing"},
      {listener_exceptions_not_counted, "listener: what it throws is counted and changes nothing"},
      {undecodable_is_error, "faults: an undecodable payload is a miss, and counted as undecodable"},
      {undecodable_returns_raw, "faults: an undecodable payload is a miss, and counted as undecodable"},
      {undecodable_not_counted, "faults: an undecodable payload is a miss, and counted as undecodable"},
      {undecodable_not_a_miss, "faults: an undecodable payload is a miss, and counted as undecodable"},
      {undecodable_not_reported, "faults: an undecodable payload is a miss, and counted as undecodable"},
      {undecodable_outlives_set, "faults: an undecodable payload is a miss, and counted as undecodable"},
      {fault_is_a_miss, "faults: a fault of the store is an error in every call, and never a miss"},
      {fault_returns_false, "faults: a fault of the store is an error in every call, and never a miss"},
      {fault_counts_as_miss, "faults: a fault of the store is an error in every call, and never a miss"},
      {fault_not_counted, "faults: a fault of the store is an error in every call, and never a miss"},
      {fault_is_no_cache_error, "faults: a fault of the store is an error in every call, and never a miss"},
      {never_recovers, "faults: a fault of the store is an error in every call, and never a miss"},
  };
  return names;
}

}  // namespace

TEST_CASE("the naive backend keeps the whole contract") {
  std::size_t passed = 0;
  for (const ContractCheck& check : contract_of(Mutation::none).checks()) {
    const CheckResult result = check.run();
    INFO(result.to_text());
    CHECK(result.ok());
    passed += result.verdict == Verdict::passed ? 1 : 0;
  }
  CHECK(passed >= 161);
}

TEST_CASE("each mutation is caught by the check that names it, with the calls that show it") {
  CHECK(namesakes().size() == larder_tests::all_mutations.size());
  for (const Mutation mutation : larder_tests::all_mutations) {
    const auto namesake = namesakes().find(mutation);
    INFO(to_string(mutation) << ": " << symptom_of(mutation));
    REQUIRE(namesake != namesakes().end());
    bool found = false;
    const BackendContract<> contract = contract_of(mutation);
    for (const ContractCheck& check : contract.checks()) {
      if (check.name() != namesake->second) continue;
      found = true;
      const CheckResult result = check.run();
      INFO(result.to_text());
      if (mutation == Mutation::limit_not_reported) {
        // Not the backend's word against the kit's: what was asked for cannot be seen.
        CHECK(result.verdict == Verdict::invalid_setup);
      } else {
        CHECK(result.verdict == Verdict::failed);
        CHECK(result.story.starts_with("  // cache is a fresh a backend with "));
      }
    }
    INFO("the check that should name it: " << namesake->second);
    CHECK(found);
  }
}
