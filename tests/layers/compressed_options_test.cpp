/// \file compressed_options_test.cpp
/// CompressedOptions: which make sense, and what is said of those that do not.
#include <larder/layers/compressed_options.hpp>

#include <limits>
#include <string>

#include "tests/support/catch.hpp"
#include "tests/support/message_of.hpp"

using larder_tests::contains;

namespace {

std::string refusal(const larder::CompressedOptions& options) { return larder_tests::refusal_of(options); }

}  // namespace

TEST_CASE("CompressedOptions: the defaults make sense", "[compressed]") { CHECK(refusal({}).empty()); }

TEST_CASE("CompressedOptions: what makes no sense is refused by its name and value", "[compressed]") {
  CHECK(contains(refusal({.min_saving = 1}), "min_saving = 1"));
  CHECK(contains(refusal({.min_saving = std::numeric_limits<double>::quiet_NaN()}), "min_saving"));
  CHECK(contains(refusal({.level = 23}), "level = 23"));
  CHECK(contains(refusal({.max_decompressed_bytes = 0}), "max_decompressed_bytes = 0"));
}
