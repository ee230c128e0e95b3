/// \file key_checks.hpp
/// The contract's rows about keys: any bytes are a key, and no two keys are one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <larder/cache_error.hpp>
#include <larder/testing/detail/trial.hpp>

namespace larder::testing::detail {

inline std::string every_byte() {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
  return bytes;
}

/// Keys that have broken caches, each with what it is.
inline std::vector<std::pair<std::string, std::string>> hostile_keys() {
  using namespace std::string_literals;
  return {
      {"a plain key", "user:123"},
      {"an empty key", ""},
      {"a key with a NUL in it", "a\0b"s},
      {"a key that is a NUL", "\0"s},
      {"a key of every byte there is", every_byte()},
      {"a key with CRLF and a command in it", "a\r\nset b 0 0 1\r\nx\r\n"},
      {"a key with spaces and tabs", " a \t b "},
      {"a key with braces", "{user}:{1}"},
      {"a key that looks like a pattern", "*?[a-z]\\"},
      {"a key in UTF-8",
       "gr\xc3\xbc\xc3\x9f"
       "e, \xe6\x97\xa5\xe6\x9c\xac"},
      {"a key that is no UTF-8", "\xff\xfe\x80"},
      {"a key with quotes", "\"';--"},
      {"a key with slashes and per cent signs", "/../%00%2f"},
      {"a key of 250 bytes", std::string(250, 'k')},
      {"a key of 251 bytes", std::string(251, 'k')},
      {"a key of 2,048 bytes", std::string(2048, 'k')},
      {"a key of 2,049 bytes", std::string(2049, 'k')},
  };
}

/// Keys that careless encoding, trimming, cutting or folding would take for one another.
inline std::vector<std::string> similar_keys() {
  using namespace std::string_literals;
  std::vector<std::string> keys{"",     "\0"s, "\0\0"s, "a",   "A",     "a\0"s,     "a\0b"s,    "a\0c"s, " a",
                                "a ",   "a\n", "a\r\n", "a:",  "a%00",  "\\x00",    "\\0",      "0",     "00",
                                "YQ==", "61",  "%61",   "a b", "a%20b", "a+b",      "a_b",      "a*",    "[a]",
                                "{a}",  "a}",  "{a}b",  "ab",  "a:b",   "\xc3\xa4", "a\xcc\x88"};
  for (const std::size_t size : {64u, 127u, 250u, 251u, 255u, 256u, 2048u, 2049u}) {
    keys.emplace_back(size, 'k');
    keys.push_back(std::string(size - 1, 'k') + "x");
  }
  return keys;
}

inline void key_round_trips(Trial& trial, const std::string& key) {
  const auto cache = trial.fresh();
  if (key.size() > trial.can().largest_key) {
    trial.expect_throws<InvalidArgumentError>([&] { cache.set(key, "v"); },
                                              "a key above largest_key is refused with an InvalidArgumentError");
    return;
  }
  trial.expect(!cache.get(key), "a miss, since nothing was set");
  trial.expect(!cache.exists(key), "false, since nothing was set");
  trial.expect(cache.set(key, "v"), "true: any bytes are a key");
  trial.expect(cache.get(key) == "v", "the value that was set under this key");
  trial.expect(cache.exists(key), "true, since the key was set");
  trial.expect(cache.get_many({key})[0] == "v", "the value that was set under this key, from get_many too");
  if (trial.can().entries) {
    const auto entry = cache.get_entry(key);
    trial.expect(entry && entry->key == key, "an entry with this very key");
  }
  if (trial.can().enumerable_keys) trial.expect(cache.keys() == std::vector{key}, "keys() lists this very key");
  trial.expect(cache.erase(key), "true, since the key was there");
  trial.expect(!cache.get(key), "a miss, since the key was erased");
}

inline void keys_do_not_collide(Trial& trial) {
  std::vector<std::string> keys;
  for (const std::string& key : similar_keys()) {
    if (key.size() <= trial.can().largest_key) keys.push_back(key);
  }
  // A pair at a time first: the story of two keys is the shortest.
  for (std::size_t i = 1; i < keys.size(); ++i) {
    const auto cache = trial.fresh();
    cache.set(keys[i - 1], "first");
    cache.set(keys[i], "second");
    trial.expect(cache.get(keys[i - 1]) == "first", "the first key's own value: the two keys are different");
    trial.expect(cache.get(keys[i]) == "second", "the second key's own value: the two keys are different");
  }
  const auto cache = trial.fresh();
  for (std::size_t i = 0; i < keys.size(); ++i) cache.set(keys[i], std::to_string(i));
  for (std::size_t i = 0; i < keys.size(); ++i) {
    trial.expect(cache.get(keys[i]) == std::to_string(i),
                 "the value that was set under this key, and not another key's");
  }
  cache.erase(keys[0]);
  for (std::size_t i = 1; i < keys.size(); ++i) {
    trial.expect(cache.exists(keys[i]), "true, since only another key was erased");
  }
}

inline void too_long_key_changes_nothing(Trial& trial) {
  trial.only_if(trial.can().largest_key != BackendCapabilities::unlimited, "there is no largest key");
  const auto cache = trial.fresh();
  const std::string key(trial.can().largest_key + 1, 'k');
  cache.set("a", "1");
  trial.expect_throws<InvalidArgumentError>([&] { cache.set(key, "v"); },
                                            "an InvalidArgumentError: the key is too long");
  trial.expect_throws<InvalidArgumentError>(
      [&] {
        cache.set_many({{"a", "2"}, {key, "v"}});
      },
      "an InvalidArgumentError: a key of the batch is too long");
  trial.expect(cache.get("a") == "1", "the value from before: a refused call changes nothing");
  trial.expect_throws<InvalidArgumentError>([&] { cache.get(key); }, "an InvalidArgumentError: the key is too long");
}

inline void add_key_checks(CheckList& checks) {
  for (auto& [name, key] : hostile_keys()) {
    checks.push_back({"keys: " + name + " round-trips", [key = key](Trial& trial) { key_round_trips(trial, key); }});
  }
  checks.push_back({"keys: no key is taken for another", keys_do_not_collide});
  checks.push_back({"keys: one that is too long is refused, and nothing is lost", too_long_key_changes_nothing});
}

}  // namespace larder::testing::detail
