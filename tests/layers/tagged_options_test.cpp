/// \file tagged_options_test.cpp
/// TaggedOptions: which make sense, what is said of those that do not, and how tags are written.
#include <larder/layers/tagged_options.hpp>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/message_of.hpp"

using namespace std::chrono_literals;
using larder::tag_list;
using larder_tests::contains;

namespace {

std::string refusal(const larder::TaggedOptions& options) { return larder_tests::refusal_of(options); }

}  // namespace

TEST_CASE("TaggedOptions: the defaults make sense", "[tagged]") { CHECK(refusal({}).empty()); }

TEST_CASE("TaggedOptions: what makes no sense is refused by its name and value", "[tagged]") {
  CHECK(contains(refusal({.tags_name = ""}), "tags_name is empty"));
  CHECK(contains(refusal({.stamp_ttl = 0s}), "stamp_ttl = 0 ms"));
}

TEST_CASE("tag_list: tags are texts of any kind", "[tagged]") {
  CHECK(tag_list({"a", "b"}) == "a,b");
  CHECK(tag_list({}) == "");
  CHECK(larder::tags_of("a,b,,c") == std::vector<std::string>{"a", "b", "c"});
  CHECK(larder::tags_of(tag_list({"a,b", "c\\", "\\,", std::string_view("\0", 1)})) ==
        std::vector<std::string>{"a,b", "c\\", "\\,", std::string(1, '\0')});
  CHECK(larder::tags_of("a\\") == std::vector<std::string>{"a\\"});
}
