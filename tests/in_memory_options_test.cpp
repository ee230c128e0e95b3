/// \file in_memory_options_test.cpp
/// The options by themselves; what a cache makes of them is in in_memory_backend_options_test.cpp.
#include <larder/in_memory_options.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <type_traits>

#include "tests/support/catch.hpp"
#include "tests/support/message_of.hpp"

using Options = larder::InMemoryOptions<>;
using namespace std::chrono_literals;

static_assert(std::is_aggregate_v<Options> && std::is_copy_constructible_v<Options>);
static_assert(std::is_same_v<larder::InMemoryTraits<>::Clock, larder::SteadyClock>);

namespace {

std::string complaint_about(const Options& options) {
  return larder_tests::message_of<larder::InvalidArgumentError>([&options] { options.validate(); });
}

}  // namespace

TEST_CASE("the default options are valid", "[options]") { CHECK_NOTHROW(Options().validate()); }

TEST_CASE("either limit alone will do", "[options]") {
  CHECK_NOTHROW(Options{.max_size_bytes = 1}.validate());
  CHECK_NOTHROW(Options{.max_size_bytes = 0, .max_entries = 1}.validate());
  CHECK_THROWS_AS((Options{.max_size_bytes = 0, .max_entries = 0}.validate()), larder::InvalidArgumentError);
}

TEST_CASE("as many shards as bytes or entries are valid, and one more is not", "[options]") {
  CHECK(complaint_about({.max_size_bytes = 8, .shards = 8}).empty());
  CHECK_FALSE(complaint_about({.max_size_bytes = 8, .shards = 9}).empty());
  CHECK(complaint_about({.max_entries = 8, .shards = 8}).empty());
  CHECK_FALSE(complaint_about({.max_entries = 8, .shards = 9}).empty());
}

TEST_CASE("a limit that is not set does not limit the shards", "[options]") {
  CHECK(complaint_about({.max_size_bytes = 0, .max_entries = 8, .shards = 8}).empty());
  CHECK(complaint_about({.max_size_bytes = 8, .max_entries = 0, .shards = 8}).empty());
}

TEST_CASE("the extremes are valid", "[options]") {
  CHECK(complaint_about({.max_size_bytes = SIZE_MAX, .max_entries = SIZE_MAX}).empty());
  CHECK(complaint_about({.default_ttl = std::chrono::milliseconds::max()}).empty());
  CHECK(complaint_about({.default_ttl = 1ms}).empty());
}
