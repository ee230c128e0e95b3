// A program of somebody else's.
#include <chrono>
#include <iostream>

#include <larder/larder.hpp>

using namespace std::chrono_literals;

int main() {
  larder::InMemoryBackend<> cache;
  cache.set("greeting", "hello", 60s);
  std::cout << cache.get("greeting").value_or("nothing") << " from larder " << LARDER_VERSION << '\n';
  return cache.get("greeting") == "hello" ? 0 : 1;
}
