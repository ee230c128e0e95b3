/// \file perform.hpp
/// Carries out an Operation on a cache.
#pragma once

#include <algorithm>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <typeinfo>
#include <utility>
#include <vector>

#include <larder/cache_backend.hpp>
#include <larder/cache_error.hpp>
#include <larder/testing/operation.hpp>

namespace larder::testing::detail {

/// Result: the kind of an exception and its message, such as "TimeoutError: 100 ms have passed".
inline std::string describe(const std::exception& error) {
  const char* kind = "std::exception";
  const auto name_if = [&]<class Error>(const char* name, const Error*) {
    if (dynamic_cast<const Error*>(&error) != nullptr) kind = name;
  };
  name_if("CacheError", static_cast<const CacheError*>(nullptr));  // first: the others are more to the point
  name_if("ConnectionError", static_cast<const ConnectionError*>(nullptr));
  name_if("TimeoutError", static_cast<const TimeoutError*>(nullptr));
  name_if("ProtocolError", static_cast<const ProtocolError*>(nullptr));
  name_if("ServerError", static_cast<const ServerError*>(nullptr));
  name_if("NotSupportedError", static_cast<const NotSupportedError*>(nullptr));
  name_if("InvalidArgumentError", static_cast<const InvalidArgumentError*>(nullptr));
  return std::string(kind) + ": " + error.what();
}

/// Result: what is being thrown, described. Only inside a catch.
inline std::string describe_current_exception() {
  try {
    throw;
  } catch (const std::exception& error) {
    return describe(error);
  } catch (...) {
    return "something that is no std::exception";
  }
}

inline std::vector<std::optional<std::string>> get_many(CacheBackend<>& cache, const std::vector<std::string>& keys) {
  const std::vector<std::string_view> views(keys.begin(), keys.end());
  std::vector<std::optional<Bytes>> found(keys.size(), Bytes("left by the caller"));
  cache.get_many(std::span<const std::string_view>(views), std::span<std::optional<Bytes>>(found));
  std::vector<std::optional<std::string>> values;
  for (const auto& value : found) values.push_back(value ? std::optional(value->str()) : std::nullopt);
  return values;
}

/// Result: what the call returned. A `wait` is none of the cache's. Throws what the cache throws.
inline Outcome perform(CacheBackend<>& cache, const Operation& operation) {
  using Kind = Operation::Kind;
  Outcome outcome;
  const std::string_view key = operation.keys.empty() ? std::string_view() : std::string_view(operation.keys[0]);
  switch (operation.kind) {
    case Kind::get: {
      const auto value = cache.get(key);
      outcome.values.push_back(value ? std::optional(value->str()) : std::nullopt);
      break;
    }
    case Kind::set: outcome.flag = cache.set(key, operation.values.at(0), operation.ttl, operation.metadata); break;
    case Kind::set_if_absent:
      outcome.flag = cache.set_if_absent(key, operation.values.at(0), operation.ttl, operation.metadata);
      break;
    case Kind::touch: outcome.flag = cache.touch(key, operation.ttl); break;
    case Kind::erase: outcome.flag = cache.erase(key); break;
    case Kind::exists: outcome.flag = cache.exists(key); break;
    case Kind::clear: outcome.count = cache.clear(); break;
    case Kind::get_many: outcome.values = get_many(cache, operation.keys); break;
    case Kind::set_many: {
      std::vector<std::pair<std::string_view, std::string_view>> items;
      for (std::size_t i = 0; i < operation.keys.size(); ++i) {
        items.emplace_back(operation.keys[i], operation.values.at(i));
      }
      outcome.count = cache.set_many(items, operation.ttl);
      break;
    }
    case Kind::erase_many: outcome.count = cache.erase_many(operation.keys); break;
    case Kind::keys:
      outcome.keys = cache.keys(operation.keys.empty() ? std::string_view("*") : key);
      std::sort(outcome.keys.begin(), outcome.keys.end());
      break;
    case Kind::get_entry: outcome.entry = cache.get_entry(key); break;
    case Kind::stats: outcome.stats = cache.stats(); break;
    case Kind::reset_stats: cache.reset_stats(); break;
    case Kind::wait: break;
  }
  return outcome;
}

}  // namespace larder::testing::detail
