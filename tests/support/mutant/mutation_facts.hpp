/// \file mutation_facts.hpp
/// What each Mutation is called, and how it shows.
///
/// Invariant: `mutation_facts` holds one fact for each mutation, in the order of the enumerators.
#pragma once

#include <array>
#include <cstddef>

#include "tests/support/mutant/mutation.hpp"

namespace larder_tests {

struct MutationFact {
  Mutation mutation;
  const char* name;
  /// Which observable behaviour is wrong.
  const char* symptom;
};

// clang-format off
inline constexpr auto mutation_facts = std::to_array<MutationFact>({
    {Mutation::none, "none", "nothing"},
    {Mutation::keeps_ttl_on_overwrite, "keeps_ttl_on_overwrite", "a set without a TTL does not clear the old one"},
    {Mutation::ttl_ignored_on_overwrite, "ttl_ignored_on_overwrite",
     "a set of a key that is there already does not apply its TTL"},
    {Mutation::keeps_metadata_on_overwrite, "keeps_metadata_on_overwrite", "the old metadata stay, beside the new"},
    {Mutation::keeps_created_at_on_overwrite, "keeps_created_at_on_overwrite",
     "an overwritten entry seems as old as the one before"},
    {Mutation::metadata_lost, "metadata_lost", "set drops the metadata"},
    {Mutation::metadata_lost_when_ttl_given, "metadata_lost_when_ttl_given", "a set with a TTL drops the metadata"},
    {Mutation::set_returns_whether_new, "set_returns_whether_new",
     "a set that overwrites returns false, although it stored"},
    {Mutation::expires_late_in_get, "expires_late_in_get", "get still finds an entry at the instant it expires"},
    {Mutation::expires_late_in_exists, "expires_late_in_exists",
     "exists still finds an entry at the instant it expires"},
    {Mutation::expires_late_in_erase, "expires_late_in_erase",
     "erase returns true for an entry at the instant it expires"},
    {Mutation::expires_late_in_get_entry, "expires_late_in_get_entry",
     "get_entry still shows an entry at the instant it expires"},
    {Mutation::expires_late_in_keys, "expires_late_in_keys", "keys still lists an entry at the instant it expires"},
    {Mutation::expires_late_in_get_many, "expires_late_in_get_many",
     "get_many still finds an entry at the instant it expires"},
    {Mutation::expires_late_in_erase_many, "expires_late_in_erase_many",
     "erase_many counts an entry at the instant it expires"},
    {Mutation::expires_late_in_clear, "expires_late_in_clear", "clear counts an entry at the instant it expires"},
    {Mutation::expires_late_in_stats, "expires_late_in_stats", "stats counts an entry at the instant it expires"},
    {Mutation::expires_early, "expires_early", "an entry is gone one millisecond before it expires"},
    {Mutation::exists_ignores_expiry, "exists_ignores_expiry", "exists finds what has expired"},
    {Mutation::get_entry_shows_expired, "get_entry_shows_expired", "get_entry shows what has expired"},
    {Mutation::keys_lists_expired, "keys_lists_expired", "keys lists what has expired"},
    {Mutation::stats_count_expired_entries, "stats_count_expired_entries",
     "the gauges count entries that have expired"},
    {Mutation::immortal_after_get, "immortal_after_get", "a get cancels the TTL"},
    {Mutation::get_renews_ttl, "get_renews_ttl", "a get starts the TTL anew"},
    {Mutation::ttl_truncated_to_seconds, "ttl_truncated_to_seconds",
     "a TTL is rounded down to whole seconds, to nothing if it is below one"},
    {Mutation::ttl_rounded_up_to_seconds, "ttl_rounded_up_to_seconds",
     "a TTL is rounded up to whole seconds, although milliseconds are promised"},
    {Mutation::subsecond_ttl_means_for_ever, "subsecond_ttl_means_for_ever",
     "a TTL below one second means that the entry never expires"},
    {Mutation::large_ttl_overflows, "large_ttl_overflows", "the largest TTLs overflow and mean: already expired"},
    {Mutation::set_if_absent_overwrites, "set_if_absent_overwrites", "set_if_absent replaces what is there"},
    {Mutation::set_if_absent_blocked_by_expired, "set_if_absent_blocked_by_expired",
     "an entry that has expired makes set_if_absent return false"},
    {Mutation::expires_late_in_set_if_absent, "expires_late_in_set_if_absent",
     "an entry still stands in the way of set_if_absent at the instant it expires"},
    {Mutation::set_if_absent_forgets_ttl, "set_if_absent_forgets_ttl", "set_if_absent does not apply its TTL"},
    {Mutation::set_if_absent_renews_ttl, "set_if_absent_renews_ttl",
     "set_if_absent applies its TTL to the entry that is there"},
    {Mutation::set_if_absent_forgets_metadata, "set_if_absent_forgets_metadata", "set_if_absent drops the metadata"},
    {Mutation::set_if_absent_drops_for_declined, "set_if_absent_drops_for_declined",
     "set_if_absent with a value that is too large removes what is there"},
    {Mutation::set_if_absent_counts_failures, "set_if_absent_counts_failures",
     "sets counts what set_if_absent did not store"},
    {Mutation::set_if_absent_promotes, "set_if_absent_promotes", "set_if_absent saves an entry from eviction"},
    {Mutation::set_if_absent_wins_twice_under_threads, "set_if_absent_wins_twice_under_threads",
     "two calls of set_if_absent at once may both return true"},
    {Mutation::touch_never_shortens, "touch_never_shortens", "touch with a shorter TTL leaves the longer one"},
    {Mutation::touch_never_lengthens, "touch_never_lengthens", "touch with a longer TTL leaves the shorter one"},
    {Mutation::touch_adds_no_expiry, "touch_adds_no_expiry", "touch gives no TTL to what had none"},
    {Mutation::touch_keeps_expiry_if_none_given, "touch_keeps_expiry_if_none_given",
     "touch without a TTL leaves the old one"},
    {Mutation::touch_adds_to_the_old_ttl, "touch_adds_to_the_old_ttl",
     "touch counts the TTL from the end of the old one"},
    {Mutation::touch_overflows, "touch_overflows", "touch with the largest TTL means: already expired"},
    {Mutation::touch_drops_metadata, "touch_drops_metadata", "touch drops the metadata"},
    {Mutation::touch_renews_created_at, "touch_renews_created_at", "touch makes an entry seem new"},
    {Mutation::touch_of_absent_returns_true, "touch_of_absent_returns_true",
     "touch returns true for a key that is not there"},
    {Mutation::touch_revives_expired, "touch_revives_expired", "touch brings back what has expired"},
    {Mutation::expires_late_in_touch, "expires_late_in_touch", "touch still finds an entry at the instant it expires"},
    {Mutation::touch_counts_as_hit, "touch_counts_as_hit", "touch counts a hit or a miss"},
    {Mutation::touch_does_not_promote, "touch_does_not_promote", "touch does not save an entry from eviction"},
    {Mutation::touch_tells_listener, "touch_tells_listener",
     "the listener hears of an entry that is touched as of a replaced one"},
    {Mutation::touch_loses_update_under_threads, "touch_loses_update_under_threads",
     "a touch may bring back what was erased or overwritten meanwhile"},
    {Mutation::counts_exists_as_hit, "counts_exists_as_hit", "exists counts a hit or a miss"},
    {Mutation::counts_get_entry_as_hit, "counts_get_entry_as_hit", "get_entry counts a hit or a miss"},
    {Mutation::promotes_on_exists, "promotes_on_exists", "exists saves an entry from eviction"},
    {Mutation::promotes_on_get_entry, "promotes_on_get_entry", "get_entry saves an entry from eviction"},
    {Mutation::misses_not_counted, "misses_not_counted", "misses stays 0"},
    {Mutation::sets_count_declined, "sets_count_declined", "sets counts a value that was declined"},
    {Mutation::overwrite_counts_as_delete, "overwrite_counts_as_delete",
     "deletes counts the entry that a set replaces"},
    {Mutation::overwrite_counts_as_eviction, "overwrite_counts_as_eviction",
     "evictions counts the entry that a set replaces"},
    {Mutation::erase_counts_as_eviction, "erase_counts_as_eviction", "evictions counts the entry that erase removes"},
    {Mutation::erase_of_absent_returns_true, "erase_of_absent_returns_true",
     "erase returns true for a key that is not there"},
    {Mutation::erase_of_absent_counts, "erase_of_absent_counts",
     "deletes counts the erasure of a key that is not there"},
    {Mutation::evictions_without_expirations, "evictions_without_expirations",
     "evictions leaves out what left by its TTL"},
    {Mutation::expirations_not_counted, "expirations_not_counted", "expirations stays 0"},
    {Mutation::evictions_not_counted, "evictions_not_counted", "evictions leaves out what left by the limit"},
    {Mutation::reset_stats_drops_entries, "reset_stats_drops_entries", "reset_stats empties the cache"},
    {Mutation::reset_stats_forgets_hits, "reset_stats_forgets_hits", "reset_stats does not zero the hits"},
    {Mutation::evicts_key_being_written, "evicts_key_being_written",
     "a set that makes the oldest entry larger evicts that very entry"},
    {Mutation::evicts_live_before_expired, "evicts_live_before_expired",
     "a live entry is evicted while an expired one takes room"},
    {Mutation::evicts_at_exact_fit, "evicts_at_exact_fit",
     "an entry is evicted although the new one would fit exactly"},
    {Mutation::limit_may_be_exceeded, "limit_may_be_exceeded",
     "the newest value is not counted when room is made, so that the limit is exceeded"},
    {Mutation::limit_not_reported, "limit_not_reported", "stats does not say what the limit is"},
    {Mutation::full_size_value_declined, "full_size_value_declined", "a value of exactly the limit is declined"},
    {Mutation::oversized_value_keeps_old, "oversized_value_keeps_old",
     "a value that was declined as too large leaves the older value in place"},
    {Mutation::oversized_value_evicts_others, "oversized_value_evicts_others",
     "a value that is declined as too large evicts all others first"},
    {Mutation::declined_set_returns_true, "declined_set_returns_true",
     "set returns true for a value that was declined as too large"},
    {Mutation::overwrite_charges_full_size, "overwrite_charges_full_size",
     "an overwrite evicts others although the new total would fit"},
    {Mutation::size_counts_keys, "size_counts_keys", "current_size_bytes counts the keys, too"},
    {Mutation::size_not_reduced_on_erase, "size_not_reduced_on_erase",
     "current_size_bytes still counts what was erased"},
    {Mutation::size_not_reduced_on_expiry, "size_not_reduced_on_expiry",
     "current_size_bytes still counts what has expired"},
    {Mutation::size_not_adjusted_on_overwrite, "size_not_adjusted_on_overwrite",
     "current_size_bytes still counts the value that was replaced"},
    {Mutation::size_bytes_of_entry_wrong, "size_bytes_of_entry_wrong", "size_bytes of an entry counts its key, too"},
    {Mutation::get_entry_wrong_key, "get_entry_wrong_key", "get_entry shows the key with the store's prefix"},
    {Mutation::get_entry_hides_expiry, "get_entry_hides_expiry", "get_entry shows no expires_at"},
    {Mutation::get_entry_shows_full_ttl, "get_entry_shows_full_ttl",
     "get_entry counts the whole TTL from now, not from the set"},
    {Mutation::get_entry_created_now, "get_entry_created_now", "get_entry shows the present as created_at"},
    {Mutation::key_truncated_at_nul, "key_truncated_at_nul", "keys that are equal up to a NUL are one"},
    {Mutation::key_truncated_at_250, "key_truncated_at_250", "keys that are equal in their first 250 bytes are one"},
    {Mutation::key_trimmed_of_spaces, "key_trimmed_of_spaces", "keys that differ in spaces around them are one"},
    {Mutation::key_escape_not_escaped, "key_escape_not_escaped",
     "a space is stored as %20, but a %20 as itself: two keys are one"},
    {Mutation::keys_are_case_insensitive, "keys_are_case_insensitive", "keys that differ in case are one"},
    {Mutation::empty_key_refused, "empty_key_refused", "the empty key is an error"},
    {Mutation::keys_ignores_pattern, "keys_ignores_pattern", "keys lists all keys, whatever the pattern"},
    {Mutation::keys_lists_encoded_keys, "keys_lists_encoded_keys",
     "keys lists a space as the %20 that it was stored as"},
    {Mutation::keys_lists_the_neighbours, "keys_lists_the_neighbours", "keys lists the other tenants' keys, too"},
    {Mutation::value_truncated_at_nul, "value_truncated_at_nul", "a value ends at its first NUL"},
    {Mutation::value_truncated_at_64k, "value_truncated_at_64k", "a value ends after 65536 bytes"},
    {Mutation::value_loses_trailing_newline, "value_loses_trailing_newline", "a newline at the end of a value is lost"},
    {Mutation::empty_value_is_a_miss, "empty_value_is_a_miss", "get and get_many do not find an empty value"},
    {Mutation::exponential_glob, "exponential_glob", "each star of a pattern multiplies the time"},
    {Mutation::glob_knows_no_classes, "glob_knows_no_classes", "a [ stands for itself"},
    {Mutation::glob_ignores_escape, "glob_ignores_escape", "a backslash stands for itself"},
    {Mutation::glob_matches_prefix, "glob_matches_prefix", "a pattern that matches the beginning of a key matches"},
    {Mutation::glob_negates_with_bang, "glob_negates_with_bang", "a class is negated by ! and not by ^"},
    {Mutation::glob_compares_signed_bytes, "glob_compares_signed_bytes",
     "bytes above 127 come before the others in a range"},
    {Mutation::glob_reversed_range_matches_nothing, "glob_reversed_range_matches_nothing", "[z-a] is not [a-z]"},
    {Mutation::glob_question_mark_is_optional, "glob_question_mark_is_optional", "a ? matches no byte as well as one"},
    {Mutation::glob_is_case_insensitive, "glob_is_case_insensitive", "a letter of a pattern matches in either case"},
    {Mutation::glob_star_stops_at_colon, "glob_star_stops_at_colon", "a * does not match a colon"},
    {Mutation::glob_expands_braces, "glob_expands_braces", "{a,b} matches a and b"},
    {Mutation::unterminated_class_matches_nothing, "unterminated_class_matches_nothing",
     "a [ without its ] matches nothing"},
    {Mutation::get_many_skips_duplicates, "get_many_skips_duplicates",
     "a key that is asked for twice is answered once"},
    {Mutation::get_many_counts_once, "get_many_counts_once", "get_many counts one hit or miss for the whole batch"},
    {Mutation::get_many_reverses_order, "get_many_reverses_order", "get_many answers from the last key to the first"},
    {Mutation::get_many_packs_hits, "get_many_packs_hits",
     "get_many puts the values that it found in the first places"},
    {Mutation::get_many_leaves_old_values, "get_many_leaves_old_values",
     "get_many does not empty the places of keys that it did not find"},
    {Mutation::set_many_first_duplicate_wins, "set_many_first_duplicate_wins",
     "of two values for one key in a batch, the first stays"},
    {Mutation::set_many_returns_size, "set_many_returns_size", "set_many counts values that were declined"},
    {Mutation::set_many_stops_at_declined, "set_many_stops_at_declined",
     "set_many does not store what follows a declined value"},
    {Mutation::set_many_counts_one_set, "set_many_counts_one_set", "sets counts a batch as one"},
    {Mutation::set_many_keeps_old_metadata, "set_many_keeps_old_metadata", "set_many leaves the old metadata in place"},
    {Mutation::set_many_keeps_old_ttl, "set_many_keeps_old_ttl", "set_many leaves the old TTL in place"},
    {Mutation::set_many_forgets_ttl, "set_many_forgets_ttl", "set_many does not apply its TTL"},
    {Mutation::erase_many_returns_size, "erase_many_returns_size", "erase_many counts keys that were not there"},
    {Mutation::clear_counts_as_evictions, "clear_counts_as_evictions", "evictions counts what clear removes"},
    {Mutation::clear_counts_as_deletes, "clear_counts_as_deletes", "deletes counts what clear removes"},
    {Mutation::clear_returns_zero, "clear_returns_zero", "clear does not tell how many went"},
    {Mutation::clear_counts_expired, "clear_counts_expired", "clear counts entries that had expired before"},
    {Mutation::clear_resets_stats, "clear_resets_stats", "clear zeroes the counters"},
    {Mutation::clear_keeps_size, "clear_keeps_size", "current_size_bytes still counts what clear removed"},
    {Mutation::clear_empties_the_neighbour, "clear_empties_the_neighbour", "clear empties the other tenants, too"},
    {Mutation::torn_value_under_threads, "torn_value_under_threads",
     "a reader may see half of a new value with half of the old one"},
    {Mutation::loses_update_under_threads, "loses_update_under_threads",
     "a get may bring back what was erased or overwritten meanwhile"},
    {Mutation::hits_lost_under_threads, "hits_lost_under_threads", "two hits at once may count as one"},
    {Mutation::erase_succeeds_twice_under_threads, "erase_succeeds_twice_under_threads",
     "two erasures at once of one entry may both return true"},
    {Mutation::listener_under_lock, "listener_under_lock", "the listener is called with the lock held"},
    {Mutation::listener_not_told_of_replaced, "listener_not_told_of_replaced",
     "the listener does not hear of replaced entries"},
    {Mutation::listener_not_told_of_expired, "listener_not_told_of_expired",
     "the listener does not hear of expired entries"},
    {Mutation::listener_told_twice, "listener_told_twice", "the listener hears of each entry twice"},
    {Mutation::listener_told_new_value, "listener_told_new_value",
     "the listener hears the new value of a replaced entry, not the old one"},
    {Mutation::listener_wrong_cause_for_expiry, "listener_wrong_cause_for_expiry",
     "the listener hears that an expired entry was evicted"},
    {Mutation::listener_exception_escapes, "listener_exception_escapes",
     "what the listener throws comes out of the operation"},
    {Mutation::listener_exceptions_not_counted, "listener_exceptions_not_counted",
     "errors does not count what the listener throws"},
    {Mutation::undecodable_is_error, "undecodable_is_error",
     "get and get_many throw where a payload cannot be decoded"},
    {Mutation::undecodable_returns_raw, "undecodable_returns_raw",
     "get and get_many return a payload that cannot be decoded as it is"},
    {Mutation::undecodable_not_counted, "undecodable_not_counted", "undecodable stays 0"},
    {Mutation::undecodable_not_a_miss, "undecodable_not_a_miss",
     "what cannot be decoded counts as undecodable alone, and not as a miss"},
    {Mutation::undecodable_not_reported, "undecodable_not_reported",
     "the hook does not hear of what cannot be decoded"},
    {Mutation::undecodable_outlives_set, "undecodable_outlives_set",
     "a set does not take the place of what cannot be decoded"},
    {Mutation::fault_is_a_miss, "fault_is_a_miss",
     "get and get_many find nothing while the store is broken, instead of throwing"},
    {Mutation::fault_returns_false, "fault_returns_false",
     "set, erase, exists, batches and clear return false or 0 while the store is broken, instead of throwing"},
    {Mutation::fault_counts_as_miss, "fault_counts_as_miss", "a get or get_many that throws counts misses"},
    {Mutation::fault_not_counted, "fault_not_counted", "errors does not count what the broken store throws"},
    {Mutation::fault_is_no_cache_error, "fault_is_no_cache_error", "what a broken store throws is no CacheError"},
    {Mutation::never_recovers, "never_recovers", "operations go on throwing when the store is back"},
});
// clang-format on

namespace detail {

constexpr bool mutation_facts_are_in_order() {
  for (std::size_t i = 0; i < mutation_facts.size(); ++i) {
    if (mutation_facts[i].mutation != static_cast<Mutation>(i)) return false;
  }
  return true;
}

}  // namespace detail

static_assert(mutation_facts.size() == static_cast<std::size_t>(Mutation::never_recovers) + 1);
static_assert(detail::mutation_facts_are_in_order());

/// Result: the mutation's name as it is spelt above.
constexpr const char* to_string(Mutation mutation) { return mutation_facts[static_cast<std::size_t>(mutation)].name; }

/// Result: which observable behaviour is wrong, in a phrase.
constexpr const char* symptom_of(Mutation mutation) {
  return mutation_facts[static_cast<std::size_t>(mutation)].symptom;
}

/// All but `none`.
inline constexpr auto all_mutations = [] {
  std::array<Mutation, mutation_facts.size() - 1> mutations{};
  for (std::size_t i = 0; i < mutations.size(); ++i) mutations[i] = mutation_facts[i + 1].mutation;
  return mutations;
}();

}  // namespace larder_tests
