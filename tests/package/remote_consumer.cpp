/// \file remote_consumer.cpp
/// A program of somebody's who asked for the components of remote stores: there are no servers, and it says so.
#include <larder/backends/dynamodb_backend.hpp>
#include <larder/backends/memcached_backend.hpp>
#include <larder/backends/redis_backend.hpp>
#include <larder/layers/compressed_backend.hpp>

#include <cstdlib>
#include <iostream>
#include <memory>

namespace {

bool is_refused(larder::CacheBackend<>& cache) {
  try {
    cache.get("key");
  } catch (const larder::ConnectionError& error) {
    std::cout << error.what() << "\n";
    return true;
  }
  return false;
}

}  // namespace

int main() {
  larder::RedisBackend<> redis{{.unix_socket = "no-such-folder/redis.sock"}};
  larder::MemcachedBackend<> memcached{{.servers = {"/no-such-folder/memcached.sock"}}};
  larder::DynamoDbBackend<> dynamodb{{.endpoint = "http://127.0.0.1:1", .credentials = {"id", "secret"}}};
  larder::CompressedBackend<> compressed{std::make_shared<larder::RedisBackend<>>(redis.options())};
  return is_refused(redis) && is_refused(memcached) && is_refused(dynamodb) && is_refused(compressed) ? EXIT_SUCCESS
                                                                                                      : EXIT_FAILURE;
}
