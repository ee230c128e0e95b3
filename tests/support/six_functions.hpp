/// \file six_functions.hpp
/// The smallest backend that a user can write: the six functions that have no default, over a std::map. It also
/// writes down which of them were called, and with what.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <larder/cache_backend.hpp>

namespace larder_tests {

class SixFunctions : public larder::CacheBackend<> {
 public:
  struct Stored {
    larder::Bytes value;
    larder::Ttl ttl;
    larder::Metadata metadata;
  };

  /// The calls since the last time, such as "set k, get k".
  std::string take_calls() { return std::exchange(calls_, {}); }

  /// What is stored under a key, which must be there.
  const Stored& at(std::string_view key) const { return stored_.find(key)->second; }

  /// Values longer than this are declined.
  std::size_t longest_value = 1000;

 private:
  std::optional<larder::Bytes> do_get(std::string_view key) override {
    note("get", key);
    const auto found = stored_.find(key);
    if (found == stored_.end()) return std::nullopt;
    return found->second.value;
  }

  bool do_set(std::string_view key, larder::Bytes value, larder::Ttl ttl, larder::Metadata metadata) override {
    note("set", key);
    stored_.erase(std::string(key));
    if (value.size() > longest_value) return false;
    stored_.emplace(key, Stored{std::move(value), ttl, std::move(metadata)});
    return true;
  }

  bool do_erase(std::string_view key) override {
    note("erase", key);
    return stored_.erase(std::string(key)) == 1;
  }

  bool do_exists(std::string_view key) override {
    note("exists", key);
    return stored_.find(key) != stored_.end();
  }

  std::size_t do_clear() override {
    note("clear", "");
    return std::exchange(stored_, {}).size();
  }

  larder::CacheStats do_stats() const override {
    larder::CacheStats stats;
    stats.current_entries = stored_.size();
    return stats;
  }

  void note(std::string_view function, std::string_view key) {
    if (!calls_.empty()) calls_ += ", ";
    calls_.append(function);
    if (!key.empty()) calls_.append(" ").append(key);
  }

  std::map<std::string, Stored, std::less<>> stored_;
  std::string calls_;
};

}  // namespace larder_tests
