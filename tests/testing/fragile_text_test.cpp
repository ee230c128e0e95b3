#include <larder/testing/fragile_text.hpp>

#include <functional>
#include <utility>

#include "tests/support/catch.hpp"

using larder::testing::FragileText;
using larder::testing::FragileTextBroke;
using larder::testing::LitFuse;

TEST_CASE("a fragile text breaks at the risk that was asked for, once") {
  const FragileText text("v");
  const FragileText other("w");
  {
    const LitFuse fuse(3);
    FragileText copy(text);
    CHECK_FALSE(text == other);
    CHECK_THROWS_AS(copy = other, FragileTextBroke);
    CHECK(std::string_view(copy) == "v");
    CHECK_NOTHROW(copy = other);
  }
  CHECK_NOTHROW(FragileText(text));
}

TEST_CASE("a fuse tells whether it is still burning") {
  CHECK_FALSE(LitFuse::burning());
  const LitFuse fuse(2);
  CHECK_FALSE(LitFuse::goes_off());
  CHECK(LitFuse::burning());
  CHECK(LitFuse::goes_off());
  CHECK_FALSE(LitFuse::burning());
  CHECK_FALSE(LitFuse::goes_off());
}

TEST_CASE("copies, comparisons and hashes are risks; moves and sizes are not") {
  FragileText text("v");
  const auto breaks = [](auto&& action) {
    const LitFuse fuse(1);
    try {
      action();
      return false;
    } catch (const FragileTextBroke&) {
      return true;
    }
  };
  CHECK(breaks([&] { FragileText copy(text); }));
  CHECK(breaks([&] { static_cast<void>(text == text); }));
  CHECK(breaks([&] { static_cast<void>(text < text); }));
  CHECK(breaks([&] { std::hash<FragileText>()(text); }));
  CHECK_FALSE(breaks([&] { static_cast<void>(text.size_bytes()); }));
  CHECK_FALSE(breaks([&] { FragileText moved(std::move(text)); }));
}
