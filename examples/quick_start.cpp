/// \file quick_start.cpp
/// A tour of larder: each function below is a piece to copy.
#include <larder/larder.hpp>

#include <chrono>
#include <iomanip>
#include <iostream>
#include <map>
#include <string>
#include <thread>

using namespace std::chrono_literals;

void entry_with_metadata() {
  const auto expires_at = std::chrono::system_clock::now() + 1h;
  larder::CacheEntry<> entry{.key = "user:123", .value = "user data", .expires_at = expires_at};
  entry.metadata = {{"endpoint", "/api/users"}, {"user_type", "premium"}};
  std::cout << "Expired: " << entry.is_expired() << "\n";
  std::cout << "TTL remaining: " << std::chrono::duration<double>(*entry.ttl_remaining()).count() << "s\n";
}

void statistics() {
  larder::InMemoryBackend<> cache;  // 100 MiB
  cache.set("key1", "value1");
  cache.get("key1");  // hit
  cache.get("key2");  // miss
  const larder::CacheStats stats = cache.stats();
  std::cout << "Hit rate: " << stats.hit_rate() * 100 << "%\nUtilization: " << stats.utilization() * 100 << "%\n";
  std::cout << "Stats: " << stats << "\n";
}

void values_and_expiry(larder::CacheBackend<>& cache) {
  cache.set("key1", "hello world", 60s);
  if (const auto value = cache.get("key1")) std::cout << "Value: " << *value << "\n";

  cache.set("temp", "expires soon", 100ms);
  std::cout << "Before: " << cache.exists("temp") << "\n";
  std::this_thread::sleep_for(150ms);
  std::cout << "After: " << cache.exists("temp") << "\n";

  cache.set("api:users:123", R"({"name": "Alice"})", 300s);
  const auto data = cache.get("api:users:123");
  std::cout << (data ? "Cache hit: " + data->str() : "Cache miss") << "\n";
  if (cache.exists("api:users:123")) std::cout << "Key exists\n";
  cache.erase("api:users:123");
}

void metadata(larder::CacheBackend<>& cache) {
  cache.set("api:search:query123", "search results...", 600s,
            {{"endpoint", "/api/search"}, {"user_type", "premium"}, {"query", "machine learning"}});
  if (const auto entry = cache.get_entry("api:search:query123")) {  // a look that counts as no request
    for (const auto& [name, text] : entry->metadata) std::cout << name << " = " << text << "\n";
  }
}

void batches(larder::CacheBackend<>& cache) {
  cache.set_many({{"user:1", "Alice"}, {"user:2", "Bob"}, {"user:3", "Charlie"}}, 300s);
  for (const auto& [key, name] : cache.get_many({"user:1", "user:2"})) std::cout << key << " is " << name << "\n";

  std::map<std::string, std::string> sessions;
  for (int i = 0; i < 100; ++i) sessions["session:" + std::to_string(i)] = "session_data_" + std::to_string(i);
  std::cout << "Stored " << cache.set_many(sessions, 1h) << " items\n";

  const auto keys = cache.keys("session:?");  // the first ten
  std::cout << "Found " << cache.get_many(keys).size() << " items\nDeleted " << cache.erase_many(keys) << " items\n";
}

void patterns(larder::CacheBackend<>& cache) {
  cache.set_many({{"user:123:profile", "..."}, {"user:123:settings", "..."}, {"user:456:profile", "..."}});
  cache.set("session:abc", "...");
  for (const std::string& key : cache.keys("user:*")) std::cout << "User key: " << key << "\n";  // in any order
  std::cout << "Profile keys: " << cache.keys("*:profile").size() << "\n";
  std::cout << "Deleted of user 123: " << cache.erase_many(cache.keys("user:123:*")) << "\n";
}

void monitoring(larder::CacheBackend<>& cache) {
  larder::CacheStats stats = cache.stats();
  std::cout << "Cache Performance:\n  Hit Rate: " << stats.hit_rate() * 100 << "%\n  Hits: " << stats.hits
            << "\n  Misses: " << stats.misses << "\n  Entries: " << stats.current_entries.value_or(0)
            << "\n  Size: " << static_cast<double>(stats.current_size_bytes.value_or(0)) / 1024
            << " KB\n  Utilization: " << stats.utilization() * 100 << "%\n  Evictions: " << stats.evictions << "\n";
  std::cout << stats.to_json() << "\n";
  stats.reset();        // zeroes the counters of this copy ...
  cache.reset_stats();  // ... and this those of the cache; its entries stay
  std::cout << "After the reset: " << cache.stats() << "\n";
}

int main() {
  std::cout << std::boolalpha << std::fixed << std::setprecision(2);
  entry_with_metadata();
  statistics();
  larder::InMemoryBackend<> cache{1 << 20};  // 1 MiB
  values_and_expiry(cache);
  metadata(cache);
  batches(cache);
  patterns(cache);
  monitoring(cache);
  std::cout << "Cleared " << cache.clear() << " entries\n";
}
