/// \file store_peers.hpp
/// Peers from storage engines: LevelDB's and RocksDB's block caches. They keep a pointer for a value, so each
/// value is one array of characters of its own, with no std::string around it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

#if LARDER_BENCHMARK_LEVELDB
#include <leveldb/cache.h>
#endif
#if LARDER_BENCHMARK_ROCKSDB
#include <rocksdb/cache.h>
#endif

#include "workload.hpp"

namespace larder::bench {

inline char* copy_characters(std::string_view value) {
  char* copy = new char[value.size()];
  std::copy(value.begin(), value.end(), copy);
  return copy;
}

template <class Slice>
void free_characters(const Slice&, void* value) {
  delete[] static_cast<char*>(value);
}

/// Reads a value while its handle keeps it, as both engines ask for.
template <class Cache>
Sum read_pinned(Cache& cache, std::string_view key) {
  auto* handle = cache.Lookup({key.data(), key.size()});
  if (handle == nullptr) return 0;
  const Sum sum = touch({static_cast<const char*>(cache.Value(handle)), values().size()});
  cache.Release(handle);
  return sum;
}

#if LARDER_BENCHMARK_LEVELDB

class LevelDbLru {
 public:
  explicit LevelDbLru(std::size_t max_entries) : cache_(leveldb::NewLRUCache(max_entries)) {}

  Sum read(std::string_view key) { return read_pinned(*cache_, key); }

  void write(std::string_view key, std::string_view value) {
    cache_->Release(
        cache_->Insert({key.data(), key.size()}, copy_characters(value), 1, free_characters<leveldb::Slice>));
  }

  std::size_t size() const { return cache_->TotalCharge(); }

 private:
  std::unique_ptr<leveldb::Cache> cache_;
};

#endif
#if LARDER_BENCHMARK_ROCKSDB

/// What each entry is charged, so that RocksDB chooses as many shards as it would for blocks of that size.
inline constexpr std::size_t rocksdb_charge = 100;

class RocksDbCache {
 public:
  Sum read(std::string_view key) { return read_pinned(*cache_, key); }

  void write(std::string_view key, std::string_view value) {
    cache_->Insert({key.data(), key.size()}, copy_characters(value), rocksdb_charge, free_characters<rocksdb::Slice>)
        .PermitUncheckedError();
  }

  std::size_t size() const { return cache_->GetUsage() / rocksdb_charge; }

 protected:
  explicit RocksDbCache(std::shared_ptr<rocksdb::Cache> cache) : cache_(std::move(cache)) {}

 private:
  std::shared_ptr<rocksdb::Cache> cache_;
};

class RocksDbLru : public RocksDbCache {
 public:
  explicit RocksDbLru(std::size_t max_entries) : RocksDbCache(rocksdb::NewLRUCache(options(max_entries))) {}

 private:
  static rocksdb::LRUCacheOptions options(std::size_t max_entries) {
    rocksdb::LRUCacheOptions options;
    options.capacity = max_entries * rocksdb_charge;
    options.metadata_charge_policy = rocksdb::kDontChargeCacheMetadata;
    return options;
  }
};

/// Takes keys of 16 bytes only. Its Insert keeps the old entry where there is one: less work than replacing.
class RocksDbHyperClock : public RocksDbCache {
 public:
  explicit RocksDbHyperClock(std::size_t max_entries)
      : RocksDbCache(rocksdb::HyperClockCacheOptions(max_entries * rocksdb_charge, rocksdb_charge, -1, false, nullptr,
                                                     rocksdb::kDontChargeCacheMetadata)
                         .MakeSharedCache()) {}
};

#endif

}  // namespace larder::bench
