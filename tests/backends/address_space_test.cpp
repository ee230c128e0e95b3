/// \file address_space_test.cpp
/// What is too large for the memory that there is: an error, and nothing lost. The hostile tests as a whole are run
/// with little address space, too (tests.remote.address_space).
#include <larder/backends/redis_backend.hpp>

#include <sys/resource.h>

#include <cstddef>
#include <fstream>
#include <new>
#include <string>

#include "tests/support/catch.hpp"
#include "tests/support/environment.hpp"
#include "tests/support/redis_cache.hpp"
#include "tests/support/redis_server.hpp"

namespace {

/// While it lives, the process may have so many more bytes than it has now.
class AddressSpaceLimit {
 public:
  explicit AddressSpaceLimit(std::size_t more) {
    ::getrlimit(RLIMIT_AS, &before_);
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    rlimit limit = before_;
    limit.rlim_cur = pages * 4096 + more;
    ::setrlimit(RLIMIT_AS, &limit);
  }
  AddressSpaceLimit(const AddressSpaceLimit&) = delete;
  AddressSpaceLimit& operator=(const AddressSpaceLimit&) = delete;
  ~AddressSpaceLimit() { ::setrlimit(RLIMIT_AS, &before_); }

 private:
  rlimit before_{};
};

}  // namespace

TEST_CASE("RedisBackend: a value for which there is no memory is an error, and the next one is right",
          "[address_space]") {
  if (larder_tests::sanitized || larder_tests::skipped_without_redis()) return;
  auto options = larder_tests::shared_redis();
  larder_tests::RedisCache cache(options);
  CHECK(cache.set("large", std::string(std::size_t{48} << 20, 'v')));
  CHECK(cache.set("small", "v"));
  for (int i = 0; i < 3; ++i) {
    {
      const AddressSpaceLimit limit(std::size_t{40} << 20);
      CHECK_THROWS_AS(cache.get("large"), std::bad_alloc);
      CHECK(cache.get("small") == "v");
    }
    CHECK(cache.get("large")->size() == std::size_t{48} << 20);
    CHECK(cache.get("small") == "v");
  }
}
