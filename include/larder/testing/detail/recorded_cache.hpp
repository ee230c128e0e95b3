/// \file recorded_cache.hpp
/// RecordedCache: a cache whose calls become a story.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <larder/cache_backend.hpp>
#include <larder/testing/contract_subject.hpp>
#include <larder/testing/detail/perform.hpp>
#include <larder/testing/detail/story.hpp>

namespace larder::testing::detail {

/// The calls of `CacheBackend`, in terms of strings. What a call throws is told, too, and thrown on.
class RecordedCache {
  using Kind = Operation::Kind;

 public:
  using Listener = decltype(BackendRequest<>::on_removal);

  /// `listener` is kept for as long as this object, and no longer: what it refers to may be gone before the backend.
  RecordedCache(std::shared_ptr<CacheBackend<>> backend, Story& story, std::string name,
                std::shared_ptr<Listener> listener)
      : backend_(std::move(backend)), story_(&story), name_(std::move(name)), listener_(std::move(listener)) {}

  /// The cache itself, for what is not to be told.
  CacheBackend<>& backend() const noexcept { return *backend_; }

  Outcome perform(Operation operation) const {
    try {
      Outcome outcome = detail::perform(*backend_, operation);
      story_->tell(name_, std::move(operation), outcome);
      return outcome;
    } catch (...) {
      Outcome outcome;
      outcome.error = describe_current_exception();
      story_->tell(name_, std::move(operation), std::move(outcome));
      throw;
    }
  }

  std::optional<std::string> get(std::string key) const {
    return perform({.kind = Kind::get, .keys = {std::move(key)}}).values[0];
  }

  bool set(std::string key, std::string value, Ttl ttl = {}, Metadata metadata = {}) const {
    return perform({.kind = Kind::set,
                    .keys = {std::move(key)},
                    .values = {std::move(value)},
                    .ttl = ttl,
                    .metadata = std::move(metadata)})
        .flag;
  }

  bool set_if_absent(std::string key, std::string value, Ttl ttl = {}, Metadata metadata = {}) const {
    return perform({.kind = Kind::set_if_absent,
                    .keys = {std::move(key)},
                    .values = {std::move(value)},
                    .ttl = ttl,
                    .metadata = std::move(metadata)})
        .flag;
  }

  bool touch(std::string key, Ttl ttl) const {
    return perform({.kind = Kind::touch, .keys = {std::move(key)}, .ttl = ttl}).flag;
  }

  bool erase(std::string key) const { return perform({.kind = Kind::erase, .keys = {std::move(key)}}).flag; }
  bool exists(std::string key) const { return perform({.kind = Kind::exists, .keys = {std::move(key)}}).flag; }
  std::size_t clear() const { return perform({.kind = Kind::clear}).count; }

  /// The positional one, into an array that is not empty before.
  std::vector<std::optional<std::string>> get_many(std::vector<std::string> keys) const {
    return perform({.kind = Kind::get_many, .keys = std::move(keys)}).values;
  }

  std::size_t set_many(const std::vector<std::pair<std::string, std::string>>& items, Ttl ttl = {}) const {
    Operation operation{.kind = Kind::set_many, .ttl = ttl};
    for (const auto& [key, value] : items) {
      operation.keys.push_back(key);
      operation.values.push_back(value);
    }
    return perform(std::move(operation)).count;
  }

  std::size_t erase_many(std::vector<std::string> keys) const {
    return perform({.kind = Kind::erase_many, .keys = std::move(keys)}).count;
  }

  /// In ascending order.
  std::vector<std::string> keys(std::string pattern = "*") const {
    return perform({.kind = Kind::keys, .keys = {std::move(pattern)}}).keys;
  }

  std::optional<CacheEntry<>> get_entry(std::string key) const {
    return perform({.kind = Kind::get_entry, .keys = {std::move(key)}}).entry;
  }

  CacheStats stats() const { return perform({.kind = Kind::stats}).stats; }
  void reset_stats() const { perform({.kind = Kind::reset_stats}); }

 private:
  std::shared_ptr<CacheBackend<>> backend_;
  Story* story_;
  std::string name_;
  std::shared_ptr<Listener> listener_;  // last, so that it goes first
};

}  // namespace larder::testing::detail
