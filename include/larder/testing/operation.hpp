/// \file operation.hpp
/// Operation: one call of a cache as data, to be generated, carried out, compared, and printed as C++.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <larder/bytes.hpp>
#include <larder/cache_backend.hpp>
#include <larder/cache_entry.hpp>
#include <larder/cache_stats.hpp>
#include <larder/testing/detail/cpp_text.hpp>
#include <larder/ttl.hpp>

namespace larder::testing {

/// One call of a cache of strings and `Bytes`, or a pause between two.
struct Operation {
  enum class Kind : unsigned char {
    get,
    set,
    set_if_absent,
    touch,
    erase,
    exists,
    clear,
    get_many,
    set_many,
    erase_many,
    keys,
    get_entry,
    stats,
    reset_stats,
    wait,
  };

  Kind kind = Kind::get;
  /// The key, or those of a batch; the pattern of `keys`.
  std::vector<std::string> keys{};
  /// The value of `set` or `set_if_absent`, or one for each key of `set_many`.
  std::vector<std::string> values{};
  Ttl ttl{};
  Metadata metadata{};
  /// How long a `wait` is.
  std::chrono::nanoseconds pause{};
};

/// What an operation came to. Which members count depends on the operation.
struct Outcome {
  /// `set`, `set_if_absent`, `touch`, `erase`, `exists`.
  bool flag = false;
  /// `clear`, `set_many`, `erase_many`.
  std::size_t count = 0;
  /// `get` (one) and `get_many`: empty where it was a miss.
  std::vector<std::optional<std::string>> values{};
  /// `keys`, in ascending order.
  std::vector<std::string> keys{};
  std::optional<CacheEntry<>> entry{};
  CacheStats stats{};
  /// What was thrown, such as "ConnectionError: refused"; empty if nothing was.
  std::string error{};
};

/// Result: the call as a statement of C++. A pause is `clock.advance(...)` if `virtual_time`, else a sleep.
inline std::string to_cpp(const Operation& operation, std::string_view cache = "cache", bool virtual_time = true) {
  using detail::cpp_list;
  using detail::cpp_string;
  using Kind = Operation::Kind;
  const std::string call(std::string(cache) + ".");
  const auto key = [&operation] {
    return operation.keys.empty() ? std::string("\"\"") : cpp_string(operation.keys[0]);
  };
  switch (operation.kind) {
    case Kind::get: return call + "get(" + key() + ");";
    case Kind::set:
    case Kind::set_if_absent: {
      const char* const name = operation.kind == Kind::set ? "set(" : "set_if_absent(";
      std::string text = call + name + key() + ", " + cpp_string(operation.values.at(0));
      if (operation.ttl || !operation.metadata.empty()) text += ", " + detail::cpp_ttl(operation.ttl);
      if (!operation.metadata.empty()) text += ", " + cpp_list(operation.metadata);
      return text + ");";
    }
    case Kind::touch: return call + "touch(" + key() + ", " + detail::cpp_ttl(operation.ttl) + ");";
    case Kind::erase: return call + "erase(" + key() + ");";
    case Kind::exists: return call + "exists(" + key() + ");";
    case Kind::clear: return call + "clear();";
    case Kind::get_many: return call + "get_many(" + detail::cpp_keys(operation.keys) + ");";
    case Kind::erase_many: return call + "erase_many(" + detail::cpp_keys(operation.keys) + ");";
    case Kind::set_many: {
      std::vector<std::pair<std::string, std::string>> items;
      for (std::size_t i = 0; i < operation.keys.size(); ++i) {
        items.emplace_back(operation.keys[i], operation.values.at(i));
      }
      return call + "set_many(" + detail::cpp_items(items) +
             (operation.ttl ? ", " + detail::cpp_ttl(operation.ttl) : "") + ");";
    }
    case Kind::keys: return call + "keys(" + (operation.keys.empty() || operation.keys[0] == "*" ? "" : key()) + ");";
    case Kind::get_entry: return call + "get_entry(" + key() + ");";
    case Kind::stats: return call + "stats();";
    case Kind::reset_stats: return call + "reset_stats();";
    case Kind::wait: {
      const std::string pause = detail::cpp_duration(operation.pause);
      return virtual_time ? "clock.advance(" + pause + ");" : "std::this_thread::sleep_for(" + pause + ");";
    }
  }
  return {};
}

/// Result: the outcome in a few words, such as `"v"`, `a miss`, `true`, `2 keys: "a", "b"`.
inline std::string to_text(const Operation& operation, const Outcome& outcome) {
  using Kind = Operation::Kind;
  if (!outcome.error.empty()) return "throws " + outcome.error;
  switch (operation.kind) {
    case Kind::get:
    case Kind::get_many: {
      std::string text;
      for (const auto& value : outcome.values) {
        text += (text.empty() ? "" : ", ") + (value ? detail::cpp_string(*value) : "a miss");
      }
      return text.empty() ? "nothing" : text;
    }
    case Kind::set:
    case Kind::set_if_absent:
    case Kind::touch:
    case Kind::erase:
    case Kind::exists: return outcome.flag ? "true" : "false";
    case Kind::clear:
    case Kind::set_many:
    case Kind::erase_many: return std::to_string(outcome.count);
    case Kind::keys: {
      std::string text = std::to_string(outcome.keys.size()) + (outcome.keys.size() == 1 ? " key" : " keys");
      for (std::size_t i = 0; i < std::min<std::size_t>(outcome.keys.size(), 10); ++i) {
        text += (i == 0 ? ": " : ", ") + detail::cpp_string(outcome.keys[i]);
      }
      return text + (outcome.keys.size() > 10 ? ", ..." : "");
    }
    case Kind::get_entry: {
      if (!outcome.entry) return "no entry";
      std::string text = detail::cpp_string(outcome.entry->value.view()) + ", " +
                         std::to_string(outcome.entry->size_bytes) + " bytes, metadata " +
                         detail::cpp_list(outcome.entry->metadata);
      return text + (outcome.entry->expires_at ? ", expires" : ", does not expire");
    }
    case Kind::stats: return outcome.stats.to_text();
    case Kind::reset_stats:
    case Kind::wait: break;
  }
  return {};
}

}  // namespace larder::testing
