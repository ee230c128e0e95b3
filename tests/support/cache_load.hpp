/// \file cache_load.hpp
/// CacheLoad: threads that use a cache, and see whether what they get is right.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <larder/cache_backend.hpp>
#include <larder/cache_error.hpp>

#include "tests/support/random.hpp"

namespace larder_tests {

/// A value that tells whose it is, and whether all of it is there.
inline std::string telling_value(std::string_view key, std::size_t version) {
  std::string value = std::string(key) + "|" + std::to_string(version) + "|";
  value.append(version * 37 % 3000, 'x');
  return value + "|" + std::to_string(value.size());
}

inline bool is_telling_value(std::string_view key, std::string_view value) {
  if (!value.starts_with(std::string(key) + "|")) return false;
  const std::string rest(value.substr(key.size() + 1));
  return value == telling_value(key, std::strtoull(rest.c_str(), nullptr, 10));
}

/// For as long as it lives.
class CacheLoad {
 public:
  using Cache = larder::CacheBackend<std::string, std::string>;

  CacheLoad(Cache& cache, std::size_t threads) : cache_(cache) {
    for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this, i] { run(i); });
  }
  CacheLoad(const CacheLoad&) = delete;
  CacheLoad& operator=(const CacheLoad&) = delete;
  ~CacheLoad() { end(); }

  void end() {
    stopping_ = true;
    for (auto& thread : threads_) thread.join();
    threads_.clear();
  }

  std::atomic<std::size_t> wrong{0};   ///< values that were not their keys', or nobody's
  std::atomic<std::size_t> calls{0};   ///< that succeeded
  std::atomic<std::size_t> errors{0};  ///< calls that ended with a CacheError

 private:
  static constexpr std::size_t keys = 40;

  void run(std::size_t seed) {
    Random random(seed);
    for (std::size_t version = 1; !stopping_; ++version) {
      try {
        call(random, version);
        ++calls;
      } catch (const larder::CacheError&) {
        ++errors;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    }
  }

  void call(Random& random, std::size_t version) {
    const std::string key = std::to_string(random.below(keys));
    switch (random.below(4)) {
      case 0: cache_.set(key, telling_value(key, version)); return;
      case 1: {
        std::vector<std::pair<std::string, std::string>> items;
        for (std::size_t i = 0; i < 10; ++i) {
          const std::string each = std::to_string(random.below(keys));
          items.emplace_back(each, telling_value(each, version));
        }
        cache_.set_many(items);
        return;
      }
      case 2:
        if (const auto value = cache_.get(key)) look_at(key, *value);
        return;
      default:
        std::vector<std::string> asked;
        for (std::size_t i = 0; i < 20; ++i) asked.push_back(std::to_string(random.below(keys)));
        for (const auto& [each, value] : cache_.get_many(asked)) look_at(each, value);
    }
  }

  void look_at(std::string_view key, std::string_view value) { wrong += is_telling_value(key, value) ? 0 : 1; }

  Cache& cache_;
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> threads_;
};

}  // namespace larder_tests
