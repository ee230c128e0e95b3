// A value that cannot be copied is refused in words that a person can read.
// expected: Value must be copyable
#include <memory>
#include <string>

#include <larder/larder.hpp>

int main() {
  larder::InMemoryBackend<std::string, std::unique_ptr<int>> cache;
  return static_cast<int>(cache.clear());
}
