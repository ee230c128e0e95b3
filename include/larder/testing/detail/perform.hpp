/// \file perform.hpp
/// Carries out an Operation on a cache.
#pragma once

#include <algorithm>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <larder/cache_backend.hpp>
#include <larder/cache_error.hpp>
#include <larder/testing/operation.hpp>

namespace larder::testing::detail {

/// Result: what is being thrown, its kind and message, such as "TimeoutError: 100 ms have passed". Only inside a catch.
inline std::string describe_current_exception() {
  const auto describe = [](const char* kind, const std::exception& error) {
    return std::string(kind) + ": " + error.what();
  };
  try {
    throw;
  } catch (const ConnectionError& error) {
    return describe("ConnectionError", error);
  } catch (const TimeoutError& error) {
    return describe("TimeoutError", error);
  } catch (const ProtocolError& error) {
    return describe("ProtocolError", error);
  } catch (const ServerError& error) {
    return describe("ServerError", error);
  } catch (const NotSupportedError& error) {
    return describe("NotSupportedError", error);
  } catch (const InvalidArgumentError& error) {
    return describe("InvalidArgumentError", error);
  } catch (const CacheError& error) {
    return describe("CacheError", error);
  } catch (const std::exception& error) {
    return describe("std::exception", error);
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
