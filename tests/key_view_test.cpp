/// \file key_view_test.cpp
#include <larder/key_view.hpp>

#include <concepts>
#include <string>
#include <string_view>
#include <utility>

#include "tests/support/catch.hpp"

using larder::KeyItem;
using larder::KeyView;

TEST_CASE("a string key is passed as a view, in batches too", "[key_view]") {
  STATIC_REQUIRE(std::same_as<KeyView<std::string>, std::string_view>);
  STATIC_REQUIRE(std::same_as<KeyItem<std::string>, std::string_view>);
}

TEST_CASE("any other key is passed by reference, and a batch holds the keys themselves", "[key_view]") {
  using Pair = std::pair<int, std::string>;
  STATIC_REQUIRE(std::same_as<KeyView<int>, const int&>);
  STATIC_REQUIRE(std::same_as<KeyItem<int>, int>);
  STATIC_REQUIRE(std::same_as<KeyView<Pair>, const Pair&>);
  STATIC_REQUIRE(std::same_as<KeyItem<Pair>, Pair>);
  STATIC_REQUIRE(std::same_as<KeyView<std::wstring>, const std::wstring&>);
}
