/// \file cache_observation.hpp
/// CacheObservation: what an ObservedBackend has seen; and by which names operations and errors are told apart.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <new>
#include <optional>
#include <vector>

#include <larder/cache_error.hpp>
#include <larder/cache_stats.hpp>
#include <larder/layers/load_stats.hpp>
#include <larder/observability/histogram.hpp>

namespace larder {

/// The operations of a CacheBackend.
enum class CacheOperation : unsigned char {
  get,
  get_many,
  set,
  set_many,
  set_if_absent,
  touch,
  erase,
  erase_many,
  exists,
  clear,
  get_entry,
  keys,
  visit_entry,
  visit_entries
};
inline constexpr std::size_t cache_operation_count = 14;

/// Result: the name of the function, such as "get_many".
constexpr const char* to_string(CacheOperation operation) noexcept {
  constexpr std::array<const char*, cache_operation_count> names{
      "get",        "get_many", "set",   "set_many",  "set_if_absent", "touch",       "erase",
      "erase_many", "exists",   "clear", "get_entry", "keys",          "visit_entry", "visit_entries"};
  return names[static_cast<std::size_t>(operation)];
}

/// What a call failed with, by the error tree of cache_error.hpp; `cache` is any other CacheError, `memory` is
/// std::bad_alloc, and `foreign` is what user code threw.
enum class ErrorKind : unsigned char {
  connection,
  timeout,
  protocol,
  server,
  not_supported,
  invalid_argument,
  cache,
  memory,
  foreign
};
inline constexpr std::size_t error_kind_count = 9;

/// Result: its name, such as "timeout".
constexpr const char* to_string(ErrorKind kind) noexcept {
  constexpr std::array<const char*, error_kind_count> names{
      "connection", "timeout", "protocol", "server", "not_supported", "invalid_argument", "cache", "memory", "foreign"};
  return names[static_cast<std::size_t>(kind)];
}

/// Result: the kind of the exception that is being handled; to be called in a `catch` block.
inline ErrorKind kind_of_current_error() noexcept {
  try {
    throw;
  } catch (const ConnectionError&) {
    return ErrorKind::connection;
  } catch (const TimeoutError&) {
    return ErrorKind::timeout;
  } catch (const ProtocolError&) {
    return ErrorKind::protocol;
  } catch (const ServerError&) {
    return ErrorKind::server;
  } catch (const NotSupportedError&) {
    return ErrorKind::not_supported;
  } catch (const InvalidArgumentError&) {
    return ErrorKind::invalid_argument;
  } catch (const CacheError&) {
    return ErrorKind::cache;
  } catch (const std::bad_alloc&) {
    return ErrorKind::memory;
  } catch (...) {
    return ErrorKind::foreign;
  }
}

/// A snapshot; a plain value.
struct CacheObservation {
  struct Operation {
    /// In nanoseconds, of the calls that ended well. Where one in n calls is timed, each counts as n.
    Histogram latency;
    /// How many calls failed, by ErrorKind: all of them.
    std::array<std::uint64_t, error_kind_count> errors{};
  };
  /// What an LRU cache of another size would have answered.
  struct Prediction {
    double factor = 1;     ///< times the present size
    double hit_ratio = 0;  ///< from 0 to 1
  };

  CacheStats stats;
  /// By CacheOperation.
  std::array<Operation, cache_operation_count> operations{};
  /// Empty where nothing is known, or nobody wants to know it.
  std::vector<Prediction> predictions{};
  /// Of entries that left because of a limit, in milliseconds: how long nobody had used them. Of sampled keys.
  Histogram eviction_age{};
  /// Of entries that left for any reason but that they were replaced or cleared, in milliseconds: how long they had
  /// been there. Of sampled keys.
  Histogram residency{};
  /// Exceptions that hooks have thrown.
  std::uint64_t hook_errors = 0;
  /// Where the cache is a LoadingCache.
  std::optional<LoadStats> loads{};

  const Operation& of(CacheOperation operation) const noexcept {
    return operations[static_cast<std::size_t>(operation)];
  }
};

}  // namespace larder
