/// \file redis_consumer.cpp
/// A program of somebody's who asked for the component redis: there is no server, and it says so.
#include <larder/backends/redis_backend.hpp>

#include <cstdlib>
#include <iostream>

int main() {
  larder::RedisBackend<> cache{{.unix_socket = "no-such-folder/redis.sock"}};
  try {
    cache.get("key");
  } catch (const larder::ConnectionError& error) {
    std::cout << error.what() << "\n";
    return EXIT_SUCCESS;
  }
  return EXIT_FAILURE;
}
