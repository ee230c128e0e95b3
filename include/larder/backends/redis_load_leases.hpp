/// \file redis_load_leases.hpp
/// RedisLoadLeases: one process at a time loads a key. Needs the component `redis` (hiredis, OpenSSL).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include <larder/backends/detail/redis/redis_store.hpp>
#include <larder/backends/redis_options.hpp>
#include <larder/load_leases.hpp>

namespace larder {

/// A lease is a key, `lease:` + prefix + key, which holds a random token: `SET NX PX` for the one who gets it, and a
/// script that compares and deletes for the one who ends it. The options may be those of the RedisBackend whose entries
/// are loaded, unless its prefix is empty, since then it owns every key there is. Errors and deadlines are as for that.
class RedisLoadLeases final : public LoadLeases {
 public:
  /// Connects to nobody yet. \throws InvalidArgumentError as RedisBackend does.
  explicit RedisLoadLeases(RedisOptions options = {}) : store_(with_own_prefix(std::move(options))) {}

  std::optional<std::string> acquire(std::string_view key, std::chrono::milliseconds ttl) override {
    std::string token = new_token();
    if (!store_.set(key, token, ttl, detail::RedisStore::Condition::absent)) return std::nullopt;
    return token;
  }
  bool holds(std::string_view key, std::string_view token) override {
    const detail::StoredText stored = store_.get(key);
    return stored.bytes && std::string_view(*stored.bytes) == token;
  }
  bool release(std::string_view key, std::string_view token) override { return store_.erase_if_equal(key, token); }
  void revoke(std::string_view key) override { store_.erase({&key, 1}, store_.deadline()); }
  void revoke_all() override { store_.clear(); }

 private:
  static RedisOptions with_own_prefix(RedisOptions options) {
    options.prefix.insert(0, "lease:");
    return options;
  }

  /// 128 bits that nobody else draws.
  static std::string new_token() {
    std::random_device random;
    std::string token;
    for (int i = 0; i < 4; ++i) {
      for (std::uint32_t bits = random(), digit = 0; digit < 8; ++digit, bits >>= 4) {
        token.push_back("0123456789abcdef"[bits & 15]);
      }
    }
    return token;
  }

  detail::RedisStore store_;
};

}  // namespace larder
