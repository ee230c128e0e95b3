/// \file components_consumer.cpp
/// A program of somebody's who has asked for all components, and has what they need. (remote_consumer.cpp uses it.)
#include <larder/backends/dynamodb_backend.hpp>
#include <larder/backends/memcached_backend.hpp>
#include <larder/backends/redis_backend.hpp>
#include <larder/layers/compressed_backend.hpp>

#include <cstdlib>
#include <iostream>

int main() {
  std::cout << sizeof(larder::RedisBackend<>) << " " << sizeof(larder::MemcachedBackend<>) << " "
            << sizeof(larder::DynamoDbBackend<>) << " " << sizeof(larder::CompressedBackend<>) << "\n";
  larder::RedisOptions().validate();
  larder::MemcachedOptions().validate();
  larder::DynamoDbOptions().validate();
  larder::CompressedOptions().validate();
  return EXIT_SUCCESS;
}
