/// \file batch_checks.hpp
/// The contract's row about batches: the same as one call a key, in one.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <larder/cache_error.hpp>
#include <larder/testing/detail/trial.hpp>

namespace larder::testing::detail {

inline void empty_batch_is_a_no_op(Trial& trial) {
  const auto cache = trial.fresh();
  cache.set("k", "v");
  const CacheStats before = cache.stats();
  trial.expect(cache.get_many({}).empty(), "nothing");
  trial.expect(cache.set_many({}) == 0, "0: nothing was to be stored");
  trial.expect(cache.erase_many({}) == 0, "0: nothing was to be erased");
  trial.expect(cache.stats() == before, "the same statistics as before: an empty batch does nothing");
  trial.expect(cache.get("k") == "v", "the value from before");
}

inline void get_many_answers_in_each_position(Trial& trial) {
  const auto cache = trial.fresh();
  cache.set("a", "1");
  cache.set("b", "2");
  const auto values = cache.get_many({"b", "nobody", "a", "b", "nobody", "a"});
  const std::vector<std::optional<std::string>> expected{"2", std::nullopt, "1", "2", std::nullopt, "1"};
  trial.expect(values == expected,
               "\"2\", a miss, \"1\", and the same once more: duplicates are answered in each position");
  const auto found = cache.backend().get_many({"b", "nobody", "a", "b"});
  trial.story().tell("cache.get_many({\"b\", \"nobody\", \"a\", \"b\"});");
  trial.expect(found.size() == 2 && found.at("a") == "1" && found.at("b") == "2",
               "as a map, the two keys that are there with their values");
}

inline void set_many_stores_each(Trial& trial) {
  const auto cache = trial.fresh();
  cache.set("b", "old");
  trial.expect(cache.set_many({{"a", "1"}, {"b", "2"}, {"c", "3"}}) == 3, "3: each was stored");
  trial.expect(cache.get("a") == "1", "the value from the batch");
  trial.expect(cache.get("b") == "2", "the value from the batch, which replaced the old one");
  trial.expect(cache.get("c") == "3", "the value from the batch");
}

inline void set_many_takes_the_last_of_duplicates(Trial& trial) {
  const auto cache = trial.fresh();
  trial.expect(cache.set_many({{"k", "first"}, {"l", "other"}, {"k", "last"}}) == 3, "3: each position counts");
  trial.expect(cache.get("k") == "last", "the last of the two values, as if set one after the other");
  trial.expect(cache.get("l") == "other", "its own value");
}

inline void erase_many_counts_what_was_there(Trial& trial) {
  const auto cache = trial.fresh();
  cache.set_many({{"a", "1"}, {"b", "2"}, {"c", "3"}});
  trial.expect(cache.erase_many({"a", "nobody", "b"}) == 2, "2: so many of them were there");
  trial.expect(!cache.exists("a") && !cache.exists("b"), "false: they were erased");
  trial.expect(cache.exists("c"), "true: it was not in the batch");
  trial.expect(cache.erase_many({"c", "c"}) == 1, "1: the second time it was gone");
}

inline void large_batches_are_whole(Trial& trial) {
  constexpr std::size_t count = 1000;
  const auto cache = trial.fresh();
  std::vector<std::pair<std::string, std::string>> items;
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < count; ++i) {
    items.emplace_back("key " + std::to_string(i), "value " + std::to_string(i));
    keys.push_back("key " + std::to_string(2 * i));  // every other one is missing
  }
  trial.story().tell(
      "// items: 1,000 pairs, \"key 0\" to \"key 999\"; keys: 1,000 keys, \"key 0\", \"key 2\" to \"key 1998\"");
  trial.story().tell("// cache.set_many(items);");
  trial.expect(cache.backend().set_many(items) == count, "1000: each was stored");
  trial.story().tell("// cache.get_many(keys);");
  const auto values = detail::get_many(cache.backend(), keys);
  for (std::size_t i = 0; i < count; ++i) {
    const auto expected = 2 * i < count ? std::optional("value " + std::to_string(2 * i)) : std::nullopt;
    trial.expect(values[i] == expected,
                 "in position " + std::to_string(i) + " " + (expected ? cpp_string(*expected) : "a miss"));
  }
  trial.story().tell("// cache.erase_many(keys);");
  trial.expect(cache.backend().erase_many(keys) == count / 2, "500: so many of them were there");
  trial.expect(cache.exists("key 1") && !cache.exists("key 2"), "the odd ones are still there, the even ones gone");
}

/// The base class sees to it; a backend that hides its functions behind its own would lose that.
inline void batch_arguments_are_checked_first(Trial& trial) {
  const auto cache = trial.fresh();
  cache.set("a", "1");
  const CacheStats before = cache.stats();
  const std::vector<std::string_view> keys{"a", "b"};
  std::vector<std::optional<Bytes>> values(1, Bytes("untouched"));
  trial.story().tell("// cache.get_many(two keys, room for one value);");
  trial.expect_throws<InvalidArgumentError>(
      [&] {
        cache.backend().get_many(std::span<const std::string_view>(keys), std::span<std::optional<Bytes>>(values));
      },
      "an InvalidArgumentError: there must be room for each value");
  trial.expect(values[0] == Bytes("untouched") && cache.stats() == before, "nothing was done before that was checked");
}

inline void add_batch_checks(CheckList& checks) {
  checks.push_back({"batches: an empty one is a no-op", empty_batch_is_a_no_op});
  checks.push_back({"batches: get_many answers in each position, duplicates too", get_many_answers_in_each_position});
  checks.push_back({"batches: set_many stores each pair", set_many_stores_each});
  checks.push_back({"batches: set_many takes the last of duplicates", set_many_takes_the_last_of_duplicates});
  checks.push_back({"batches: erase_many counts what was there", erase_many_counts_what_was_there});
  checks.push_back({"batches: large ones are whole", large_batches_are_whole});
  checks.push_back({"batches: arguments are checked before anything is done", batch_arguments_are_checked_first});
}

}  // namespace larder::testing::detail
