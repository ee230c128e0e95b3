/// \file everything.cpp
/// A program that uses a little of everything, for compilers, libraries and machines that the tests are not built for
/// each day. With LARDER_WITHOUT_STORES, it needs no library but the standard one. Result: 0 if all is well.
#include <larder/larder.hpp>
#include <larder/make_backend.hpp>
#include <larder/observability/prometheus.hpp>
#include <larder/testing/backend_contract.hpp>
#include <larder/testing/chaos_backend.hpp>

#ifndef LARDER_WITHOUT_STORES
#include <larder/backends/dynamodb_backend.hpp>
#include <larder/backends/memcached_backend.hpp>
#include <larder/backends/redis_backend.hpp>
#include <larder/backends/redis_invalidation_listener.hpp>
#include <larder/backends/redis_load_leases.hpp>
#include <larder/layers/compressed_backend.hpp>

template class larder::RedisBackend<>;
template class larder::MemcachedBackend<>;
template class larder::DynamoDbBackend<>;
template class larder::CompressedBackend<>;
#endif

#include <larder/backends/detail/envelope.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

template class larder::InMemoryBackend<>;
template class larder::InMemoryBackend<int, double>;
template class larder::TieredBackend<>;
template class larder::NamespacedBackend<>;
template class larder::ResilientBackend<>;
template class larder::TaggedBackend<>;
template class larder::ObservedBackend<>;
template class larder::LoadingCache<>;

namespace {

using namespace std::chrono_literals;

int failures = 0;

void expect(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  ++failures;
}

template <class Policy>
struct Evicting : larder::InMemoryTraits<> {
  using Eviction = Policy;
  using Weigher = larder::EntryFootprint;
};

template <class Policy>
void evict(const char* name) {
  using Cache = larder::InMemoryBackend<std::string, larder::Bytes, Evicting<Policy>>;
  Cache cache{{.max_size_bytes = 100'000, .shards = 2}};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&cache, i] {
      for (int n = 0; n < 3000; ++n) {
        const std::string key = std::to_string((n * 7 + i) % 1500);
        if (const auto value = cache.get(key)) expect(*value == larder::Bytes(key), "a value is its key's");
        cache.set(key, key, n % 3 == 0 ? larder::Ttl(1h) : larder::Ttl(), {{"n", key}});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto stats = cache.stats();
  expect(stats.evictions > 0 && stats.current_entries == cache.keys().size(), name);
}

void envelopes() {
  // Version 1, as it is on every machine: whatever its byte order, and whatever its words' size.
  constexpr std::string_view version_1{
      "\xd3LRDR\r\n\0\x01\xd2\x04\0\0\0\0\0\0\x0a\0\0\0\x05\0\0\0\0\0\0\0\x2c\xd9\x45\xf5\x01\0\0\0n\x01\0\0\0tvalue",
      48};
  using larder::detail::Envelope;
  const auto time = Envelope::Time(std::chrono::milliseconds(1234));
  expect(Envelope::seal("value", {{"n", "t"}}, time) == version_1, "an envelope is what it was");
  std::string reason;
  const auto content = Envelope::open(larder::Bytes(version_1), reason);
  expect(content && content->value == larder::Bytes("value") && content->metadata.at("n") == "t" &&
             content->created_at == time,
         "an envelope opens");
}

void far_futures() {
  larder::InMemoryBackend<> cache;
  constexpr auto years = std::chrono::hours(24 * 365 * 300);  // more nanoseconds than 64 bits hold
  cache.set("k", "v", years);
  const auto entry = cache.get_entry("k");
  expect(entry && (!entry->expires_at || *entry->expires_at > larder::CacheEntry<>::Clock::now() + 24h * 365 * 200),
         "an entry of 300 years is far from its end");
}

void layers() {
  const auto far = std::make_shared<larder::InMemoryBackend<>>();
  const auto tiers = std::make_shared<larder::TieredBackend<>>(std::make_shared<larder::InMemoryBackend<>>(), far);
  const auto resilient = std::make_shared<larder::ResilientBackend<>>(tiers);
  const auto observed = std::make_shared<larder::ObservedBackend<>>(resilient);
  larder::NamespacedBackend<> cache(observed, "users");
  cache.set("k", "v", 1h);
  expect(cache.get("k") == larder::Bytes("v") && far->keys("users:*").size() == 1, "layers hand on");
  larder::LoadingCache<> loading(far, [](std::string_view key) { return larder::Bytes(key); });
  expect(loading.get("loaded") == larder::Bytes("loaded"), "a value is loaded");
  expect(far->get_many({"loaded", "absent"}).size() == 1, "a batch finds what is there");
  std::ostringstream text;
  text << cache.stats();
  expect(!text.str().empty(), "statistics are written");
}

void errors() {
  try {
    larder::make_backend("nonsense://");
    expect(false, "an unknown scheme is refused");
  } catch (const larder::InvalidArgumentError& error) {
    expect(std::string_view(error.what()).find("nonsense") != std::string_view::npos, "an error tells why");
  }
  const auto cache = larder::make_backend("memory://?max_size_bytes=1000");
  expect(!cache->set("k", std::string(2000, 'v')), "what is too large is declined");
}

}  // namespace

int main() {
  evict<larder::Lru>("Lru");
  evict<larder::Clock>("Clock");
  evict<larder::S3Fifo>("S3Fifo");
  evict<larder::WTinyLfu>("WTinyLfu");
  evict<larder::Gdsf>("Gdsf");
  envelopes();
  far_futures();
  layers();
  errors();
  return failures == 0 ? 0 : 1;
}
